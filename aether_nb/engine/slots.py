"""Slots: how many tool bodies compute at the same time, over all runs of a runtime.

Held by computing bodies only: an ask gives its slot back, graphs hold none, so nested graphs cannot
deadlock. Fair in the order of asking.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Self


class Slot:
    """One body's place; `async with` takes it and gives it back."""

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._places = places
        self._held = False

    async def __aenter__(self) -> Self:
        await self.take()
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.give_back()

    async def take(self) -> None:
        """Wait for a free place."""
        await self._places.acquire()
        self._held = True

    def give_back(self) -> None:
        """Free the place, if it is held."""
        if self._held:
            self._held = False
            self._places.release()

    def hand_over(self) -> Callable[[], None]:
        """Keep the place beyond the body's end, until what this returns is called."""
        held, self._held = self._held, False
        return self._places.release if held else lambda: None

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[None]:
        """Free the place while the body waits for a person."""
        held = self._held
        self.give_back()
        try:
            yield
        except Exception:
            if held:  # the body may go on after an `except`; when cancelled it unwinds without a place
                await self.take()
            raise
        if held:
            await self.take()


class Slots:
    """All places of a runtime.

    Args:
        places: how many bodies may compute at once.
    """

    def __init__(self, places: int) -> None:
        self._places = asyncio.Semaphore(places)

    def slot(self) -> Slot:
        """A place for one body."""
        return Slot(self._places)
