"""What all routes of the HTTP door share: who may come in, which store is meant, errors as sentences.

The door is for replies that a busy or dead kernel cannot take. Routes stand under `{base_url}aether-nb/api/`,
for whoever Jupyter lets in (its authentication, authorisation and XSRF check). They write the same rows of the
same store as every other door; the kernel, if one lives, notices by itself. Which store is decided by
`served.py`; `handlers.py` lists the routes. The client's half is `jupyter_extension/src/door.ts`.
"""

from __future__ import annotations

import asyncio
import getpass
import json
import re
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from typing import Any, TypeVar

import msgspec
from jupyter_server.base.handlers import APIHandler
from pydantic import BaseModel, ValidationError
from tornado import web

from aether_nb.errors import StoreError
from aether_nb.jupyter.served import Served, Stores

SETTING = "aether_nb_stores"
"""Where the application keeps its `Stores`."""

LONGEST = 4 << 20
"""Bytes of a request: a long text, or many file names; files themselves come by `upload`."""

_T = TypeVar("_T")
_M = TypeVar("_M", bound=BaseModel)


class Door(APIHandler):
    """One route."""

    auth_resource = "kernels"  # who may drive kernels may answer what they ask

    @property
    def stores(self) -> Stores:
        """The stores that this server knows."""
        found: Stores = self.settings[SETTING]
        return found

    async def in_thread(self, work: Callable[[], _T]) -> _T:
        """Do something with stores off the loop.

        Raises:
            HTTPError: 503 one of them cannot be used now.
        """
        try:
            return await asyncio.to_thread(work)
        except StoreError as e:
            raise unusable(e) from e

    async def with_store(self, name: str, work: Callable[[Served], _T]) -> _T:
        """Do something with one store, in a thread.

        Raises:
            HTTPError: 404 no such store; 503 it cannot be used now.
        """

        def do() -> _T:
            served = opened(self.stores, name)
            with closing(served.store):
                return work(served)

        return await self.in_thread(do)

    async def with_stores(self, name: str, work: Callable[[list[Served]], _T]) -> _T:
        """The same with one store, or with all that can be used now when the name is empty."""

        def do() -> _T:
            found, closes = self.stores.open_all()
            with closes:
                return work(found)

        return await (self.with_store(name, lambda served: work([served])) if name else self.in_thread(do))

    def who(self) -> str:
        """The user's own name."""
        return name_of(self.current_user)

    def asked(self, model: type[_M]) -> _M:
        """The body of a request, as it must be.

        Raises:
            HTTPError: 400 it is not; 413 it is too long.
        """
        if len(self.request.body) > LONGEST:
            raise web.HTTPError(
                413, f"a request has at most {LONGEST >> 20} MiB here; upload files by themselves"
            )
        try:
            return model.model_validate_json(self.request.body)
        except ValidationError:
            *some, last = model.model_fields
            names = f"{', '.join(some)} and {last}"
            raise web.HTTPError(400, f"a JSON object with {names} is needed") from None

    def number(self, name: str, default: int, most: int) -> int:
        """A number of the query, from 0 up; what is more than `most` is that.

        Raises:
            HTTPError: 400 it is none.
        """
        text = self.get_query_argument(name, "")
        if text and not re.fullmatch(r"[0-9]{1,15}", text):
            raise web.HTTPError(400, plain(f"{name}={text!r:.100} is no number from 0 up"))
        return min(int(text), most) if text else default

    def send(self, said: Mapping[str, Any] | bytes) -> None:
        """Answer in JSON."""
        self.finish(said if isinstance(said, bytes) else encoded(said))


def opened(stores: Stores, name: str) -> Served:
    """A store, to be closed by who asked; blocks.

    Raises:
        HTTPError: 404 there is no such store.
        StoreError: it cannot be used now.
    """
    served = stores.open(name)
    if served is None:
        raise web.HTTPError(404, "this server does not know the kernel's store")
    return served


def name_of(user: Any) -> str:
    """A user's own name; a server without users makes up "Anonymous Io", which says less than "you"."""
    name = str(getattr(user, "display_name", "") or "")
    return "you" if not name or name.startswith("Anonymous ") else name


def encoded(said: Mapping[str, Any]) -> bytes:
    """JSON; for what is long, call it in a thread."""
    try:
        return msgspec.json.encode(said)
    except UnicodeEncodeError:  # half of a surrogate pair, in somebody's error text
        return json.dumps(said).encode()


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
