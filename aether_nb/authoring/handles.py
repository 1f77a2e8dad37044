"""Handles: what stands for a value while a graph is built.

They can be passed to tools, put into lists and dicts, and returned. Used as if they were the value,
they say what to do instead.
"""

from __future__ import annotations

from typing import Any, NoReturn, Protocol

from aether_nb.calling import user_line
from aether_nb.errors import HandleMisuse
from aether_nb.graph.validate import no_output
from aether_nb.ids import NodeId

_AS_VALUE = "pass it to a tool and do that there"


class Owner(Protocol):
    """The builder that a handle belongs to."""

    def problem(self, text: str) -> None:
        """Note what is wrong; all problems of a graph are reported at once."""


class AnyHandle:
    """What all handles share: whose they are, what messages call them, and what they refuse."""

    __slots__ = ("_owner", "_shown")

    def __init__(self, owner: Owner, shown: str) -> None:
        self._owner = owner
        self._shown = shown

    def __repr__(self) -> str:
        return f"<handle {self._shown}>"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # notebooks and debuggers look for methods of their own
            raise AttributeError(name)
        self._misused(f"has no `.{name}`")

    def _misused(self, what: str, remedy: str = _AS_VALUE) -> NoReturn:
        raise HandleMisuse(
            f"line {user_line()}: `{self._shown}` {what}: while the graph is built it stands for a value "
            f"that does not exist yet; {remedy}."
        )


class InputHandle(AnyHandle):
    """An input of the graph that is being built."""

    __slots__ = ("_name",)

    def __init__(self, owner: Owner, name: str) -> None:
        super().__init__(owner, name)
        self._name = name


class OutputHandle(AnyHandle):
    """One output of a node."""

    __slots__ = ("_node", "_output")

    def __init__(self, owner: Owner, shown: str, node: NodeId, output: str) -> None:
        super().__init__(owner, shown)
        self._node = node
        self._output = output


class Handle(AnyHandle):
    """A node. `handle.text` and `handle["text"]` are its outputs; with one output it stands for that."""

    __slots__ = ("_node", "_outputs")

    def __init__(self, owner: Owner, shown: str, node: NodeId, outputs: tuple[str, ...]) -> None:
        super().__init__(owner, shown)
        self._node = node
        self._outputs = outputs

    def __getattr__(self, name: str) -> OutputHandle:
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, output: str) -> OutputHandle:
        if not isinstance(output, str):
            self._misused("is not a list", 'its outputs are taken by name, `handle["..."]`')
        if output not in self._outputs:
            complaint = no_output(self._shown, output, self._outputs)
            self._owner.problem(f"line {user_line()}: {complaint}")
        return OutputHandle(self._owner, f"{self._shown}.{output}", self._node, output)

    def __dir__(self) -> list[str]:
        return [*self._outputs]


def _refuse(operators: str, what: str, remedy: str = _AS_VALUE) -> None:
    def refusal(self: AnyHandle, *_args: Any) -> NoReturn:
        __tracebackhide__ = True
        self._misused(what, remedy)

    for operator in operators.split():
        setattr(AnyHandle, f"__{operator}__", refusal)


# Set after the classes are made, so that `__eq__` leaves them hashable: they stand in sets and dicts.
_refuse("str format", "cannot be put into a text")
_refuse("bool", "cannot be tested", "branch in a tool, or write the graph as a `@graph_fn`")
_refuse("iter next reversed", "cannot be looped over", "loop in a tool, or write the graph as a `@graph_fn`")
_refuse("len contains", "cannot be looked into")
_refuse("getitem", "cannot be taken apart")
_refuse("eq ne lt le gt ge", "cannot be compared")
_refuse("int float complex index round bytes fspath", "cannot be converted")
_refuse("neg pos abs invert", "cannot be calculated with")
for _name in (
    "add",
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "mod",
    "divmod",
    "pow",
    "matmul",
    "and",
    "or",
    "xor",
):
    _refuse(f"{_name} r{_name}", "cannot be calculated with")
_refuse("lshift rlshift rshift rrshift", "cannot be calculated with")
_refuse("call", "cannot be called")
_refuse("await", "cannot be awaited", "take the `await` out, calls in a builder are drawn and not run")
_refuse("enter aenter aiter anext", "cannot be entered or followed", "do that in a tool")
_refuse("setitem delitem", "cannot be changed", "make a new value in a tool")
