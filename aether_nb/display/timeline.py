"""When each node of a run did what: a fold over its events, into the bars of a Gantt chart.

A page asks for it while it shows one: `since` gives the rows that changed, so that a run of many nodes does
not travel whole each time. Names and places of the nodes are those of a `RunView` in which every map is
listed. The sums of the same times are `engine/metrics.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aether_nb import events as ev
from aether_nb.display.shapes import BarKind, BarShape, RowShape, TimelineShape
from aether_nb.display.view import RunView
from aether_nb.graph.model import GraphSpec

_GROUPS = frozenset({"graph", "fn", "map", "when"})


class _Row:
    """One node in the making."""

    __slots__ = ("answered", "bars", "open", "seq")

    def __init__(self) -> None:
        self.bars: list[BarShape] = []
        self.open: BarKind | None = None
        """What the last bar is, while it goes on."""
        self.answered = False
        """It is in its second half, which begins again by itself in the next kernel."""
        self.seq = 0

    def begin(self, kind: BarKind, at_ms: int) -> None:
        self.end(at_ms)
        self.bars.append((kind, at_ms, None))
        self.open = kind

    def end(self, at_ms: int, *, queued_ms: int = 0) -> None:
        """End what goes on; the first `queued_ms` of it there was no place."""
        if self.open is None:
            return
        kind, from_ms, _ = self.bars.pop()
        at_ms = max(at_ms, from_ms)  # an answer may be older than its question
        begun = min(from_ms + queued_ms, at_ms)
        if begun > from_ms:
            self.bars.append(("queued", from_ms, begun))
        if at_ms > begun or begun == from_ms:
            self.bars.append((kind, begun, at_ms))
        self.open = None


class Timeline:
    """The fold. Feed it the events of one run in order, then read `since`.

    Args:
        run_id: the run.
        specs: finds a GraphSpec by its hex key, None when it is not there.
        graph: what it runs, when its events name none that `specs` knows.
    """

    def __init__(
        self, run_id: str, specs: Callable[[str], GraphSpec | None], graph: GraphSpec | None = None
    ) -> None:
        self._view = RunView(run_id, graph, specs, listed=lambda _: True)
        self._rows: dict[str, _Row] = {}
        self._seq = 0
        self._at_ms = 0
        self._from_ms = 0

    def apply(self, *events: ev.AnyEvent) -> None:
        """Fold events in, in their order."""
        self._view.apply(*events)
        for event in events:
            self._seq, at_ms = event.seq, event.at_us // 1000
            self._from_ms = self._from_ms or at_ms
            fold = _FOLDS.get(type(event))
            if fold is not None:
                fold(self, event, at_ms)
            self._at_ms = at_ms

    def since(self, seq: int = 0, in_line: Mapping[str, int] | None = None) -> TimelineShape:
        """What changed after that event: whole rows, to be put in place of those with the same id.

        Args:
            seq: of the last event that the receiver has.
            in_line: nodes that stand ready without a place, and since when, in milliseconds; no event tells of them.
        """
        rows = [self._shape(node_id, row) for node_id, row in self._rows.items() if row.seq > seq]
        for node_id, since_ms in (in_line or {}).items():
            row = self._rows.get(node_id) or _Row()
            if row.open is None:
                shape = self._shape(node_id, row)
                shape["bars"].append(("queued", since_ms, None))
                rows.append(shape)
        return TimelineShape(seq=self._seq, from_ms=self._from_ms, rows=rows)

    def _shape(self, node_id: str, row: _Row) -> RowShape:
        node = self._view.node(node_id)
        parent = node["parent"] if node else ""
        return RowShape(
            id=node_id,
            label=node["label"] if node else node_id,
            parent=parent,
            group=node is not None and (node["kind"] in _GROUPS or self._view.holds(node_id)),
            status=node["status"] if node else "pending",
            bars=list(row.bars),
        )

    def _row(self, node_id: str) -> _Row:
        row = self._rows.get(node_id)
        if row is None:
            row = self._rows[node_id] = _Row()
        row.seq = self._seq
        return row

    # -- events ----------------------------------------------------------------------------------

    def _on_run_resumed(self, event: ev.RunResumed, at_ms: int) -> None:  # noqa: ARG002 - all are folded alike
        for node_id, row in self._rows.items():
            if row.open == "computing":  # what the dead kernel did after its last event is not known
                self._row(node_id).end(self._at_ms)
                if row.answered:
                    row.begin("computing", at_ms)

    def _on_run_over(self, event: ev.Event, at_ms: int) -> None:  # noqa: ARG002
        for node_id, row in self._rows.items():
            if row.open is not None:
                self._row(node_id).end(at_ms)

    def _on_node_added(self, event: ev.NodeAdded, at_ms: int) -> None:
        if event.started:
            self._row(event.node).begin("computing", at_ms)
        if event.parent in self._rows:
            self._row(event.parent)  # it is a group now

    def _on_node_started(self, event: ev.NodeStarted, at_ms: int) -> None:
        row = self._row(event.node)
        row.end(at_ms)
        if event.queued_ms:
            row.bars.append(("queued", at_ms - event.queued_ms, at_ms))
        row.answered = False
        row.begin("computing", at_ms)

    def _on_branch_taken(self, event: ev.BranchTaken, at_ms: int) -> None:
        self._row(event.node).begin("computing", at_ms)

    def _on_attempt_over(self, event: ev.NodeFinished | ev.NodeFailed, at_ms: int) -> None:
        row = self._row(event.node)
        row.end(at_ms, queued_ms=event.queued_ms)
        row.answered = False

    def _on_node_over(self, event: ev.NodeCancelled | ev.WaitWithdrawn, at_ms: int) -> None:
        self._row(event.node).end(at_ms)

    def _on_wait_opened(self, event: ev.WaitOpened, at_ms: int) -> None:
        self._row(event.node).begin("outside" if event.prompt.kind == "callback" else "waiting", at_ms)

    def _on_reply_taken(self, event: ev.ReplyTaken, at_ms: int) -> None:
        row = self._row(event.node)
        row.end(min(event.reply.at_ms or at_ms, at_ms))
        row.answered = True
        row.begin("computing", at_ms)

    def _on_reply_rejected(self, event: ev.ReplyRejected, at_ms: int) -> None:
        row = self._row(event.node)
        row.answered = False
        row.begin("waiting", at_ms)

    def _on_wait_expired(self, event: ev.WaitExpired, at_ms: int) -> None:
        row = self._row(event.node)
        row.answered = True
        row.begin("computing", at_ms)


_FOLDS: dict[type[ev.Event], Callable[[Timeline, Any, int], None]] = {
    ev.RunResumed: Timeline._on_run_resumed,
    ev.RunFinished: Timeline._on_run_over,
    ev.RunFailedEvent: Timeline._on_run_over,
    ev.RunCancelledEvent: Timeline._on_run_over,
    ev.RunBlockedEvent: Timeline._on_run_over,
    ev.NodeAdded: Timeline._on_node_added,
    ev.NodeStarted: Timeline._on_node_started,
    ev.BranchTaken: Timeline._on_branch_taken,
    ev.NodeFinished: Timeline._on_attempt_over,
    ev.NodeFailed: Timeline._on_attempt_over,
    ev.NodeCancelled: Timeline._on_node_over,
    ev.WaitOpened: Timeline._on_wait_opened,
    ev.ReplyTaken: Timeline._on_reply_taken,
    ev.ReplyRejected: Timeline._on_reply_rejected,
    ev.WaitExpired: Timeline._on_wait_expired,
    ev.WaitWithdrawn: Timeline._on_node_over,
}
