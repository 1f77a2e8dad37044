"""Events as rows and back. Both stores use it, so that what comes back is what a file would give.

An event's header (run, seq, time, type, node) is columns; the rest is its body, JSON with defaults
left out. A WaitOpened's prompt goes where the wait is kept, once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, cast

import msgspec
import pydantic_core
from pydantic import ValidationError

from aether_nb.errors import AetherError, LogDamaged, NotStorable, StoreError, StoreTooNew
from aether_nb.events import EVENTS, AnyEvent, NodeEvent, WaitOpened
from aether_nb.facts import reader, replace
from aether_nb.ids import RunId
from aether_nb.prompts import PROMPT, Prompt, UnknownPrompt

VERSION = 1
"""Of event bodies. A field more does not raise it; a changed meaning does."""

NAME_SPECS = {"RunStarted": ("spec", "code"), "RunResumed": ("spec", "code"), "NodeAdded": ("spec",)}
"""The events that name what is kept among the specs, and the fields that do; `spec_names` in queries.sql too."""

Row = tuple[int, int, int, str, str, str, str | None]
"""An event as a query gives it: seq, at_us, version, type, node, body, and the prompt that stands elsewhere."""


class Packed(NamedTuple):
    """An event as the store keeps it."""

    seq: int
    at_us: int
    type: str
    node: str
    body: str
    """A JSON object; that of a WaitOpened is without its prompt."""


def pack(event: AnyEvent) -> Packed:
    """Make the row of an event.

    Raises:
        NotStorable: a value in it is not JSON.
    """
    given: Any = event
    if isinstance(event, WaitOpened):
        given = replace(event, prompt=msgspec.UNSET)  # which leaves it out
    node = event.node if isinstance(event, NodeEvent) else None
    try:
        text = given.to_json().decode()
        # what the text begins with, and the row has in columns
        head = f'{{"run":{_quoted(event.run)},"seq":{event.seq},"at_us":{event.at_us}'
        if node is not None:
            head = f'{head},"node":{_quoted(node)}'
    except (ValueError, TypeError, OverflowError, RecursionError) as e:  # a lone surrogate is a ValueError
        where = f"run {event.run}, event {event.seq} ({event.type})"
        raise NotStorable(f"A value cannot be written as JSON, in {where}: {e}") from e
    body = "{" + text[len(head) :].removeprefix(",")
    return Packed(event.seq, event.at_us, event.type, node or "", body)


def _quoted(text: str) -> str:
    """To the letter as it stands in the text of an event."""
    return msgspec.json.encode(text).decode()


def with_prompt(packed: Packed, prompt: str) -> Packed:
    """The row of a WaitOpened that carries its own prompt (JSON)."""
    return packed._replace(body=f'{packed.body[:-1]},"prompt":{prompt}}}')


def unpack(run_id: RunId, rows: Iterable[Row]) -> list[AnyEvent]:
    """Make the events of a run from rows.

    Raises:
        StoreTooNew: a newer aether_nb wrote one of them.
        LogDamaged: one of them cannot be read.
    """
    head = f'{{"run":{_quoted(run_id)},"seq":'
    quoted: dict[str, str] = {}
    log: list[AnyEvent] = []
    for seq, at_us, version, kind, node, body, prompt in rows:
        cls = EVENTS.get(kind)
        if cls is None or version > VERSION:
            raise StoreTooNew(
                f"Run {run_id} has an event that this aether_nb does not know ({kind}, version {version}, "
                f"at {seq}): it was written by a newer one. Install that to open the run."
            )
        name = quoted.get(node) or quoted.setdefault(node, _quoted(node))
        rest = body[1:] if body == "{}" else f",{body[1:]}"
        if prompt is not None and kind == "WaitOpened":
            rest = f',"prompt":{prompt}{rest}'  # one in the body comes later and wins
        try:
            log.append(reader(cls)(f'{head}{seq},"at_us":{at_us},"node":{name}{rest}'))
        except StoreTooNew as e:
            raise StoreTooNew(f"Run {run_id}, event {seq}: {e}") from None
        except (ValueError, RecursionError, AetherError) as e:  # a stored Poll may say what no Poll may
            raise LogDamaged(
                f"Event {seq} ({kind}) of run {run_id} cannot be read ({e}): the store's file is damaged; put a "
                "backup in its place. Other runs are not touched by it."
            ) from e
    return log


def dump_prompt(prompt: Prompt) -> str:
    """A prompt as JSON; whole, so that a default that changes later does not change old questions."""
    return prompt.model_dump_json()


def load_prompt(text: str) -> Prompt:
    """Read it back; one of a kind that this version does not know can be listed, and no more.

    Raises:
        StoreError: it is damaged.
    """
    try:
        return PROMPT.validate_json(text)
    except ValidationError:
        unknown: Any = UnknownPrompt.of(loads(text))
        return cast("Prompt", unknown)


def dumps(value: Any) -> str:
    """A value as JSON text.

    Raises:
        NotStorable: it is not JSON.
    """
    try:
        return pydantic_core.to_json(value, inf_nan_mode="null").decode()
    except ValueError as e:
        raise NotStorable(f"A {type(value).__name__} cannot be written as JSON: {e}") from e


def dump_outside(value: Any) -> str:
    """A value that somebody sent, as JSON text that reads back, also inside an event.

    Raises:
        NotStorable: it is not JSON, or nothing that could be read again.
    """
    text = dumps(value)
    try:
        pydantic_core.from_json(f"[[[[{text}]]]]")
    except ValueError as e:
        raise NotStorable(f"A {type(value).__name__} cannot be kept, it would not read back: {e}") from e
    return text


def loads(text: str) -> Any:
    """A value from JSON text.

    Raises:
        StoreError: it is damaged.
    """
    try:
        return pydantic_core.from_json(text)
    except ValueError as e:
        raise StoreError(
            f"What the store holds cannot be read ({text[:60]!r}: {e}): its file is damaged; put a backup in its "
            "place, or move it away to begin anew."
        ) from e
