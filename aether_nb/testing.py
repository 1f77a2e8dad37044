"""What helps to test agents, and what our own tests use: answers from a script, a clock moved by hand, a recorder.

A test of an agent needs no more than `ae.configure(store=":memory:", channel=ScriptedChannel({...}))`; the
clock is for deadlines and sleeps: `Runtime(..., clock=FakeClock())`.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable, Sequence

from aether_nb.channels.scripted import ScriptedChannel
from aether_nb.events import AnyEvent, RunStatus
from aether_nb.ids import RunId

__all__ = ["EventRecorder", "FakeClock", "ScriptedChannel"]


class FakeClock:
    """A clock that stands still until it is moved; a `engine.ports.Clock`.

    Args:
        start_s: seconds since 1970 at which it stands.
    """

    def __init__(self, start_s: float = 1_700_000_000) -> None:
        self._now_us = round(start_s * 1e6)
        self._alarms: list[tuple[int, int, Callable[[], None]]] = []
        self._number = itertools.count()
        self._off: set[int] = set()

    def now_us(self) -> int:
        """Microseconds since 1970, UTC."""
        return self._now_us

    def call_at(self, at_us: int, ring: Callable[[], None]) -> Callable[[], None]:
        """Call `ring` when the clock has been moved to `at_us`; at once, on the loop, when that is past."""
        if at_us <= self._now_us:
            return asyncio.get_running_loop().call_soon(ring).cancel
        number = next(self._number)
        heapq.heappush(self._alarms, (at_us, number, ring))
        return lambda: self._off.add(number)

    def advance(self, seconds: float) -> None:
        """Move the clock and ring what is due on the way, each at its own time. From the loop's thread."""
        until_us = self._now_us + round(seconds * 1e6)
        while self._alarms and self._alarms[0][0] <= until_us:
            at_us, number, ring = heapq.heappop(self._alarms)
            if number in self._off:
                self._off.discard(number)
                continue
            self._now_us = max(self._now_us, at_us)
            ring()
        self._now_us = until_us


class EventRecorder:
    """An observer that keeps what it is told; a `engine.ports.Observer`.

    Attributes:
        events: every event, in order.
        statuses: the run's status after each batch.
    """

    def __init__(self) -> None:
        self.events: list[AnyEvent] = []
        self.statuses: list[RunStatus] = []

    def on_events(self, run_id: RunId, events: Sequence[AnyEvent], status: RunStatus) -> None:  # noqa: ARG002 - one run each
        """Keep them."""
        self.events += events
        self.statuses.append(status)

    @property
    def types(self) -> list[str]:
        """The events' types, in order."""
        return [event.type for event in self.events]
