"""A run that one page follows through the server: read from its store, shown by the same `look.py` as in a cell.

Made by `livesocket.py`, which says what is asked and told. What a kernel only tells, such as a stream of text, comes
with its end; an answer goes into the store, a wish as in `steering.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from aether_nb import history
from aether_nb.answering import Answer
from aether_nb.engine.ports import WaitRow
from aether_nb.engine.specs import find_spec
from aether_nb.errors import AetherError, UnknownRun
from aether_nb.events import FINAL, AnyEvent
from aether_nb.ids import RunId, Token
from aether_nb.jupyter.door import encoded, login, now_ms
from aether_nb.jupyter.look import Look
from aether_nb.jupyter.replying import answer
from aether_nb.jupyter.served import Served
from aether_nb.jupyter.steering import NO_RUN, Told, cancel, retry, settled
from aether_nb.services.artifacts import Artifacts

_SEND_S = 0.05  # at most twenty messages a second
_SOME = 500  # events that are folded in before others have a turn
_AT_ONCE = 32  # what a page may ask before the first of it is answered
_UNDRIVEN = (
    "No kernel has this run: it goes on when its notebook resumes it, and answers are kept until then."
)

Content = Mapping[str, Any]
Ack = Mapping[str, Any]


class _Read(NamedTuple):
    """What a look into the store found."""

    born_ms: int
    again: bool
    """Another run has the id now."""
    events: Sequence[AnyEvent]
    answered: Sequence[WaitRow]
    """Questions whose reply the run has not taken yet."""
    driven: bool
    final: bool


class ServedRun:
    """One run, for one page. Used on the server's loop; the store is read in threads, one at a time.

    Args:
        served: its store, open.
        run_id: the run.
        by: who looks.
        say: sends the page a frame; what comes back is done when it is on its way.
        stored: it had ended before.
    """

    def __init__(
        self, served: Served, run_id: RunId, by: str, say: Callable[[bytes], asyncio.Future[None]], *, stored: bool
    ) -> None:  # fmt: skip
        self._store = store = served.store
        self._run_id = run_id
        self._by = by
        self._say = say
        self._said: asyncio.Future[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._reading = asyncio.Lock()
        self._greeted = False
        self._born_ms = -1
        self._seq = 0
        self._sending: asyncio.TimerHandle | None = None
        self._look = Look(
            store, run_id, None, find_spec=partial(find_spec, store), files=Artifacts(store.artifacts_dir), me=login(),
            background=self.background, changed=self._send_soon, stored=stored,
        )  # fmt: skip

    def background(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do something meanwhile."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Do nothing any more; the store is free then."""
        if self._sending is not None:
            self._sending.cancel()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with self._reading:
            await asyncio.to_thread(self._store.close)

    # -- from the store ----------------------------------------------------------------------------

    async def refresh(self) -> bool:
        """Show what is new in the store; False when the run is gone.

        Raises:
            StoreError: it cannot be read now.
        """
        async with self._reading:
            read = await asyncio.to_thread(self._read)
            if read is None:
                return False
            if read.again and self._born_ms >= 0:
                self._look.begin_again()
                self._seq = 0
            self._born_ms = read.born_ms
            view = self._look.view
            for n in range(0, len(read.events), _SOME):
                view.apply(*read.events[n : n + _SOME])
                await asyncio.sleep(0)
            self._seq = read.events[-1].seq if read.events else self._seq
            for row in read.answered:
                if row.reply is not None:
                    view.wait_answered(row.token, row.reply)
            view.note("" if read.final or read.driven else _UNDRIVEN)
        self._look.picture.soon()
        self._send_soon()
        return True

    def _read(self) -> _Read | None:
        store = self._store
        store.changed()  # raises when its file is not there any more: what is read would be a ghost's
        row = store.run(self._run_id)
        if row is None:
            return None
        again = row.created_ms != self._born_ms or row.last_seq < self._seq
        after = 0 if again else self._seq
        kernel = store.kernel(row.kernel, now_ms()) if row.kernel else None
        final = row.status in FINAL
        return _Read(
            born_ms=row.created_ms,
            again=again,
            events=store.events(self._run_id, after) if row.last_seq > after else (),
            answered=() if final else [w for w in store.untaken(row.kernel) if w.run_id == self._run_id],
            driven=kernel is not None and kernel.alive,
            final=final,
        )

    # -- to the page -------------------------------------------------------------------------------

    def _send_soon(self) -> None:
        if self._sending is None and self._greeted:
            self._sending = asyncio.get_running_loop().call_later(_SEND_S, self._send)

    def _send(self) -> None:
        self._sending = None
        if self._said is not None and not self._said.done():
            self._send_soon()  # a slow page hears less often
            return
        news = self._look.news()
        if news is not None:
            kind, shape = news
            self._said = self._say(encoded({"type": kind, "shape": shape}))

    # -- from the page -----------------------------------------------------------------------------

    def on_page(self, content: Content) -> None:
        """A message of the page."""
        kind = str(content.get("type"))
        if kind == "hello":
            self._greeted = True
            self._look.picture.news()
            self._say(encoded({"type": "welcome", "shape": self._look.welcome()}))
        elif "id" in content:
            if len(self._tasks) < _AT_ONCE:
                self.background(self._acknowledged(content, _WISHES.get(kind, ServedRun._unknown)))
            else:
                self._say_ack(content, {"ok": False, "note": "That was too much at once; try again."})

    async def _acknowledged(
        self, content: Content, work: Callable[[ServedRun, Content], Awaitable[Ack]]
    ) -> None:
        try:
            ack = await work(self, content)
        except AetherError as e:
            ack = {"ok": False, "note": str(e)}
        except (KeyError, ValueError, TypeError) as e:  # it may have sent anything
            ack = {"ok": False, "note": f"{type(e).__name__}: {e}"}
        self._say_ack(content, ack)

    def _say_ack(self, content: Content, ack: Ack) -> None:
        self._say(encoded({"type": "ack", "id": content.get("id"), "ok": True, **ack}))

    async def _answer(self, content: Content) -> Ack:
        token, value = Token(str(content["token"])), content.get("value")
        status, said = await asyncio.to_thread(answer, self._store, token, value, self._by)
        await self.refresh()
        if "problems" in said:
            return {"ok": False, "problems": said["problems"]}
        if status != 200:
            return {"ok": False, "note": said["message"]}
        if said["accepted"]:
            return {}
        at = datetime.fromtimestamp(said["at_ms"] / 1000).astimezone() if said["at_ms"] else None
        first = Answer(accepted=False, status=said["status"], by=said["by"], door=said["door"], at=at)
        return {"ok": False, "note": repr(first)}

    async def _cancel(self, content: Content) -> Ack:
        node = content.get("node")
        return await self._steer(cancel, None if node is None else str(node))

    async def _retry(self, content: Content) -> Ack:
        node = content.get("node")
        return await self._steer(retry, None if node is None else str(node))

    async def _steer(self, verb: Callable[..., Told], node: str | None) -> Ack:
        def do() -> Told:
            row = self._store.run(self._run_id)
            if row is None:
                raise UnknownRun(NO_RUN)
            return verb(self._store, row, node, self._by)

        told = await settled(self._store, await asyncio.to_thread(do))
        await self.refresh()
        return {"ok": told.done, "note": told.note} if told.note else {"ok": told.done}

    async def _fold(self, content: Content) -> Ack:
        group, open_ = str(content["group"]), bool(content["open"])
        async with self._reading:
            log: Sequence[AnyEvent] = ()
            if self._look.is_listed_by(group, open_=open_):
                log = await asyncio.to_thread(self._store.events, self._run_id)
            self._look.fold(group, open_=open_, log=lambda: log)
        self._send_soon()
        return {}

    async def _details(self, content: Content) -> Ack:
        node = str(content["node"])

        def look() -> Ack:
            row = self._store.run(self._run_id)
            if row is None:
                raise UnknownRun(NO_RUN)
            state = history.fold(self._store, row)
            return {"detail": self._look.detail(node, state, [], now_us=now_ms() * 1000)}

        async with self._reading:
            return await asyncio.to_thread(look)

    async def _timeline(self, content: Content) -> Ack:
        since = int(content.get("since") or 0)
        async with self._reading:
            rows = await asyncio.to_thread(partial(self._look.timeline, since, now_us=now_ms() * 1000))
        return {"timeline": rows}

    async def _unknown(self, content: Content) -> Ack:
        if content.get("type") == "start_over":
            return {"ok": False, "note": "It is started over in its notebook: run.start_over()."}
        return {"ok": False, "note": f"The server does not do this here: {content.get('type')!r:.100}."}


_WISHES: dict[str, Callable[[ServedRun, Content], Awaitable[Ack]]] = {
    "answer": ServedRun._answer,
    "cancel": ServedRun._cancel,
    "retry": ServedRun._retry,
    "fold": ServedRun._fold,
    "details": ServedRun._details,
    "timeline": ServedRun._timeline,
}
WRITES = frozenset({"answer", "cancel", "retry"})
"""What changes something."""
