"""The live picture of one run: laid out when nodes come, or when somebody folds or opens a group.

Part of a `LiveRun`, which sends it: with `dot` here as SVG, else as DOT for the page to lay out. All views of a
run show the same picture, and a page that is loaded again finds it as it was.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from aether_nb.display.dot import to_dot
from aether_nb.display.folding import folded
from aether_nb.display.render import have_dot, svg_async

if TYPE_CHECKING:
    from aether_nb.display.view import RunView

_PAUSE_S = 0.25  # between layouts of a graph that grows, at least
_SHARE = 50  # so many times as long as it took: the run has the loop for the rest

Background = Callable[[Coroutine[Any, Any, None]], object]


class Picture:
    """See the module.

    Args:
        background: runs a coroutine beside the run.
        changed: called when there is a new picture to send.
    """

    def __init__(self, background: Background, changed: Callable[[], None]) -> None:
        self._background = background
        self._changed = changed
        self._view: RunView | None = None
        self._wishes: dict[str, bool] = {}
        self._structure = -1
        self._drawn = ""
        self._svg = ""
        self._working = False
        self._hurry = asyncio.Event()
        self._news: dict[str, str] = {}

    def follow(self, view: RunView) -> None:
        """Show this view from now on; how groups are folded stays."""
        self._view = view
        self._structure = -1
        self._news.clear()

    def wish(self, group: str, *, open_: bool) -> None:
        """A person folds or opens a group: the new picture comes at once."""
        self._wishes[group] = open_
        self._structure = -1
        self._hurry.set()
        self.soon()

    def soon(self) -> None:
        """Lay out anew if nodes came or went."""
        if not self._working and self._view is not None and self._view.structure != self._structure:
            self._working = True
            self._background(self._lay_out())

    def now(self) -> dict[str, str]:
        """The picture as the whole of a run has it."""
        if have_dot():
            return {"svg": self._svg, "dot": ""}
        return {"svg": "", "dot": self._drawn or self._dot()}

    def news(self) -> dict[str, str]:
        """What is to be sent, once; empty when that is nothing."""
        news, self._news = self._news, {}
        return news

    def _dot(self) -> str:
        if self._view is None:
            return ""
        shape = self._view.peek()
        return to_dot(shape, folded=folded(shape["nodes"], self._wishes))

    async def _lay_out(self) -> None:
        try:
            while self._view is not None and self._structure != self._view.structure:
                self._structure = self._view.structure
                self._hurry.clear()
                began = time.thread_time()
                dot = self._dot()
                took_s = time.thread_time() - began
                if dot != self._drawn:
                    self._drawn = dot
                    if have_dot():
                        self._svg = await svg_async(dot) or ""
                        self._news = {"svg": self._svg}
                    else:
                        self._news = {"dot": dot, "svg": ""}
                    self._changed()
                await self._pause(max(_PAUSE_S, took_s * _SHARE))
        finally:
            self._working = False

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
        except TimeoutError:
            pass
