"""Wait records: from what Stage A returned to the event that opens it, and back for Stage B."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aether_nb.calling import MISSING, DualStageTarget, WaitTarget
from aether_nb.errors import BadInputs, BadOutputs, NotStorable, ReplyInvalid
from aether_nb.events import WaitOpened
from aether_nb.ids import Token, is_name, new_token
from aether_nb.prompts import (
    AnyPrompt,
    CallbackPrompt,
    Poll,
    Prompt,
    TextPrompt,
    check_reply,
    check_schema,
    is_secret,
)
from aether_nb.values import Blobs, decode, encode, show

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


def open_wait(
    head: Head, node: NodeState, target: DualStageTarget, returned: Any, blobs: Blobs
) -> WaitOpened:
    """The event that opens a wait.

    Raises:
        BadOutputs: Stage A returned something else.
        BadInputs: the timeout is none, the schema or the correlator neither, or the default is no valid answer.
        NotStorable: the state cannot be kept.
    """
    _check(target, returned)
    wait: WaitTarget = returned
    prompt = _prompt_of(wait)
    if not prompt.prompt.strip():
        raise BadInputs(f"{target.name}: the prompt is empty, {prompt.prompt!r}; say what is asked.")
    if is_secret(prompt):
        _check_secret(target, wait)
    try:
        prompt.model_dump_json()
    except ValueError:  # the log could not be written, and the run not go on
        raise NotStorable(
            f"The question {show(prompt.prompt)!r} of kind {show(wait.kind)!r} has a text with half of a surrogate "
            "pair; decode the bytes it came from with errors='replace'."
        ) from None
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
        token=node.token or new_token(),
        kind=wait.kind,
        prompt=prompt,
        correlator=wait.correlator,
        deadline_ms=deadline_of(wait.timeout, head["at_us"]),
        has_default=wait.default is not MISSING,
        default=default,
        state=encode(wait.state, blobs),
        poll=wait.poll,
        on_cancel="on_cancel" in target.own,
    )


def _check(target: DualStageTarget, returned: Any) -> None:
    """See `open_wait`: what is wrong with a wait before its parts are looked at."""
    if not hasattr(returned, "correlator"):
        raise BadOutputs(f"`setup` of {target.name} returned {show(returned)}; it returns a `Wait(...)`.")
    for what, value in (("kind", returned.kind), ("correlator", returned.correlator)):
        if not is_name(value) and (value is not None or what == "kind"):
            raise BadInputs(f"{target.name}: {what}={value!r} is no name; give a text such as a job's id.")
    poll = returned.poll
    if poll is not None and not isinstance(poll, Poll):
        raise BadInputs(f"{target.name}: poll={poll!r}; give Poll(every={poll!r}), in seconds.")
    if poll is not None and "poll" not in target.own:
        raise BadInputs(
            f"{target.name} wants to be polled and has no `poll`; write `async def poll(self, wait)`."
        )


def _check_secret(target: DualStageTarget, wait: WaitTarget) -> None:
    """Raises BadInputs when a secret could come some other way than from a person here, and so be stored."""
    ways = {
        "default=": wait.default is not MISSING, "correlator=": wait.correlator is not None,
        "poll=": wait.poll is not None, "a `setup` without `pure_setup = True`": not target.pure_setup,
    }  # fmt: skip
    if found := [way for way, is_so in ways.items() if is_so]:
        raise BadInputs(
            f"{target.name}: a secret comes from a person in this kernel and from nowhere else, so that it is never "
            f"stored; it cannot have {' or '.join(found)}."
        )


def deadline_of(timeout: Any, now_us: int) -> int | None:
    """A timeout (seconds, timedelta, or a point in time) as milliseconds since 1970; None waits for ever.

    A datetime without a time zone is the local time of this machine. What is past, or not more than 0, is now.

    Raises:
        BadInputs: it is none of these.
    """
    if timeout is None:
        return None
    seconds = timeout
    if isinstance(timeout, datetime):
        try:
            seconds = timeout.timestamp() - now_us / 1e6
        except (ValueError, OverflowError, OSError):  # of a local time at either end of the calendar
            seconds = math.copysign(math.inf, timeout.year - datetime.fromtimestamp(now_us / 1e6, UTC).year)
    elif isinstance(timeout, timedelta):
        seconds = timeout.total_seconds()
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or seconds != seconds:  # noqa: PLR0124 - NaN
        raise BadInputs(
            f"timeout={timeout!r:.200} is no time: give seconds, a timedelta, or a datetime for the point in time."
        )
    if seconds > _LONGEST_S:
        raise BadInputs(
            f"timeout={timeout!r:.200} is more than a thousand years; leave it out to wait for ever."
        )
    return now_us // 1000 + round(max(seconds, 0) * 1000)


def is_span(seconds: object) -> bool:
    """Whether that is a number of seconds, of not more than a thousand years."""
    return isinstance(seconds, (int, float)) and not isinstance(seconds, bool) and seconds <= _LONGEST_S


def spoken_deadline(deadline_ms: int | None) -> str:
    """A deadline for people, UTC."""
    return datetime.fromtimestamp((deadline_ms or 0) / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _prompt_of(wait: WaitTarget) -> Prompt:
    schema = None if wait.schema is None else check_schema(wait.schema)
    if wait.prompt is None or (isinstance(wait.prompt, str) and schema is not None):
        said = wait.prompt or f"Waiting for {wait.kind}"
        return CallbackPrompt(prompt=said, job=wait.correlator or "", reply=schema)
    if isinstance(wait.prompt, str):
        return TextPrompt(prompt=wait.prompt)
    if not isinstance(wait.prompt, AnyPrompt):
        raise BadInputs(
            f"prompt={show(wait.prompt)} is no question: give a text, or a prompt such as TextPrompt."
        )
    if schema is not None:
        raise BadInputs(
            f"schema= stands beside {type(wait.prompt).__name__}, which says itself what fits; leave one of them out."
        )
    return wait.prompt
