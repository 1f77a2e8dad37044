"""A graph by itself as DOT: its inputs and outputs as plain words, and the types where its edges end.

What is known of the types of a node stands in its box, small and quiet, at the side where the edge ends: what
goes in before the name, what comes out behind it. Only ends that have an edge are told, so that a graph
without hints looks as it does in a run. Read `dot.py` first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from html import escape
from typing import NamedTuple

from aether_nb.display.dot import QUIET, Drawing, label_of, node_name, printable, quoted
from aether_nb.display.outline import by_itself
from aether_nb.display.shapes import NodeShape
from aether_nb.display.words import short
from aether_nb.graph.model import Expr, GraphSpec, InputRef, NodeSpec, Ref, StepTypes
from aether_nb.graph.topology import leaves

_END_CHARS = 26
_WORDS = f'shape=box, style="", penwidth=0, margin="0.04,0.02", height=0, fontsize=11, fontcolor="{QUIET}"'
_UNKNOWN = StepTypes({}, {})
_BOXES = frozenset({"tool", "graph", "fn", "map"})
"""Kinds of nodes whose border is where their words end."""


def graph_dot(spec: GraphSpec, types: Mapping[str, StepTypes] | None = None) -> str:
    """A graph by itself as DOT.

    Args:
        spec: the graph.
        types: what is known of the types of its steps, by name of the step.
    """
    return _GraphDrawing(spec, types or {}).text()


class _Link(NamedTuple):
    """An edge with what travels along it; `""` where that is not known, or nothing does."""

    a: str
    b: str
    output: str
    input: str


class _GraphDrawing(Drawing):
    """One picture in the making."""

    _counts = False

    def __init__(self, spec: GraphSpec, types: Mapping[str, StepTypes]) -> None:
        super().__init__(by_itself(spec), status=False)
        self._spec = spec
        self._types = types
        self._specs = dict(_specs(spec))
        self._given = list(self._inputs())
        self._gives = list(self._outputs())
        self._links = [link for edge in self._edges for link in self._along(*edge)]
        self._into: defaultdict[str, dict[str, str]] = defaultdict(dict)
        self._out_of: defaultdict[str, dict[str, str]] = defaultdict(dict)
        for link in [*self._links, *self._given, *self._gives]:
            self._note_ends(link)

    # -- what is there -----------------------------------------------------------------------------

    def _inputs(self) -> Iterator[_Link]:
        if self._spec.kind == "function":
            yield from (_Link("", self._spec.name, p.name, "") for p in self._spec.inputs)
        for param in self._spec.inputs:
            for node in self._spec.nodes:
                for name, expr in node.inputs.items():
                    if any(isinstance(leaf, InputRef) and leaf.name == param.name for leaf in leaves(expr)):
                        yield _Link("", node.id, param.name, name)

    def _outputs(self) -> Iterator[_Link]:
        if self._spec.kind == "function":
            yield from (_Link(self._spec.name, "", "", output) for output in self._spec.outputs)
        for output, expr in self._spec.result.items():
            for source, given in self._sources(expr, ""):
                yield _Link(source, "", given, output)

    def _sources(self, expr: Expr, prefix: str) -> Iterator[tuple[str, str]]:
        """The nodes, with their outputs, that an expression takes values from: of a choice those that give them."""
        for leaf in leaves(expr):
            node = self._specs.get(prefix + leaf.node) if isinstance(leaf, Ref) else None
            if node is None or not isinstance(leaf, Ref):
                continue
            offered = [given[leaf.output] for given in node.branches.values() if leaf.output in given]
            for inner in offered:
                yield from self._sources(inner, prefix)
            if not offered:
                yield prefix + node.id, leaf.output or ""

    def _along(self, a: str, b: str) -> list[_Link]:
        """What travels along an edge of the picture: the inputs of its end that come from its beginning."""
        inputs = self._specs[b].inputs if b in self._specs else {}
        prefix = b[: b.rfind("/") + 1]
        found = [
            _Link(a, b, output, name)
            for name, expr in inputs.items()
            for source, output in self._sources(expr, prefix)
            if source == a
        ]
        return found or [_Link(a, b, "", "")]

    def _note_ends(self, link: _Link) -> None:
        """The types where an edge ends, as far as they are known, are told in the boxes there."""
        if link.b in self._specs and link.b not in self._inside and (of := self._type_in(link.b, link.input)):
            self._into[link.b][link.input] = f"{link.input}: {of}"
        if (
            link.a in self._specs
            and link.a not in self._inside
            and (of := self._type_out(link.a, link.output))
        ):
            self._out_of[link.a][link.output] = f"{link.output}: {of}"

    def _type_in(self, node: str, name: str) -> str:
        spec = self._specs[node]
        of = self._types.get(spec.name, _UNKNOWN).inputs.get(name, "")
        return f"list[{of}]" if of and spec.each is not None and name == spec.each.over else of

    def _type_out(self, node: str, name: str) -> str:
        spec = self._specs[node]
        of = self._types.get(spec.name, _UNKNOWN).outputs.get(name, "")
        return f"list[{of}]" if of and spec.each is not None else of

    # -- drawing -----------------------------------------------------------------------------------

    def text(self) -> str:
        """The whole."""
        return "\n".join([*self._head(), *self._outer(), *self._block("", "  "), *self._arrows(), "}\n"])

    def _outer(self) -> Iterator[str]:
        """The inputs and outputs of the graph."""
        given = {param.name: param for param in self._spec.inputs}
        for i, param in enumerate(given.values()):
            yield f"  {quoted(f'i:{i}')} [label={quoted(label_of(_typed(param.name, param.type)))}, {_WORDS}]"
        for i, (name, of) in enumerate(self._promised().items()):
            yield f"  {quoted(f'o:{i}')} [label={quoted(label_of(_typed(name, of)))}, {_WORDS}]"

    def _promised(self) -> dict[str, str]:
        """The outputs of the graph, with their types."""
        known = self._types.get(self._spec.name, _UNKNOWN).outputs
        return {name: known.get(name, "") for name in self._spec.outputs}

    def _arrows(self) -> Iterator[str]:
        inputs = {param.name: quoted(f"i:{i}") for i, param in enumerate(self._spec.inputs)}
        outputs = {name: quoted(f"o:{i}") for i, name in enumerate(self._spec.outputs)}
        lines = [f"{inputs[x.output]} -> {self._head_end(x)}{self._clip('', x.b)}" for x in self._given]
        lines += [
            f"{self._tail_end(x)} -> {self._head_end(x)}{self._clip(x.a, x.b)}"
            for x in self._links
            if self._is_drawn(x.a, x.b)
        ]
        lines += [f"{self._tail_end(x)} -> {outputs[x.input]}{self._clip(x.a, '')}" for x in self._gives]
        yield from (f"  {line}" for line in dict.fromkeys(lines))

    def _label(self, node: NodeShape) -> str:
        into, out_of = self._into.get(node["id"], {}), self._out_of.get(node["id"], {})
        if not into and not out_of:
            return super()._label(node)
        title = f"<TD>{'<BR/>'.join(map(_xml, (self._words(node), *self._count(node))))}</TD>"
        before = self._ends_of("i", into)
        after = self._ends_of("o", out_of)
        cells = [cell for cell in (before, title, after) if cell]
        rows = f"<TR>{''.join(cells)}</TR>" if self._lies else "".join(f"<TR>{cell}</TR>" for cell in cells)
        return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="3">{rows}</TABLE>>'

    def _attributes(self, node: NodeShape) -> str:
        told = node["id"] in self._into or node["id"] in self._out_of
        return super()._attributes(node) + (', margin="0.06,0"' if told and node["kind"] in _BOXES else "")

    def _ends_of(self, side: str, ends: Mapping[str, str]) -> str:
        """The types at one side of a box, one under the other, or side by side in a graph that stands."""
        if not ends:
            return ""
        lean = ("LEFT" if side == "i" else "RIGHT") if self._lies else "CENTER"
        cells = [
            f'<TD ALIGN="{lean}" PORT="{side}{i}"><FONT POINT-SIZE="9" COLOR="{QUIET}">'
            f"{_xml(short(' '.join(words.split()), _END_CHARS))}</FONT></TD>"
            for i, words in enumerate(ends.values())
        ]
        rows = "".join(f"<TR>{cell}</TR>" for cell in cells) if self._lies else f"<TR>{''.join(cells)}</TR>"
        return f'<TD><TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2">{rows}</TABLE></TD>'

    def _head_end(self, link: _Link) -> str:
        return self._port(self._sources_of[link.b], "i", link.input, self._into.get(link.b, {}))

    def _tail_end(self, link: _Link) -> str:
        return self._port(self._sinks_of[link.a], "o", link.output, self._out_of.get(link.a, {}))

    def _port(self, leaf: str, side: str, name: str, ends: Mapping[str, str]) -> str:
        """A node, and the place in its box where the type stands; in what is no box, the edge ends at the border."""
        if name not in ends or self._nodes[leaf]["kind"] not in _BOXES:
            return node_name(leaf)
        compass = ("we" if self._lies else "ns")["io".index(side)]
        return f"{node_name(leaf)}:{side}{list(ends).index(name)}:{compass}"

    def _beside(self) -> int:
        return 100 * bool(self._spec.inputs) + 100 * bool(self._spec.outputs)

    def _room(self, node_id: str) -> int:
        into, out_of = self._into.get(node_id, {}), self._out_of.get(node_id, {})
        told = (
            max((min(len(words), _END_CHARS) for words in ends.values()), default=0)
            for ends in (into, out_of)
        )
        return super()._room(node_id) + sum(int(5.2 * chars) for chars in told)


def _specs(spec: GraphSpec, prefix: str = "") -> Iterator[tuple[str, NodeSpec]]:
    """Every node of a graph and of the graphs inside it, by its id in the picture."""
    for node in spec.nodes:
        yield prefix + node.id, node
        inner = spec.subgraphs.get(node.name) if node.kind in {"graph", "fn"} else None
        if inner is not None:
            yield from _specs(inner, f"{prefix}{node.id}/")


def _typed(name: str, of: str) -> str:
    return f"{name}: {of}" if of else name


def _xml(text: str) -> str:
    r"""Text in an HTML-like label: what XML would read as markup, and escapes like `\N`, mean themselves."""
    return escape(printable(text)).replace("\\", "\\\\")
