"""The nodes and edges of one run as they stand, and what a change of one means for those near it.

`view.py` folds events into it. A change costs what it touches, never the size of the graph.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from aether_nb.display.outline import Items, blank, outline
from aether_nb.display.shapes import CountShape, MarkShape, NodeShape
from aether_nb.events import NodeStatus
from aether_nb.graph.model import GraphSpec

_BROKEN = frozenset({"failed", "skipped"})
_ENDED = frozenset({"succeeded", "failed", "cancelled"})
_CONTAINERS = frozenset({"graph", "fn", "map", "when"})


class NodeTable:
    """Nodes by id, edges, and who changed.

    Attributes:
        nodes: in the order they came; containers before what they contain.
        edges: as an ordered set.
        changed: ids of nodes that changed since `news` or `told`.
        busy: nodes that compute: running, and nothing inside them to look at instead.
        structure: grows when nodes or edges come or go.

    Args:
        listed: whether what is inside a map of that id is listed, too; else it is only counted.
    """

    def __init__(self, listed: Callable[[str], bool] = lambda _: False) -> None:
        self.nodes: dict[str, NodeShape] = {}
        self.edges: dict[tuple[str, str], None] = {}
        self.changed: dict[str, None] = {}
        self.busy: set[str] = set()
        self.structure = 0
        self._after: defaultdict[str, list[str]] = defaultdict(list)
        """What follows a node: of the first `_followed` edges, for only a failure asks for it."""
        self._followed = 0
        self._edges_told = 0
        self._inside: defaultdict[str, list[str]] = defaultdict(list)
        self._joins: defaultdict[str, dict[tuple[str, str], None]] = defaultdict(dict)
        """The choices that give what a node gives, each with the branch in which they do."""
        self._given_by: defaultdict[tuple[str, str], dict[str, None]] = defaultdict(dict)
        """The other way round."""
        self._ways: dict[str, str] = {}
        """Which way a choice went."""
        self._members: defaultdict[str, list[str]] = defaultdict(list)
        """What stands in the branches of a choice."""
        self._lenient: set[str] = set()
        self._plain: set[str] = set()
        """Nodes of which the receiver knows all that does not change while all is well."""
        self._items: dict[str, dict[str, NodeStatus | None]] = {}
        """For each map that has begun, how its items stand."""
        self._maps: dict[str, Items] = {}
        self._listed = listed

    # -- news --------------------------------------------------------------------------------------

    def news(self) -> tuple[list[NodeShape], list[MarkShape]]:
        """What changed, each node once: whole (a copy), or how it stands where nothing else is new."""
        whole: list[NodeShape] = []
        marks: list[MarkShape] = []
        plain, nodes = self._plain, self.nodes
        for node_id in self.changed:
            node = nodes[node_id]
            if node["error"] or "count" in node:
                plain.discard(node_id)
                whole.append(node.copy())
            elif node_id in plain:
                marks.append((node_id, node["status"], node["attempt"], node["started_ms"], node["ended_ms"]))
            else:
                plain.add(node_id)
                whole.append(node.copy())
        self.changed.clear()
        return whole, marks

    def new_edges(self) -> list[tuple[str, str]]:
        """The edges that came since this, or `told`, was called last."""
        told, self._edges_told = self._edges_told, len(self.edges)
        return list(islice(self.edges, told, None))

    def told(self) -> None:
        """The receiver has all nodes and edges as they are."""
        self._edges_told = len(self.edges)
        self.changed.clear()
        self._plain = {i for i, node in self.nodes.items() if not node["error"] and "count" not in node}

    # -- shape -------------------------------------------------------------------------------------

    def node(self, node_id: str) -> NodeShape:
        """The node; one that an old log knows and the graph does not is made up from its id."""
        if node_id not in self.nodes:
            parent, _, name = node_id.rpartition("/")
            self.add(blank(node_id, name=name, parent=parent if parent in self.nodes else ""))
        return self.nodes[node_id]

    def add(self, node: NodeShape) -> None:
        """Take a node in, nothing inside it yet; one that is here already stays as it is."""
        node_id, parent = node["id"], node["parent"]
        if node_id in self.nodes:
            return
        self.nodes[node_id] = node
        self.changed[node_id] = None
        if parent:
            self._inside[parent].append(node_id)
            self.busy.discard(parent)
        if "guard" in node:
            self._members[node["guard"][0]].append(node_id)
        if node["status"] == "running" and node["kind"] not in _CONTAINERS:
            self.busy.add(node_id)
        self.structure += 1

    def let_go(self, node_id: str) -> None:
        """What comes after this node runs though it fails."""
        self._lenient.add(node_id)

    def follow(self, sources: Iterable[str], target: str) -> None:
        """Take in the edges to a node that is here, each once; those from unknown nodes are left out."""
        before = len(self.edges)
        for source in sources:
            if source in self.nodes:
                self.edges[source, target] = None
        self.structure += len(self.edges) - before

    def grow(self, spec: GraphSpec, parent: str = "") -> None:
        """Take in the nodes of a graph, inside the node `parent`."""
        drawn = outline(spec, parent)
        for node in drawn.nodes:
            self.add(node)
        for source, target in drawn.edges:
            self.follow((source,), target)
        for source, choice, branch in drawn.joins:
            self._joins[source][choice, branch] = None
            self._given_by[choice, branch][source] = None
        self._lenient.update(drawn.lenient)
        self._maps.update(drawn.maps)

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
            self._after.clear()
            self._followed = self._edges_told = 0
            for near in (self._inside, self._members):
                for node_id in gone:
                    near.pop(node_id, None)
                for ids in near.values():
                    ids[:] = [i for i in ids if i not in gone]
            self.structure += 1
        self.grow(spec)
        return bool(gone)

    def holds(self, node_id: str) -> bool:
        """Whether others stand inside it."""
        return bool(self._inside.get(node_id))

    # -- status ------------------------------------------------------------------------------------

    def say(self, node: NodeShape, status: NodeStatus, at_ms: int) -> None:
        """Give a node its status."""
        node_id = node["id"]
        node["status"] = status
        node["ended_ms"] = at_ms if status in _ENDED else None
        if status == "running" and node["kind"] not in _CONTAINERS and not self._inside.get(node_id):
            self.busy.add(node_id)
        else:
            self.busy.discard(node_id)
        self.changed[node_id] = None
        if node["parent"] in self._items:
            self._tally(node["parent"], node_id, status)

    def skip_below(self, node_id: str, at_ms: int) -> None:
        """What can no longer be reached is skipped: all that follows, and what stands inside it."""
        if node_id not in self._lenient:
            self._skip_all([node_id], at_ms)

    def _skip_all(self, todo: list[str], at_ms: int) -> None:
        while todo:
            at = todo.pop()
            for below in self._below(at):
                if below["status"] == "pending":
                    self._skip(below, at_ms, todo)
            for choice, branch in self._joins.get(at, ()):
                if self._ways.get(choice) == branch and self.nodes[choice]["status"] == "running":
                    self._skip(self.nodes[choice], at_ms, todo)

    def go(self, choice: str, branch: str, at_ms: int) -> None:
        """A choice went one way: the other branch is skipped, with what stands inside its nodes."""
        self.say(self.node(choice), "running", at_ms)
        self._ways[choice] = branch
        todo: list[str] = []
        for member in (self.nodes[i] for i in self._members.get(choice, ())):
            if member["guard"][1] != branch and member["status"] == "pending":
                self._skip(member, at_ms, todo)
        while todo:
            at = todo.pop()
            for near in (self._inside, self._members):
                for below in (self.nodes[i] for i in near.get(at, ())):
                    if below["status"] == "pending":
                        self._skip(below, at_ms, todo)
        for source in self._given_by.get((choice, branch), ()):
            status = self.nodes[source]["status"]
            if status == "skipped" or (status == "failed" and source not in self._lenient):
                self._skip(self.nodes[choice], at_ms, todo)
                self._skip_all(todo, at_ms)
                break

    def _skip(self, node: NodeShape, at_ms: int, todo: list[str]) -> None:
        self.say(node, "skipped", at_ms)
        todo.append(node["id"])

    def revive_below(self, node_id: str, at_ms: int) -> None:
        """A failed node gets another try: what it held back is pending, unless another failure holds it."""
        before: defaultdict[str, list[str]] = defaultdict(list)
        for source, target in self.edges:
            before[target].append(source)
        todo = [node_id]
        while todo:
            for below in self._below(todo.pop()):
                needs = (below["parent"], *before[below["id"]])
                if below["status"] == "skipped" and not any(
                    self.nodes[i]["status"] in _BROKEN for i in needs if i in self.nodes
                ):
                    self.say(below, "pending", at_ms)
                    todo.append(below["id"])

    def _below(self, node_id: str) -> Iterator[NodeShape]:
        for source, target in islice(self.edges, self._followed, None):
            self._after[source].append(target)
        self._followed = len(self.edges)
        for near in (self._after, self._inside):
            yield from (self.nodes[i] for i in near.get(node_id, ()))

    # -- maps --------------------------------------------------------------------------------------

    def fold(self, node_id: str) -> str:
        """The map that a node is inside of, which counts it and does not list it; empty for a node that is listed."""
        if node_id in self.nodes or "/" not in node_id:
            return ""
        at = node_id
        while at and at not in self.nodes:
            at = at.rpartition("/")[0]
        return at if at != node_id and at and self.nodes[at]["kind"] == "map" else ""

    def call_map(self, map_id: str, items: Items) -> None:
        """A body called a map: what its items become."""
        self._maps[map_id] = items

    def begin_map(self, map_id: str, items: Iterable[str]) -> None:
        """A map begins, or goes on with an edited list: what is known of an item is kept."""
        before = self._items.get(map_id, {})
        names = [f"{map_id}/{item}" for item in items]
        self._items[map_id] = {name: before.get(name) for name in names}
        self._count(map_id)
        if self._listed(map_id):
            self._list(map_id, names)

    def _list(self, map_id: str, names: Iterable[str]) -> None:
        """List the items of a map, each with the graph that it is."""
        kind, graph = self._maps.get(map_id, Items("tool", None))
        of = self.nodes[map_id]["name"]
        for index, name in enumerate(names):
            self.add(blank(name, name=of, kind=kind, parent=map_id, label=f"{of}[{index}]"))
            if graph is not None and kind == "graph":
                self.grow(graph, name)

    def say_inside(self, map_id: str, node_id: str, status: NodeStatus) -> None:
        """Something inside a map has a new status."""
        around = node_id
        while around != map_id:
            self.busy.discard(around)
            around = around.rpartition("/")[0]
        if status == "running":
            self.busy.add(node_id)
        self._tally(map_id, node_id, status)

    def _tally(self, map_id: str, node_id: str, status: NodeStatus) -> None:
        items = self._items.get(map_id, {})
        if node_id in items:
            was, items[node_id] = items[node_id], status
            count = self.nodes[map_id].get("count")
            if count is not None:
                count = self.nodes[map_id]["count"] = count.copy()
                count["done"] += (status == "succeeded") - (was == "succeeded")
                count["failed"] += (status == "failed") - (was == "failed")
                self.changed[map_id] = None

    def _count(self, map_id: str) -> None:
        states = list(self._items[map_id].values())
        self.nodes[map_id]["count"] = CountShape(
            done=states.count("succeeded"), failed=states.count("failed"), total=len(states)
        )
        self.changed[map_id] = None
