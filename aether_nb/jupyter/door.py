"""What all routes of the HTTP door share: who may come in, which store is meant, errors as sentences.

The door is for replies that a busy or dead kernel cannot take. Routes stand under `{base_url}aether-nb/api/`,
for whoever Jupyter lets in (its authentication, authorisation and XSRF check). They write the same rows of the
same store as every other door; the kernel, if one lives, notices by itself. Which store is decided by
`registry.py`; `handlers.py` lists the routes. The client's half is `jupyter_extension/src/door.ts`.
"""

from __future__ import annotations

import asyncio
import getpass
import time
from collections.abc import Callable
from contextlib import closing, suppress
from typing import TypeVar

from jupyter_server.base.handlers import APIHandler
from tornado import web

from aether_nb.engine.ports import Store
from aether_nb.errors import StoreError
from aether_nb.jupyter import registry
from aether_nb.store.sqlite import SqliteStore

_T = TypeVar("_T")


class Door(APIHandler):
    """One route."""

    auth_resource = "kernels"  # who may drive kernels may answer what they ask

    async def with_store(self, name: str, work: Callable[[registry.Entry, Store], _T]) -> _T:
        """Do something with an announced store, in a thread.

        Raises:
            HTTPError: 404 no such store; 503 it cannot be used now.
        """

        def do() -> _T:
            entry, store = opened(name)
            with closing(store):
                return work(entry, store)

        try:
            return await asyncio.to_thread(do)
        except StoreError as e:
            raise unusable(e) from e

    def who(self) -> str:
        """The user's own name; a server without users makes up "Anonymous Io", which says less than "you"."""
        name = str(getattr(self.current_user, "display_name", "") or "")
        return "you" if not name or name.startswith("Anonymous ") else name


def opened(name: str) -> tuple[registry.Entry, SqliteStore]:
    """An announced store, to be closed by who asked; blocks.

    Raises:
        HTTPError: 404 there is no such store.
        StoreError: it cannot be used now.
    """
    entry = registry.find(name)
    if entry is not None:
        store = SqliteStore(entry.path)
        if store.uid == entry.store and store.kernel(entry.kernel, now_ms()) is not None:
            return entry, store
        store.close()
    raise web.HTTPError(404, "this server does not know the kernel's store")


def unusable(error: StoreError) -> web.HTTPError:
    """What a client is told of a store that cannot be used now."""
    return web.HTTPError(503, plain(str(error)))


def plain(message: str) -> str:
    """A message for tornado, which formats it."""
    return message.replace("%", "%%")


def login() -> str:
    """The user of this process, as kernels of the same user sign their replies; empty when it has no name."""
    with suppress(OSError, KeyError, ImportError):
        return getpass.getuser()
    return ""


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000
