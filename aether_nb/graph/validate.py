"""What is wrong with a GraphSpec, as sentences, all at once.

`authoring.graphify` asks before it hands a graph out; whoever reads a spec from elsewhere may ask too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from difflib import get_close_matches
from itertools import pairwise

from aether_nb.graph.model import Branch, Expr, GraphSpec, NodeSpec, Ref
from aether_nb.graph.topology import JOIN, guards, leaves, needs, parents, refs, sequence
from aether_nb.ids import NodeId


def problems(spec: GraphSpec) -> list[str]:
    """Everything that keeps the graph from running, one sentence each; empty when all is well."""
    return [*_problems(spec)]


def did_you_mean(name: str, known: list[str]) -> str:
    """` (did you mean `text`?)`, or nothing: for the end of a sentence about a name that is not known."""
    close = get_close_matches(name, known, n=1)
    return f" (did you mean `{close[0]}`?)" if close else ""


def _problems(spec: GraphSpec) -> Iterator[str]:
    nodes = {node.id: node for node in spec.nodes}
    inputs = [param.name for param in spec.inputs]
    for name in _twice(inputs):
        yield f"the input `{name}` is there twice; give each input a name of its own."
    for name in _twice(spec.outputs):
        yield f"the output `{name}` is declared twice; give each output a name of its own."
    for node_id in _twice(node.id for node in spec.nodes):
        yield f"two nodes have the key `{node_id}`; give each node a `key=` of its own."
    for node in spec.nodes:
        where = f"the input `{{}}` of `{node.id}`"
        for name, expr in node.inputs.items():
            yield from _dangling(expr, where.format(name), nodes, inputs)
        for parent in node.after:
            if parent not in nodes:
                yield f"`{node.id}` comes after `{parent}`, and there is no such node."
        kind = node.kind if node.each is None else node.each.kind
        if kind in {"graph", "fn"} and node.name not in spec.subgraphs:
            yield f"`{node.id}` stands for the graph `{node.name}`, and its spec is missing."
        yield from _branches(node, nodes, inputs)
    yield from _results(spec, nodes, inputs)
    yield from _cycle(spec)


def _results(spec: GraphSpec, nodes: dict[NodeId, NodeSpec], inputs: list[str]) -> Iterator[str]:
    for name, expr in spec.result.items():
        yield from _dangling(expr, f"the output `{name}`", nodes, inputs)
        for parent in refs(expr):
            yield from _looked_into(parent, set(), f"the output `{name}`", nodes)
    if spec.kind == "function":
        return
    for name in spec.outputs:
        if name not in spec.result:
            yield f"the output `{name}` is declared and not returned."
    for name in spec.result:
        if name not in spec.outputs:
            hint = did_you_mean(name, [o for o in spec.outputs if o not in spec.result])
            yield f"the output `{name}` is returned and not declared{hint}."


def _dangling(expr: Expr, where: str, nodes: dict[NodeId, NodeSpec], inputs: list[str]) -> Iterator[str]:
    for leaf in leaves(expr):
        if not isinstance(leaf, Ref):
            if leaf.name not in inputs:
                hint = did_you_mean(leaf.name, inputs)
                yield f"{where} takes the graph's input `{leaf.name}`, and there is none{hint}."
        elif leaf.node not in nodes:
            hint = did_you_mean(leaf.node, list(nodes))
            yield f"{where} comes from `{leaf.node}`, and there is no such node{hint}."
        elif leaf.output is not None and leaf.output not in nodes[leaf.node].outputs:
            yield f"{where}: {no_output(leaf.node, leaf.output, nodes[leaf.node].outputs)}"


def _branches(node: NodeSpec, nodes: dict[NodeId, NodeSpec], inputs: list[str]) -> Iterator[str]:
    """What is wrong with how a node stands to branches: its own, the one it is in, and those it looks into."""
    guard = node.guard
    if guard is not None and (guard.when not in nodes or nodes[guard.when].kind != "when"):
        yield f"`{node.id}` is in a branch of `{guard.when}`, and there is no such choice."
        return
    around = {(g.when, g.branch) for g in guards(node, nodes)}
    for parent in parents(node):
        yield from _looked_into(parent, around, f"`{node.id}`", nodes)
    for branch, offered in node.branches.items():
        for name, expr in offered.items():
            where = f"the output `{name}` of `{node.id}`"
            yield from _dangling(expr, where, nodes, inputs)
            for parent in refs(expr):
                yield from _looked_into(parent, around | {(node.id, branch)}, where, nodes)


def _looked_into(
    parent: NodeId, around: set[tuple[NodeId, Branch]], who: str, nodes: dict[NodeId, NodeSpec]
) -> Iterator[str]:
    guard = nodes[parent].guard if parent in nodes else None
    if guard is not None and (guard.when, guard.branch) not in around:
        yield (
            f"{who} needs `{parent}`, which runs only in the branch `{guard.branch}` of `{guard.when}`; "
            "return it from the branch and take it from what `when` gives."
        )


def no_output(node: str, output: str, outputs: tuple[str, ...]) -> str:
    """The sentence about an output that a node does not have."""
    have = ", ".join(f"`{o}`" for o in outputs) or "none"
    return f"`{node}` has no output `{output}`; it has {have}{did_you_mean(output, list(outputs))}."


def _cycle(spec: GraphSpec) -> Iterator[str]:
    before = needs(spec)
    left = dict.fromkeys(before)
    for vertex in sequence(before):
        left.pop(vertex, None)
    if not left:
        return
    # whatever is left has a parent that is left, so walking up must come round
    seen: dict[NodeId, None] = {}
    at = next(iter(left))
    while at not in seen:
        seen[at] = None
        at = next(p for p in before[at] if p in left)
    walked = list(seen)
    ring = [*walked[walked.index(at) :], at]
    told = [ring[0], *(b for a, b in pairwise(ring) if b not in {a + JOIN, a.removesuffix(JOIN)} or a == b)]
    round_ = " -> ".join(vertex.removesuffix(JOIN) for vertex in reversed(told))
    yield f"these nodes wait for each other: {round_}; take one of the edges out."


def _twice(names: Iterator[str] | list[str] | tuple[str, ...]) -> list[str]:
    return [name for name, n in Counter(names).items() if n > 1]
