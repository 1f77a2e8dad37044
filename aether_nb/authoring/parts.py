"""What a graph is made of: itself, and the tools and graphs that its code names, with theirs.

For a graph function that is looked up when it is asked for, by the names in its code: a tool may be
defined, or edited, after the graph. What helper functions name, or a list holds, is not found.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from aether_nb.authoring.steps import Step

if TYPE_CHECKING:
    from aether_nb.authoring.graphs import Graph


def parts(graph: Graph) -> dict[str, Step]:
    """The steps that a graph is made of by name, itself first. Microseconds: called at every start."""
    found: dict[str, Step] = {}
    heap: list[Step] = [graph]
    while heap:
        step = heap.pop()
        known = found.get(step.name)
        if known is not None and (known.kind != "graph" or step.kind == "graph"):
            continue  # a graph of one step bears the step's name, and that one has the code
        found[step.name] = step
        if step.kind == "graph":
            heap += getattr(step, "callables").values()  # noqa: B009 - a Step of this kind is a Graph
        elif step.kind == "fn":
            heap += _named(getattr(step, "fn"))  # noqa: B009 - as above
    return found


def _named(fn: Callable[..., Any]) -> Iterator[Step]:
    fn = inspect.unwrap(fn)
    code = getattr(fn, "__code__", None)
    if code is None:
        return
    names, around = _names(code), _around(fn)
    for name in names:
        value = around(name)
        if isinstance(value, Step):
            yield value
        elif isinstance(value, types.ModuleType):
            space = vars(value)
            yield from (step for n in names if isinstance(step := space.get(n), Step))


def _around(fn: Any) -> Callable[[str], Any]:
    cells: Mapping[str, Any] = dict(zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=True))

    def look(name: str) -> Any:
        if name not in cells:
            return fn.__globals__.get(name)
        try:
            return cells[name].cell_contents
        except ValueError:  # not assigned yet
            return None

    return look


@functools.lru_cache(maxsize=1024)
def _names(code: types.CodeType) -> tuple[str, ...]:
    """Every name that the code, and the code inside it, uses and does not define itself."""
    inner = (name for const in code.co_consts if isinstance(const, types.CodeType) for name in _names(const))
    return tuple(dict.fromkeys((*code.co_names, *code.co_freevars, *inner)))
