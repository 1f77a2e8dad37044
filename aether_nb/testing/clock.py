"""A clock that tests move by hand: deadlines, sleeps and retries without waiting for them."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import Counter
from collections.abc import Callable

_ROUNDS = 100  # of what comes in one rhythm: a week has three million looks for what other processes wrote


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
        self._until_us = self._now_us
        self._rounds: Counter[tuple[Callable[[], None], int]] = Counter()

    def now_us(self) -> int:
        """Microseconds since 1970, UTC."""
        return self._now_us

    def call_at(self, at_us: int, ring: Callable[[], None]) -> Callable[[], None]:
        """Call `ring` when the clock has been moved to `at_us`; at once, on the loop, when that is past."""
        if at_us <= self._now_us:
            return asyncio.get_running_loop().call_soon(ring).cancel
        self._rounds[ring, at_us - self._now_us] += at_us < self._until_us
        if self._rounds[ring, at_us - self._now_us] > _ROUNDS:
            at_us = max(at_us, self._until_us)
        number = next(self._number)
        heapq.heappush(self._alarms, (at_us, number, ring))
        return lambda: self._off.add(number)

    def advance(self, seconds: float = 0, *, minutes: float = 0, hours: float = 0, days: float = 0) -> None:
        """Move the clock and ring what is due on the way, each at its own time. From the loop's thread.

        What rings goes on when the test awaits something next, such as the run. What comes again and again in the
        same rhythm, as the look for answers of other processes does, rings a hundred times, and then at the end.

        Args:
            seconds: how far.
            minutes: and that.
            hours: and that.
            days: and that.
        """
        self._until_us = self._now_us + round((seconds + 60 * minutes + 3600 * hours + 86_400 * days) * 1e6)
        self._rounds.clear()
        while self._alarms and self._alarms[0][0] <= self._until_us:
            at_us, number, ring = heapq.heappop(self._alarms)
            if number in self._off:
                self._off.discard(number)
                continue
            self._now_us = max(self._now_us, at_us)
            ring()
        self._now_us = self._until_us
