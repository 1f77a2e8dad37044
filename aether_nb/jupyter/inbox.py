"""`ae.inbox()`: one widget with every open question of the store, whichever kernel drives the run.

Drawn by the same code as a run: an inbox is a run's picture without a graph, buttons or an end. It reads
the store by a connection of its own, only when something was written, and only while a page shows it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aether_nb.display.shapes import PromptShape, RunShape
from aether_nb.display.talk import reply_shape
from aether_nb.engine.ports import WaitRow
from aether_nb.errors import StoreError
from aether_nb.ids import Token
from aether_nb.jupyter.desk import answer, call_off, chunk, upload
from aether_nb.jupyter.widget import RunWidget
from aether_nb.services.incoming import Incoming
from aether_nb.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from aether_nb.jupyter.host import KernelHost

_LOOK_S = 0.5


class Inbox:
    """The open questions of a store, in the cell that made it.

    Args:
        host: the kernel.
    """

    def __init__(self, host: KernelHost) -> None:
        self._host = host
        self._loop = host.loop()
        self._seq = 0
        self._shown: dict[Token, WaitRow] = {}
        self._incoming = Incoming()
        store = host.runtime.store
        self._watch = None if store.path == ":memory:" else SqliteStore(store.path)
        self._read()
        self.widget = RunWidget(self, view=dict(self._shape()), life=host.life, door=host.door(), run_id="")
        host.show(self.widget)
        self._loop.call_later(_LOOK_S, self._look)

    # -- Desk ------------------------------------------------------------------------------------

    def snapshot(self) -> Mapping[str, Any]:
        """All questions as they are now."""
        return dict(self._shape())

    def on_page(self, content: Mapping[str, Any], buffers: Sequence[Any]) -> None:
        """A message of the page, from any thread."""
        kind = content.get("type")
        if kind == "answer":
            answer(self.widget, self._host.runtime, content)
            self._loop.call_soon_threadsafe(self._refresh)
        elif kind == "upload":
            upload(self.widget, self._host.runtime, self._incoming, content, buffers)
        elif kind == "call_off":
            call_off(self.widget, self._incoming, content)
        elif kind == "chunk":
            chunk(self.widget, content)
        elif kind == "hello":
            self._loop.call_soon_threadsafe(self._welcome)

    # -- reading ---------------------------------------------------------------------------------

    def _look(self) -> None:
        try:
            if self._watch is None or self._watch.changed():
                self._refresh()
        except StoreError:
            return  # the store was closed or deleted: nothing to show any more
        if self.widget.comm is not None:
            self._loop.call_later(_LOOK_S, self._look)

    def _refresh(self) -> None:
        before = dict(self._shown)
        self._read()
        if before != self._shown:
            self._welcome()

    def _read(self) -> None:
        store = self._host.runtime.store
        now = {row.token: row for row in store.waits()}
        for token in list(self._shown):
            if token not in now:
                gone = store.wait(token)
                if gone is not None:
                    self._shown[token] = gone
                self._incoming.close(token)
        self._shown |= now

    def _welcome(self) -> None:
        self._seq += 1
        self.widget.show("welcome", dict(self._shape()))

    def _shape(self) -> RunShape:
        rows = list(self._shown.values())
        still = any(row.status == "open" and row.is_question for row in rows)
        return RunShape(
            seq=self._seq, run_id="", graph="Inbox", status="waiting" if still else "succeeded", created_ms=0,
            ended_ms=None, note="" if still else "Nothing waits for an answer.", stored=False, nodes=[],
            edges=[],
            prompts=[self._prompt(n, row) for n, row in enumerate(rows)], messages=[], outputs=[], error=None,
            dot="", svg="",
        )  # fmt: skip

    def _prompt(self, n: int, row: WaitRow) -> PromptShape:
        me, asked = self._host.runtime.me(), row.prompt.model_dump(mode="json")
        return PromptShape(
            token=row.token, node=row.node_id, seq=n, kind=row.kind, prompt=asked,
            state=row.status, deadline_ms=row.deadline_ms, source=row.run_id, problems={},
            reply=None if row.reply is None else reply_shape(asked, row.reply, me),
        )  # fmt: skip
