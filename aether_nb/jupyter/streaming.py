"""`GET stream`: server-sent events that say which stores changed, so that no page asks more often than it must.

    event: news, data {"stores": {store: {"open", "seq"}}}   at the beginning, and when runs or questions of a store
                                                             changed, or a kernel died that drives some; `seq` is
                                                             another one then
    event: beat, data {}                                     every 15 s, so that a dead connection is noticed

`Hub` watches: one look at each store ten times a second, for all pages together, while there are any. A look asks
SQLite whether anybody wrote, which takes microseconds; only then the store is read, and only a change of its pulse is
news. The sockets of `live.py` follow the same hub.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web
from tornado.iostream import StreamClosedError

from aether_nb.engine.pages import Pulse
from aether_nb.errors import StoreError
from aether_nb.jupyter import registry
from aether_nb.jupyter.door import Door, now_ms
from aether_nb.jupyter.served import Known, Stores
from aether_nb.store.sqlite import SqliteStore

BEAT_S = 15.0
PAUSE_S = 0.2
"""Between news for one page, at least."""

_LOOK_S = 0.1
_DEEP_EVERY = 10  # looks; which stores there are and who lives changes seldom
_BUSY_S = (
    0.25  # a store that is locked for longer is left alone for a while: the others are watched meanwhile
)
_REST = 20  # looks
_MOST = 500  # pages at a time


@dataclass(slots=True)
class _Watched:
    """One store that is looked at. In the hub's thread only, but for `seq` and `open`."""

    known: Known
    store: SqliteStore | None = None
    pulse: Pulse | None = None
    alive: frozenset[str] = frozenset()
    rest: int = 0
    trouble: bool = False
    seq: int = 0
    open: int = 0
    """Questions."""


