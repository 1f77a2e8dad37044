"""What a graph is, as frozen data: parameters, nodes, and where each input of a node comes from.

`authoring` makes these from Python functions, `engine` runs them, `display` draws them, the store
keeps them (once per content) so that a run can be drawn without the code that made it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from aether_nb.ids import NodeId


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Lit(_Data):
    """A literal, written in the builder."""

    x: Literal["lit"] = "lit"
    value: Any
    """Encoded by `aether_nb.values`: JSON."""


class Ref(_Data):
    """An output of another node."""

    x: Literal["ref"] = "ref"
    node: NodeId
    output: str | None = None
    """Which output; None is the whole outputs mapping."""


class InputRef(_Data):
    """An input of the graph."""

    x: Literal["input"] = "input"
    name: str


class ListOf(_Data):
    """A list whose items are expressions."""

    x: Literal["list"] = "list"
    items: tuple[Expr, ...]


class DictOf(_Data):
    """A dict with literal string keys whose values are expressions."""

    x: Literal["dict"] = "dict"
    items: dict[str, Expr]


Expr = Annotated[Lit | Ref | InputRef | ListOf | DictOf, Field(discriminator="x")]
"""Where a value comes from."""

NodeKind = Literal["tool", "ask", "wait", "graph", "fn"]
"""tool: a plain tool. ask: a dual-stage tool that asks a person. wait: one that waits for something
else. graph: a static graph as a node. fn: a graph function as a node."""


class ParamSpec(_Data):
    """One input of a tool or graph."""

    name: str
    type: str = ""
    """The type hint as text, for people; empty when there is none."""
    required: bool = True
    default: Any = None
    """Encoded; meaningful only when not required."""


class NodeSpec(_Data):
    """One step of a static graph."""

    id: NodeId
    name: str
    """The tool's or graph's name."""
    kind: NodeKind = "tool"
    label: str = ""
    """What the picture says; the name when empty."""
    inputs: dict[str, Expr] = {}
    after: tuple[NodeId, ...] = ()
    """Nodes that must have succeeded first although no data comes from them."""
    outputs: tuple[str, ...] = ()


class GraphSpec(_Data):
    """One graph. A graph function has no nodes here: they come as it runs."""

    name: str
    kind: Literal["static", "function"]
    inputs: tuple[ParamSpec, ...] = ()
    outputs: tuple[str, ...] = ()
    nodes: tuple[NodeSpec, ...] = ()
    result: dict[str, Expr] = {}
    """Where each output comes from; empty for a graph function."""
    subgraphs: dict[str, GraphSpec] = {}
    """The graphs that nodes of kind `graph` and `fn` stand for, by name."""
    doc: str = ""
    fingerprints: dict[str, str] = {}
    """By name of tool or graph: hash of its normalised code; `""` when unknown."""


ListOf.model_rebuild()
DictOf.model_rebuild()
GraphSpec.model_rebuild()
