"""Which groups of a picture are folded, and the run as it is drawn then: pure functions of a shape.

A group is a node that others stand inside: a sub-graph, a graph function, a map whose items are listed. A folded
one is drawn as one node, its edges as those of what it holds. Who draws decides what a person wished: the
live picture in `jupyter/picture.py`, the static twin by itself. Read `dot.py` next.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import NamedTuple

from aether_nb.display.shapes import NodeShape, RunShape

GROUP = 30
"""A group that holds more nodes is folded until somebody opens it."""
ALL = 150
"""In a run with more nodes every group is."""


def sizes(nodes: Collection[NodeShape]) -> dict[str, int]:
    """How many nodes each group holds, all the way down, without the groups among them."""
    inside: dict[str, list[NodeShape]] = defaultdict(list)
    known = {node["id"] for node in nodes}
    for node in nodes:
        if node["parent"] in known:
            inside[node["parent"]].append(node)
    found: dict[str, int] = {}
    for node in reversed(list(nodes)):  # what is inside stands after what contains it
        if node["id"] in inside:
            found[node["id"]] = sum(found.get(n["id"], 1) for n in inside[node["id"]])
    return found


def folded(nodes: Collection[NodeShape], wishes: Mapping[str, bool]) -> set[str]:
    """The groups that are folded.

    Args:
        nodes: of the run, containers before what they contain.
        wishes: by group, whether a person wants it open.
    """
    many = len(nodes) > ALL
    return {
        group for group, size in sizes(nodes).items() if not wishes.get(group, not (many or size > GROUP))
    }


class Toggled(NamedTuple):
    """How a picture looks when one group is not as it is by itself."""

    group: str
    open: bool
    """Whether it is open then."""
    folded: set[str]
    """All that is folded then: what it stands inside is open."""


def toggled(nodes: Collection[NodeShape], wishes: Mapping[str, bool]) -> list[Toggled]:
    """For each group the picture in which it, and it alone, is the other way round; those that open come first.

    Args:
        nodes: of the run, containers before what they contain.
        wishes: by group, whether it is open by itself; the others are as their size has it.
    """
    usual = folded(nodes, wishes)
    parents = {node["id"]: node["parent"] for node in nodes}
    found = []
    for group in sizes(nodes):
        wanted = {**wishes, group: group in usual}
        around = parents[group]
        while around in parents:
            wanted[around] = True
            around = parents[around]
        found.append(Toggled(group, group in usual, folded(nodes, wanted)))
    return sorted(found, key=lambda one: not one.open)


def fold(shape: RunShape, groups: Collection[str]) -> RunShape:
    """The run as it is drawn with these groups folded; the same one when there are none.

    A folded group gets a count of the nodes inside, if it has none of its own.
    """
    if not groups:
        return shape
    shown: dict[str, NodeShape] = {}
    stands_for: dict[str, str] = {}
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    holds = sizes(shape["nodes"])
    for node in shape["nodes"]:
        parent = stands_for.get(node["parent"], node["parent"])
        hidden = parent in groups
        stands_for[node["id"]] = parent if hidden else node["id"]
        if not hidden:
            shown[node["id"]] = node
        elif node["id"] not in holds:
            count = counts[parent]
            count[0] += node["status"] == "succeeded"
            count[1] += node["status"] == "failed"
            count[2] += 1
    for group, (done, failed, total) in counts.items():
        if "count" not in shown[group]:
            shown[group] = {**shown[group], "count": {"done": done, "failed": failed, "total": total}}
    edges = dict.fromkeys((stands_for.get(a, a), stands_for.get(b, b)) for a, b in shape["edges"])
    drawn = shape.copy()
    drawn["nodes"] = list(shown.values())
    drawn["edges"] = [(a, b) for a, b in edges if a != b]
    return drawn
