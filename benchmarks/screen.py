"""A channel that shows nothing and notes when each prompt could have been seen."""

from __future__ import annotations

import asyncio
import time

from aether_nb.engine.ports import Shown, WaitRow
from aether_nb.ids import RunId, Token
from aether_nb.messages import Message, Telling


class Screen:
    """See the module.

    Attributes:
        at: when each prompt was shown, by `time.perf_counter`, in order.
        tokens: of those prompts.
    """

    name = "screen"

    def __init__(self) -> None:
        self.at: list[float] = []
        self.tokens: list[Token] = []
        self._full = asyncio.Event()
        self._wanted = 0

    async def seen(self, count: int) -> None:
        """Wait until so many prompts were shown since the beginning."""
        self._wanted = count
        self._full.clear()
        if len(self.at) < count:
            await self._full.wait()

    def attach(self, answer: object, give_up: object) -> None:
        """The programs answer by themselves."""

    def show(self, shown: Shown) -> None:
        """Note the time."""
        self.at.append(time.perf_counter())
        self.tokens.append(shown.wait.token)
        if len(self.at) >= self._wanted:
            self._full.set()

    def close(self, wait: WaitRow) -> None:
        """Nothing stands there."""

    def say(self, run_id: RunId, message: Message) -> None:
        """Nobody reads it."""

    def follow(self, run_id: RunId, telling: Telling) -> None:
        """Nobody looks on."""
