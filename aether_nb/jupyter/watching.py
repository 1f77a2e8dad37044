"""`POST watch`: what becomes of questions on a page that cannot hear its kernel, as soon as it happens.

    {store, tokens, alive}   200 {"alive": bool, "closed": {token: {"status", "reply"}}}

`tokens` are questions that the page shows as open, `alive` is whether it believes that its kernel lives (null: it
does not know). The answer comes when one of these is not so (any more), at the latest after `HELD_S`: so a page
that asks again each time has one request under way, and hears within a second. The kernel in question is the one
that announced the store; whether it lives is for its lock to say.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing
from typing import Any

from jupyter_server.auth.decorator import authorized
from pydantic import BaseModel, ConfigDict, Field
from tornado import web

from aether_nb.display.talk import reply_shape
from aether_nb.engine.ports import Store, WaitRow
from aether_nb.errors import StoreError
from aether_nb.ids import Token
from aether_nb.jupyter.door import Door, login, now_ms, opened, unusable

HELD_S = 20.0
_LOOK_S = 0.2
_LIFE_EVERY = 5  # looks; whether a kernel lives changes once
_MOST = 50  # requests that are held at a time; more are answered at once


class _Watch(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    store: str
    tokens: list[str] = Field(max_length=1000)
    alive: bool | None = None


class WatchHandler(Door):
    """Tells a page of its open questions."""

    held = 0
    """How many requests are being held, of all handlers."""

    _gone = False

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Answer when there is news."""
        asked = self.asked(_Watch)
        WatchHandler.held += 1
        try:
            self.finish(await self._news(asked))
        except StoreError as e:
            raise unusable(e) from e
        finally:
            WatchHandler.held -= 1

    async def _news(self, asked: _Watch) -> dict[str, Any]:
        served = await asyncio.to_thread(opened, self.stores, asked.store)
        store = served.store
        look = _looker(store, served.kernel, asked, {login(), self.who()})
        with closing(store):
            news = await asyncio.to_thread(look)
            until = asyncio.get_running_loop().time() + HELD_S
            n = 0
            while self._is_old(news, asked) and not self._is_over(until):
                await asyncio.sleep(_LOOK_S)
                n += 1
                if await asyncio.to_thread(store.changed) or n % _LIFE_EVERY == 0:
                    news = await asyncio.to_thread(look)
            return news

    def _is_old(self, news: dict[str, Any], asked: _Watch) -> bool:
        return not news["closed"] and news["alive"] is asked.alive

    def _is_over(self, until: float) -> bool:
        late = asyncio.get_running_loop().time() > until
        return self._gone or late or WatchHandler.held > _MOST

    def on_connection_close(self) -> None:
        """The page asks something else now, or is closed."""
        self._gone = True
        super().on_connection_close()


def _looker(store: Store, driver: str, asked: _Watch, me: set[str]) -> Callable[[], dict[str, Any]]:
    def look() -> dict[str, Any]:
        kernel = store.kernel(driver, now_ms())
        rows = [store.wait(Token(token)) for token in asked.tokens]
        closed = {row.token: _shape(row, me) for row in rows if row is not None and row.status != "open"}
        return {"alive": kernel is not None and kernel.alive, "closed": closed}

    return look


def _shape(row: WaitRow, me: set[str]) -> dict[str, Any]:
    reply = row.reply
    by = reply.by if reply is not None and reply.by in me else ""
    return {
        "status": row.status,
        "reply": None if reply is None else reply_shape(row.prompt.model_dump(mode="json"), reply, by),
    }
