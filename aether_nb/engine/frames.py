"""The static graphs that run inside a run: which of their nodes are due, and when a graph is done.

Part of `state.py`, which folds the events and calls in here; as pure as that. A frame is known by the node
that it stands in, `""` for the run's own graph. Advancing costs what a node touches, never the graph.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aether_nb.engine.commands import Command, FailFrame, FinishFrame, StartNode
from aether_nb.engine.records import DONE, Frame, NodeState
from aether_nb.graph.model import DictOf, Expr, GraphSpec, InputRef, ListOf, Lit
from aether_nb.graph.topology import parents, refs
from aether_nb.ids import ROOT, NodeId
from aether_nb.values import outputs_tree


class Frames(dict[NodeId, Frame]):
    """The frames of one run, by node.

    Args:
        nodes: the nodes of the run, shared with its state.
    """

    def __init__(self, nodes: dict[NodeId, NodeState]) -> None:
        super().__init__()
        self._nodes = nodes

    def open(self, at: NodeId, spec: GraphSpec, inputs: Mapping[str, Any]) -> list[Command]:
        """A static graph begins: its nodes are there, those that need nothing are due.

        Args:
            at: the node that it stands in.
            spec: the graph.
            inputs: encoded.
        """
        frame = self[at] = Frame(at, spec, inputs, {}, {}, len(spec.nodes))
        for node in spec.nodes:
            full = frame.full_id(node.id)
            before = parents(node)
            frame.missing[full] = len(before)
            for p in before:
                frame.dependents.setdefault(frame.full_id(p), []).append(full)
            self._nodes[full] = NodeState(
                full, node.name, node.kind, at, label=node.label or node.name, spec=node
            )
        if not spec.nodes:
            return [FinishFrame(at)]
        return [StartNode(n) for n, k in frame.missing.items() if k == 0]

    def due(self, frame: Frame) -> Iterator[NodeState]:
        """The nodes that have all they need and no outcome."""
        for full, missing in frame.missing.items():
            node = self._nodes[full]
            if node.status not in DONE and missing == 0:
                yield node

    def close(self, frame: Frame) -> Command:
        """Nothing is left to do in a frame."""
        if frame.failed is not None:
            return FailFrame(frame.node, *frame.failed)
        needed = frozenset[NodeId]().union(*map(refs, frame.spec.result.values()))
        for node in (self._nodes[frame.full_id(n)] for n in needed):
            if (lost := self._cancelled_above(frame, node)) is not None and lost.error is not None:
                return FailFrame(frame.node, lost.id, lost.error)
        return FinishFrame(frame.node)

    def _cancelled_above(self, frame: Frame, node: NodeState) -> NodeState | None:
        """The node that a person cancelled and for which this one has no outputs; None when it is not so."""
        heap, seen = [node], {node.id}
        while heap:
            one = heap.pop()
            if one.status == "cancelled" and one.error is not None:
                return one
            if one.status == "skipped" and one.spec is not None:
                before = [self._nodes[frame.full_id(p)] for p in parents(one.spec)]
                heap += [n for n in before if n.id not in seen]
                seen.update(n.id for n in before)
        return None

    def advance(self, node: NodeState) -> list[Command]:
        """A node of a frame is done, well or not: what that makes due, and whether its frame is done too."""
        frame = self.get(node.parent)
        commands: list[Command] = []
        if frame is None:
            return commands
        frame.unfinished -= 1
        if node.status == "succeeded":
            for d in frame.dependents.get(node.id, ()):
                frame.missing[d] -= 1
                if frame.missing[d] == 0 and self._nodes[d].status == "pending":
                    commands.append(StartNode(d))
        else:
            if node.status == "failed" and node.error is not None and frame.failed is None:
                frame.failed = (node.id, node.error)
            self._skip_below(frame, node.id)
        if frame.unfinished == 0 and (frame.node == ROOT or self._nodes[frame.node].status not in DONE):
            commands.append(self.close(frame))
        return commands

    def send_back(self, node: NodeState) -> None:
        """The outcome of a node does not count any more: what was skipped because of it may run yet."""
        frame = self.get(node.parent)
        if frame is None:
            return
        frame.unfinished += 1
        bad = [n for n in map(self._nodes.__getitem__, frame.missing) if n.status == "failed" and n.error]
        frame.failed = (bad[0].id, bad[0].error) if bad and bad[0].error else None
        heap = list(frame.dependents.get(node.id, ()))
        while heap:
            below = self._nodes[heap.pop()]
            if below.status == "skipped":
                below.status = "pending"
                frame.unfinished += 1
                heap.extend(frame.dependents.get(below.id, ()))

    def resolve(self, frame: Frame, expr: Expr) -> Any:
        """The encoded value of an expression in a frame."""
        if isinstance(expr, Lit):
            return expr.value
        if isinstance(expr, InputRef):
            return frame.inputs.get(expr.name)
        if isinstance(expr, ListOf):
            return [self.resolve(frame, x) for x in expr.items]
        if isinstance(expr, DictOf):
            return {k: self.resolve(frame, x) for k, x in expr.items.items()}
        outputs = self._nodes[frame.full_id(expr.node)].outputs or {}
        return outputs[expr.output] if expr.output is not None else outputs_tree(outputs)

    def _skip_below(self, frame: Frame, node: NodeId) -> None:
        heap = list(frame.dependents.get(node, ()))
        while heap:
            below = self._nodes[heap.pop()]
            if below.status == "pending":
                below.status = "skipped"
                frame.unfinished -= 1
                heap.extend(frame.dependents.get(below.id, ()))
