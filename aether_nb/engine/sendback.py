"""Sending back what failed: the outcome of a node, and what came of it, do not count any more.

Part of `state.py`, for the rare events that undo something; as pure as that. A node of a static graph takes
along what needs it, and the graphs around it what needs them. A call of a body goes on from its journal: only
what the body has not gone on from can be sent back (`went_on`). What was cut short by the failure, or when the
graph around it was cancelled, goes on with it.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from aether_nb.engine.records import DONE, NodeState
from aether_nb.ids import NodeId

if TYPE_CHECKING:
    from aether_nb.engine.state import RunState


def culprits(state: RunState, node: NodeState) -> list[NodeState]:
    """The failed nodes by which a node failed, or came to less than it might: itself, or some inside it."""
    lost = node.error is not None and node.status in {"failed", "cancelled"}
    frame = state.frames.get(node.id)
    if frame is None:  # what failed in the body of a tool is forgotten with it
        return [state.origin(node) if node.kind == "fn" else node] if lost else []
    inside = [culprit for n in frame.missing for culprit in culprits(state, state.nodes[n])]
    return inside or ([node] if lost else [])


def went_on(state: RunState, node: NodeState, *, over: bool = False) -> NodeState | None:
    """The call, at a node or around it, with whose outcome a body has gone on: it cannot get another.

    Args:
        state: the run.
        node: the node.
        over: whether the body that made the outermost call returned.
    """
    at: NodeState | None = node
    while at is not None:
        if at.added is not None and (over or at.status == "succeeded" or at.on_failure != "fail"):
            return at
        at = state.nodes.get(at.parent)
    return None


def send_back(state: RunState, node: NodeState) -> None:
    """Send a node back, or what failed inside it, and with it all around it and all that came of it."""
    again = {n.id: n for n in culprits(state, node) or [node]}
    for one in {**again, node.id: node}.values():
        one.generation += 1
        _begin_anew(state, one)
    while again:
        around: dict[NodeId, list[NodeState]] = {}
        for one in again.values():
            if state.nodes.get(one.id) is one:  # else it stood inside something that begins anew
                around.setdefault(one.parent, []).append(one)
        for parent, nodes in around.items():
            _send_back_in(state, parent, nodes)
        again = {p: state.nodes[p] for p in around if p in state.nodes}


def _begin_anew(state: RunState, node: NodeState) -> None:
    """A node has none of its attempts behind it; what was cut short inside it goes on."""
    node.failures, node.token = 0, None
    if node.wait is not None and node.wait.status != "answered" and not state.took_default(node.wait):
        node.wait = None  # it is asked again; a reply that came is kept, and Stage B has it again
    forget_failures(state, node)
    if _cut_short(state, node.id, []):
        _send_back_in(state, node.id, [])


def _cut_short(state: RunState, at: NodeId, nodes: list[NodeState]) -> list[NodeState]:
    """What stands right inside a node, and was cancelled because that was, or because its body ended.

    Args:
        state: the run.
        at: the node.
        nodes: calls of its body that are sent back: what was cancelled after them came of them. What was cancelled
            last is cut short, too, when there are none, or when the node itself was cancelled.
    """
    frame, log = state.frames.get(at), state.journals.get(at)
    if frame is not None:
        inside = [state.nodes[n] for n in frame.missing]
        return [n for n in inside if n.status == "cancelled" and n.error is None and n not in nodes]
    if log is None:
        return []
    sent = {node.id for node in nodes}
    cut = [*itertools.dropwhile(lambda e: e.node not in sent, log.outcomes)]
    whole = state.nodes.get(at)  # None for the run
    if not nodes or (whole is not None and whole.status == "cancelled"):
        cut += itertools.takewhile(lambda e: e.outcome == "cancelled", reversed(log.outcomes))
    found = dict.fromkeys(e.node for e in cut if e.outcome == "cancelled" and not e.left)
    return [state.nodes[node] for node in found if node is not None and node not in sent]


def forget_failures(state: RunState, node: NodeState) -> None:
    """What the body of a tool called and was not given is called anew by its next attempt."""
    log = state.journals.get(node.id)
    if log is None or node.kind == "fn":
        return
    for entry in log.entries:
        if entry.outcome in {"failed", "cancelled"} and entry.node is not None and not entry.left:
            inner = state.nodes[entry.node]
            inner.wait = None
            _take_back(state, inner)


def _send_back_in(state: RunState, parent: NodeId, nodes: list[NodeState]) -> None:
    """The outcomes of these nodes, which stand in `parent`, do not count any more; nor what came of them."""
    cut = _cut_short(state, parent, nodes)
    for node in cut:
        _begin_anew(state, node)
    nodes = [*nodes, *cut]
    for node in nodes:
        if node.status in DONE:
            _take_back(state, node)
    frame = state.frames.get(parent)
    if frame is None:
        return
    again, joins = state.frames.after(frame, [node for node in nodes if node.spec is not None])
    for node in again:
        node.generation += node.attempt > 0
        node.failures, node.wait, node.token = 0, None, None
        for one in state.below(node.id):
            state.set_status(one, "cancelled")
            del state.nodes[one.id]
            _forget_inside(state, one.id)
        _forget_inside(state, node.id)
        _take_back(state, node)
    for node in joins:
        state.set_status(node, "running")
        node.outputs, node.ended_us = None, None
    state.frames.recount(frame)


def _take_back(state: RunState, node: NodeState) -> None:
    state.set_status(node, "running" if node.id in state.frames else "pending")
    node.outputs, node.error, node.ended_us, node.retry_at_us, node.branch = None, None, None, None, None
    entry = state.by_call.get(node.id)
    if entry is not None and entry.outcome is not None:
        entry.outcome = None
        state.journals[node.parent].outcomes.remove(entry)


def _forget_inside(state: RunState, node: NodeId) -> None:
    state.frames.pop(node, None)
    state.journals.pop(node, None)
    state.by_call.pop(node, None)
