"""Every alarm of a runtime on one timer: deadlines, polls, retries, sleeps.

Owned by the engine; drivers set alarms under their run's id, so that a run that is let go of takes all
of its alarms along in one step and leaves one behind, the earliest. From the loop's thread only.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from functools import partial

from aether_nb.engine.ports import Clock
from aether_nb.ids import RunId

AGAIN_US = 500_000
"""Pause before something due is tried again that the store could not do, microseconds."""

_FEW = 64  # alarms that were called off stay in the heap until they outnumber the rest, and these


class _Alarm:
    """One alarm; without `ring` it was called off."""

    __slots__ = ("at_us", "number", "owner", "ring")

    def __init__(self, at_us: int, number: int, owner: RunId, ring: Callable[[], None]) -> None:
        self.at_us, self.number, self.owner = at_us, number, owner
        self.ring: Callable[[], None] | None = ring

    def __lt__(self, other: _Alarm) -> bool:
        return (self.at_us, self.number) < (other.at_us, other.number)


class Alarms:
    """A heap of alarms, of which only the earliest is set on the clock.

    Args:
        clock: what rings.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heap: list[_Alarm] = []
        self._owned: dict[RunId, set[_Alarm]] = {}
        self._number = 0
        self._live = 0
        self._set_for: int | None = None
        self._off: Callable[[], None] = _nothing

    def __len__(self) -> int:
        return self._live

    def at(self, at_us: int, ring: Callable[[], None], *, owner: RunId) -> Callable[[], None]:
        """Call `ring` at or after `at_us`, those of the same time in the order in which they were set.

        Never from within this call, even when that time is past.

        Args:
            at_us: microseconds since 1970.
            ring: what to call; an exception in it harms no other alarm.
            owner: the run that it belongs to.

        Returns:
            What calls it off; harmless once it rang.
        """
        self._number += 1
        alarm = _Alarm(at_us, self._number, owner, ring)
        heapq.heappush(self._heap, alarm)
        self._owned.setdefault(owner, set()).add(alarm)
        self._live += 1
        self._set()
        return partial(self._call_off, alarm)

    def take_from(self, owner: RunId) -> int | None:
        """Call all alarms of a run off.

        Returns:
            When the first of them would have rung; None when there was none.
        """
        alarms = self._owned.get(owner)
        if not alarms:
            return None
        first = min(alarms).at_us
        for alarm in list(alarms):
            self._call_off(alarm)
        return first

    def close(self) -> None:
        """Call everything off."""
        for alarm in self._heap:
            alarm.ring = None
        self._heap.clear()
        self._owned.clear()
        self._live = 0
        self._set()

    def _call_off(self, alarm: _Alarm) -> None:
        if alarm.ring is None:
            return
        self._forget(alarm)
        if len(self._heap) > 2 * self._live + _FEW:
            self._heap = [a for a in self._heap if a.ring is not None]
            heapq.heapify(self._heap)
        self._set()

    def _forget(self, alarm: _Alarm) -> None:
        alarm.ring = None
        self._live -= 1
        alarms = self._owned[alarm.owner]
        alarms.discard(alarm)
        if not alarms:
            del self._owned[alarm.owner]

    def _set(self) -> None:
        """Have the clock ring for the earliest alarm, and for nothing when there is none."""
        while self._heap and self._heap[0].ring is None:
            heapq.heappop(self._heap)
        first = self._heap[0].at_us if self._heap else None
        if first == self._set_for:
            return
        self._off()
        self._set_for, self._off = first, _nothing
        if first is not None:
            self._off = self._clock.call_at(first, self._ring)

    def _ring(self) -> None:
        self._set_for, self._off = None, _nothing
        now_us = self._clock.now_us()
        try:
            while self._heap and self._heap[0].at_us <= now_us:
                alarm = heapq.heappop(self._heap)
                if alarm.ring is not None:
                    ring = alarm.ring
                    self._forget(alarm)
                    ring()
        finally:
            self._set()


def _nothing() -> None:
    pass
