"""`live?store&run`: a websocket on which a page follows one run, with a kernel or without, as a widget does by comm.

The messages are those of the comm (`jupyter_extension/src/api.ts`), as JSON; a shape stands in its frame:
`{"type": "welcome", "shape": {...}}`. What comes of them is the business of `following.py`; when there is news, the hub
of `streaming.py` says. Closed with 4404 when the run is deleted, with 1011 when its store cannot be read, with 1003
after what is no message.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado import web
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from aether_nb.errors import StoreError
from aether_nb.events import FINAL
from aether_nb.ids import RunId
from aether_nb.jupyter.door import LONGEST, SETTING, encoded, name_of, opened, unusable
from aether_nb.jupyter.following import WRITES, ServedRun
from aether_nb.jupyter.served import Known, Served, Stores
from aether_nb.jupyter.steering import NO_RUN
from aether_nb.jupyter.streaming import BEAT_S, Hub

GONE = 4404
"""The run is not in the store any more."""


class LiveHandler(WebSocketMixin, WebSocketHandler, JupyterHandler):
    """One page that follows one run."""

    auth_resource = "kernels"

    def initialize(self, hub: Hub) -> None:
        """Called by tornado for each request."""
        self._hub = hub
        self._over = asyncio.Event()
        self._run: ServedRun | None = None
        self._may_write = False
        self._known: Known | None = None
        self._following: asyncio.Task[None] | None = None

    def set_default_headers(self) -> None:
        """Those of pages make no sense here."""

    def get_compression_options(self) -> Any:
        """As the server has it for its own."""
        return self.settings.get("websocket_compression_options", None)

    @property
    def max_message_size(self) -> int:
        """Bytes of a message; a longer one ends it."""
        return LONGEST

    @ws_authenticated
    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Begin, if the run is there and this user may see it."""
        stores: Stores = self.settings[SETTING]
        self._may_write = await self._may("write")
        if not await self._may("read"):
            raise web.HTTPError(403)
        name, run_id = self.get_query_argument("store", ""), RunId(self.get_query_argument("run", ""))

        def begin() -> tuple[Served, bool]:
            served = opened(stores, name)
            try:
                row = served.store.run(run_id)
            except StoreError:
                served.store.close()
                raise
            return served, row is not None and row.status in FINAL

        try:
            served, stored = await asyncio.to_thread(begin)
        except StoreError as e:
            raise unusable(e) from e
        self._run = run = ServedRun(served, run_id, name_of(self.current_user), self._say, stored=stored)
        self._known = Known(served.id, served.store.path, frozenset({served.store.uid}))
        begun = False
        try:
            if not await run.refresh():
                raise web.HTTPError(404, NO_RUN)
            await super().get(*args, **kwargs)
            begun = self.ws_connection is not None
        except StoreError as e:
            raise unusable(e) from e
        finally:
            if not begun:
                await run.close()

    async def _may(self, action: str) -> bool:
        user = self.current_user
        return bool(await ensure_async(self.authorizer.is_authorized(self, user, action, self.auth_resource)))

    def open(self, *args: Any, **kwargs: Any) -> None:
        """The page is there."""
        super().open(*args, **kwargs)
        self._following = asyncio.get_running_loop().create_task(self._follow())

    async def _follow(self) -> None:
        hub, run = self._hub, self._run
        assert run is not None
        try:
            with hub.following(self._known):
                while not self._over.is_set():
                    version = hub.version
                    try:
                        if not await run.refresh():
                            self.close(GONE, NO_RUN)
                            return
                    except StoreError as e:
                        self.close(1011, str(e)[:100])
                        return
                    await hub.changed(version, BEAT_S, self._over)
        except web.HTTPError as e:
            self.close(1013, e.log_message)
        finally:
            await run.close()

    def on_message(self, message: str | bytes) -> None:
        """The page says something."""
        try:
            content = json.loads(message)
        except ValueError:
            content = None
        if not isinstance(content, dict):
            self.close(1003, "a JSON object with a type is needed")
        elif str(content.get("type")) in WRITES and not self._may_write:
            ack = {"type": "ack", "id": content.get("id"), "ok": False, "note": "You may only look here."}
            self._say(encoded(ack))
        elif self._run is not None:
            self._run.on_page(content)

    def on_close(self) -> None:
        """The page is closed."""
        self._over.set()
        self._hub.wake()
        super().on_close()

    def _say(self, frame: bytes) -> asyncio.Future[None]:
        try:
            sent = self.write_message(frame.decode())
        except WebSocketClosedError:
            sent = asyncio.get_running_loop().create_future()
            sent.set_result(None)
        sent.add_done_callback(
            lambda done: done.cancelled() or done.exception()
        )  # it is closed: `on_close` knows
        return sent
