"""`POST {base_url}aether-nb/hook/<token>`: where a service that was given a URL reports back. It needs no login.

    200 {"accepted": true}     400 no JSON     404 nothing waits there     410 it was answered, or its time is over
    413 too long     422 {"problems"} not what is waited for     429 too often     503 the store cannot be used now

Who knows the token of a wait may answer that wait, once, and nothing else: only waits of kind `callback` that no
person is asked, only of stores for which somebody said `ae.configure(hook=True)`. The body is JSON, or empty for null,
whatever its content type. A reply that comes before its wait is open is kept for it.

A token is 130 random bits. It is looked for by its beginning, which is no secret to the clock, and compared as a whole
in constant time. What is wrong in whatever way is not told apart. How often anybody may try is limited, wrong tokens
strictly, because each of them costs a look into every store.
"""

from __future__ import annotations

import hmac
import json
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from jupyter_server.auth.decorator import allow_unauthenticated
from tornado import web

from aether_nb.engine.ports import Store
from aether_nb.errors import ReplyInvalid, StoreError
from aether_nb.ids import Token, is_uid
from aether_nb.jupyter.door import Door, now_ms
from aether_nb.jupyter.replying import answer
from aether_nb.prompts import CallbackPrompt, plain_json

LONGEST = 1 << 20
"""Bytes of a reply."""

SETTING = "hook"
BY = "callback"
"""Who the reply is said to be from."""

_BEGINNING = 8
_NOTHING = "nothing waits here"
_OVER = "this was answered already, or its time is over"


class Bucket:
    """So many at once, and so many a second from then on, for each address.

    Args:
        most: at once.
        per_s: what comes back.
        now: tells seconds.
    """

    _ADDRESSES = 1_000

    def __init__(self, most: float, per_s: float, now: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._per_s = per_s
        self._now = now
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def has(self, address: str) -> bool:
        """Whether there is one left."""
        return self._now_left(address) >= 1

    def take(self, address: str) -> None:
        """Use one up."""
        left = self._now_left(address)
        self._left[address] = max(0.0, left - 1), self._now()
        self._left.move_to_end(address)
        while len(self._left) > self._ADDRESSES:
            self._left.popitem(last=False)

    def _now_left(self, address: str) -> float:
        left, at = self._left.get(address, (self._most, 0.0))
        return min(self._most, left + (self._now() - at) * self._per_s)


class Limits:
    """How often anybody may try."""

    def __init__(self) -> None:
        self.tries = Bucket(100, 20)
        self.wrong = Bucket(10, 1)


@web.stream_request_body
class HookHandler(Door):
    """Takes the reply of a service."""

    def initialize(self, limits: Limits) -> None:
        """Called by tornado for each request."""
        self._limits = limits
        self._body = bytearray()

    def check_xsrf_cookie(self) -> None:
        """A service has no cookies, and a page that would borrow somebody's gains nothing: none are looked at."""

    async def prepare(self) -> None:  # type: ignore[override] # as APIHandler does
        """Refuse what is too much before the body comes."""
        await super().prepare()
        if self.request.method != "POST":
            return
        address = self.request.remote_ip or ""
        if not self._limits.tries.has(address) or not self._limits.wrong.has(address):
            self.set_header("Retry-After", "2")
            raise web.HTTPError(429, "too often; try again in a moment")
        self._limits.tries.take(address)
        if int(self.request.headers.get("Content-Length") or 0) > LONGEST:
            raise web.HTTPError(413, f"a reply has at most {LONGEST >> 20} MiB here")

    def data_received(self, chunk: bytes) -> None:
        """A part of the body."""
        self._body += chunk
        if len(self._body) > LONGEST:
            raise web.HTTPError(413, f"a reply has at most {LONGEST >> 20} MiB here")

    @allow_unauthenticated
    async def post(self, token: str) -> None:
        """Answer the wait of that token."""
        try:
            value = json.loads(bytes(self._body) or b"null")
        except (ValueError, RecursionError):
            raise web.HTTPError(400, "a reply is JSON") from None
        status, said = await self.in_thread(lambda: self._take(token, value))
        if status == 404:
            self._limits.wrong.take(self.request.remote_ip or "")
        self.set_status(status)
        self.send(said)

    def _take(self, token: str, value: Any) -> tuple[int, dict[str, Any]]:
        if not is_uid(token):
            return 404, {"message": _NOTHING}
        trouble: StoreError | None = None
        for known in self.stores.known(listed=False):
            try:
                served = self.stores.open_known(known)
                if served is None:
                    continue
                try:
                    told = take(served.store, token, value)
                finally:
                    served.store.close()
            except StoreError as e:
                trouble = e
                continue
            if told is not None:
                return told
        if trouble is not None:
            raise StoreError("a store cannot be read now; try again later")
        return 404, {"message": _NOTHING}


def take(store: Store, token: str, value: Any) -> tuple[int, dict[str, Any]] | None:
    """Give a reply to the wait of that token, if the store has it and takes it from here; blocks.

    Returns:
        HTTP status and body; None when it does not.
    """
    if store.setting(SETTING) != "on":
        return None
    found = [one for one in store.tokens(token[:_BEGINNING]) if hmac.compare_digest(one, token)]
    if not found:
        return None
    wait = store.wait(Token(token))
    if wait is None:
        try:
            store.post(f"hook:{token}", plain_json(value), BY, now_ms())
        except ReplyInvalid as e:
            return 422, {"problems": e.problems}
        wait = store.wait(Token(token))
        if wait is None or wait.status != "open":
            return 200, {"accepted": True}
    if wait.kind != "callback" or not isinstance(wait.prompt, CallbackPrompt):
        return None
    status, said = answer(store, wait.token, value, BY, door="hook")
    if status != 200:
        return status, said
    return (200, {"accepted": True}) if said["accepted"] else (410, {"message": _OVER})
