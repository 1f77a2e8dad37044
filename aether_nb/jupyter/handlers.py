"""The routes of the extension. All but one stand under `{base_url}aether-nb/api/` and are for whoever Jupyter lets in.

    GET    stores                            200 {"stores": [{"store", "name", "open", "runs", "trouble"}]}
    GET    runs?store&status&q&offset&limit  200 {"total", "runs": [RunRow]}    newest first
    GET    run?store&run                     200 {"view": RunShape}             the whole, with its picture
    GET    events?store&run&since&limit      200 {"events": [...], "seq"}       the log after event `since`
    GET    waits?store&notebook&q&offset&limit
                                             200 {"total", "waits": [WaitRow], "notebooks": {notebook: n}}  open ones,
                                             earliest deadline first, then by age; n are open in it, whatever `q` is
    POST   answer {store, token, value}      200 {"accepted": true, "status": "answered" or "kept", "driven"}
                                             200 {"accepted": false, "status", "by", "door", "at_ms"}
                                             422 {"problems": {field: text}}
    POST   cancel {store, run, node}         200 {"done", "note"}               node null: the whole run
    POST   retry {store, run, node}          200 {"done", "note"}               node null: what the run failed of
    POST   delete {store, run}               200 {"done", "note"}               a finished run, and those it started
    GET    stream                            server-sent events: which stores changed, `streaming.py`
    GET    nonce?store                       200 {"nonce"}                      of a kernel's announcement
    POST   watch                             what becomes of open questions: `watching.py`
    GET, PUT, DELETE upload                  a file in slices: `receiving.py`

and {"message"} with 400 malformed, 403 not allowed, 404 no such store, run or wait, 413 too long, 503 the store cannot
be used now. `store` is an id that `stores` gave, or what a kernel calls its announcement; where it may be left out it
means all of `stores`. `q` finds what has that text in it, `limit` is 50 rows when left out and 500 at most, `note` is
a sentence for people.

    RunRow   {store, run_id, graph, status, created_ms, ended_ms, notebook, cell, done, total, open, driver}
             driver: "here" or "elsewhere" (another machine) for a kernel that lives, "" when none does
    WaitRow  PromptShape (`display/shapes.py`) and {store, run_id, graph, notebook, cell, asked_ms, driven}
    name, notebook   paths from the server's root on; what lies elsewhere has its whole path, a script its name
"""

from __future__ import annotations

import atexit
import json
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.utils import url_path_join
from pydantic import BaseModel, ConfigDict
from tornado import web

from aether_nb.answering import Answer, fitting, keep
from aether_nb.engine.ports import Store, WaitRow
from aether_nb.errors import ReplyInvalid
from aether_nb.ids import Token
from aether_nb.jupyter.door import Door, now_ms
from aether_nb.jupyter.listing import EventsHandler, RunHandler, RunsHandler, StoresHandler, WaitsHandler
from aether_nb.jupyter.receiving import UploadHandler
from aether_nb.jupyter.served import Stores
from aether_nb.jupyter.steering import CancelHandler, DeleteHandler, RetryHandler
from aether_nb.jupyter.streaming import Hub, StreamHandler
from aether_nb.jupyter.watching import WatchHandler
from aether_nb.prompts import Reply
from aether_nb.services.artifacts import Artifacts
from aether_nb.services.incoming import Incoming


class _Answer(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    store: str
    token: str
    value: Any


def routes(base_url: str, stores: Stores) -> list[tuple[Any, ...]]:
    """What the server adds to its own."""
    hub = Hub(stores)
    api = url_path_join(base_url, "aether-nb", "api")
    incoming = Incoming()
    atexit.register(incoming.clear)
    return [
        (url_path_join(api, "stores"), StoresHandler),
        (url_path_join(api, "runs"), RunsHandler),
        (url_path_join(api, "run"), RunHandler),
        (url_path_join(api, "events"), EventsHandler),
        (url_path_join(api, "waits"), WaitsHandler),
        (url_path_join(api, "cancel"), CancelHandler),
        (url_path_join(api, "retry"), RetryHandler),
        (url_path_join(api, "delete"), DeleteHandler),
        (url_path_join(api, "stream"), StreamHandler, {"hub": hub}),
        (url_path_join(api, "nonce"), NonceHandler),
        (url_path_join(api, "answer"), AnswerHandler),
        (url_path_join(api, "watch"), WatchHandler),
        (url_path_join(api, "upload"), UploadHandler, {"incoming": incoming}),
    ]


class NonceHandler(Door):
    """Proves to a page that this server reads its kernel's store."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer with the nonce."""
        name = self.get_query_argument("store", "")
        nonce = await self.with_store(name, lambda served: served.nonce)
        if not nonce:
            raise web.HTTPError(404, "only the announcement of a kernel has a nonce")
        self.finish({"nonce": nonce})


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
    done = store.answer(token, Reply(value=kept, by=by, door="http", at_ms=at_ms), now_ms=at_ms)
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
