"""From a GraphSpec to the nodes and edges of its picture, static sub-graphs opened all the way down.

`view.py` starts a run's shape from it and opens sub-graphs with it as they are added; `graph_shape`
is a graph by itself, without a run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from aether_nb.display.shapes import NodeShape, RunShape
from aether_nb.graph.model import DictOf, Expr, GraphSpec, InputRef, ListOf, NodeKind, Ref


class Outline(NamedTuple):
    """Nodes, containers before what they contain, and edges without repetition."""

    nodes: list[NodeShape]
    edges: list[tuple[str, str]]


def outline(spec: GraphSpec, parent: str = "") -> Outline:
    """The nodes of a graph, all pending, as they stand inside the node `parent`."""
    nodes: list[NodeShape] = []
    edges: dict[tuple[str, str], None] = {}
    prefix = f"{parent}/" if parent else ""
    for node in spec.nodes:
        node_id = prefix + node.id
        nodes.append(blank(node_id, name=node.name, kind=node.kind, parent=parent, label=node.label))
        sources = [ref.node for expr in node.inputs.values() for ref in leaves(expr) if isinstance(ref, Ref)]
        edges.update({(prefix + source, node_id): None for source in (*sources, *node.after)})
        inner = spec.subgraphs.get(node.name) if node.kind in {"graph", "fn"} else None
        if inner is not None:
            below = outline(inner, node_id)
            nodes += below.nodes
            edges.update(dict.fromkeys(below.edges))
    return Outline(nodes, list(edges))


def graph_shape(spec: GraphSpec) -> RunShape:
    """A graph by itself, as a run that has not begun: no id, no times, every node pending."""
    nodes, edges = outline(spec)
    return RunShape(
        seq=0,
        run_id="",
        graph=spec.name,
        status="running",
        created_ms=0,
        ended_ms=None,
        note="",
        nodes=nodes,
        edges=edges,
        prompts=[],
        messages=[],
        outputs=[],
        error=None,
        dot="",
        svg="",
    )


def blank(
    node_id: str, *, name: str, kind: NodeKind = "tool", parent: str = "", label: str = ""
) -> NodeShape:
    """A pending node to which nothing has happened."""
    return NodeShape(
        id=node_id,
        label=label or name,
        name=name,
        kind=kind,
        parent=parent,
        status="pending",
        attempt=0,
        started_ms=None,
        ended_ms=None,
        error="",
    )


def leaves(expr: Expr) -> Iterator[Ref | InputRef]:
    """The places outside itself that an expression takes values from, in order of writing."""
    if isinstance(expr, (Ref, InputRef)):
        yield expr
    elif isinstance(expr, ListOf):
        for item in expr.items:
            yield from leaves(item)
    elif isinstance(expr, DictOf):
        for item in expr.items.values():
            yield from leaves(item)
