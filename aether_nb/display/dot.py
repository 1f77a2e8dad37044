"""From a shape to DOT text. Pure: the same shape gives the same text.

`to_dot` draws a run; `graph_dot.py` has a graph by itself. The page colours the live picture by
the ids in it: `n:<node id>` on nodes, `c:<node id>` on the frames of nodes that contain others. Groups that are
folded are drawn as nodes, see `folding.py`. Names come from users and are hostile until `quoted`. Read
`render.py` next.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from functools import cached_property
from math import isqrt

from aether_nb.display.folding import fold
from aether_nb.display.looks import LOOKS
from aether_nb.display.shapes import NodeShape, RunShape
from aether_nb.display.words import count_words, short

LABEL_CHARS = 28
CELL_WIDTH = 880
"""Pixels that a notebook cell has for a picture; a graph that fits lies on its side, others stand."""

_INK, QUIET = "#202124", "#80868b"
_LOOK = (
    'bgcolor="transparent", pad="0.06", nodesep="0.22", ranksep="0.32", compound=true, '
    'fontname="Helvetica", fontsize=11'
)
_NODE = (
    f'shape=box, style="rounded,filled", fontname="Helvetica", fontsize=12, fontcolor="{_INK}", '
    f'color="{LOOKS["pending"].colour}", fillcolor="#ffffff", penwidth=1.4, height=0.36, margin="0.16,0.06"'
)
_EDGE = f'color="{QUIET}", arrowsize=0.6, penwidth=1.1'
_EDGE_WORDS = f'fontname="Helvetica", fontsize=10, fontcolor="{QUIET}"'
_STOP = 'shape=hexagon, margin="0.02,0.02"'
_SHAPES = {"ask": _STOP, "wait": _STOP, "map": "peripheries=2", "when": 'shape=diamond, margin="0.06,0.04"'}
"""Where the graph may stop and wait, what is there many times, and where it goes one of two ways."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""What no XML may hold."""


def to_dot(shape: RunShape, *, status: bool = False, folded: Collection[str] = ()) -> str:
    """A run as DOT.

    Args:
        shape: the run.
        status: draw statuses too, as colour and sign; without, the picture changes only when nodes come.
        folded: groups that are drawn as one node each.
    """
    return Drawing(fold(shape, folded), status=status).text()


