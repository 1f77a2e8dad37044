"""One node of a run close up: its attempts, what it was given and gave, where it failed. A fold over its events.

`Details` keeps the events of a run by node, so that any node can be looked at without reading the log again.
What is not in a node's own events (inputs that other nodes gave, its code, its times, its log) is handed in; who
puts it together is `closeup.py`. Nothing here makes an object of a user's class.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from aether_nb import events as ev
from aether_nb.display.shapes import AttemptShape, DetailShape, LineShape, TimesShape, ValueShape
from aether_nb.display.words import error_text, value_text
from aether_nb.values import decode

VALUE_CHARS = 2_000
"""Of a value that many characters are shown."""
SOURCE_CHARS = 20_000


class Details:
    """The events of a run by node. Feed it all of them in order, then read `of`."""

    def __init__(self) -> None:
        self._events: defaultdict[str, list[ev.AnyEvent]] = defaultdict(list)
        self._ends: list[ev.AnyEvent] = []

    def apply(self, *events: ev.AnyEvent) -> None:
        """Take events in."""
        for event in events:
            if isinstance(event, ev.NodeEvent):
                self._events[event.node].append(event)
            elif isinstance(event, _ENDS):
                self._ends.append(event)

    def of(
        self, node_id: str, *, inputs: Mapping[str, Any], source: str, times: TimesShape, log: Sequence[LineShape]
    ) -> DetailShape:  # fmt: skip
        """One node.

        Args:
            node_id: the node.
            inputs: encoded, by name.
            source: its code, empty when it is not known.
            times: how long it stood in the queue, computed and waited.
            log: what it wrote to its logger.
        """
        events = self._events.get(node_id, [])
        done = next((e for e in reversed(events) if isinstance(e, ev.NodeFinished)), None)
        outputs = done.outputs if done is not None and isinstance(done.outputs, Mapping) else {}
        return DetailShape(
            node=node_id,
            inputs=_values(inputs),
            outputs=_values(outputs),
            attempts=self._attempts(events),
            log=list(log),
            source=source[:SOURCE_CHARS],
            times=times,
        )

    def _attempts(self, events: Sequence[ev.AnyEvent]) -> list[AttemptShape]:
        """What became of each try, oldest first; one that left no outcome when the next began is `lost`."""
        found: list[AttemptShape] = []
        for event in sorted((*events, *self._ends), key=lambda e: e.seq):
            at_ms = event.at_us // 1000
            if ev.begins(event) or (isinstance(event, ev.WaitOpened) and not _at_work(found)):
                _end(found, "lost", at_ms)
                number = getattr(event, "attempt", len(found) + 1)
                found.append(AttemptShape(number=number, status="running", started_ms=at_ms, ended_ms=None))
            _fold(found, event, at_ms)
        return found


_ENDS = (ev.RunCancelledEvent, ev.RunFailedEvent)


def _fold(found: list[AttemptShape], event: ev.AnyEvent, at_ms: int) -> None:
    match event:
        case ev.WaitOpened() | ev.ReplyRejected() if _at_work(found):
            found[-1]["status"] = "waiting"
        case ev.ReplyTaken() | ev.WaitExpired() if _at_work(found):
            found[-1]["status"] = "running"
        case ev.NodeFinished():
            _end(found, "succeeded", at_ms)
        case ev.NodeFailed():
            _end(found, "failed", at_ms)
            if found:
                found[-1]["error"] = error_text(event.error)
                found[-1]["frames"] = list(event.error.frames)
                if event.retry_at_us is not None:
                    found[-1]["retry_ms"] = event.retry_at_us // 1000
        case ev.NodeCancelled() | ev.RunCancelledEvent() | ev.RunFailedEvent():
            _end(found, "cancelled", at_ms)


def _at_work(found: Sequence[AttemptShape]) -> bool:
    return bool(found) and found[-1]["ended_ms"] is None


def _end(found: Sequence[AttemptShape], status: Any, at_ms: int) -> None:
    if _at_work(found):
        found[-1]["status"] = status
        found[-1]["ended_ms"] = at_ms


def _values(values: Mapping[str, Any]) -> list[ValueShape]:
    return [_value(name, value) for name, value in values.items()]


def _value(name: str, value: Any) -> ValueShape:
    text = value_text(value, VALUE_CHARS)
    shape = ValueShape(name=name, text=text)
    plain = decode(value, strict=False)
    if isinstance(plain, str):
        if len(plain) > VALUE_CHARS:
            shape["cut"] = f"the first {VALUE_CHARS:,} of {len(plain):,} characters"
    elif value_text(value, 4 * VALUE_CHARS) != text:
        shape["cut"] = "shortened"
    return shape
