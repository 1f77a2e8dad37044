"""The real clock. `testing.FakeClock` is the one that tests move."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

_DAY_S = 86_400.0  # loops refuse timers much further away


class SystemClock:
    """The machine's time, and alarms on the running loop."""

    def now_us(self) -> int:
        """Microseconds since 1970, UTC."""
        return time.time_ns() // 1000

    def call_at(self, at_us: int, ring: Callable[[], None]) -> Callable[[], None]:
        """Call `ring` on the running loop at or after `at_us`; see `engine.ports.Clock`."""
        return _Alarm(self.now_us, at_us, ring).off


class _Alarm:
    """One alarm; it and its handle let go of each other when it rings or is called off."""

    __slots__ = ("_at_us", "_handle", "_now_us", "_ring")

    def __init__(self, now_us: Callable[[], int], at_us: int, ring: Callable[[], None]) -> None:
        self._now_us, self._at_us, self._ring = now_us, at_us, ring
        self._handle: asyncio.TimerHandle | None = None
        self._wait()

    def off(self) -> None:
        """Call it off; nothing when it has rung."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _wait(self) -> None:
        left_s = max(0.0, (self._at_us - self._now_us()) / 1e6)
        self._handle = asyncio.get_running_loop().call_later(min(left_s, _DAY_S), self._look)

    def _look(self) -> None:
        if self._now_us() < self._at_us:
            self._wait()
        else:
            self._handle = None
            self._ring()
