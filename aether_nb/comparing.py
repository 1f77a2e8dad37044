"""Where two runs part: `ae.compare`. Works from the logs in the store; reads nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from aether_nb import history
from aether_nb.engine.ports import RunRow, Store
from aether_nb.engine.records import NodeState
from aether_nb.engine.state import RunState
from aether_nb.events import AnyEvent, NodeEvent, RunStarted
from aether_nb.ids import NodeId
from aether_nb.tables import Column, Table
from aether_nb.values import decode, show


@dataclass(frozen=True, slots=True)
class Side:
    """What one run has of a node.

    Attributes:
        status: of the node; empty when this run does not have it.
        answer: what was replied to its question, as text; empty when it asked nothing or nobody replied.
        outputs: what it gave, as text; for a failure what went wrong.
    """

    status: str = ""
    answer: str = ""
    outputs: str = ""

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.status, self.answer or self.outputs))) or "not there"


@dataclass(frozen=True, slots=True)
class Difference:
    """One node in which two runs differ.

    Attributes:
        node: its id; `""` stands for the run as a whole, its inputs or its outputs.
        label: what the picture says.
        a: what the first run has of it.
        b: what the second one has.
    """

    node: NodeId
    label: str
    a: Side
    b: Side


class Comparison(Table[Difference]):
    """The differences of two runs, in the order of the logs: a sequence that shows itself as a table.

    Attributes:
        same: ids of the nodes that are the same in both.
        first: where they part; None when they do not.
        said: the same in a sentence or two.
    """

    def __init__(
        self, a: RunRow, b: RunRow, found: Sequence[Difference], same: Sequence[NodeId], began: str
    ) -> None:
        columns = [
            Column("node", lambda d: d.label), Column("id", lambda d: d.node),
            Column(a.run_id, lambda d: d.a), Column(b.run_id, lambda d: d.b),
        ]  # fmt: skip
        super().__init__(found, columns, "")
        self.same = tuple(same)
        self.first = self[0] if self else None
        self.said = _summary(a, b, self, began)

    def __repr__(self) -> str:
        return f"{self.said}\n{super().__repr__()}".rstrip()

    def _repr_html_(self) -> str:
        table = super()._repr_html_() if self else ""
        return f"<p>{escape(self.said)}</p>{table}"


def compare(store: Store, a: RunRow, b: RunRow) -> Comparison:
    """Compare two runs of a store by their logs; times and attempts do not count."""
    logs = store.events(a.run_id), store.events(b.run_id)
    states = history.fold(store, a, logs[0]), history.fold(store, b, logs[1])
    whole = [_Whole(state) for state in states]
    found, same = [], []
    if whole[0].inputs != whole[1].inputs:
        found.append(Difference(NodeId(""), "(inputs)", *(Side("", "", w.inputs) for w in whole)))
    for node in _in_order(*logs, *states):
        left, right = (_side(state.nodes.get(node)) for state in states)
        if left == right:
            same.append(node)
        else:
            one = states[0].nodes.get(node) or states[1].nodes[node]
            found.append(Difference(node, one.label, left, right))
    if whole[0].end != whole[1].end:
        found.append(Difference(NodeId(""), "(the run)", whole[0].end, whole[1].end))
    return Comparison(a, b, found, same, _began(a, b, *logs, *states))


class _Whole:
    """A run without its nodes."""

    def __init__(self, state: RunState) -> None:
        self.inputs = _text(dict(state.inputs))
        error = "" if state.error is None else state.error.message
        self.end = Side(state.status, "", error if state.outputs is None else _text(state.outputs))


def _side(node: NodeState | None) -> Side:
    if node is None:
        return Side()
    reply = None if node.wait is None else node.wait.reply
    error = "" if node.error is None else f"{node.error.error_type}: {node.error.message}"
    outputs = _text(node.outputs) if node.status == "succeeded" else error
    return Side(node.status, "" if reply is None else _text(reply.value), outputs)


def _text(value: Any) -> str:
    return show(decode(value, None, strict=False), 400)


def _in_order(
    log_a: Sequence[AnyEvent], log_b: Sequence[AnyEvent], state_a: RunState, state_b: RunState
) -> list[NodeId]:
    """Every node of either run, in the order in which their outcomes, or else their beginnings, were logged."""
    order: dict[NodeId, None] = {}
    for log, state in ((log_a, state_a), (log_b, state_b)):
        last = {event.node: event.seq for event in log if isinstance(event, NodeEvent)}
        order.update(dict.fromkeys(sorted(state.nodes, key=lambda n: last.get(n, len(log) + 1))))
    return list(order)


def _began(
    a: RunRow, b: RunRow, log_a: Sequence[AnyEvent], log_b: Sequence[AnyEvent], state_a: RunState, state_b: RunState
) -> str:  # fmt: skip
    """How the one is a fork of the other, if it is."""
    for child, other, log, state in ((b, a, log_b, state_b), (a, b, log_a, state_a)):
        first = log[0]
        if isinstance(first, RunStarted) and first.forked_from == other.run_id:
            node = None if first.forked_at is None else state.nodes.get(first.forked_at)
            where = "" if node is None else f" at {node.label!r}"
            return f"{child.run_id} is a fork of {other.run_id}{where}. "
    return ""


def _summary(a: RunRow, b: RunRow, table: Comparison, began: str) -> str:
    n = len(table.same)
    alike = f"{n} {'node is' if n == 1 else 'nodes are'} the same"
    if table.first is None:
        return f"{began}{a.run_id} and {b.run_id} do not differ; {alike}."
    where = table.first.label
    return f"{began}{a.run_id} and {b.run_id} part at {where!r}: {table.first.a} / {table.first.b}; {alike}."
