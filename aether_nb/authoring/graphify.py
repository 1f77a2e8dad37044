"""From a builder function to a static graph: run it once, let its calls become nodes, check everything.

`decorators.graphify` calls `build`. Problems are collected and reported together; the builder goes on
after each, with handles that stand for what would have been. Read `drawing.py` next.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from aether_nb.authoring.drawing import Drawing
from aether_nb.authoring.graphs import START_WORDS, Graph
from aether_nb.authoring.names import listed
from aether_nb.authoring.signature import Signature
from aether_nb.authoring.steps import CALL_WORDS, read
from aether_nb.errors import GraphProblems
from aether_nb.graph import validate


def build(
    fn: Callable[..., Any],
    *,
    name: str,
    inputs: Sequence[str] | None,
    outputs: Sequence[str] | None,
) -> Graph:
    """Run the builder once and make a graph of what it drew.

    Args:
        fn: the builder; its parameters are the graph's inputs, and get handles.
        name: the graph's name.
        inputs: the parameters again, for the reader; None leaves them to the signature.
        outputs: what the builder returns; None takes the names that it does return.

    Raises:
        GraphProblems: everything that is wrong with the graph, all at once.
        HandleMisuse: the builder used a handle as if it were the value.
        Exception: whatever else the builder itself raises.
    """
    __tracebackhide__ = True
    signature, problems = read(fn, name, outputs, (*CALL_WORDS, *START_WORDS))
    if inspect.iscoroutinefunction(fn) or inspect.isgeneratorfunction(fn) or inspect.isasyncgenfunction(fn):
        problems.append(
            "a builder is a plain `def`, it draws and runs nothing; for `async def` use `@graph_fn`."
        )
    if signature is not None:
        problems += _input_problems(signature, inputs)
    if problems or signature is None:
        raise GraphProblems(str(name), problems)
    builder = Drawing(name)
    result = builder.draw(fn, signature)
    return builder.graph(fn, signature, None if outputs is None else tuple(outputs), result)


def _input_problems(signature: Signature, inputs: Any) -> Iterable[str]:
    if signature.wants_context:
        yield "a builder gets no `context`, nothing runs in it; ask for it in the tools."
    if inputs is None:
        return
    if isinstance(inputs, str):
        yield f'`inputs` is a list of names: write `inputs=["{inputs}"]`.'
        return
    have = [param.name for param in signature.params]
    for name in inputs:
        if name not in have:
            hint = validate.did_you_mean(str(name), [n for n in have if n not in inputs])
            yield f"`inputs` lists `{name}`, and the builder has no such parameter{hint}."
    if unlisted := [n for n in have if n not in inputs]:
        yield f"the builder has {listed(unlisted)} which `inputs` does not list; add it there."
