"""The nodes and edges of one run as they stand, and what a change of one means for those near it.

`view.py` folds events into it. A change costs what it touches, never the size of the graph.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from aether_nb.display.outline import blank, outline
from aether_nb.display.shapes import NodeShape
from aether_nb.events import NodeStatus
from aether_nb.graph.model import GraphSpec

_BROKEN = frozenset({"failed", "skipped"})


class NodeTable:
    """Nodes by id, edges, and who changed.

    Attributes:
        nodes: in the order they came; containers before what they contain.
        edges: as an ordered set.
        changed: ids of nodes that changed, for who clears it.
        new_edges: edges that came, for who clears it.
        busy: nodes that compute: running, and nothing inside them to look at instead.
        structure: grows when nodes or edges come or go.
    """

    def __init__(self) -> None:
        self.nodes: dict[str, NodeShape] = {}
        self.edges: dict[tuple[str, str], None] = {}
        self.changed: dict[str, None] = {}
        self.new_edges: list[tuple[str, str]] = []
        self.busy: set[str] = set()
        self.structure = 0
        self._after: defaultdict[str, list[str]] = defaultdict(list)
        self._before: defaultdict[str, list[str]] = defaultdict(list)
        self._inside: defaultdict[str, list[str]] = defaultdict(list)

    # -- shape -------------------------------------------------------------------------------------

    def node(self, node_id: str) -> NodeShape:
        """The node; one that an old log knows and the graph does not is made up from its id."""
        if node_id not in self.nodes:
            parent, _, name = node_id.rpartition("/")
            self.add(blank(node_id, name=name, parent=parent if parent in self.nodes else ""))
        return self.nodes[node_id]

    def add(self, node: NodeShape) -> None:
        """Take a node in; one that is here already stays as it is."""
        if node["id"] in self.nodes:
            return
        self.nodes[node["id"]] = node
        self.changed[node["id"]] = None
        if node["parent"]:
            self._inside[node["parent"]].append(node["id"])
            self.busy.discard(node["parent"])
        self.structure += 1

    def connect(self, edges: Iterable[tuple[str, str]]) -> None:
        """Take edges in, each once; those to unknown nodes are left out."""
        for edge in edges:
            source, target = edge
            if edge not in self.edges and source in self.nodes and target in self.nodes:
                self.edges[edge] = None
                self._after[source].append(target)
                self._before[target].append(source)
                self.new_edges.append(edge)
                self.structure += 1

    def grow(self, spec: GraphSpec, parent: str = "") -> None:
        """Take in the nodes of a graph, inside the node `parent`."""
        drawn = outline(spec, parent)
        for node in drawn.nodes:
            self.add(node)
        self.connect(drawn.edges)

    def regrow(self, spec: GraphSpec) -> bool:
        """The code was edited: what never began and is gone from it goes, what is new comes.

        Returns:
            Whether something went.
        """
        kept = {node["id"] for node in outline(spec).nodes}
        gone = {
            i
            for i, n in self.nodes.items()
            if i not in kept and n["status"] == "pending" and not n["attempt"]
        }
        for node_id in gone:
            del self.nodes[node_id]
            self.changed.pop(node_id, None)
        if gone:
            self.edges = {edge: None for edge in self.edges if gone.isdisjoint(edge)}
            self.new_edges = [edge for edge in self.new_edges if gone.isdisjoint(edge)]
            for near in (self._after, self._before, self._inside):
                for node_id in gone:
                    near.pop(node_id, None)
                for ids in near.values():
                    ids[:] = [i for i in ids if i not in gone]
            self.structure += 1
        self.grow(spec)
        return bool(gone)

    # -- status ------------------------------------------------------------------------------------

    def say(self, node_id: str, status: NodeStatus, at_ms: int) -> NodeShape:
        """Give a node its status; returns the node."""
        node = self.node(node_id)
        node["status"] = status
        node["ended_ms"] = at_ms if status in {"succeeded", "failed", "cancelled"} else None
        if status == "running" and node["kind"] not in {"graph", "fn"} and not self._inside.get(node_id):
            self.busy.add(node_id)
        else:
            self.busy.discard(node_id)
        self.changed[node_id] = None
        return node

    def skip_below(self, node_id: str, at_ms: int) -> None:
        """What can no longer be reached is skipped: all that follows, and what stands inside it."""
        todo = [node_id]
        while todo:
            for below in self._below(todo.pop()):
                if below["status"] == "pending":
                    self.say(below["id"], "skipped", at_ms)
                    todo.append(below["id"])

    def revive_below(self, node_id: str, at_ms: int) -> None:
        """A failed node gets another try: what it held back is pending, unless another failure holds it."""
        todo = [node_id]
        while todo:
            for below in self._below(todo.pop()):
                needs = (below["parent"], *self._before.get(below["id"], ()))
                if below["status"] == "skipped" and not any(
                    self.nodes[i]["status"] in _BROKEN for i in needs if i in self.nodes
                ):
                    self.say(below["id"], "pending", at_ms)
                    todo.append(below["id"])

    def _below(self, node_id: str) -> Iterator[NodeShape]:
        for near in (self._after, self._inside):
            yield from (self.nodes[i] for i in near.get(node_id, ()))
