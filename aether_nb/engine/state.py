"""A run as a fold over its events: `apply(event) -> commands`. Synchronous, no I/O, no clock.

The driver appends every event here and to the log; loading a run is applying its log and then
asking `resume()` what is left to do. Nodes stand in frames: a frame is a static graph that runs
(the run's own, or a node that is a graph), see `frames.py`. What a body calls (a graph function's, or a
tool's) stands in that body's journal instead. The cost of an event is what it touches, never the size of
the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from aether_nb.engine import crashing, sendback
from aether_nb.engine.commands import (
    AttachWait,
    Command,
    FinishFrame,
    RetryNode,
    RunStageB,
    Settle,
    StartNode,
    TakeSecret,
    TimeOut,
)
from aether_nb.engine.failures import cancelled_by
from aether_nb.engine.frames import Frames
from aether_nb.engine.records import DONE, Entry, Frame, JournalLog, NodeState, WaitState, identity
from aether_nb.events import (
    FINAL,
    AnyEvent,
    BranchTaken,
    CallInserted,
    CallRecorded,
    CallReworded,
    CancelRequested,
    ErrorInfo,
    JournalLeftover,
    MessageSent,
    NodeAdded,
    NodeCancelled,
    NodeEvent,
    NodeFailed,
    NodeFinished,
    NodeRetried,
    NodeStarted,
    NodeStatus,
    ReplyRejected,
    ReplyTaken,
    RunBlockedEvent,
    RunCancelledEvent,
    RunFailedEvent,
    RunFinished,
    RunResumed,
    RunStarted,
    RunStatus,
    WaitExpired,
    WaitOpened,
    WaitPolled,
    WaitStatus,
    WaitWithdrawn,
    WithdrawalTold,
)
from aether_nb.facts import replace
from aether_nb.graph.model import GraphSpec
from aether_nb.ids import ROOT, NodeId, Token
from aether_nb.prompts import Reply

_LOST = 200  # more events than the log trails by: what a crash takes away


class RunState:
    """The fold. One instance per run in memory; used by the driver, and to look at any run's log.

    Args:
        spec: the graph as the code has it now; nodes are known by id, so that an edited graph keeps what
            is done.
        specs: finds a GraphSpec by hex key, for static graphs that a body called.

    Attributes:
        open_waits: how many questions are open.
    """

    def __init__(self, spec: GraphSpec, specs: Callable[[str], GraphSpec | None]) -> None:
        self.spec = spec
        self._specs = specs
        self.seq = 0
        self.inputs: Mapping[str, Any] = {}
        self.priority = 0
        self.nodes: dict[NodeId, NodeState] = {}
        self.frames = Frames(self.nodes)
        self.journals: dict[NodeId, JournalLog] = {}
        self.waits: dict[Token, WaitState] = {}
        self.outputs: dict[str, Any] | None = None
        self.error: ErrorInfo | None = None
        self.failed_node: NodeId = ROOT
        self.blocked: RunBlockedEvent | None = None
        self.cancel_requested = False
        self.changed: tuple[str, ...] = ()
        self._final: RunStatus | None = None
        self.by_call: dict[NodeId, Entry] = {}
        self._running = 0
        self._resumed_at = 0
        self._made_us = 0
        self._began_us: int | None = None
        """When the last life of the kernel in this run began; None when none has, as in a new fork."""
        self.open_waits = 0

    @property
    def status(self) -> RunStatus:
        """Where the run stands after the last event."""
        if self._final is not None:
            return self._final
        if self.blocked:
            return "blocked"
        return "waiting" if self.open_waits and not self._running else "running"

    @property
    def final(self) -> bool:
        """Whether nothing can happen any more."""
        return self._final in FINAL

    @property
    def may_have_crashed_here(self) -> bool:
        """Whether an earlier life of the kernel may have come this far, and died before that was in the log."""
        return self._resumed_at > 0 and self.seq - self._resumed_at <= _LOST

    def apply(self, event: AnyEvent) -> list[Command]:
        """Take one event in and say what it makes due. Events come in the order of the log."""
        self.seq = event.seq
        return _FOLDS[type(event)](self, event)

    def resume(self) -> list[Command]:
        """What is left to do after the log was applied in a new kernel, for a static graph.

        For a graph function it is running its body again; the driver does that.
        """
        frame = self.frames.get(ROOT)
        return [] if frame is None or self.final else self.resume_frame(frame)

    def resume_frame(self, frame: Frame) -> list[Command]:
        """What is left to do in a static graph or map."""
        if frame.unfinished == 0:
            return [self.frames.close(frame)]
        return [command for node in self.frames.due(frame) for command in self.resume_node(node)]

    def resume_node(self, node: NodeState) -> list[Command]:
        """What is left to do for one node that has no outcome yet."""
        if node.retry_at_us is not None:
            return [RetryNode(node.id, node.retry_at_us)]
        return self.next_attempt(node)

    def next_attempt(self, node: NodeState) -> list[Command]:
        """The same, with no regard to the pause that it may be in."""
        if node.branch is not None:
            return [FinishFrame(node.id)]
        wait = node.wait
        if wait is not None:
            if wait.status == "open":
                return [AttachWait(node.id)]
            if wait.status == "answered" and wait.reply is not None:
                return [TakeSecret(node.id) if node.asked_again else RunStageB(node.id, wait.reply)]
            if wait.status == "expired":
                return self._after_expiry(node, wait)
        frame = self.frames.get(node.id)
        if frame is None or frame.items is not None:  # whoever starts a map looks at its list again
            return [StartNode(node.id)]
        return self.resume_frame(frame)

    def below(self, node: NodeId) -> list[NodeState]:
        """Every node that stands inside this one, deepest last."""
        found: list[NodeState] = []
        heap = [node]
        while heap:
            inside = self._inside(heap.pop())
            found += [self.nodes[n] for n in inside]
            heap += inside
        return found

    def origin(self, node: NodeState) -> NodeState:
        """Where the failure of a node comes from: itself, or a node inside whose failure passed through it."""
        inside = (self.nodes[n] for n in self._inside(node.id))
        cause = next(
            (n for n in inside if n.status in {"failed", "cancelled"} and n.error == node.error), None
        )
        return node if cause is None else self.origin(cause)

    @property
    def to_be_told(self) -> list[WaitState]:
        """The waits whose tools must hear that they are withdrawn, now or when that happens."""
        waits = (w for w in self.waits.values() if w.opened.on_cancel and not w.told)
        return [w for w in waits if w.status in {"open", "withdrawn"}]

    @property
    def half_begun(self) -> list[Token]:
        """What the waits would have been called whose Stage A has begun, here or in an earlier life, and not ended."""
        return [n.token for n in self.nodes.values() if n.token is not None and n.status not in DONE]

    def is_gone(self, node: NodeState) -> bool:
        """Whether only the log knows the node: the graph has been edited, and it is not in it any more."""
        return node.spec is None and node.added is None

    def _inside(self, node: NodeId) -> list[NodeId]:
        frame, log = self.frames.get(node), self.journals.get(node)
        inside = [] if frame is None else [*frame.missing]
        return inside + [e.node for e in (log.entries if log is not None else ()) if e.node is not None]

    def inputs_of(self, node: NodeState) -> dict[str, Any]:
        """The encoded inputs of a node, by name."""
        if node.added is not None:
            return dict(node.added.inputs)
        if node.spec is None:
            return {}
        frame = self.frames[node.parent]
        inputs = {name: self.frames.resolve(frame, expr) for name, expr in node.spec.inputs.items()}
        return inputs if node.item is None else {**inputs, **node.item}

    # -- runs ------------------------------------------------------------------------------------

    def _on_run_started(self, event: RunStarted) -> list[Command]:
        self.inputs, self.priority = event.inputs, event.priority
        self._made_us, self._began_us = event.at_us, None if event.forked_from else event.at_us
        if self.spec.kind == "function":
            return []
        added = {p.name: p.default for p in self.spec.inputs if not p.required}  # since the run was started
        return self.frames.open(ROOT, self.spec, {**added, **event.inputs})

    def _on_run_resumed(self, event: RunResumed) -> list[Command]:
        self.changed = tuple(dict.fromkeys((*self.changed, *event.changed)))  # the journal stays mixed
        self._resumed_at = event.seq
        if self.blocked:
            crashing.forget(self)
        elif self._began_us is not None:
            crashing.count(self, self._began_us)
        if event.at_us >= self._made_us:  # else it is of the run that this one was forked from
            self._began_us = event.at_us
        self.blocked = None
        return []

    def _on_cancel_requested(self, event: CancelRequested) -> list[Command]:  # noqa: ARG002
        self.cancel_requested = True
        return []

    def _on_run_blocked(self, event: RunBlockedEvent) -> list[Command]:
        self.blocked = event
        return []

    def _on_run_finished(self, event: RunFinished) -> list[Command]:
        self.outputs = event.outputs
        self._final = "succeeded"
        return []

    def _on_run_failed(self, event: RunFailedEvent) -> list[Command]:
        self.error, self.failed_node = event.error, event.node
        self._final = "failed"
        return []

    def _on_run_cancelled(self, event: RunCancelledEvent) -> list[Command]:  # noqa: ARG002
        self._final = "cancelled"
        return []

    # -- nodes -----------------------------------------------------------------------------------

    def _node(self, event: NodeEvent) -> NodeState:
        node = self.nodes.get(event.node)
        if node is None:  # recorded by code that has since been edited away
            node = NodeState(event.node, event.node, "tool", ROOT, label=event.node)
            self.nodes[event.node] = node
        return node

    def set_status(self, node: NodeState, status: NodeStatus) -> None:
        """Give a node its status, and count what computes."""
        leaf = node.kind in {"tool", "ask", "wait"}
        self._running += leaf * ((status == "running") - (node.status == "running"))
        node.status = status
        node.at_work = leaf and status == "running"

    def _on_node_added(self, event: NodeAdded) -> list[Command]:
        node = NodeState(
            event.node, event.name, event.kind, event.parent, label=event.label or event.name, added=event
        )
        self.nodes[event.node] = node
        entry = self.by_call[event.node] = Entry(event.call, event.node, inputs=event.inputs)
        self.journal(event.parent).entries.append(entry)
        if event.started:
            node.attempt, node.started_us = 1, event.at_us
            self.set_status(node, "running")
        return []

    def journal(self, body: NodeId) -> JournalLog:
        """The journal of a body, made when there is none yet."""
        log = self.journals.get(body)
        if log is None:
            log = self.journals[body] = JournalLog()
        return log

    def _on_node_started(self, event: NodeStarted) -> list[Command]:
        node = self._node(event)
        node.attempt, node.token = event.attempt, event.token
        node.started_us = node.started_us or event.at_us
        node.error, node.retry_at_us = None, None
        self.set_status(node, "running")
        if node.kind == "map" and event.items is not None:
            spec = GraphSpec(name=node.name, kind="static", subgraphs=dict(self._graphs_of(node)))
            return self.resume_frame(self.frames.open_map(node, event.items, spec, self.inputs_of(node)))
        if node.kind != "graph" or node.id in self.frames:
            return []
        node.item = event.item
        graph = self._graphs_of(node).get(node.name)
        return [] if graph is None else self.frames.open(node.id, graph, self.inputs_of(node))

    def _graphs_of(self, node: NodeState) -> Mapping[str, GraphSpec]:
        """Has the graph that a node, or each item of a map, stands for, by name."""
        if node.added is not None:
            spec = self._specs(node.added.spec) if node.added.spec else None
            return {} if spec is None else {node.name: spec}
        frame = self.frames.get(node.parent)
        return {} if frame is None else frame.spec.subgraphs

    def _on_branch_taken(self, event: BranchTaken) -> list[Command]:
        node = self._node(event)
        node.attempt = max(node.attempt, 1)
        node.started_us = node.started_us or event.at_us
        node.branch = event.branch
        self.set_status(node, "running")
        return [] if node.spec is None else self.frames.take(node)

    def _on_node_finished(self, event: NodeFinished) -> list[Command]:
        node = self._node(event)
        again, node.outputs, node.ended_us = node.asked_again, event.outputs, event.at_us
        if node.kind == "map" and node.id in self.frames:
            node.outputs = self.frames.outputs(node.id)
        self.set_status(node, "succeeded")
        return [Settle(node.id)] if again else self._outcome(node, "ok")

    def _on_node_failed(self, event: NodeFailed) -> list[Command]:
        node = self._node(event)
        node.error, node.ended_us = event.error, event.at_us
        node.failures += 1
        if event.retry_at_us is not None:
            self.set_status(node, "pending")
            node.retry_at_us = event.retry_at_us
            sendback.forget_failures(self, node)
            # a call that has not got as far as a wait is tried again by the code that makes it
            return [] if node.spec is None and node.wait is None else self.resume_node(node)
        self.set_status(node, "failed")
        return self._outcome(node, "failed")

    def _on_node_cancelled(self, event: NodeCancelled) -> list[Command]:
        node = self._node(event)
        node.ended_us = event.at_us
        self.set_status(node, "cancelled")
        if event.by:
            node.error = cancelled_by(event.by)
        return self._outcome(node, "failed" if event.by else "cancelled")

    def _on_node_retried(self, event: NodeRetried) -> list[Command]:
        node = self._node(event)
        self._final, self.error, self.failed_node, self.outputs = None, None, ROOT, None
        sendback.send_back(self, node)
        return []

    def _outcome(self, node: NodeState, outcome: Literal["ok", "failed", "cancelled"]) -> list[Command]:
        entry = self.by_call.get(node.id)
        if entry is not None and entry.outcome is None:
            entry.outcome = outcome
            self.journals[node.parent].outcomes.append(entry)
        settle = Settle(node.id)
        if node.asked_again and outcome != "ok":  # what came of its outcome stands
            return [settle]
        return [settle] if node.spec is None else [settle, *self.frames.advance(node)]

    def _on_recorded(self, event: MessageSent | CallRecorded) -> list[Command]:
        entry = Entry(event.call, None, outcome="ok")
        if isinstance(event, CallRecorded):
            entry.value = event.value
        elif event.telling:
            entry.value, entry.error = event.message.text, event.error
            entry.outcome = "ok" if event.error is None else "failed"
        log = self.journal(event.node)
        log.entries.append(entry)
        log.outcomes.append(entry)
        return []

    def _on_call_inserted(self, event: CallInserted) -> list[Command]:
        self.journals[event.node].inserted[identity(event.call)] = None
        return []

    def _on_call_reworded(self, event: CallReworded) -> list[Command]:
        was = identity(event.was)
        for entry in self.journals[event.node].entries:
            if identity(entry.call) == was:
                entry.call, entry.inputs = event.call, event.inputs
                node = None if entry.node is None else self.nodes[entry.node]
                if event.inputs is not None and node is not None and node.added is not None:
                    node.added = replace(node.added, inputs=event.inputs)
        return []

    def _on_journal_leftover(self, event: JournalLeftover) -> list[Command]:
        gone = {identity(call) for call in event.calls}
        for entry in self.journals[event.node].entries:
            entry.left = entry.left or identity(entry.call) in gone
        return []

    # -- waits -----------------------------------------------------------------------------------

    def _on_wait_opened(self, event: WaitOpened) -> list[Command]:
        node = self._node(event)
        node.attempt = max(node.attempt, 1)
        node.started_us = node.started_us or event.at_us
        node.retry_at_us = None
        node.wait, node.token = WaitState(event), None
        self.waits[event.token] = node.wait
        self.open_waits += 1
        self.set_status(node, "waiting")
        return []

    def _on_reply_taken(self, event: ReplyTaken) -> list[Command]:
        node, wait = self._node(event), self.waits[event.token]
        self._close_wait(wait, "answered")
        wait.reply = event.reply
        self.set_status(node, "running")
        return [TakeSecret(node.id) if node.asked_again else RunStageB(node.id, event.reply)]

    def _on_reply_rejected(self, event: ReplyRejected) -> list[Command]:
        node, wait = self._node(event), self.waits[event.token]
        wait.status, wait.reply = "open", None
        self.open_waits += 1
        self.set_status(node, "waiting")
        return []

    def _on_wait_expired(self, event: WaitExpired) -> list[Command]:
        node, wait = self._node(event), self.waits[event.token]
        self._close_wait(wait, "expired")
        self.set_status(node, "running")
        return self._after_expiry(node, wait)

    def _on_wait_withdrawn(self, event: WaitWithdrawn) -> list[Command]:
        self._close_wait(self.waits[event.token], "withdrawn")
        return []

    def _on_wait_polled(self, event: WaitPolled) -> list[Command]:
        wait = self.waits[event.token]
        wait.looking = event.begun
        if event.begun:
            return []
        wait.wary, wait.crashes = False, 0
        wait.polls, wait.next_poll_us = event.n, event.next_at_us
        wait.failed_polls = wait.failed_polls + 1 if event.problem else 0
        return []

    def _on_withdrawal_told(self, event: WithdrawalTold) -> list[Command]:
        self.waits[event.token].told = True
        return []

    def took_default(self, wait: WaitState) -> bool:
        """Whether nobody answered in time, and that is an answer."""
        return wait.status == "expired" and wait.opened.has_default

    def _close_wait(self, wait: WaitState, status: WaitStatus) -> None:
        self.open_waits -= wait.status == "open"
        wait.status, wait.looking, wait.crashes = status, False, 0

    def _after_expiry(self, node: NodeState, wait: WaitState) -> list[Command]:
        if not wait.opened.has_default:
            return [TimeOut(node.id)]
        deadline = wait.opened.deadline_ms or 0
        return [RunStageB(node.id, Reply(value=wait.opened.default, door="default", at_ms=deadline))]


_FOLDS: Mapping[type[Any], Callable[[RunState, Any], list[Command]]] = {
    RunStarted: RunState._on_run_started,
    RunResumed: RunState._on_run_resumed,
    NodeAdded: RunState._on_node_added,
    NodeStarted: RunState._on_node_started,
    BranchTaken: RunState._on_branch_taken,
    NodeFinished: RunState._on_node_finished,
    NodeFailed: RunState._on_node_failed,
    NodeRetried: RunState._on_node_retried,
    NodeCancelled: RunState._on_node_cancelled,
    WaitOpened: RunState._on_wait_opened,
    ReplyTaken: RunState._on_reply_taken,
    ReplyRejected: RunState._on_reply_rejected,
    WaitExpired: RunState._on_wait_expired,
    WaitWithdrawn: RunState._on_wait_withdrawn,
    WaitPolled: RunState._on_wait_polled,
    WithdrawalTold: RunState._on_withdrawal_told,
    MessageSent: RunState._on_recorded,
    CallRecorded: RunState._on_recorded,
    CallInserted: RunState._on_call_inserted,
    CallReworded: RunState._on_call_reworded,
    JournalLeftover: RunState._on_journal_leftover,
    CancelRequested: RunState._on_cancel_requested,
    RunBlockedEvent: RunState._on_run_blocked,
    RunFinished: RunState._on_run_finished,
    RunFailedEvent: RunState._on_run_failed,
    RunCancelledEvent: RunState._on_run_cancelled,
}
"""By event. One table for all runs: one of bound methods in each would be most of what a waiting run is made of."""
