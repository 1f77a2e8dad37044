"""A run in its cell: an `Observer` that feeds one widget and one static twin, at a capped rate.

Two outputs, adjacent, in the launching cell: the widget, and the twin under a display id, which is what
a saved notebook shows. Everything here happens on the kernel's main thread except `on_page`.
Events are folded in when somebody looks, not as they come: the run has the loop first.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aether_nb.display.dot import to_dot
from aether_nb.display.progress import MANY
from aether_nb.display.render import have_dot, svg_async
from aether_nb.display.shapes import LineShape
from aether_nb.display.static import twin
from aether_nb.display.view import RunView
from aether_nb.engine.ports import WaitRow
from aether_nb.events import FINAL, AnyEvent, ReplyTaken, RunStatus, WaitExpired, WaitWithdrawn
from aether_nb.graph.model import GraphSpec
from aether_nb.ids import NodeId, new_uid
from aether_nb.jupyter.desk import Ack, acknowledged, answer, call_off, chunk, upload
from aether_nb.jupyter.look import Look
from aether_nb.jupyter.typed import HELLO_S, UNHEARD
from aether_nb.jupyter.widget import RunWidget
from aether_nb.messages import Telling
from aether_nb.services.incoming import Incoming

if TYPE_CHECKING:
    from aether_nb.jupyter.host import KernelHost
    from aether_nb.run import Run

_SEND_S = 0.05  # at most twenty messages a second
_UNSEEN_S = (
    0.5  # the same for what is being told, while no page has said hello: it is sent the whole each time
)
_CLOSES = (ReplyTaken, WaitExpired, WaitWithdrawn)
_TWIN_S = 10.0  # pause between pictures of a run that neither waits nor ends


class LiveRun:
    """One run in one cell.

    Args:
        host: the kernel.
        run: the run.
        spec: its graph.
    """

    def __init__(self, host: KernelHost, run: Run, spec: GraphSpec) -> None:
        self._host = host
        self._run = run
        self._loop = host.loop()
        runtime = host.runtime
        self._coming: list[AnyEvent] = []
        self._status: RunStatus = "running"
        self._last_look = Look(
            runtime.store, run.run_id, spec, find_spec=runtime.find_spec, files=runtime.services.artifacts,
            me=runtime.me(), background=host.background, changed=self._send_soon, stored=run.status in FINAL,
        )  # fmt: skip
        self._trouble = ""
        self._unheard = False
        self._note()
        self._page_svg = ""
        self.greeted = False
        self._sending: asyncio.TimerHandle | None = None
        self._asked_at = 0.0
        self._twin: Mapping[str, str] = {}
        self._twin_at = 0.0
        self._twin_due: asyncio.TimerHandle | None = None
        self._incoming = Incoming()
        self._display_id = f"aether-{new_uid()}"
        self.widget = RunWidget(
            self, view=self._view.snapshot(), life=host.life, door=host.door(), run_id=run.run_id
        )
        self.output = host.show(self.widget)
        self.output.publish(twin(self._view.peek(), None), {}, self._display_id)
        self._loop.call_later(HELLO_S, self._listen)
        self._look.picture.soon()

    @property
    def _look(self) -> Look:
        if self._coming:
            coming, self._coming = self._coming, []
            self._last_look.view.apply(*coming)
        return self._last_look

    @property
    def _view(self) -> RunView:
        return self._look.view

    # -- Observer --------------------------------------------------------------------------------

    def on_events(self, run_id: str, events: Sequence[AnyEvent], status: RunStatus) -> None:  # noqa: ARG002 - one run
        """Take the events; draw soon."""
        self._coming += events
        for event in events if self._incoming else ():
            if isinstance(event, _CLOSES):
                self._incoming.close(event.token)
        before, self._status = self._status, status
        if self._unheard and status in FINAL:
            self._unheard = False
            self._note()
        self._send_soon()
        self._twin_soon(at_once=status not in (before, "running"))

    def on_tellings(self, run_id: str, tellings: Sequence[Telling]) -> None:  # noqa: ARG002 - one run
        """Show what is being told; while the code that tells it holds the loop, too."""
        self._view.tell(*tellings)
        self._twin_soon(at_once=False)
        pause_s = _SEND_S if self.greeted else _UNSEEN_S
        if self._sending is not None and time.monotonic() - self._asked_at >= pause_s:
            self._sending.cancel()
            self._send()
        else:
            self._send_soon(pause_s)

    def on_trouble(self, trouble: str) -> None:
        """Say in the run's header that it stands still, and why."""
        self._trouble = trouble
        self._note()
        self._send_soon()
        self._twin_soon(at_once=True)

    def start_over(self) -> None:
        """The run begins again under the same id: the page gets it whole with its first event."""
        self._look.begin_again()

    def wait_answered(self, row: WaitRow) -> None:
        """A reply was accepted, by whatever door: show it before the log has it."""
        if row.reply is not None:
            self._view.wait_answered(row.token, row.reply)
            self._send_soon()

    # -- Desk ------------------------------------------------------------------------------------

    def snapshot(self) -> Mapping[str, Any]:
        """The whole run for a page, as it was sent last; from any thread."""
        return self._last_look.whole()

    def on_page(self, content: Mapping[str, Any], buffers: Sequence[Any]) -> None:
        """A message of the page, from any thread."""
        kind = content.get("type")
        runtime = self._host.runtime
        if kind == "answer":  # this and the next two need nothing of the loop, which may be busy
            answer(self.widget, runtime, content)
        elif kind == "chunk":
            chunk(self.widget, content)
        elif kind == "upload":
            upload(self.widget, runtime, self._incoming, content, buffers)
        elif kind == "call_off":
            call_off(self.widget, self._incoming, content)
        elif kind in _ON_LOOP:
            self._loop.call_soon_threadsafe(self._on_loop, _ON_LOOP[kind], content)

    def _on_loop(
        self, handle: Callable[[LiveRun, Mapping[str, Any]], Any], content: Mapping[str, Any]
    ) -> None:
        if "id" in content:
            acknowledged(self.widget, content, lambda: handle(self, content))
        else:
            handle(self, content)

    def _hello(self, content: Mapping[str, Any]) -> None:  # the whole run, whatever the page has
        if self.greeted and self._twin and content.get("fresh"):  # loaded again: it has missed the last
            self.output.update(self._display_id, self._twin)
        self.greeted = True
        if self._unheard:
            self._unheard = False
            self._note()
            self._twin_soon(at_once=True)
        self.widget.show("welcome", self._look.welcome())

    def _cancel(self, content: Mapping[str, Any]) -> None:
        node = content.get("node")
        self._run.cancel(None if node is None else str(node))

    def _start_over(self, content: Mapping[str, Any]) -> None:  # noqa: ARG002
        self._run = self._run.start_over()

    def _retry(self, content: Mapping[str, Any]) -> None:
        self._run.retry(str(content["node"]))

    # -- a closer look -----------------------------------------------------------------------------

    def _fold(self, content: Mapping[str, Any]) -> None:
        """Fold or open a group of the picture, for everybody who looks at this run here."""
        group, open_ = str(content["group"]), bool(content["open"])
        store, run_id = self._host.runtime.store, self._run.run_id
        self._look.fold(group, open_=open_, log=lambda: store.events(run_id))
        self._send_soon()

    def _details(self, content: Mapping[str, Any]) -> Ack:
        """One node close up."""
        runtime, run, node = self._host.runtime, self._run, str(content["node"])
        lines = runtime.services.logbook.read(run.run_id, node)
        log = [LineShape(at_ms=line.at_ms, level=line.level, text=line.text) for line in lines]
        detail = self._look.detail(
            node, run._state(), log, now_us=runtime.clock.now_us(), in_line=self._in_line()
        )
        return {"detail": detail}

    def _changes(self, content: Mapping[str, Any]) -> Ack:  # noqa: ARG002
        """What has changed in the code, as the note says."""
        return {"diff": repr(self._run.changes)}

    def _timeline(self, content: Mapping[str, Any]) -> Ack:
        """The rows of the timeline that the page does not have yet."""
        since, now_us = int(content.get("since") or 0), self._host.runtime.clock.now_us()
        return {"timeline": self._look.timeline(since, in_line=self._in_line(), now_us=now_us)}

    def _in_line(self) -> Mapping[NodeId, int] | None:
        """How long bodies stand in line in this kernel; None when it does not drive the run."""
        driver = self._host.runtime.driver(self._run.run_id)
        if driver is not None:
            return driver.in_line()
        return {} if self._host.runtime.drives(self._run.run_id) else None

    # -- files of the page -------------------------------------------------------------------------

    def _page_layout(self, content: Mapping[str, Any]) -> None:
        self._page_svg = str(content.get("svg") or "")[: 4 << 20]
        self._twin_soon(at_once=True)

    def _listen(self) -> None:
        """No page has said hello in all that time: say so where a page without widgets looks."""
        self._unheard = not self.greeted and self._status not in FINAL
        if self._unheard:
            self._note()
            self._twin_soon(at_once=True)

    def _note(self) -> None:
        """The line under the run's header."""
        if self._trouble:
            self._view.note(f"stands still: {self._trouble}")
        else:
            self._view.note("; ".join(filter(None, (self._run.note, UNHEARD if self._unheard else ""))))

    # -- drawing ---------------------------------------------------------------------------------

    def _send_soon(self, pause_s: float = _SEND_S) -> None:
        if self._sending is None:
            self._asked_at = time.monotonic()
            self._sending = self._loop.call_later(pause_s, self._send)

    def _send(self) -> None:
        self._sending = None
        self._look.picture.soon()
        if not self.greeted:  # nobody has said hello: a page that loads later must find the whole
            self.widget.view = dict(self._look.welcome())
            return
        news = self._look.news()
        if news is not None:
            self.widget.show(*news)

    def _twin_soon(self, *, at_once: bool) -> None:
        if at_once and self._twin_due is not None:
            self._twin_due.cancel()
            self._twin_due = None
        if self._twin_due is None:
            if at_once:  # with a page, the run goes first; without one, its cell may end now
                left_s = _SEND_S if self.greeted else 0.0
            else:
                left_s = max(0.0, self._twin_at + _TWIN_S - time.monotonic())
            self._twin_due = self._loop.call_later(left_s, self._draw_twin)

    def _draw_twin(self) -> None:
        self._twin_due = None
        self._twin_at = time.monotonic()
        self._host.background(self._redraw_twin(self._twin_at))

    async def _redraw_twin(self, begun_at: float) -> None:
        shape = self._view.peek()
        picture = None
        if len(shape["nodes"]) <= MANY:
            picture = await svg_async(to_dot(shape, status=True)) if have_dot() else self._page_svg or None
        if begun_at != self._twin_at:
            return  # `dot` took so long that a newer picture was begun, and may be there already
        over = shape["status"] in FINAL
        as_of = "" if over else f"{datetime.now().astimezone():%H:%M}"
        self._twin = twin(shape, picture, as_of)
        self.output.update(self._display_id, self._twin)


_ON_LOOP: dict[Any, Callable[[LiveRun, Mapping[str, Any]], Any]] = {
    "hello": LiveRun._hello,
    "cancel": LiveRun._cancel,
    "start_over": LiveRun._start_over,
    "retry": LiveRun._retry,
    "fold": LiveRun._fold,
    "details": LiveRun._details,
    "changes": LiveRun._changes,
    "timeline": LiveRun._timeline,
    "layout": LiveRun._page_layout,
}
