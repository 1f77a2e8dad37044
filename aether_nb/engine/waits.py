"""Wait records: from what Stage A returned to the event that opens it, and back for Stage B."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aether_nb.calling import MISSING, WaitTarget
from aether_nb.errors import BadInputs, ReplyInvalid
from aether_nb.events import WaitOpened
from aether_nb.ids import Token, new_token
from aether_nb.prompts import CallbackPrompt, Prompt, TextPrompt, check_reply
from aether_nb.values import Blobs, decode, encode

if TYPE_CHECKING:
    from aether_nb.engine.driver import Head
    from aether_nb.engine.records import NodeState

_LONGEST_S = 1000 * 365.25 * 86_400


@dataclass(frozen=True, slots=True)
class ResumedWait:
    """The wait as Stage B sees it: what Stage A left, and what it was called with."""

    token: Token
    kind: str
    prompt: Prompt
    correlator: str | None
    state: Any
    inputs: Mapping[str, Any]

    @classmethod
    def of(cls, opened: WaitOpened, inputs: Mapping[str, Any], blobs: Blobs) -> ResumedWait:
        """From the log."""
        state = decode(opened.state, blobs)
        return cls(opened.token, opened.kind, opened.prompt, opened.correlator, state, inputs)


def open_wait(head: Head, node: NodeState, wait: WaitTarget, blobs: Blobs) -> WaitOpened:
    """The event that opens a wait.

    Raises:
        BadInputs: the timeout is none, or the default is no valid answer.
        NotStorable: the state cannot be kept.
    """
    prompt = _prompt_of(wait)
    default = None
    if wait.default is not MISSING:
        try:
            default = check_reply(prompt, wait.default)
        except ReplyInvalid as invalid:
            raise BadInputs(
                f"The default {wait.default!r} is no answer to {prompt.prompt!r}: {invalid}."
            ) from None
    return WaitOpened(
        **head,
        node=node.id,
        token=new_token(),
        kind=wait.kind,
        prompt=prompt,
        correlator=wait.correlator,
        deadline_ms=deadline_of(wait.timeout, head["at_us"]),
        has_default=wait.default is not MISSING,
        default=default,
        state=encode(wait.state, blobs),
    )


def deadline_of(timeout: Any, now_us: int) -> int | None:
    """A timeout (seconds, timedelta, or a point in time) as milliseconds since 1970; None waits for ever.

    Raises:
        BadInputs: it is none of these.
    """
    if timeout is None:
        return None
    seconds = timeout
    if isinstance(timeout, datetime):
        seconds = timeout.timestamp() - now_us / 1e6
    elif isinstance(timeout, timedelta):
        seconds = timeout.total_seconds()
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or math.isnan(seconds):
        raise BadInputs(
            f"timeout={timeout!r} is no time: give seconds, a timedelta, or a datetime for the point in time."
        )
    if seconds > _LONGEST_S:
        raise BadInputs(f"timeout={timeout!r} is more than a thousand years; leave it out to wait for ever.")
    return now_us // 1000 + round(max(seconds, 0) * 1000)


def spoken_deadline(deadline_ms: int | None) -> str:
    """A deadline for people, UTC."""
    return datetime.fromtimestamp((deadline_ms or 0) / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _prompt_of(wait: WaitTarget) -> Prompt:
    if isinstance(wait.prompt, str):
        return TextPrompt(prompt=wait.prompt)
    if wait.prompt is None:
        return CallbackPrompt(prompt=f"Waiting for {wait.kind}", job=wait.correlator or "")
    return wait.prompt
