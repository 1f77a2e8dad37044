"""What a graph is, as frozen data: parameters, nodes, and where each input of a node comes from.

`authoring` makes these from Python functions, `engine` runs them, `display` draws them, the store
keeps them (once per content) so that a run can be drawn without the code that made it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from aether_nb.ids import NodeId


class _Data(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False
):
    """Frozen data that the collector of cycles need not look at: a large graph is thousands of these."""


class Lit(_Data, frozen=True, tag_field="x", tag="lit"):
    """A literal, written in the builder."""

    value: Any
    """Encoded by `aether_nb.values`: JSON."""


class Ref(_Data, frozen=True, tag_field="x", tag="ref"):
    """An output of another node."""

    node: NodeId
    output: str | None = None
    """Which output; None is the whole outputs mapping."""


class InputRef(_Data, frozen=True, tag_field="x", tag="input"):
    """An input of the graph."""

    name: str


class ListOf(_Data, frozen=True, tag_field="x", tag="list"):
    """A list whose items are expressions."""

    items: tuple[Expr, ...]


class DictOf(_Data, frozen=True, tag_field="x", tag="dict"):
    """A dict with literal string keys whose values are expressions."""

    items: dict[str, Expr]


Expr = Lit | Ref | InputRef | ListOf | DictOf
"""Where a value comes from."""

NodeKind = Literal["tool", "ask", "wait", "graph", "fn", "map", "when"]
"""tool: a plain tool. ask: a dual-stage tool that asks a person. wait: one that waits for something
else. graph: a static graph as a node. fn: a graph function as a node. map: one of these for every item
of a list. when: a choice between two branches."""

OnFailure = Literal["fail", "skip", "continue"]
"""What a failed node does to the rest. fail: the run fails, once all that does not need the node is done. skip:
what needs it is skipped. continue: what needs it goes on with None for its outputs."""

Branch = Literal["then", "otherwise"]
"""The two ways that a choice can go."""


class ParamSpec(_Data, frozen=True):
    """One input of a tool or graph."""

    name: str
    type: str = ""
    """The type hint as text, for people; empty when there is none."""
    required: bool = True
    default: Any = None
    """Encoded; meaningful only when not required."""


def param_text(param: ParamSpec) -> str:
    """An input as a signature has it."""
    typed = f"{param.name}: {param.type}" if param.type else param.name
    return typed if param.required else f"{typed} = …"


class StepTypes(NamedTuple):
    """What is known of the types of a step, as text for people; what is not known is left out.

    No part of a spec: pictures of a graph that is defined here have it.
    """

    inputs: Mapping[str, str]
    outputs: Mapping[str, str]


class Each(_Data, frozen=True):
    """What a node of kind `map` does with every item of its list."""

    kind: NodeKind
    """What each item becomes."""
    over: str
    """The input that takes the item; in the inputs of the map's node it is the list."""
    outputs: tuple[str, ...]
    """What each item gives; the map gives a list of each, in the order of the items."""
    max_concurrency: int | None = None
    """How many items may be under way at a time; None sets no limit of its own."""


class Guard(_Data, frozen=True):
    """The branch of a choice that a node stands in."""

    when: NodeId
    branch: Branch


class NodeSpec(_Data, frozen=True):
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
    on_failure: OnFailure = "fail"
    """For kind `map`: that of each item."""
    each: Each | None = None
    """Only for kind `map`."""
    guard: Guard | None = None
    """Only for a node in a branch: it runs when the choice goes that way, and is skipped otherwise."""
    branches: dict[Branch, dict[str, Expr]] = {}
    """Only for kind `when`: where each output comes from if it goes that way. Its input is `condition`."""


class GraphSpec(_Data, frozen=True):
    """One graph. A graph function has no nodes here: they come as it runs."""

    name: str
    kind: Literal["static", "function"]
    inputs: tuple[ParamSpec, ...] = ()
    outputs: tuple[str, ...] = ()
    nodes: tuple[NodeSpec, ...] = ()
    result: dict[str, Expr] = {}
    """Where each output comes from; empty for a graph function."""
    subgraphs: dict[str, GraphSpec] = {}
    """The graphs that nodes of kind `graph` and `fn`, or the items of a map, stand for, by name."""
    doc: str = ""
    fingerprints: dict[str, str] = {}
    """By name of tool or graph: hash of its normalised code; `""` when unknown."""


replace = msgspec.structs.replace
"""A graph, or a part of one, like this one, but for what is named."""


def spec_to_json(spec: GraphSpec) -> str:
    """A graph as JSON; what has its default is left out.

    Raises:
        ValueError, TypeError: something in it is not JSON.
    """
    return msgspec.json.encode(spec).decode()


def spec_from_json(text: str) -> GraphSpec:
    """Read it back.

    Raises:
        ValueError: it is damaged, or a newer aether_nb wrote it.
    """
    return msgspec.json.decode(text, type=GraphSpec)
