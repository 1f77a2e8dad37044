"""A time limit on one attempt of a body, on the engine's clock; stands still while the body asks.

Works as `asyncio.timeout` does: the body runs in the task of whoever awaits it, which is cancelled when the
time is up, and only a cancellation that was ours becomes a `ToolTimeout`; one that somebody else asked for in
the same turn goes on as it is. A body that catches ours and returns something was too late all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

from aether_nb.errors import ToolTimeout

Alarm = Callable[[int, Callable[[], None]], Callable[[], None]]
"""Rings at a time (microseconds since 1970); gives what calls it off."""


class TimeLimit:
    """`async with` it around the body.

    Args:
        tool: whose time it is.
        seconds: how long it may take.
        now_us: the clock.
        alarm: sets an alarm on it.
    """

    def __init__(self, tool: str, seconds: float, now_us: Callable[[], int], alarm: Alarm) -> None:
        self._tool, self._seconds = tool, seconds
        self._now_us, self._alarm = now_us, alarm
        self._left_us = round(seconds * 1e6)
        self._since_us = 0
        self._asking = 0
        self._off: Callable[[], None] | None = None
        self._up = self._over = False
        self._task: asyncio.Task[object]
        self._cancelling = 0
        self.threaded = False
        """The body is in a thread, which goes on when its time is up."""

    async def __aenter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None
        self._task, self._cancelling = task, task.cancelling()
        self._run()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._halt()
        self._over = True  # a task that the body left behind may still get its answer
        if (
            self._up
            and self._task.uncancel() <= self._cancelling
            and (error is None or isinstance(error, asyncio.CancelledError))
        ):
            raise self._too_long().with_traceback(where) from None

    def stop(self) -> None:
        """The body waits for a person: the time stands still until as many `go_on`."""
        self._asking += 1
        if self._asking == 1:
            self._halt()

    def go_on(self) -> None:
        """The answer is here."""
        self._asking -= 1
        if self._asking == 0:
            self._run()

    def _run(self) -> None:
        if self._up or self._over:
            return
        self._since_us = self._now_us()
        self._off = self._alarm(self._since_us + self._left_us, self._ring)

    def _halt(self) -> None:
        if self._off is not None:
            self._off()
            self._off = None
            self._left_us -= self._now_us() - self._since_us

    def _ring(self) -> None:
        self._off = None
        self._up = True
        self._task.cancel()

    def _too_long(self) -> ToolTimeout:
        still = (
            " Its thread is still running, keeps its place, and is not started anew before it returns; a loop "
            "in it can look at context.cancelled."
        )
        return ToolTimeout(
            f"{self._tool!r} took longer than timeout={self._seconds:g} s. Give it more time, or let it do less."
            + still * self.threaded
        )
