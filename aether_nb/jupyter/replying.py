"""`POST answer`: a reply on its way into a store, checked as at every door; `handlers.py` says what comes back."""

from __future__ import annotations

import json
from typing import Any

from jupyter_server.auth.decorator import authorized
from pydantic import BaseModel, ConfigDict
from tornado import web

from aether_nb.answering import Answer, fitting, keep
from aether_nb.engine.ports import Store, WaitRow
from aether_nb.errors import ReplyInvalid
from aether_nb.ids import Token
from aether_nb.jupyter.door import Door, now_ms
from aether_nb.prompts import Reply
from aether_nb.services.artifacts import Artifacts


class _Answer(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    store: str
    token: str
    value: Any


class AnswerHandler(Door):
    """Takes a reply."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Answer a wait."""
        asked = self.asked(_Answer)
        by = self.who()
        status, said = await self.with_store(
            asked.store, lambda served: answer(served.store, Token(asked.token), asked.value, by)
        )
        self.set_status(status)
        self.finish(json.dumps(said))


def answer(
    store: Store, token: Token, value: Any, by: str, *, door: str = "http"
) -> tuple[int, dict[str, Any]]:
    """Check a reply and give it to the store; blocks.

    Returns:
        HTTP status and body. Somebody who comes second is told so, whatever they sent.
    """
    wait = store.wait(token)
    if wait is None:
        if not store.promised(token):
            return 404, {"message": "this store has no such wait; it may have been tidied away"}
        try:
            early = keep(store, token, value, by, now_ms())
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
    at_ms = now_ms()
    done = store.answer(token, Reply(value=kept, by=by, door=door, at_ms=at_ms), now_ms=at_ms)
    assert done is not None  # waits are never deleted while their store is open
    if not done.accepted:
        return 200, _closed(done.wait)
    return 200, {"accepted": True, "status": "answered", "driven": _driven(store, wait)}


def _driven(store: Store, wait: WaitRow) -> bool:
    """Whether a kernel that lives has the run, and so goes on with the reply by itself."""
    row = store.run(wait.run_id)
    kernel = None if row is None else store.kernel(row.kernel, now_ms())
    return kernel is not None and kernel.alive


def _became(reply: Answer) -> dict[str, Any]:
    """What became of a reply that came before its wait."""
    if reply.accepted:
        return {"accepted": True, "status": reply.status, "driven": True}
    at_ms = 0 if reply.at is None else round(reply.at.timestamp() * 1000)
    return {"accepted": False, "status": reply.status, "by": reply.by, "door": reply.door, "at_ms": at_ms}


def _closed(wait: WaitRow) -> dict[str, Any]:
    # Open and yet not answerable: its deadline has passed, and no kernel has noticed.
    status = "expired" if wait.status == "open" else wait.status
    reply = wait.reply or Reply()
    return {"accepted": False, "status": status, "by": reply.by, "door": reply.door, "at_ms": reply.at_ms}
