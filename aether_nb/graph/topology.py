"""Who feeds whom: parents, dependents, edges and an order, as functions of a GraphSpec.

`validate` checks with them, `engine` schedules with them, `display` draws with them. Each is linear
in the size of the spec and never raises: ids that name no node are left out of the answer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from aether_nb.graph.model import DictOf, Expr, GraphSpec, InputRef, ListOf, NodeSpec, Ref
from aether_nb.ids import NodeId


def leaves(expr: Expr) -> Iterator[Ref | InputRef]:
    """Every place outside itself that an expression takes a value from, in the order written."""
    if isinstance(expr, (Ref, InputRef)):
        yield expr
    elif isinstance(expr, ListOf):
        for item in expr.items:
            yield from leaves(item)
    elif isinstance(expr, DictOf):
        for item in expr.items.values():
            yield from leaves(item)


def refs(expr: Expr) -> set[NodeId]:
    """The nodes that an expression needs."""
    return {leaf.node for leaf in leaves(expr) if isinstance(leaf, Ref)}


def data_parents(node: NodeSpec) -> tuple[NodeId, ...]:
    """The nodes whose outputs a node takes, each once, in the order of its inputs."""
    found = (leaf.node for e in node.inputs.values() for leaf in leaves(e) if isinstance(leaf, Ref))
    return tuple(dict.fromkeys(found))


def parents(node: NodeSpec) -> tuple[NodeId, ...]:
    """The nodes that must have succeeded before this one, each once: data first, then `after`."""
    if not node.after:
        return data_parents(node)
    return tuple(dict.fromkeys((*data_parents(node), *node.after)))


def dependents(spec: GraphSpec) -> dict[NodeId, tuple[NodeId, ...]]:
    """For every node, the nodes that wait for it, in the order of the spec."""
    found: dict[NodeId, list[NodeId]] = {node.id: [] for node in spec.nodes}
    for node in spec.nodes:
        for parent in parents(node):
            if parent in found:
                found[parent].append(node.id)
    return {node: tuple(children) for node, children in found.items()}


def edges(spec: GraphSpec) -> tuple[tuple[NodeId, NodeId], ...]:
    """Every (parent, child), data and `after` alike, each once."""
    known = {node.id for node in spec.nodes}
    return tuple((p, node.id) for node in spec.nodes for p in parents(node) if p in known)


def order(spec: GraphSpec) -> tuple[NodeId, ...]:
    """The nodes, parents first, else as in the spec.

    Nodes on a cycle, or behind one, are left out: the answer is shorter than `spec.nodes` exactly when
    there is a cycle (or an id occurs twice).
    """
    after = dependents(spec)
    missing = {node.id: sum(p in after for p in parents(node)) for node in spec.nodes}
    ready = deque(node for node, n in missing.items() if n == 0)
    found: list[NodeId] = []
    while ready:
        node = ready.popleft()
        found.append(node)
        for child in after[node]:
            missing[child] -= 1
            if missing[child] == 0:
                ready.append(child)
    return tuple(found)
