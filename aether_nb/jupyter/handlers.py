"""The HTTP door: replies that a busy or dead kernel cannot take.

Routes under `{base_url}aether-nb/api/`, for whoever Jupyter lets in (its authentication, authorisation
and XSRF check). They write the same row of the same store as every other door; the kernel, if one
lives, notices by itself. Which store is decided by `registry.py`. The client's half is
`jupyter_extension/src/door.ts`.

    GET  nonce?store=S                 200 {"nonce"}
    POST answer {store, token, value}  200 {"accepted": true, "status": "answered" or "kept"}
                                       200 {"accepted": false, "status", "by", "door", "at_ms"}
                                       422 {"problems": {field: text}}

and {"message"} with 400 malformed, 403 not allowed, 404 no such store or wait, 413 too long,
503 the store cannot be used now.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any, TypeVar

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from pydantic import BaseModel, ConfigDict, ValidationError
from tornado import web

from aether_nb.answering import Answer, fitting, keep
from aether_nb.engine.ports import Store, WaitRow
from aether_nb.errors import ReplyInvalid, StoreError
from aether_nb.ids import Token
from aether_nb.jupyter import registry
from aether_nb.prompts import Reply
from aether_nb.services.artifacts import Artifacts
from aether_nb.store.sqlite import SqliteStore

_T = TypeVar("_T")

_LONGEST = 4 << 20
"""Bytes of a request: a long text, or many file names; files themselves do not come this way."""


class _Answer(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    store: str
    token: str
    value: Any


def routes(base_url: str) -> list[tuple[str, type[APIHandler]]]:
    """What the server adds to its own."""
    api = url_path_join(base_url, "aether-nb", "api")
    return [(url_path_join(api, "nonce"), NonceHandler), (url_path_join(api, "answer"), AnswerHandler)]


class _Door(APIHandler):
    auth_resource = "kernels"  # who may drive kernels may answer what they ask

    async def with_store(self, name: str, work: Callable[[registry.Entry, Store], _T]) -> _T:
        """Do something with an announced store, in a thread.

        Raises:
            HTTPError: 404 no such store; 503 it cannot be used now.
        """

        def do() -> _T | None:
            entry = registry.find(name)
            if entry is None:
                return None
            with closing(SqliteStore(entry.path)) as store:
                same = store.uid == entry.store and store.kernel(entry.kernel, _now_ms()) is not None
                return work(entry, store) if same else None

        try:
            done = await asyncio.to_thread(do)
        except StoreError as e:
            raise web.HTTPError(503, _plain(str(e))) from e
        if done is None:
            raise web.HTTPError(404, "this server does not know the kernel's store")
        return done


class NonceHandler(_Door):
    """Proves to a page that this server reads its kernel's store."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer with the nonce."""
        name = self.get_query_argument("store", "")
        self.finish({"nonce": await self.with_store(name, lambda entry, _store: entry.nonce)})


class AnswerHandler(_Door):
    """Takes a reply."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Answer a wait."""
        if len(self.request.body) > _LONGEST:
            raise web.HTTPError(413, f"a reply has at most {_LONGEST >> 20} MiB here; send files by path")
        try:
            asked = _Answer.model_validate_json(self.request.body)
        except ValidationError:
            raise web.HTTPError(400, "a JSON object with store, token and value is needed") from None
        status, said = await self.with_store(
            asked.store, lambda _entry, store: answer(store, Token(asked.token), asked.value, self._who())
        )
        self.set_status(status)
        self.finish(json.dumps(said))

    def _who(self) -> str:
        """The user's own name; a server without users makes up "Anonymous Io", which says less than "you"."""
        name = str(getattr(self.current_user, "display_name", "") or "")
        return "you" if not name or name.startswith("Anonymous ") else name


def answer(store: Store, token: Token, value: Any, by: str) -> tuple[int, dict[str, Any]]:
    """Check a reply and give it to the store; blocks.

    Returns:
        HTTP status and body. Somebody who comes second is told so, whatever they sent.
    """
    wait = store.wait(token)
    if wait is None:
        if not store.promised(token):
            return 404, {"message": "this store has no such wait; it may have been tidied away"}
        try:
            early = keep(store, token, value, by, _now_ms())
        except ReplyInvalid as e:
            return 422, {"problems": e.problems}
        if early is not None:
            return 200, _became(early)
        wait = store.wait(token)
        assert wait is not None
    if wait.status != "open":
        return 200, _closed(wait)
    try:
        # the server and the kernel work in different folders, so a path must be whole
        kept = fitting(wait.prompt, value, Artifacts(store.artifacts_dir), here=False)
    except ReplyInvalid as e:
        return 422, {"problems": e.problems}
    now_ms = _now_ms()
    done = store.answer(token, Reply(value=kept, by=by, door="http", at_ms=now_ms), now_ms=now_ms)
    assert done is not None  # waits are never deleted while their store is open
    return 200, {"accepted": True, "status": "answered"} if done.accepted else _closed(done.wait)


def _became(reply: Answer) -> dict[str, Any]:
    """What became of a reply that came before its wait."""
    if reply.accepted:
        return {"accepted": True, "status": reply.status}
    at_ms = 0 if reply.at is None else round(reply.at.timestamp() * 1000)
    return {"accepted": False, "status": reply.status, "by": reply.by, "door": reply.door, "at_ms": at_ms}


def _closed(wait: WaitRow) -> dict[str, Any]:
    # Open and yet not answerable: its deadline has passed, and no kernel has noticed.
    status = "expired" if wait.status == "open" else wait.status
    reply = wait.reply or Reply()
    return {"accepted": False, "status": status, "by": reply.by, "door": reply.door, "at_ms": reply.at_ms}


def _plain(message: str) -> str:
    return message.replace("%", "%%")  # tornado formats it


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
