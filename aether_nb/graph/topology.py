"""Who feeds whom: parents, branches and an order, as functions of a GraphSpec.

`validate` checks with them, `engine` schedules with them, `display` draws with them. Each is linear
in the size of the spec and never raises: ids that name no node are left out of the answer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping

from aether_nb.graph.model import Branch, DictOf, Expr, GraphSpec, Guard, InputRef, ListOf, NodeSpec, Ref
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
    """The nodes that must have succeeded before this one, each once: data first, then `after`.

    The choice that a node is a branch of is none of them; see `guards`.
    """
    if not node.after:
        return data_parents(node)
    return tuple(dict.fromkeys((*data_parents(node), *node.after)))


def results(node: NodeSpec, branch: Branch) -> tuple[NodeId, ...]:
    """The nodes that a choice takes its outputs from when it goes that way, each once."""
    return tuple(dict.fromkeys(n for expr in node.branches.get(branch, {}).values() for n in refs(expr)))


def guards(node: NodeSpec, nodes: Mapping[NodeId, NodeSpec]) -> Iterator[Guard]:
    """The branches that a node stands in, innermost first; `nodes` are those of its graph, by id."""
    seen = set[NodeId]()
    guard = node.guard
    while guard is not None and guard.when not in seen:
        yield guard
        seen.add(guard.when)
        choice = nodes.get(guard.when)
        guard = None if choice is None else choice.guard


def edges(spec: GraphSpec) -> tuple[tuple[NodeId, NodeId], ...]:
    """Every (parent, child), data and `after` alike, each once."""
    known = {node.id for node in spec.nodes}
    return tuple((p, node.id) for node in spec.nodes for p in parents(node) if p in known)


def order(spec: GraphSpec) -> tuple[NodeId, ...]:
    """The nodes, parents first, else as in the spec; a choice comes before its branches.

    Nodes on a cycle, or behind one, are left out: the answer is shorter than `spec.nodes` exactly when
    there is a cycle (or an id occurs twice).
    """
    return tuple(vertex for vertex in sequence(needs(spec)) if not vertex.endswith(JOIN))


def sequence(before: Mapping[NodeId, tuple[NodeId, ...]]) -> list[NodeId]:
    """What `needs` found in an order in which it can happen; what cannot happen is left out."""
    after: dict[NodeId, list[NodeId]] = {vertex: [] for vertex in before}
    for vertex, needed in before.items():
        for n in needed:
            after[n].append(vertex)
    missing = {vertex: len(needed) for vertex, needed in before.items()}
    ready = deque(vertex for vertex, n in missing.items() if n == 0)
    found: list[NodeId] = []
    while ready:
        vertex = ready.popleft()
        found.append(vertex)
        for child in after[vertex]:
            missing[child] -= 1
            if missing[child] == 0:
                ready.append(child)
    return found


JOIN = "/join"
"""Ends the name under which `needs` has the end of a choice; no id of a node in a spec has a `/`."""


def needs(spec: GraphSpec) -> dict[NodeId, tuple[NodeId, ...]]:
    """For every node the nodes that come before it, each once.

    A choice is there twice: itself, before its branches, and as `<id>/join`, after them and before whatever
    takes its outputs.
    """
    nodes = {node.id: node for node in spec.nodes}
    ends = {node.id: NodeId(node.id + JOIN) for node in spec.nodes if node.kind == "when"}
    found: dict[NodeId, dict[NodeId, None]] = {n: {} for node in spec.nodes for n in _twofold(node, ends)}
    for node in spec.nodes:
        found[node.id].update((ends.get(p, p), None) for p in parents(node) if p in nodes)
        if node.id in ends:
            join = found[ends[node.id]]
            join[node.id] = None
            for branch in node.branches:
                join.update((ends.get(p, p), None) for p in results(node, branch) if p in nodes)
        if node.guard is not None and node.guard.when in ends:
            found[node.id][node.guard.when] = None
            found[ends[node.guard.when]][ends.get(node.id, node.id)] = None
    return {vertex: tuple(before) for vertex, before in found.items()}


def _twofold(node: NodeSpec, ends: Mapping[NodeId, NodeId]) -> Iterator[NodeId]:
    yield node.id
    if node.id in ends:
        yield ends[node.id]
