"""What the store knows of a run: its state, its graph, how it ends without a driver.

Called by the runtime, for runs that this process does not drive (any more).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from aether_nb.engine import sendback
from aether_nb.engine.ports import Append, RunRow, Store
from aether_nb.engine.records import DONE, NodeState
from aether_nb.engine.specs import find_spec
from aether_nb.engine.state import RunState
from aether_nb.events import (
    AnyEvent,
    CancelRequested,
    NodeCancelled,
    RunCancelledEvent,
    RunFailedEvent,
    RunResumed,
    RunStarted,
    WaitWithdrawn,
)
from aether_nb.graph.model import GraphSpec
from aether_nb.ids import NodeId, RunId, Token


def started(store: Store, run_id: RunId) -> RunStarted:
    """How a run began."""
    (first,) = store.events(run_id, of=[RunStarted])
    assert isinstance(first, RunStarted)
    return first


def fold(store: Store, row: RunRow, log: Sequence[AnyEvent] | None = None) -> RunState:
    """The state of a run, from its log (or that part of it) and the graph that it was last driven with."""
    events = store.events(row.run_id) if log is None else log
    spec = find_spec(store, last_spec(events) or row.spec)
    state = RunState(spec or GraphSpec(name=row.graph, kind="function"), lambda key: find_spec(store, key))
    for event in events:
        state.apply(event)
    return state


def cancel_idle(
    store: Store, row: RunRow, kernel: str, by: str, now_us: int, node: NodeId | None,
    abandon: Callable[[Token], None],
) -> bool:  # fmt: skip
    """Cancel an unfinished run that nobody drives, or a node of it, as its driver would; fsynced.

    A node that is not there, or done, is left alone.

    With tools that must be told (`on_cancel`) it is only requested: who drives the run next tells them and ends it.

    Returns:
        False when somebody took the run up meanwhile; nothing was written then.
    """
    claimed = store.claim_runs([(row.run_id, row.fence)], kernel, now_us // 1000)
    if not claimed:
        return False
    fence, over = claimed[0].fence, False
    try:
        state = fold(store, claimed[0])
        if state.final:  # somebody else ended it just before
            over = True
            return True
        seq, begun = state.seq, set(state.half_begun)
        events = _cancelled(state, row.run_id, by, now_us, node)
        if not events:
            return True
        written = Append(row.run_id, kernel, fence, seq, events, state.status)
        if store.append([written], full=True, now_ms=now_us // 1000):
            return False
        over = state.final
        for token in begun.difference(state.half_begun):
            abandon(token)
        return True
    finally:
        if not over:  # it goes on later, or is ended, by whoever takes it up
            store.claim_runs([(row.run_id, fence)], "", now_us // 1000)


def _cancelled(state: RunState, run_id: RunId, by: str, now_us: int, node: NodeId | None) -> list[AnyEvent]:
    """What is to be written so that a run, or a node of it, is cancelled; the state is then as that says."""
    events: list[AnyEvent] = []

    def add(event: Callable[..., AnyEvent], **what: object) -> None:
        events.append(event(run=run_id, seq=state.seq + 1, at_us=now_us, **what))
        state.apply(events[-1])

    def add_cancelled(one: NodeState, by: str = "") -> None:
        if one.wait is not None and one.wait.status == "open":
            add(WaitWithdrawn, node=one.id, token=one.wait.opened.token)
        add(NodeCancelled, node=one.id, by=by)

    if node is None:
        add(CancelRequested, by=by)
        if not state.to_be_told:
            for one in list(state.nodes.values()):
                if one.status not in DONE:
                    add_cancelled(one)
            add(RunCancelledEvent)
    elif node in state.nodes and state.nodes[node].status not in DONE:
        add_cancelled(state.nodes[node], by)
        for one in state.below(node):
            if one.status not in DONE:
                add_cancelled(one)
    return events


def failed_node(store: Store, row: RunRow, state: RunState) -> NodeState | None:
    """The node that a run failed of; else the last one that failed in it."""
    ends = [e for e in store.events(row.run_id, of=[RunFailedEvent]) if isinstance(e, RunFailedEvent)]
    named = state.nodes.get(ends[-1].node) if ends else None
    failed = [node for node in state.nodes.values() if node.status == "failed"]
    return named or (failed[-1] if failed else None)


def why_not_again(row: RunRow, state: RunState, node: NodeState) -> str:
    """Why a node of a run that is over cannot be tried again, in a sentence; empty when it can.

    Args:
        row: the run.
        state: as it is now.
        node: one of its nodes.
    """
    failed = sendback.culprits(state, node)
    if row.status not in {"failed", "succeeded"} or not failed:
        return f"Nothing to retry: run {row.run_id!r} is {row.status}, node {node.id!r} is {node.status}."
    over = row.status == "succeeded"
    gone_on = next(filter(None, (sendback.went_on(state, one, over=over) for one in failed)), None)
    if gone_on is not None:
        return (
            f"Nothing to retry: the function that called {gone_on.label!r} went on without it, and would go "
            "another way with it. run.start_over() begins anew."
        )
    return ""


def ending(row: RunRow) -> str:
    """How and when a run ended, for the note of a handle that finds it so."""
    at = datetime.fromtimestamp(row.updated_ms / 1000).astimezone()
    if row.status == "succeeded":
        return f"finished {at:%H:%M}, stored result"
    return f"{row.status} {at:%H:%M}; run.start_over() begins anew"


def last_spec(events: Sequence[AnyEvent]) -> str:
    """Hex key of the graph that a run was last driven with."""
    return next((e.spec for e in reversed(events) if isinstance(e, (RunResumed, RunStarted)) and e.spec), "")
