"""The static graphs and maps that run inside a run: which of their nodes are due, and when they are done.

Part of `state.py`, which folds the events and calls in here; as pure as that. A frame is known by the node
that it stands in, `""` for the run's own graph. Advancing costs what a node touches, never the graph.

- A node is due when all it needs has *passed*: succeeded, or failed with `on_failure="continue"`. What needs
  a node that came to nothing else is skipped; only `on_failure="fail"` makes the frame fail in the end.
- A choice (`when`) is due when its condition is there. Once it went one way, the other branch is skipped, and
  the choice waits for its own: it is done when all in the branch is, and skipped when something that its
  outputs come from did not pass.
- The nodes of a map are made of the names of its items, which its `NodeStarted` has.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from aether_nb.engine.commands import Command, FailFrame, FinishFrame, StartNode
from aether_nb.engine.records import DONE, Frame, NodeState, child_id
from aether_nb.graph.model import DictOf, Expr, GraphSpec, InputRef, ListOf, Lit, NodeSpec
from aether_nb.graph.topology import parents, refs, results
from aether_nb.ids import ROOT, NodeId
from aether_nb.values import outputs_tree


class Frames(dict[NodeId, Frame]):
    """The frames of one run, by node.

    Args:
        nodes: the nodes of the run, shared with its state.
    """

    __slots__ = ("_nodes",)

    def __init__(self, nodes: dict[NodeId, NodeState]) -> None:
        super().__init__()
        self._nodes = nodes

    # -- begin -----------------------------------------------------------------------------------

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
            if node.guard is not None:
                frame.missing[full] += 1
                frame.members.setdefault(frame.full_id(node.guard.when), []).append(full)
            self._nodes[full] = NodeState(
                full, node.name, node.kind, at, label=node.label or node.name, spec=node
            )
        if not spec.nodes:
            return [FinishFrame(at)]
        return [StartNode(n) for n, k in frame.missing.items() if k == 0]

    def open_map(
        self, at: NodeState, items: tuple[str, ...], spec: GraphSpec, inputs: Mapping[str, Any]
    ) -> Frame:
        """A map begins, or goes on with a list that was edited: what is known of an item is kept.

        Args:
            at: its node.
            items: the names of the items.
            spec: has the graph that each item becomes, if it is one, among its `subgraphs`.
            inputs: of the map's node, encoded.
        """
        each = at.each
        assert each is not None
        shared: dict[str, Expr] = {name: InputRef(name=name) for name in inputs if name != each.over}
        child = NodeSpec(
            id=at.id, name=at.name, kind=each.kind, inputs=shared, outputs=each.outputs, on_failure=at.on_failure
        )  # fmt: skip
        before = self.get(at.id)
        frame = self[at.id] = Frame(at.id, spec, inputs, {}, {}, 0, items=items)
        for index, name in enumerate(items):
            full, label = child_id(at.id, name), f"{at.name}[{index}]"
            node = self._nodes.get(full)
            if node is None:
                self._nodes[full] = NodeState(full, at.name, each.kind, at.id, label=label, spec=child)
            else:
                node.spec, node.label = child, label
            frame.missing[full] = 0
        for full in () if before is None else before.missing:
            if full not in frame.missing:
                self._nodes[full].spec = None  # only the log knows it now
        self.recount(frame)
        return frame

    # -- going on --------------------------------------------------------------------------------

    def due(self, frame: Frame) -> Iterable[NodeState]:
        """The nodes that can be taken up: they have all they need, or have begun, and no outcome.

        Of a map with a limit as many as that allows.
        """
        ready = self._ready(frame)
        each = None if frame.items is None else self._nodes[frame.node].each
        if each is None or each.max_concurrency is None:
            return ready
        nodes = sorted(ready, key=lambda node: not node.attempt)  # those that have begun come first
        turn = max(each.max_concurrency, sum(node.attempt > 0 for node in nodes))
        frame.queue = deque(node.id for node in nodes[turn:])
        return nodes[:turn]

    def _ready(self, frame: Frame) -> Iterator[NodeState]:
        for full, missing in frame.missing.items():
            node = self._nodes[full]
            if node.status in DONE:
                continue
            begun = (
                node.status != "pending" and node.branch is None
            )  # before an edit gave it more to wait for
            if missing == 0 or begun:
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
                before = [self._nodes[frame.full_id(p)] for p in self._needed(one)]
                heap += [n for n in before if n.id not in seen]
                seen.update(n.id for n in before)
        return None

    def _needed(self, node: NodeState) -> Iterator[NodeId]:
        assert node.spec is not None
        yield from parents(node.spec)
        if node.spec.guard is not None:
            yield node.spec.guard.when
        if node.branch is not None:
            yield from results(node.spec, node.branch)

    def _fails(self, frame: Frame, node: NodeState) -> bool:
        """Whether a node that came to nothing takes its frame along; a map cannot do without an item of its own."""
        lost = node.status == "failed" or (node.status == "cancelled" and frame.items is not None)
        return lost and node.on_failure == "fail"

    def advance(self, node: NodeState) -> list[Command]:
        """A node of a frame is done, well or not: what that makes due, and whether its frame is done too."""
        frame = self.get(node.parent)
        commands: list[Command] = []
        if frame is None:
            return commands
        frame.unfinished -= 1
        below: list[NodeId] = []
        if node.status == "succeeded" or node.passed:
            for d in frame.dependents.get(node.id, ()):
                self._satisfy(frame, d, commands)
        else:
            if frame.failed is None and node.error is not None and self._fails(frame, node):
                frame.failed = (node.id, node.error)
            below = [*frame.dependents.get(node.id, ()), *frame.members.get(node.id, ())]
        if frame.joins:
            self._join(frame, node.id, below, commands)
        if below:
            self._skip(frame, below, commands)
        if frame.unfinished == 0 or frame.queue:
            self._step(frame, commands)
        return commands

    def take(self, node: NodeState) -> list[Command]:
        """A choice went one way."""
        frame = self.get(node.parent)
        commands: list[Command] = []
        if frame is None:
            return commands
        below: list[NodeId] = []
        for member in frame.members.get(node.id, ()):
            if self._taken(node, member):
                self._satisfy(frame, member, commands)
            else:
                below.append(member)
        self._await_branch(frame, node)
        if frame.missing[node.id] == 0:
            self._end_choice(frame, node, below, commands)
        self._skip(frame, below, commands)
        if frame.unfinished == 0:
            self._step(frame, commands)
        return commands

    def _satisfy(self, frame: Frame, node: NodeId, commands: list[Command]) -> None:
        """A node has one more of what it needs."""
        frame.missing[node] -= 1
        if frame.missing[node] == 0 and self._nodes[node].status == "pending":
            commands.append(StartNode(node))

    def _step(self, frame: Frame, commands: list[Command]) -> None:
        """The next of a queue, or the end of the frame; nothing when nobody wants it any more."""
        if frame.node != ROOT and self._nodes[frame.node].status in DONE:
            return
        if frame.queue:
            commands.append(StartNode(frame.queue.popleft()))
        elif frame.unfinished == 0:
            commands.append(self.close(frame))

    def _skip(self, frame: Frame, below: list[NodeId], commands: list[Command]) -> None:
        """These come to nothing, and with them all that needs them."""
        while below:
            node = self._nodes[below.pop()]
            if node.status != "pending":
                continue
            node.status = "skipped"
            frame.unfinished -= 1
            below += frame.dependents.get(node.id, ())
            below += frame.members.get(node.id, ())
            self._join(frame, node.id, below, commands)

    # -- choices ---------------------------------------------------------------------------------

    def _taken(self, choice: NodeState, member: NodeId) -> bool:
        spec = self._nodes[member].spec
        return spec is not None and spec.guard is not None and spec.guard.branch == choice.branch

    def _await_branch(self, frame: Frame, choice: NodeState) -> None:
        """From now on a choice waits for the branch that it took, and for what its outputs come from."""
        assert choice.spec is not None
        assert choice.branch is not None
        branch = [m for m in frame.members.get(choice.id, ()) if self._taken(choice, m)]
        branch += [frame.full_id(n) for n in results(choice.spec, choice.branch)]
        pending = [n for n in dict.fromkeys(branch) if self._nodes[n].status not in DONE]
        frame.missing[choice.id] = len(pending)
        for n in pending:
            frame.joins.setdefault(n, []).append(choice.id)

    def _join(self, frame: Frame, done: NodeId, below: list[NodeId], commands: list[Command]) -> None:
        """Tell the choices that wait for a node that it is done."""
        for choice in frame.joins.pop(done, ()):
            frame.missing[choice] -= 1
            if frame.missing[choice] == 0:
                self._end_choice(frame, self._nodes[choice], below, commands)

    def _end_choice(
        self, frame: Frame, choice: NodeState, below: list[NodeId], commands: list[Command]
    ) -> None:
        assert choice.spec is not None
        assert choice.branch is not None
        sources = results(choice.spec, choice.branch)
        if all(self._nodes[frame.full_id(n)].passed for n in sources):
            commands.append(FinishFrame(choice.id))
        else:
            choice.status = "pending"  # so that it can be skipped
            below.append(choice.id)

    # -- values ----------------------------------------------------------------------------------

    def resolve(self, frame: Frame, expr: Expr) -> Any:
        """The encoded value of an expression in a frame; None is what a node gives that did not succeed.

        Raises:
            KeyError: a node has no such output.
        """
        if isinstance(expr, Lit):
            return expr.value
        if isinstance(expr, InputRef):
            return frame.inputs.get(expr.name)
        if isinstance(expr, ListOf):
            return [self.resolve(frame, x) for x in expr.items]
        if isinstance(expr, DictOf):
            return {k: self.resolve(frame, x) for k, x in expr.items.items()}
        outputs = self._nodes[frame.full_id(expr.node)].outputs
        if outputs is None:
            return None
        return outputs[expr.output] if expr.output is not None else outputs_tree(outputs)

    def outputs(self, at: NodeId) -> dict[str, Any]:
        """What a static graph, map or choice gives that is done, encoded; of a map only what all items gave.

        Raises:
            KeyError: a node has no such output.
        """
        frame = self.get(at)
        if frame is None:
            choice = self._nodes[at]
            assert choice.spec is not None
            assert choice.branch is not None
            around, result = self[choice.parent], choice.spec.branches.get(choice.branch, {})
            return {
                name: self.resolve(around, result[name]) if name in result else None
                for name in choice.spec.outputs
            }
        if frame.items is None:
            return {name: self.resolve(frame, e) for name, e in frame.spec.result.items()}
        each = self._nodes[at].each
        assert each is not None
        found = [self._nodes[n].outputs for n in frame.missing]
        known = [name for name in each.outputs if all(o is None or name in o for o in found)]
        return {name: [None if o is None else o[name] for o in found] for name in known}

    # -- back ------------------------------------------------------------------------------------

    def after(self, frame: Frame, nodes: Iterable[NodeState]) -> tuple[list[NodeState], list[NodeState]]:
        """What came of these nodes: all that needs them, and the choices that only wait for them."""
        choices: dict[NodeId, list[NodeId]] = {}
        for full in frame.missing:
            spec = self._nodes[full].spec
            if spec is not None and spec.guard is not None:
                choices.setdefault(full, []).append(frame.full_id(spec.guard.when))
            for branch in () if spec is None else spec.branches:
                for n in results(spec, branch) if spec is not None else ():
                    choices.setdefault(frame.full_id(n), []).append(full)
        again: dict[NodeId, None] = {}
        joins: dict[NodeId, None] = {}
        first = {node.id for node in nodes}
        heap = [(node, True) for node in first]
        while heap:
            at, whole = heap.pop()
            below = [*frame.dependents.get(at, ()), *(frame.members.get(at, ()) if whole else ())]
            for n in below:
                if n not in again and n not in first:
                    again[n] = None
                    heap.append((n, True))
            for n in choices.get(at, ()):
                if n not in joins and self._nodes[n].branch is not None:
                    joins[n] = None
                    heap.append((n, False))
        nodes_ = self._nodes
        return [nodes_[n] for n in again], [nodes_[n] for n in joins if n not in again and n not in first]

    def recount(self, frame: Frame) -> None:
        """Find out anew what every node of a frame waits for. Costs the frame; for what happens rarely."""
        frame.unfinished, frame.failed = 0, None
        frame.joins.clear()
        frame.queue.clear()
        below: list[NodeId] = []
        for full in frame.missing:
            node = self._nodes[full]
            if node.status not in DONE:
                frame.unfinished += 1
            elif not node.passed:
                below += [*frame.dependents.get(full, ()), *frame.members.get(full, ())]
            if frame.failed is None and node.error is not None and self._fails(frame, node):
                frame.failed = (full, node.error)
            if frame.items is None:
                self._recount_node(frame, node, below)
        self._skip(frame, below, [])

    def _recount_node(self, frame: Frame, node: NodeState, below: list[NodeId]) -> None:
        assert node.spec is not None
        missing = sum(not self._nodes[frame.full_id(p)].passed for p in parents(node.spec))
        guard = node.spec.guard
        if guard is not None:
            choice = self._nodes[frame.full_id(guard.when)]
            missing += choice.branch != guard.branch
            if choice.branch is not None and choice.branch != guard.branch:
                below.append(node.id)
        frame.missing[node.id] = missing
        if node.branch is not None and node.status not in DONE:
            self._await_branch(frame, node)