class Drawing:
    """One picture in the making; `graph_dot.py` adds what a graph by itself has besides."""

    _counts = True
    """Whether numbers will come where they are not yet."""

    def __init__(self, shape: RunShape, *, status: bool) -> None:
        self._nodes = {node["id"]: node for node in shape["nodes"]}
        self._edges = [(a, b) for a, b in shape["edges"] if a in self._nodes and b in self._nodes]
        self._status = status
        self._inside: defaultdict[str, list[NodeShape]] = defaultdict(list)
        for node in shape["nodes"]:
            self._inside[node["parent"] if node["parent"] in self._nodes else ""].append(node)
        self._sources_of = self._ends({b for _, b in self._edges}, first=True)
        self._sinks_of = self._ends({a for a, _ in self._edges}, first=False)

    def text(self) -> str:
        """The whole."""
        lines = [
            f"  {node_name(self._sinks_of[a])} -> {node_name(self._sources_of[b])}{self._clip(a, b)}"
            for a, b in self._edges
            if self._is_drawn(a, b)
        ]
        return "\n".join([*self._head(), *self._block("", "  "), *lines, "}\n"])

    def _head(self) -> list[str]:
        return [
            "digraph {",
            f"  graph [rankdir={'LR' if self._lies else 'TB'}, {_LOOK}]",
            f"  node [{_NODE}]",
            f"  edge [{_EDGE}]",
        ]

    def _is_drawn(self, a: str, b: str) -> bool:
        """A frame has no edges to what it holds."""
        return not self._contains(a, b) and not self._contains(b, a)

    def _block(self, parent: str, indent: str) -> Iterator[str]:
        for node in self._inside.get(parent, ()):
            if node["id"] not in self._inside:
                yield f"{indent}{node_name(node['id'])} [{self._attributes(node)}]"
                continue
            yield f"{indent}subgraph {_cluster(node['id'])} {{"
            yield f"{indent}  graph [{self._frame(node)}]"
            yield from self._block(node["id"], indent + "  ")
            if node["kind"] == "map":
                yield from self._grid(node["id"], indent + "  ")
            yield f"{indent}}}"

    def _grid(self, map_id: str, indent: str) -> Iterator[str]:
        """The items of a map in rows, by edges that are not seen: else all of them would stand in one line."""
        items = [self._sources_of[item["id"]] for item in self._inside[map_id]]
        rows = isqrt(len(items) - 1) + 1
        for before, after in zip(items, items[rows:], strict=False):
            yield f"{indent}{node_name(before)} -> {node_name(after)} [style=invis]"

    def _attributes(self, node: NodeShape) -> str:
        parts = [f"id={node_name(node['id'])}", f"label={self._label(node)}"]
        if node["kind"] in _SHAPES:
            parts.append(_SHAPES[node["kind"]])
        if self._counts and not self._status and self._count(node):
            parts.append("width=1.5")  # room for `137/1000, 3 failed`
        parts.append(f"tooltip={quoted(node['label'])}")
        if self._status:
            look = LOOKS[node["status"]]
            parts.append(f'color="{look.colour}", fillcolor="{look.fill}"')
            if node["status"] == "skipped":
                parts.append(f'style="rounded,filled,dashed", fontcolor="{QUIET}"')
        return ", ".join(parts)

    def _label(self, node: NodeShape) -> str:
        return quoted(self._words(node), *self._count(node))

    def _frame(self, node: NodeShape) -> str:
        colour = LOOKS[node["status"] if self._status else "pending"].colour
        return (
            f"id={quoted('c:' + node['id'])}, label={quoted(self._words(node))}, "
            f"tooltip={quoted(node['label'])}, "
            f'style="rounded,filled", color="{colour}", fillcolor="#f8f9fa", fontcolor="{_INK}", '
            f'penwidth=1.2, margin=10, labeljust="l"'
        )

    def _words(self, node: NodeShape) -> str:
        label = label_of(node["label"])
        return f"{LOOKS[node['status']].glyph} {label}" if self._status else label

    def _count(self, node: NodeShape) -> list[str]:
        """The second line of a map or folded group. The live picture keeps room for the numbers of the page."""
        count = node.get("count")
        if node["kind"] != "map" and count is None:
            return []
        if count is None or not self._status:
            return ["for each" if node["kind"] == "map" else "· · ·"]
        return [count_words(count)]

    def _way(self, a: str, b: str) -> list[str]:
        """On an edge from a choice into a branch: which one."""
        guard = self._nodes[b].get("guard")
        return [f'label="{guard[1]}", {_EDGE_WORDS}'] if guard is not None and guard[0] == a else []

    def _clip(self, a: str, b: str) -> str:
        """An edge of a frame ends at the frame, though DOT lets it go on to a node inside."""
        ends = self._way(a, b) if a in self._nodes and b in self._nodes else []
        if a and a in self._inside:
            ends.append(f"ltail={_cluster(a)}")
        if b and b in self._inside:
            ends.append(f"lhead={_cluster(b)}")
        return f" [{', '.join(ends)}]" if ends else ""

    def _ends(self, busy: set[str], *, first: bool) -> dict[str, str]:
        """For each node the leaf that its edges are tied to: itself, or the first (last) one inside."""
        ends: dict[str, str] = {}
        for node_id in reversed(self._nodes):  # what is inside stands after what contains it
            inside = [n["id"] for n in self._inside.get(node_id, ()) if n["id"] in ends]
            free = [i for i in inside if i not in busy] or inside
            ends[node_id] = ends[free[0 if first else -1]] if free else node_id
        return ends

    def _contains(self, a: str, b: str) -> bool:
        while b:
            if a == b:
                return True
            b = self._nodes[b]["parent"] if b in self._nodes else ""
        return False

    @cached_property
    def _lies(self) -> bool:
        """Whether its columns fit the cell side by side; else it stands."""
        widest: defaultdict[int, int] = defaultdict(int)
        for node_id, rank in self._ranks().items():
            widest[rank] = max(widest[rank], self._room(node_id))
        return sum(widest.values()) + self._beside() <= CELL_WIDTH

    def _beside(self) -> int:
        """How wide is what stands before and after the nodes."""
        return 0

    def _room(self, node_id: str) -> int:
        """How wide a node is, with its edges, in pixels; a guess that need not be good."""
        return int(46 + 6.6 * min(len(self._nodes[node_id]["label"]), LABEL_CHARS))

    def _ranks(self) -> dict[str, int]:
        """How many steps lie before each leaf, at most; in a cycle, which no run has, some number."""
        after: defaultdict[str, list[str]] = defaultdict(list)
        waits = dict.fromkeys((i for i in self._nodes if i not in self._inside), 0)
        for a, b in self._edges:
            a, b = self._sinks_of[a], self._sources_of[b]  # noqa: PLW2901 - the same edge, between leaves
            if a != b:
                after[a].append(b)
                waits[b] += 1
        ranks = dict.fromkeys(waits, 0)
        ready = [i for i, n in waits.items() if not n]
        for i in ready:
            for below in after.get(i, ()):
                ranks[below] = max(ranks[below], ranks[i] + 1)
                waits[below] -= 1
                if not waits[below]:
                    ready.append(below)
        return ranks


def label_of(text: str) -> str:
    """What a picture says of a name: one line, not too long."""
    return short(" ".join(text.split()), LABEL_CHARS)


def node_name(node_id: str) -> str:
    """What DOT calls a node, which is also its id in the SVG."""
    return quoted("n:" + node_id)


def _cluster(node_id: str) -> str:
    return quoted("cluster_" + node_id)


def quoted(*lines: str) -> str:
    r"""A DOT string that means this text, or these lines, and nothing else.

    A quoted string is never an HTML label; the backslash would start an escape like `\N`, the ampersand
    an entity.
    """
    return '"' + "\\n".join(map(_escaped, lines)) + '"'


def printable(text: str) -> str:
    """The text without what no XML may hold."""
    return _CONTROL.sub("\ufffd", text)


def _escaped(text: str) -> str:
    text = printable(text).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
    return text.replace("\r", " ").replace("\n", " ")
