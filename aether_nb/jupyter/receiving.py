"""`upload`: a file for an open question, in slices, streamed to disk and hashed on the way.

    PUT    upload?store&wait&upload&name&size&media&offset   200 {"received"}, and {"file"} with the last slice
    GET    upload?store&wait&upload                          200 {"received"}: where a broken upload goes on
    DELETE upload?store&wait&upload                          204: called off, nothing stays

    404 no such store or question, 409 {"received"} the slice does not go on where the last one ended, or its question
    is closed, 413 the slice is too long, 422 {"problems"} the question does not take this file.

`wait` is the token of the question (`token` would be Jupyter's own). What a client sends is never a path: `store`
is the id of one (`served.py`), `upload` a file in memory, and what is on disk has names of ours. Who comes in and
what it wants is checked before the first byte is taken; memory holds a megabyte of each slice at most. A slice that
is refused is read to its end all the same, because a browser that is still sending would not see the answer.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import ExitStack
from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import authorized
from tornado import web

from aether_nb.errors import ReplyInvalid, StoreError
from aether_nb.ids import Token
from aether_nb.jupyter.door import Door, plain, unusable
from aether_nb.jupyter.served import Served
from aether_nb.services.artifacts import Artifacts
from aether_nb.services.incoming import IDLE_S, Claim, Coming, Incoming

SLICE = 8 << 20
"""Bytes of one request at most."""

_PIECE = 1 << 20
_NAME = re.compile(r"[\w-]{1,64}", re.ASCII)


class Refusal(Exception):
    """A slice that is not taken: what the client is told, once it has sent it."""

    def __init__(self, status: int, **said: Any) -> None:
        self.status = status
        self.said = said


@web.stream_request_body
class UploadHandler(Door):
    """Takes a file."""

    def initialize(self, incoming: Incoming) -> None:
        """Called by tornado for each request."""
        self._incoming = incoming
        self._key = ""
        self._file: Coming | None = None
        self._at = 0
        self._length = 0
        self._piece = bytearray()
        self._refusal: Refusal | None = None
        self._turn = ExitStack()

    async def prepare(self) -> None:  # type: ignore[override] # as APIHandler does
        """Check everything that can be checked before the bytes come."""
        await super().prepare()
        if self.request.method != "PUT":
            return
        user = self.current_user
        may = user and await ensure_async(
            self.authorizer.is_authorized(self, user, "write", self.auth_resource)
        )
        if not may:
            raise web.HTTPError(403)
        if int(self.request.headers.get("Content-Length") or 0) > SLICE:
            raise web.HTTPError(413, f"a slice has at most {SLICE >> 20} MiB")
        try:
            await self._begin()
        except Refusal as refusal:
            self._refusal = refusal
        except web.HTTPError as e:
            self._refusal = Refusal(e.status_code, message=e.log_message or "")

    async def _begin(self) -> None:
        """Find or begin the file that the slice belongs to, and take a turn at it."""
        claim = Claim(
            self._word("wait"), self.get_query_argument("name", "file"), self._number("size"),
            self.get_query_argument("media", "")[:200],
        )  # fmt: skip
        self._at = self._number("offset")
        self._key = self._named()

        def begin(served: Served) -> Coming:
            store = served.store
            wait = store.wait(Token(claim.token))
            if wait is None:
                raise web.HTTPError(404, "this store has no such wait; it may have been tidied away")
            if wait.status != "open":
                raise Refusal(409, message=f"not asked any more: {wait.status}")
            if self._at and self._incoming.found(self._key) is None:
                raise Refusal(409, received=0)
            return self._incoming.file(self._key, claim, wait.prompt, Artifacts(store.artifacts_dir))

        try:
            file = await self.with_store(self.get_query_argument("store", ""), begin)
        except ReplyInvalid as e:
            raise Refusal(422, problems=e.problems) from None
        mine = self._turn.enter_context(file.turn())
        if not mine or file.received != self._at:
            raise Refusal(409, received=file.received)
        self._file = file
        asyncio.get_running_loop().call_later(IDLE_S + 1, self._incoming.tidy)

    async def data_received(self, chunk: bytes) -> None:
        """A part of the slice."""
        self._length += len(chunk)
        if self._length > SLICE and self._refusal is None:
            self._refusal = Refusal(413, message=f"a slice has at most {SLICE >> 20} MiB")
        if self._refusal is None:
            self._piece += chunk
            if len(self._piece) >= _PIECE:
                await self._write()

    async def _write(self) -> None:
        piece, self._piece = self._piece, bytearray()
        assert self._file is not None
        try:
            await asyncio.to_thread(self._file.write, self._at, piece)
        except ReplyInvalid as e:
            self._refusal = Refusal(422, problems=e.problems)
        except StoreError as e:
            self._refusal = Refusal(503, message=str(e))
        self._at += len(piece)

    @web.authenticated
    @authorized
    async def put(self) -> None:
        """The slice is here."""
        if self._refusal is None:
            await self._write()
        if self._refusal is not None:
            self.set_status(self._refusal.status)
            self.finish(self._refusal.said)
            return
        assert self._file is not None
        said: dict[str, Any] = {"received": self._file.received}
        if self._file.received == self._file.claim.size:
            try:
                ref = await asyncio.to_thread(self._incoming.finish, self._key)
            except StoreError as e:
                raise unusable(e) from e
            said["file"] = ref.model_dump(mode="json")
        self.finish(said)

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """How much of a file has come."""
        file = self._incoming.found(await self._known())
        self.finish({"received": 0 if file is None else file.received})

    @web.authenticated
    @authorized
    async def delete(self) -> None:
        """The file is called off."""
        key = await self._known()
        try:
            await asyncio.to_thread(self._incoming.drop, key)
        except StoreError as e:
            raise unusable(e) from e
        self.set_status(204)
        self.finish()

    def on_connection_close(self) -> None:
        """The client went away in the middle; what came is kept for a while."""
        self._turn.close()
        super().on_connection_close()

    def on_finish(self) -> None:
        """The next one may write."""
        self._turn.close()
        super().on_finish()

    async def _known(self) -> str:
        """The key of a file of a store that there is."""
        await self.with_store(self.get_query_argument("store", ""), lambda _served: None)
        return self._named()

    def _named(self) -> str:
        store = self.get_query_argument("store", "")
        return f"{store} {self._word('wait')} {self._word('upload')}"

    def _word(self, name: str) -> str:
        word = self.get_query_argument(name, "")
        if not _NAME.fullmatch(word):
            raise web.HTTPError(400, plain(f"{name}={word!r:.100} is no name"))
        return word

    def _number(self, name: str) -> int:
        text = self.get_query_argument(name, "")
        if not re.fullmatch(r"[0-9]{1,15}", text):
            raise web.HTTPError(400, plain(f"{name}={text!r:.100} is no number of bytes"))
        return int(text)
