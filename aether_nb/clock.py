"""The real clock. `testing.FakeClock` is the one that tests move."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


class SystemClock:
    """The machine's time, and alarms on the running loop."""

    def now_us(self) -> int:
        """Microseconds since 1970, UTC."""
        return time.time_ns() // 1000

    def call_at(self, at_us: int, ring: Callable[[], None]) -> Callable[[], None]:
        """Call `ring` on the running loop at or after `at_us`; see `engine.ports.Clock`."""
        loop = asyncio.get_running_loop()
        day_s = 86_400.0  # loops refuse timers much further away
        handle: asyncio.TimerHandle

        def look() -> None:
            nonlocal handle
            left_s = (at_us - self.now_us()) / 1e6
            if left_s <= 0:
                ring()
            else:
                handle = loop.call_later(min(left_s, day_s), look)

        handle = loop.call_later(max(0.0, min((at_us - self.now_us()) / 1e6, day_s)), look)
        return lambda: handle.cancel()  # noqa: PLW0108 - the handle changes
