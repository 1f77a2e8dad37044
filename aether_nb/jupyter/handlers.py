"""The routes of the extension. All but one stand under `{base_url}aether-nb/api/` and are for whoever Jupyter lets in.

    GET    stores                            200 {"stores": [{"store", "name", "open", "runs", "trouble"}]}
    GET    runs?store&status&q&offset&limit  200 {"total", "runs": [RunRow]}    newest first
    GET    run?store&run                     200 {"view": RunShape}             the whole, with its picture
    GET    events?store&run&since&limit      200 {"events": [...], "seq"}       the log after event `since`
    GET    waits?store&notebook&q&offset&limit
                                             200 {"total", "waits": [WaitRow], "notebooks": {notebook: n}}  open ones,
                                             questions first, then earliest deadline, then age; n questions are open
                                             in it, whatever `q` is; `open` in other rows counts questions, too
    POST   answer {store, token, value}      200 {"accepted": true, "status": "answered" or "kept", "driven"}
                                             200 {"accepted": false, "status", "by", "door", "at_ms"}
                                             422 {"problems": {field: text}}
    POST   cancel {store, run, node}         200 {"done", "note"}               node null: the whole run
    POST   retry {store, run, node}          200 {"done", "note"}               node null: what the run failed of
    POST   delete {store, run}               200 {"done", "note"}               a finished run, and those it started
    GET    stream                            server-sent events: which stores changed, `streaming.py`
    GET    live?store&run                    a websocket that follows one run: `livesocket.py`
    GET    nonce?store                       200 {"nonce"}                      of a kernel's announcement
    POST   watch                             what becomes of open questions: `watching.py`
    GET, PUT, DELETE upload                  a file in slices: `receiving.py`
    POST   {base_url}aether-nb/hook/<token>  the reply of a service, without a login: `hook.py`

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
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.utils import url_path_join
from tornado import web

from aether_nb.jupyter.door import Door
from aether_nb.jupyter.hook import HookHandler, Limits
from aether_nb.jupyter.listing import EventsHandler, RunHandler, RunsHandler, StoresHandler, WaitsHandler
from aether_nb.jupyter.livesocket import LiveHandler
from aether_nb.jupyter.receiving import UploadHandler
from aether_nb.jupyter.replying import AnswerHandler
from aether_nb.jupyter.served import Stores
from aether_nb.jupyter.steering import SteeringHandler, cancel, delete, retry
from aether_nb.jupyter.streaming import Hub, StreamHandler
from aether_nb.jupyter.watching import WatchHandler
from aether_nb.services.incoming import Incoming


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
        (url_path_join(api, "cancel"), SteeringHandler, {"act": cancel}),
        (url_path_join(api, "retry"), SteeringHandler, {"act": retry}),
        (url_path_join(api, "delete"), SteeringHandler, {"act": delete}),
        (url_path_join(api, "stream"), StreamHandler, {"hub": hub}),
        (url_path_join(api, "live"), LiveHandler, {"hub": hub}),
        (url_path_join(api, "nonce"), NonceHandler),
        (url_path_join(api, "answer"), AnswerHandler),
        (url_path_join(api, "watch"), WatchHandler),
        (url_path_join(api, "upload"), UploadHandler, {"incoming": incoming}),
        (url_path_join(base_url, "aether-nb", "hook", "([^/]*)"), HookHandler, {"limits": Limits()}),
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
