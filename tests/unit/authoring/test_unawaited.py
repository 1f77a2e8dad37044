from __future__ import annotations

import asyncio
import inspect
import types

import pytest

from aether_nb.authoring.decorators import graph_fn, tool
from aether_nb.errors import GraphProblems


@tool
async def fetch(x): ...


@tool
def save(x): ...


tools = types.ModuleType("tools")
tools.save = save


def test_every_forgotten_await_is_told_with_its_line():
    first = inspect.currentframe().f_lineno

    async def f(x):
        fetch(x)
        if x:
            save(x)
        tools.save(1)

    with pytest.raises(GraphProblems) as e:
        graph_fn(f)
    assert e.value.problems == (
        f"line {first + 3}: `fetch(x)` is not awaited; write `await fetch(x)`.",
        f"line {first + 5}: `save(x)` is not awaited; write `await save(x)`.",
        f"line {first + 6}: `tools.save(1)` is not awaited; write `await tools.save(1)`.",
    )


def test_a_tool_from_around_the_function_is_known_too():
    @tool
    async def inner(x): ...

    async def f():
        inner(3)

    with pytest.raises(GraphProblems, match=r"`inner\(3\)` is not awaited"):
        graph_fn(f)


def test_calls_that_may_be_awaited_elsewhere_are_fine():
    @graph_fn
    async def f(x):
        await fetch(x)
        task = asyncio.create_task(fetch(x))
        later = fetch(x)
        await asyncio.gather(task, later, *[fetch(i) for i in range(3)])
        return fetch(x)

    assert f.name == "f"


def test_a_local_name_hides_the_tool():
    @graph_fn
    async def f(fetch):
        fetch(1)
        save = print
        save(2)

    assert f.name == "f"
