"""From a GraphSpec to the nodes and edges of its picture, static sub-graphs opened all the way down.

`view.py` starts a run's shape from it and opens sub-graphs with it as they are added; `graph_shape`
is a graph by itself, without a run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from aether_nb.display.shapes import NodeShape, RunShape
from aether_nb.graph.model import Branch, GraphSpec, NodeKind, NodeSpec
from aether_nb.graph.topology import parents, results
from aether_nb.ids import NodeId

BRANCHES: tuple[Branch, ...] = ("then", "otherwise")


class Outline(NamedTuple):
    """Nodes, containers before what they contain, and edges without repetition.

    An edge from a choice leads to the first nodes of its branches; what takes its outputs is drawn after the
    nodes that give them.
    """

    nodes: list[NodeShape]
    edges: list[tuple[str, str]]
    joins: list[tuple[str, str, str]]
    """Nodes that give what a choice gives, the choice, and in which branch; not drawn."""
    lenient: list[str]
    """Nodes whose failure does not keep what comes after them from running."""
    maps: dict[str, Items]
    """What the items of each map become."""


class Items(NamedTuple):
    """What the items of a map become."""

    kind: NodeKind
    graph: GraphSpec | None
    """The graph that each of them is, if it is one."""


def outline(spec: GraphSpec, parent: str = "") -> Outline:
    """The nodes of a graph, all pending, as they stand inside the node `parent`."""
    found = Outline([], [], [], [], {})
    prefix = f"{parent}/" if parent else ""
    by_id = {node.id: node for node in spec.nodes}
    edges: dict[tuple[str, str], None] = {}
    for node in spec.nodes:
        node_id = prefix + node.id
        shape = blank(node_id, name=node.name, kind=node.kind, parent=parent, label=node.label)
        found.nodes.append(shape)
        if node.on_failure == "continue":
            found.lenient.append(node_id)
        if node.each is not None:
            found.maps[node_id] = Items(node.each.kind, spec.subgraphs.get(node.name))
        before = parents(node)
        if node.guard is not None:
            shape["guard"] = (prefix + node.guard.when, node.guard.branch)
            if not any(p in by_id and by_id[p].guard == node.guard for p in before):
                before = (node.guard.when, *before)
        edges.update({(prefix + s, node_id): None for p in before for s in _sources(p, node, by_id)})
        for branch in node.branches:
            found.joins.extend((prefix + n, node_id, branch) for n in results(node, branch))
        inner = spec.subgraphs.get(node.name) if node.kind in {"graph", "fn"} else None
        if inner is not None:
            below = outline(inner, node_id)
            found.nodes.extend(below.nodes)
            edges.update(dict.fromkeys(below.edges))
            found.joins.extend(below.joins)
            found.lenient.extend(below.lenient)
            found.maps.update(below.maps)
    found.edges.extend(edges)
    return found


def _sources(parent: NodeId, node: NodeSpec, by_id: Mapping[NodeId, NodeSpec]) -> Iterator[NodeId]:
    """Where an edge to a node begins: for a choice that it comes after, with the nodes that give its outputs."""
    choice = by_id.get(parent)
    if choice is None or choice.kind != "when" or (node.guard is not None and node.guard.when == parent):
        yield parent
        return
    for branch in BRANCHES:
        sources = results(choice, branch)
        if not sources:
            yield parent
        for source in sources:
            yield from _sources(source, node, by_id)


def graph_shape(spec: GraphSpec) -> RunShape:
    """A graph by itself, as a run that has not begun: no id, no times, every node pending."""
    drawn = outline(spec)
    return RunShape(
        seq=0,
        run_id="",
        graph=spec.name,
        status="running",
        created_ms=0,
        ended_ms=None,
        note="",
        stored=False,
        nodes=drawn.nodes,
        edges=drawn.edges,
        prompts=[],
        messages=[],
        outputs=[],
        error=None,
        dot="",
        svg="",
    )


def by_itself(spec: GraphSpec) -> RunShape:
    """The same for a picture that must show something: a graph function, whose nodes come as it runs, is one box."""
    shape = graph_shape(spec)
    if spec.kind == "function":
        shape["nodes"] = [blank(spec.name, name=spec.name, kind="fn")]
    return shape


def blank(
    node_id: str, *, name: str, kind: NodeKind = "tool", parent: str = "", label: str = ""
) -> NodeShape:
    """A pending node to which nothing has happened."""
    return {  # a call of the class takes three times as long, and a graph function draws a node for every tool
        "id": node_id,
        "label": label or name,
        "name": name,
        "kind": kind,
        "parent": parent,
        "status": "pending",
        "attempt": 0,
        "started_ms": None,
        "ended_ms": None,
        "error": "",
    }