@dataclass(slots=True)
class Hub:
    """See the module. Used on the server's loop.

    Args:
        stores: those that the server knows.
    """

    stores: Stores
    version: int = 0
    """Grows with every change of any store."""
    _watched: dict[str, _Watched] = field(default_factory=dict)
    _listed: frozenset[str] = frozenset()
    _mark: int = 0
    _besides: Counter[Known] = field(default_factory=Counter)
    _followers: int = 0
    _watching: asyncio.Task[None] | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _ready: asyncio.Event = field(default_factory=asyncio.Event)

    @contextlib.contextmanager
    def following(self, besides: Known | None = None) -> Iterator[None]:
        """Have the stores watched meanwhile.

        Args:
            besides: one that need not be listed.
        """
        if self._followers >= _MOST:
            raise web.HTTPError(503, "too many pages follow this server")
        self._followers += 1
        if besides is not None:
            self._besides[besides] += 1
        if self._watching is None:
            self._ready.clear()
            self._watching = asyncio.get_running_loop().create_task(self._watch())
        try:
            yield
        finally:
            self._followers -= 1
            if besides is not None:
                self._besides[besides] -= 1
                self._besides = +self._besides
            if self._followers == 0 and self._watching is not None:
                self._watching.cancel()
                self._watching = None

    async def state(self) -> tuple[int, Mapping[str, Mapping[str, int]]]:
        """The version, and how the listed stores stand; after the first look."""
        await self._ready.wait()
        found = [self._watched[key] for key in sorted(self._listed) if key in self._watched]
        return self.version, {one.known.id: {"open": one.open, "seq": one.seq} for one in found}

    async def changed(self, since: int, timeout_s: float, over: asyncio.Event) -> bool:
        """Wait until `version` is another one than `since`; False when it stays so long, or when it is over."""
        try:
            async with asyncio.timeout(timeout_s):
                while self.version == since and not over.is_set():
                    await self._news.wait()
        except TimeoutError:
            return False
        return self.version != since

    def wake(self) -> None:
        """Have those who wait look whether it is over for them."""
        self._news.set()
        self._news = asyncio.Event()

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        pool = ThreadPoolExecutor(1, thread_name_prefix="aether-hub")  # others may fill the loop's own
        watched = self._watched = {}  # what an earlier task has in its thread is for that one to close
        try:
            n = 0
            while True:
                besides = list(self._besides)
                listed, news = await loop.run_in_executor(
                    pool, self._look, watched, besides, n % _DEEP_EVERY == 0, self._listed
                )
                n += 1
                self._listed = listed
                if news:
                    self.version += 1
                    self.wake()
                self._ready.set()
                await asyncio.sleep(_LOOK_S)
        finally:
            pool.submit(_close_all, watched)
            pool.shutdown(wait=False)

    def _look(
        self, watched: dict[str, _Watched], besides: list[Known], deep: bool, listed: frozenset[str]
    ) -> tuple[frozenset[str], bool]:
        """Look at every store, in the thread; which are listed, and whether there is news."""
        news = False
        mark = registry.mark()
        if deep or mark != self._mark:  # who has just announced a store is about to ask something
            self._mark = mark
            known = {one.path: one for one in self.stores.known()}
            news = listed != known.keys()
            listed = frozenset(known)
            wanted = {one.path: one for one in besides} | known
            for path in watched.keys() - wanted.keys():
                _close(watched.pop(path))
            for path, other in wanted.items():
                watched.setdefault(path, _Watched(other)).known = other
        for other in besides:
            watched.setdefault(other.path, _Watched(other))
        for one in list(watched.values()):
            if one.rest > 0:
                one.rest -= 1
            elif self._is_news(one, deep=deep):
                one.seq = max(
                    now_ms(), one.seq + 1
                )  # another one than any before, also of an earlier watcher
                news = True
        return listed, news

    def _is_news(self, one: _Watched, *, deep: bool) -> bool:
        try:
            if one.store is None:
                served = self.stores.open_known(one.known, busy_s=_BUSY_S)
                if served is None:
                    return self._is_new_trouble(one)
                one.store, one.pulse = served.store, None
            before = one.pulse, one.alive
            if written := one.store.changed() or one.pulse is None:
                one.pulse = one.store.pulse()
                one.open = one.pulse.open
            if written or deep:  # who began to drive a run may be dead before the next deep look
                one.alive = one.store.alive_drivers(now_ms())
        except StoreError:
            return self._is_new_trouble(one)
        one.trouble = False
        return before != (one.pulse, one.alive)

    def _is_new_trouble(self, one: _Watched) -> bool:
        _close(one)
        one.rest = _REST
        was, one.trouble = one.trouble, True
        return not was


def _close(one: _Watched) -> None:
    if one.store is not None:
        with contextlib.suppress(StoreError):
            one.store.close()
        one.store = None


def _close_all(watched: dict[str, _Watched]) -> None:
    for one in watched.values():
        _close(one)


class StreamHandler(Door):
    """Tells a page what changed."""

    def initialize(self, hub: Hub) -> None:
        """Called by tornado for each request."""
        self._hub = hub
        self._over = asyncio.Event()

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Go on until the page has enough."""
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-cache")
        self.set_header("X-Accel-Buffering", "no")  # nginx would else wait for more
        hub = self._hub
        with hub.following(), contextlib.suppress(StreamClosedError):
            while not self._over.is_set():
                version, stores = await hub.state()
                await self._say("news", {"stores": stores})
                await self._pause(PAUSE_S)
                while not self._over.is_set() and not await hub.changed(version, BEAT_S, self._over):
                    if not self._over.is_set():
                        await self._say("beat", {})

    async def _say(self, event: str, data: Mapping[str, Any]) -> None:
        self.write(f"event: {event}\ndata: {json.dumps(data)}\n\n")
        await self.flush()

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._over.wait()

    def on_connection_close(self) -> None:
        """The page is closed."""
        self._over.set()
        self._hub.wake()
        super().on_connection_close()
