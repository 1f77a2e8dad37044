"""The nodes of a run as users see them: what `run.nodes` gives, and how a node is named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aether_nb.display.looks import signed
from aether_nb.engine.metrics import Metrics
from aether_nb.engine.records import NodeState
from aether_nb.engine.state import RunState
from aether_nb.errors import UnknownNode
from aether_nb.ids import NodeId, is_name
from aether_nb.markup import Showable, pairs
from aether_nb.prompts import headline
from aether_nb.tables import Column, Table
from aether_nb.values import Outputs, decode, show

if TYPE_CHECKING:
    import pandas as pd

Measure = Callable[[NodeId | None], Metrics]
"""Gives the metrics of a node, or, for None, of the run."""
_NAMED = 10  # nodes that a message names


@dataclass(frozen=True, slots=True, repr=False)
class Node(Showable):
    """A node of a run as it stands now.

    Attributes:
        id: its id in the run.
        label: what the picture says.
        name: the tool's or graph's name.
        kind: tool, ask, wait, graph, fn, map, when.
        status: pending, running, waiting, succeeded, failed, skipped, cancelled.
        attempt: how often it was tried, 0 before the first.
        outputs: what it gave, None before.
        error: one sentence, empty when all is well.
        metrics: where its time went, and that of what stands inside it, and what it left in the store.
    """

    id: NodeId
    label: str
    name: str
    kind: str
    status: str
    attempt: int
    outputs: Outputs | None
    error: str
    _measured: Callable[[], Measure] = field(compare=False)

    @property
    def metrics(self) -> Metrics:
        """As its log tells so far."""
        return self._measured()(self.id)

    def __repr__(self) -> str:
        gave = f" -> {show(dict(self.outputs))}" if self.outputs is not None else ""
        error = f", {show(self.error, 120)}" if self.error else ""
        return f"<node {self.id}: {self.status}{gave}{error}>"

    def _repr_html_(self) -> str:
        said = {
            "id": self.id, "kind": f"{self.kind} {self.name}", "status": signed(self.status),
            "attempt": str(self.attempt or ""), "error": self.error,
            "metrics": repr(self.metrics).strip("<>").removeprefix("metrics: "),
        }  # fmt: skip
        gave = {name: show(value, 800) for name, value in (self.outputs or {}).items()}
        return pairs({**{name: text for name, text in said.items() if text}, **gave}, title=self.label)


class Nodes(Showable, Mapping[str, Node]):
    """The nodes of a run by id; a label will do where only one node has it."""

    def __init__(self, state: RunState, blobs: Any, measured: Callable[[], Measure]) -> None:
        self._state, self._blobs, self._measured = state, blobs, measured

    def __getitem__(self, name: str) -> Node:
        return self._node(find_node(self._state, name))

    def __iter__(self) -> Any:
        return iter(self._state.nodes)

    def __len__(self) -> int:
        return len(self._state.nodes)

    def __repr__(self) -> str:
        return repr(self._table())

    def _repr_html_(self) -> str:
        return self._table()._repr_html_()

    def to_pandas(self) -> pd.DataFrame:
        """All of them as a DataFrame. Raises DisplayError when pandas is not installed here."""
        return self._table().to_pandas()

    def _table(self) -> Table[Node]:
        columns = [
            Column("node", lambda n: n.id), Column("label", lambda n: n.label),
            Column("status", lambda n: n.status, "status"),
            Column("attempt", lambda n: n.attempt or None, "number"), Column("error", lambda n: n.error or None),
        ]  # fmt: skip
        return Table([self._node(n) for n in self._state.nodes.values()], columns, "No nodes yet.")

    def _node(self, n: NodeState) -> Node:
        outputs = None
        if n.status == "succeeded":
            outputs = Outputs(decode(n.outputs, self._blobs, strict=False))
        error = (
            n.error.message if n.error is not None and n.status in {"failed", "pending", "cancelled"} else ""
        )
        return Node(n.id, n.label, n.name, n.kind, n.status, n.attempt, outputs, error, self._measured)


def find_node(state: RunState, name: str) -> NodeState:
    """The node of a run of that id, of that unique label, or of a tool of that name that is there once.

    Raises:
        UnknownNode: there is none, or the label fits several. Also a KeyError.
    """
    node = state.nodes.get(NodeId(name)) if is_name(name) else None
    if node is not None:
        return node
    called = (name, headline(str(name)))  # not a set: who gives a list gets a sentence
    fits = [n for n in state.nodes.values() if n.label in called]
    fits = fits or [n for n in state.nodes.values() if n.name == name]
    if len(fits) == 1:
        return fits[0]
    known = fits or list(state.nodes.values())
    have = ", ".join(n.id for n in known[:_NAMED]) or "none yet"
    more = f", and {len(known) - _NAMED} more in run.nodes" if len(known) > _NAMED else ""
    if fits:
        raise UnknownNode(f"{len(fits)} nodes are called {name!r}: {have}{more}. Give the id of one of them.")
    raise UnknownNode(f"There is no node {name!r:.200}; there is: {have}{more}.")
