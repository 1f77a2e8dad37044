"""Folds the events of one run into the shape that pictures are made of.

`RunView` takes events one at a time, at a cost that does not grow with the graph, and hands out the
whole (`snapshot`, `peek`) or what changed since (`patch`), so that a sender can pour many events into
one message. `patch` remembers what it gave: one view serves one sender. Read `dot.py` next.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Literal

from aether_nb import events as ev
from aether_nb.display.outline import Items, blank
from aether_nb.display.shapes import ErrorShape, NodeShape, OutputShape, PatchShape, ReplyShape, RunShape
from aether_nb.display.table import NodeTable
from aether_nb.display.talk import Files, NoFiles, Talk
from aether_nb.display.words import error_text, sentence, value_text
from aether_nb.graph.model import GraphSpec
from aether_nb.messages import Telling
from aether_nb.prompts import Reply

OUTPUT_CHARS = 2_000
_BROKEN = frozenset({"failed", "skipped"})
_DONE = _BROKEN | {"succeeded", "cancelled"}
_NOT_AT_WORK = _DONE | {"pending"}
_OVER = frozenset({"succeeded", "failed", "cancelled", "blocked"})
"""Run statuses that a retry or a resume leads out of."""


class RunView:
    """One run as pictures see it.

    Args:
        run_id: the run.
        graph: what it runs, when that is known before the first event.
        specs: finds a GraphSpec by its hex key, None when it is not there.
        me: who reads this; answers of that name are said to be "you".
        files: finds the artifacts that messages name.
        listed: whether what is inside the map of that id is listed, too; else it is only counted.
        stored: the run had ended before anybody looks at it here.
    """

    def __init__(
        self,
        run_id: str,
        graph: GraphSpec | None,
        specs: Callable[[str], GraphSpec | None],
        *,
        files: Files = NoFiles(),  # noqa: B008 - there is nothing in it
        me: str = "",
        listed: Callable[[str], bool] = lambda _: False,
        stored: bool = False,
    ) -> None:
        self._run_id = run_id
        self._stored = stored
        self._graph = graph
        self._specs = specs
        self._seq = 0
        self._name = graph.name if graph else ""
        self._status: ev.RunStatus = "running"
        self._created_ms = 0
        self._ended_ms: int | None = None
        self._note = ""
        self._table = NodeTable(listed)
        self._talk = Talk(files, me)
        self._outputs: list[OutputShape] = []
        self._error: ErrorShape | None = None
        self._base = 0
        self._new_fields: set[Literal["status", "note", "outputs", "error"]] = set()
        if graph is not None:
            self._table.grow(graph)

    @property
    def structure(self) -> int:
        """Grows when nodes or edges come or go: the picture needs a new layout."""
        return self._table.structure

    @property
    def base(self) -> int:
        """The event up to which the receiver of patches has been told."""
        return self._base

    @property
    def status(self) -> ev.RunStatus:
        """Where the run stands."""
        return self._status

    # -- in ----------------------------------------------------------------------------------------

    def apply(self, *events: ev.AnyEvent) -> None:
        """Fold events in, in their order. One that is in here already is ignored, so a log may be read twice."""
        for event in events:
            if event.seq <= self._seq:
                continue
            self._seq = event.seq
            fold = _FOLDS.get(type(event))
            if fold is not None:
                fold(self, event)
        if self._status in {"running", "waiting"}:
            self._say_status("waiting" if self._talk.open and not self._table.busy else "running")

    def tell(self, *tellings: Telling) -> None:
        """Show what is being told, so far."""
        for telling in tellings:
            self._talk.tell(telling)

    def note(self, text: str) -> None:
        """Say in one line how this run came here; `""` takes it back."""
        if text != self._note:
            self._note = text
            self._new_fields.add("note")

    def wait_answered(self, token: str, reply: Reply) -> None:
        """Show an answer that the store has accepted before the driver took it into the log."""
        prompt = self._talk.prompts.get(token)
        if prompt is not None and prompt["state"] == "open":
            self._talk.answer(token, reply)

    def list_maps(self, maps: Collection[str], log: Iterable[ev.AnyEvent]) -> None:
        """Have what is inside these maps listed from now on, and of all others counted; pages need the whole again.

        Args:
            maps: their ids.
            log: of the run, from its beginning: what was only counted is told by nothing else.
        """
        other = RunView(self._run_id, None, self._specs, listed=frozenset(maps).__contains__)
        other.apply(*(event for event in log if event.seq <= self._seq))
        other._table.structure += self._table.structure
        self._table = other._table

    # -- out ---------------------------------------------------------------------------------------

    def node(self, node_id: str) -> NodeShape | None:
        """A node as it stands, not a copy; None when it is not listed."""
        return self._table.nodes.get(node_id)

    def reply(self, token: str) -> ReplyShape | None:
        """What was answered to a question, not a copy."""
        prompt = self._talk.prompts.get(token)
        return None if prompt is None else prompt["reply"]

    def holds(self, node_id: str) -> bool:
        """Whether nodes stand inside it that are listed."""
        return self._table.holds(node_id)

    def peek(self) -> RunShape:
        """The whole run as it is now, a copy; what `patch` will say is left as it is."""
        return RunShape(
            seq=self._seq,
            run_id=self._run_id,
            graph=self._name,
            status=self._status,
            created_ms=self._created_ms,
            ended_ms=self._ended_ms,
            note=self._note,
            stored=self._stored,
            nodes=[node.copy() for node in self._table.nodes.values()],
            edges=list(self._table.edges),
            prompts=[prompt.copy() for prompt in self._talk.prompts.values()],
            messages=self._talk.whole_messages(),
            outputs=[output.copy() for output in self._outputs],
            error=self._error and self._error.copy(),
            dot="",
            svg="",
        )

    def snapshot(self) -> RunShape:
        """The whole run, to begin with; `dot` and `svg` are left to the sender. Patches count from here."""
        self._all_told()
        self._table.told()
        return self.peek()

    def patch(self) -> PatchShape | None:
        """What changed since the last `patch` or `snapshot`, each item once; None when nothing did."""
        table, fields = self._table, self._new_fields
        patch = PatchShape(base=self._base, seq=self._seq)
        whole, marks = table.news()
        if whole:
            patch["nodes"] = whole
        if marks:
            patch["marks"] = marks
        if edges := table.new_edges():
            patch["edges"] = edges
        self._talk.add_to(patch)
        if "status" in fields:
            patch["status"] = self._status
            patch["ended_ms"] = self._ended_ms
        if "note" in fields:
            patch["note"] = self._note
        if "outputs" in fields:
            patch["outputs"] = [output.copy() for output in self._outputs]
        if "error" in fields:
            patch["error"] = self._error and self._error.copy()
        if len(patch) == 2:  # base and seq alone
            return None
        self._all_told()
        return patch

    def _all_told(self) -> None:
        self._base = self._seq
        self._talk.told()
        self._new_fields.clear()

    # -- the run -----------------------------------------------------------------------------------

    def _on_run_started(self, event: ev.RunStarted) -> None:
        self._name = event.graph
        self._created_ms = event.at_us // 1000
        if self._graph is None and event.spec:
            self._graph = self._specs(event.spec)
            if self._graph is not None:
                self._table.grow(self._graph)

    def _on_run_resumed(self, event: ev.RunResumed) -> None:
        self._go_on()
        for node_id in sorted(self._table.busy):  # what ran in the dead kernel is back in the queue
            self._say(node_id, "pending", event.at_us // 1000)
        new = self._specs(event.spec) if event.spec else None
        if new is not None and new != self._graph:
            self._graph = new
            if self._table.regrow(new):
                self._base = -1  # a patch cannot take nodes away: pages ask for the whole again

    def _on_run_blocked(self, event: ev.RunBlockedEvent) -> None:
        self._say_status("blocked")
        self._talk.stop()
        self._say_error(ErrorShape(message=event.reason, node="", frames=[], inputs={}))

    def _on_run_finished(self, event: ev.RunFinished) -> None:
        self._outputs = [
            OutputShape(name=name, text=value_text(value, OUTPUT_CHARS))
            for name, value in event.outputs.items()
        ]
        self._new_fields.add("outputs")
        self._end("succeeded", event)

    def _on_run_failed(self, event: ev.RunFailedEvent) -> None:
        error = event.error
        self._say_error(
            ErrorShape(
                message=error_text(error),
                node=event.node,
                frames=list(error.frames),
                inputs=dict(error.inputs),
            )
        )
        self._end("failed", event)

    def _on_run_cancelled(self, event: ev.RunCancelledEvent) -> None:
        self._end("cancelled", event)

    def _end(self, status: ev.RunStatus, event: ev.Event) -> None:
        """Nothing happens any more: what did not get its turn is skipped, what was under way is cut off."""
        self._ended_ms = event.at_us // 1000
        self._say_status(status)
        for node in self._table.nodes.values():
            if node["status"] == "pending" and status != "cancelled":
                self._table.say(node, "skipped", self._ended_ms)
            elif node["status"] in {"pending", "running", "waiting"}:
                self._table.say(node, "cancelled", self._ended_ms)
        for token in sorted(self._talk.open):
            self._talk.close(token, "withdrawn")
        self._talk.stop()

    def _go_on(self) -> None:
        if self._status in _OVER:
            self._ended_ms = None
            self._say_status("running")
            self._say_error(None)
            self._outputs = []
            self._new_fields.add("outputs")

    def _say_status(self, status: ev.RunStatus) -> None:
        if status != self._status:
            self._status = status
            self._new_fields.add("status")

    def _say_error(self, error: ErrorShape | None) -> None:
        self._error = error
        self._new_fields.add("error")

    # -- nodes -------------------------------------------------------------------------------------

    def _on_node_added(self, event: ev.NodeAdded) -> None:
        node_id, table = event.node, self._table
        if node_id not in table.nodes:
            if table.fold(node_id):
                if event.started:
                    self._begin(node_id, 1, event.at_us // 1000)
                return
            self._draw(event)
        elif event.started:
            self._begin(node_id, 1, event.at_us // 1000)
        if event.after:
            table.follow(event.after, node_id)

    def _draw(self, event: ev.NodeAdded) -> None:
        at_ms = event.at_us // 1000
        node = blank(event.node, name=event.name, kind=event.kind, parent=event.parent, label=event.label)
        if event.started:
            node["status"], node["attempt"], node["started_ms"] = "running", 1, at_ms
            self._go_on()
        self._table.add(node)
        if event.started and event.parent:
            self._go_on_around(event.node, at_ms)
        if event.spec or event.each is not None:
            spec = self._specs(event.spec) if event.spec else None
            if spec is not None and event.kind == "graph":
                self._table.grow(spec, event.node)
            if event.each is not None:
                self._table.call_map(event.node, Items(event.each.kind, spec))
        if event.on_failure == "continue":
            self._table.let_go(event.node)

    def _say(self, node_id: str, status: ev.NodeStatus, at_ms: int) -> NodeShape | None:
        """Give a node its status; returns the node, None when it is inside a map, which only counts it."""
        table = self._table
        node = table.nodes.get(node_id)
        if node is None:
            if around := table.fold(node_id):
                table.say_inside(around, node_id, status)
                return None
            node = table.node(node_id)
        table.say(node, status, at_ms)
        return node

    def _go_on_around(self, node_id: str, at_ms: int) -> None:
        """What a node stands inside goes on with it, when it was over and a retry sent it back."""
        nodes = self._table.nodes
        around = nodes[node_id]["parent"] if node_id in nodes else self._table.fold(node_id)
        while (node := nodes.get(around)) is not None and node["status"] in _NOT_AT_WORK:
            self._table.say(node, "running", at_ms)
            node["error"] = ""
            around = node["parent"]

    def _on_node_started(self, event: ev.NodeStarted) -> None:
        at_ms = event.at_us // 1000
        was = self._begin(event.node, event.attempt, at_ms)
        if event.items is not None and was:
            self._table.begin_map(event.node, event.items)
        if was in _BROKEN:
            self._table.revive_below(event.node, at_ms)

    def _begin(self, node_id: str, attempt: int, at_ms: int) -> str:
        """An attempt begins; how the node stood before, empty when it is inside a map, which only counts it."""
        if self._status in _OVER:
            self._go_on()
        node = self._table.nodes.get(node_id)
        was = "pending" if node is None else node["status"]
        if node is None or node["parent"]:
            self._go_on_around(node_id, at_ms)
        node = self._say(node_id, "running", at_ms)
        if node is None:
            return ""
        node["attempt"] = attempt
        node["started_ms"] = at_ms
        node["error"] = ""
        return was

    def _on_branch_taken(self, event: ev.BranchTaken) -> None:
        self._go_on()
        at_ms = event.at_us // 1000
        if self._table.fold(event.node):
            return
        self._table.go(event.node, event.branch, at_ms)
        node = self._table.node(event.node)
        node["attempt"] = max(node["attempt"], 1)
        node["started_ms"] = node["started_ms"] or at_ms

    def _on_node_finished(self, event: ev.NodeFinished) -> None:
        node = self._say(event.node, "succeeded", event.at_us // 1000)
        if node is not None:
            node["error"] = ""

    def _on_node_failed(self, event: ev.NodeFailed) -> None:
        at_ms = event.at_us // 1000
        final = event.retry_at_us is None
        node = self._say(event.node, "failed" if final else "pending", at_ms)
        if node is None:
            return
        node["attempt"] = event.attempt
        node["error"] = sentence(error_text(event.error))
        if final:
            self._table.skip_below(event.node, at_ms)

    def _on_node_retried(self, event: ev.NodeRetried) -> None:
        self._go_on()
        at_ms = event.at_us // 1000
        node = self._say(event.node, "pending", at_ms)
        if node is not None:
            self._table.revive_below(event.node, at_ms)
        around = self._table.fold(event.node) or (node["parent"] if node is not None else "")
        while around in self._table.nodes:
            parent = self._table.nodes[around]
            if parent["status"] in _DONE:
                self._table.say(parent, "running", at_ms)
                parent["error"] = ""
                self._table.revive_below(around, at_ms)
            around = parent["parent"]

    def _on_node_cancelled(self, event: ev.NodeCancelled) -> None:
        at_ms = event.at_us // 1000
        node = self._say(event.node, "cancelled", at_ms)
        if event.by and node is not None:
            node["error"] = f"cancelled by {event.by}"
            self._table.skip_below(event.node, at_ms)

    # -- prompts and messages ----------------------------------------------------------------------

    def _on_wait_opened(self, event: ev.WaitOpened) -> None:
        self._go_on()
        at_ms = event.at_us // 1000
        self._go_on_around(event.node, at_ms)
        node = self._say(event.node, "waiting", at_ms)
        if node is not None:
            node["attempt"] = max(node["attempt"], 1)
            node["started_ms"] = node["started_ms"] or at_ms
        self._talk.ask(event)

    def _on_reply_taken(self, event: ev.ReplyTaken) -> None:
        self._talk.open.discard(event.token)
        self._talk.answer(event.token, event.reply)
        self._say(event.node, "running", event.at_us // 1000)

    def _on_reply_rejected(self, event: ev.ReplyRejected) -> None:
        self._talk.reject(event)
        self._say(event.node, "waiting", event.at_us // 1000)

    def _on_wait_expired(self, event: ev.WaitExpired) -> None:
        self._talk.close(event.token, "expired")
        self._say(event.node, "running", event.at_us // 1000)

    def _on_wait_withdrawn(self, event: ev.WaitWithdrawn) -> None:
        self._talk.close(event.token, "withdrawn")
        if self._table.fold(event.node) or self._table.node(event.node)["status"] == "waiting":
            self._say(event.node, "cancelled", event.at_us // 1000)

    def _on_wait_polled(self, event: ev.WaitPolled) -> None:
        if not event.begun:
            self._say_problem(event.node, event.problem)

    def _on_withdrawal_told(self, event: ev.WithdrawalTold) -> None:
        if event.problem and not self._table.node(event.node)["error"]:
            self._say_problem(event.node, f"on_cancel: {event.problem}")

    def _say_problem(self, node_id: str, problem: str) -> None:
        """Show at a node what its tool raised while it waits, or take that back."""
        node = self._table.node(node_id)
        if node["error"] != sentence(problem):
            node["error"] = sentence(problem)
            self._table.changed[node_id] = None

    def _on_message_sent(self, event: ev.MessageSent) -> None:
        self._talk.say(event)


_FOLDS: Mapping[type, Callable[[RunView, Any], None]] = {
    ev.RunStarted: RunView._on_run_started,
    ev.RunResumed: RunView._on_run_resumed,
    ev.RunBlockedEvent: RunView._on_run_blocked,
    ev.RunFinished: RunView._on_run_finished,
    ev.RunFailedEvent: RunView._on_run_failed,
    ev.RunCancelledEvent: RunView._on_run_cancelled,
    ev.NodeAdded: RunView._on_node_added,
    ev.NodeStarted: RunView._on_node_started,
    ev.BranchTaken: RunView._on_branch_taken,
    ev.NodeFinished: RunView._on_node_finished,
    ev.NodeFailed: RunView._on_node_failed,
    ev.NodeRetried: RunView._on_node_retried,
    ev.NodeCancelled: RunView._on_node_cancelled,
    ev.WaitOpened: RunView._on_wait_opened,
    ev.ReplyTaken: RunView._on_reply_taken,
    ev.ReplyRejected: RunView._on_reply_rejected,
    ev.WaitExpired: RunView._on_wait_expired,
    ev.WaitWithdrawn: RunView._on_wait_withdrawn,
    ev.WaitPolled: RunView._on_wait_polled,
    ev.WithdrawalTold: RunView._on_withdrawal_told,
    ev.MessageSent: RunView._on_message_sent,
}
"""By event; the others change nothing that a page shows."""
