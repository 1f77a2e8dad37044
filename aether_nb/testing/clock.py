"""A clock that tests move by hand: deadlines, sleeps and retries without waiting for them."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable


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
