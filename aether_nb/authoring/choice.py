"""`when`: a choice in a static graph. Both branches are drawn; when it runs, one runs and the other is skipped.

`Drawing.choose` calls `draw`, which draws the branches with their nodes marked by a `Guard`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from aether_nb.authoring.handles import AnyHandle, Handle, InputHandle, OutputHandle
from aether_nb.authoring.names import output_problems
from aether_nb.calling import BUILDER, user_line
from aether_nb.errors import GraphError
from aether_nb.graph.model import Branch, Expr, Guard, NodeSpec, replace

if TYPE_CHECKING:
    from aether_nb.authoring.drawing import Drawing
    from aether_nb.ids import NodeId


def when(condition: Any, then: Any, otherwise: Any = None, *, key: str | None = None) -> Any:
    """Choose between two branches of a static graph by a value that is known when it runs.

    Nodes that a branch draws run only when the choice goes that way, and are skipped otherwise. They are used
    outside of the branch by what it returns: a handle, a mapping of handles and literals by name, or None.

    Args:
        condition: a handle; its value is taken as Python takes it in an `if`.
        then: a function without arguments that draws what happens when it is true.
        otherwise: the same for when it is false; None for nothing, and then every output is None.
        key: the author's own name for this choice, unique in the graph.

    Returns:
        A handle with the outputs that both branches return; of the one that ran.

    Raises:
        GraphError: called elsewhere than in a builder.
    """
    builder = BUILDER.get()
    if builder is None:
        raise GraphError(
            "`when` draws a choice into a static graph and is called in its `@graphify` builder; "
            "in a graph function, or elsewhere, write `if`."
        )
    return builder.choose(condition, then, otherwise, key=key)


class ChoiceHandle(Handle):
    """What a choice gives; outputs that only one of its branches has are told apart from those of neither."""

    __slots__ = ("_only",)

    def __init__(
        self, owner: Drawing, shown: str, node: NodeId, outputs: tuple[str, ...], only: Mapping[str, Branch]
    ) -> None:
        super().__init__(owner, shown, node, outputs)
        self._only = only

    def __getitem__(self, output: str) -> OutputHandle:
        if output in self._only:
            self._owner.problem(f"line {user_line()}: {self._one_sided(output)}")
            return OutputHandle(self._owner, f"{self._shown}.{output}", self._node, output)
        return super().__getitem__(output)

    def _one_sided(self, output: str) -> str:
        """The sentence about an output of one branch alone."""
        there = self._only[output]
        other = "then" if there == "otherwise" else "otherwise"
        return (
            f"`{output}` of `{self._shown}` comes only from the branch `{there}`; return it from `{other}` "
            f'too: {{"{output}": ...}}, None if there is none.'
        )


def draw(drawing: Drawing, condition: Any, then: Any, otherwise: Any, *, key: str | None) -> ChoiceHandle:
    """Draw a choice and its branches; what is wrong with them is a problem of the graph."""
    at = f"line {user_line()}: "
    if isinstance(condition, AnyHandle):
        name = condition._shown
    else:
        name = repr(condition)
        drawing.problem(
            f"{at}the condition of `when` is a handle, not {name}; what is known while the graph is built is "
            "chosen by an `if`."
        )
    inputs = {"condition": drawing.expr(condition, f"{at}the condition of `when`")}
    node = NodeSpec(
        id=drawing.new_id("when", inputs, key, at),
        name="when",
        kind="when",
        label=f"{name}?",
        inputs=inputs,
        guard=drawing.guard,
    )
    drawing.put(node)  # before its branches
    branches: dict[Branch, dict[str, Expr]] = {"then": _branch(drawing, node.id, "then", then, at)}
    if otherwise is None:
        outputs, only = tuple(branches["then"]), dict[str, Branch]()
    else:
        branches["otherwise"] = _branch(drawing, node.id, "otherwise", otherwise, at)
        outputs = tuple(name for name in branches["then"] if name in branches["otherwise"])
        only = {o: branch for branch, offered in branches.items() for o in offered if o not in outputs}
    drawing.put(replace(node, outputs=outputs, branches=branches))
    return ChoiceHandle(drawing, key or f"when({name})", node.id, outputs, only)


def _branch(drawing: Drawing, when: NodeId, branch: Branch, function: Any, at: str) -> dict[str, Expr]:
    where = f"{at}the branch `{branch}` of `when`"
    if not _takes_nothing(function):
        drawing.problem(f"{where} is a function without arguments, so write `{branch}=lambda: ...`.")
        return {}
    with drawing.inside(Guard(when=when, branch=branch)):
        return _offered(drawing, function(), where)


def _takes_nothing(function: Any) -> bool:
    if isinstance(function, AnyHandle) or not isinstance(function, Callable):  # type: ignore[arg-type]
        return False
    try:
        inspect.signature(function).bind()
    except (TypeError, ValueError):
        return False
    return True


def _offered(drawing: Drawing, returned: Any, where: str) -> dict[str, Expr]:
    """What a branch gives, by name."""
    if returned is None:
        return {}
    if isinstance(returned, Handle):
        returned = {name: returned[name] for name in returned._outputs}
    elif isinstance(returned, OutputHandle):
        returned = {returned._output: returned}
    elif isinstance(returned, InputHandle):
        returned = {returned._name: returned}
    elif not isinstance(returned, Mapping):
        drawing.problem(
            f"{where} returns {returned!r}; return a handle, or a mapping of outputs: "
            '`lambda: {"name": ...}`.'
        )
        return {}
    for problem in output_problems(returned):
        drawing.problem(f"{where}: {problem}")
    return {
        str(name): drawing.expr(value, f"{where}: the output `{name}`") for name, value in returned.items()
    }
