"""From a shape to a Mermaid flowchart, which GitHub, GitLab and many wikis draw. Pure, like `dot.py`.

Labels stand in quotes, and whatever could mean something to Mermaid in there stands as its entity: quotes and
brackets, the `%%{` of a directive, the backtick of a Markdown label. Ids are numbers of our own.
"""

from __future__ import annotations

import string
from collections import defaultdict
from collections.abc import Iterator

from aether_nb.display.looks import LOOKS
from aether_nb.display.outline import by_itself
from aether_nb.display.shapes import NodeShape, RunShape
from aether_nb.display.words import count_words, short
from aether_nb.graph.model import GraphSpec

LABEL_CHARS = 60
_SAFE = frozenset(string.ascii_letters + string.digits + " ,.!?()+-_")
_SHAPES = {
    "ask": ('{{"', '"}}'), "wait": ('{{"', '"}}'), "map": ('[["', '"]]'), "when": ('{"', '"}'),
}  # fmt: skip
_BOX = '("', '")'


def to_mermaid(shape: RunShape, *, status: bool = False) -> str:
    """A run as a flowchart.

    Args:
        shape: the run.
        status: draw statuses too, as colour and sign.
    """
    return "\n".join([*_lines(shape, status=status), ""])


def graph_mermaid(spec: GraphSpec) -> str:
    """A graph by itself as a flowchart; of a graph function, whose nodes come as it runs, one box."""
    return to_mermaid(by_itself(spec))


def _lines(shape: RunShape, *, status: bool) -> Iterator[str]:
    ids = {node["id"]: f"n{i}" for i, node in enumerate(shape["nodes"])}
    inside: defaultdict[str, list[NodeShape]] = defaultdict(list)
    for node in shape["nodes"]:
        inside[node["parent"] if node["parent"] in ids else ""].append(node)
    yield "flowchart LR" if len(ids) <= 8 else "flowchart TD"
    yield from _block("", "  ", ids, inside, status=status)
    guards = {node["id"]: node["guard"] for node in shape["nodes"] if "guard" in node}
    parents = {node["id"]: node["parent"] for node in shape["nodes"]}
    for a, b in shape["edges"]:
        if a in ids and b in ids and not _holds(parents, a, b) and not _holds(parents, b, a):
            when, branch = guards.get(b, ("", ""))
            yield f"  {ids[a]} -->{f'|{_quoted(branch)}|' if when == a else ''} {ids[b]}"
    if status:
        yield from _colours(shape, ids)


def _block(
    parent: str, indent: str, ids: dict[str, str], inside: dict[str, list[NodeShape]], *, status: bool
) -> Iterator[str]:
    for node in inside.get(parent, ()):
        name, label = ids[node["id"]], _label(node, status=status)
        if node["id"] in inside:
            yield f"{indent}subgraph {name} [{_quoted(label)}]"
            yield from _block(node["id"], indent + "  ", ids, inside, status=status)
            yield f"{indent}end"
        else:
            left, right = _SHAPES.get(node["kind"], _BOX)
            yield f"{indent}{name}{left}{_escaped(label)}{right}"


def _label(node: NodeShape, *, status: bool) -> str:
    label = short(" ".join(node["label"].split()), LABEL_CHARS)
    if not status:
        return f"{label}, for each" if node["kind"] == "map" else label
    counted = f" {count_words(node['count'])}" if "count" in node else ""
    return f"{LOOKS[node['status']].glyph} {label}{counted}"


def _colours(shape: RunShape, ids: dict[str, str]) -> Iterator[str]:
    of: defaultdict[str, list[str]] = defaultdict(list)
    for node in shape["nodes"]:
        of[node["status"]].append(ids[node["id"]])
    for status, names in of.items():
        look = LOOKS[status]
        dashed = ",stroke-dasharray:4 3" if status == "skipped" else ""
        yield f"  classDef {status} fill:{look.fill},stroke:{look.colour},color:#202124{dashed}"
        yield f"  class {','.join(names)} {status}"


def _holds(parents: dict[str, str], outer: str, inner: str) -> bool:
    while inner:
        if inner == outer:
            return True
        inner = parents.get(inner, "")
    return False


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    """Text that means itself between quotes: letters and signs stay, marks of ASCII become `#entities;`."""
    return (
        "".join(c if c in _SAFE or (c > "\x7f" and c.isprintable()) else _entity(ord(c)) for c in text) or " "
    )


def _entity(code: int) -> str:
    return f"#{code if 32 <= code < 0xD800 and chr(code).isprintable() else 0xFFFD};"
