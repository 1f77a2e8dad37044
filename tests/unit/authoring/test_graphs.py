from __future__ import annotations

import asyncio

import pytest

from aether_nb.authoring.decorators import graph_fn, graphify, tool
from aether_nb.calling import GRAPHS
from aether_nb.errors import BadInputs, BadOutputs, GraphError, GraphProblems


@tool
async def fetch(url): ...


@graph_fn(outputs=["msg"])
async def hello(name: str, times: int = 1, *, context):
    """Say hello."""
    await fetch(name)
    return {"msg": name * times}


@graphify
def pipeline(url: str):
    return {"page": fetch(url)}


def test_a_graph_function_has_a_spec_without_nodes():
    assert hello.kind == "fn"
    assert hello.spec.kind == "function"
    assert hello.spec.nodes == ()
    assert hello.spec.outputs == hello.outputs == ("msg",)
    assert [p.name for p in hello.spec.inputs] == ["name", "times"]
    assert hello.spec.doc == hello.__doc__ == "Say hello."
    assert hello.spec.fingerprints == {"hello": hello.fingerprint}
    assert hello.wants_context
    assert repr(hello) == "<graph hello(name, times=) -> msg>"


def test_what_a_graph_function_returns_is_packed_like_a_tools():
    assert hello.pack({"msg": 1}) == {"msg": 1}
    with pytest.raises(BadOutputs, match="did not return `msg`"):
        hello.pack({})


def test_start_hands_bound_inputs_and_its_own_words_to_the_launcher(launcher):
    hello.start(name="Ada", run_id="lesson-1", if_finished="rerun", priority=2)
    assert launcher.started == [
        (
            hello,
            {"name": "Ada", "times": 1},
            {
                "run_id": "lesson-1",
                "new": False,
                "if_finished": "rerun",
                "on_change": "use_new",
                "priority": 2,
            },
        )
    ]


@pytest.mark.parametrize("begin", [hello.start, hello.run_sync])
def test_in_a_builder_nothing_is_started(launcher, begin):
    with pytest.raises(GraphError, match=r"you are drawing a graph\. Write `hello\(\.\.\.\)`"):

        @graphify
        def outer():
            return {"msg": begin(name="Ada")}

    assert launcher.started == []


def test_run_sync_gives_the_outputs(launcher):
    assert hello.run_sync(name="Ada") == {"ran": "hello"}
    assert launcher.started[0][1:] == (
        {"name": "Ada", "times": 1},
        {"run_id": None, "new": False, "if_finished": "return", "on_change": "use_new", "priority": 0},
    )


@pytest.mark.parametrize("begin", [hello.start, hello.run_sync, hello])
def test_inputs_are_checked_before_anything_starts(launcher, begin):
    with pytest.raises(BadInputs, match="hello: `name` is missing"):
        begin()
    with pytest.raises(BadInputs, match="`times` should be `int`, not 'two'"):
        begin(name="Ada", times="two")
    assert launcher.started == []


async def test_a_called_graph_starts_when_it_is_awaited_and_once(launcher):
    called = hello(name="Ada", run_id="r")
    assert repr(called) == "hello: not started - await it, or .start()"
    assert called._repr_mimebundle_() == {"text/plain": repr(called)}
    assert launcher.started == []
    assert await called == {"ran": "hello"}
    assert await called == {"ran": "hello"}
    assert [options for *_, options in launcher.started] == [{"run_id": "r"}]


async def test_a_called_graph_can_be_made_a_task(launcher):
    async with asyncio.TaskGroup() as group:
        task = group.create_task(hello(name="Ada"))
    gathered = await asyncio.gather(hello(name="Bo"), asyncio.wait_for(hello(name="Cy"), 5))
    assert [task.result(), *gathered] == [{"ran": "hello"}] * 3


def test_a_called_graph_can_be_run_by_asyncio(launcher):
    assert asyncio.run(hello(name="Ada")) == {"ran": "hello"}


async def test_a_called_graph_that_is_dropped_or_cancelled_starts_nothing(launcher):
    hello(name="Ada").close()
    task = asyncio.ensure_future(hello(name="Ada"))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert launcher.started == []


def test_in_a_graph_function_a_graph_is_a_durable_call(inside):
    with inside("fn") as caller:
        pipeline(url="u", key="k").close()
        with pytest.raises(BadInputs, match=r"leave `run_id` to `.start\(\)`"):
            pipeline(url="u", run_id="r")
    assert [(target, bound, key) for target, bound, key in caller.calls] == [(pipeline, {"url": "u"}, "k")]


def test_in_a_tools_body_a_graph_is_refused_with_the_remedy(inside):
    with inside("tool"), pytest.raises(GraphError, match=r"`hello.start\(...\)`"):
        hello(name="Ada")


def test_a_graph_shown_by_itself_is_drawn(launcher):
    assert pipeline._repr_mimebundle_() == {"text/plain": "picture of pipeline"}


def test_the_latest_graph_of_a_name_can_be_found_by_it():
    assert GRAPHS["pipeline"] is pipeline


def test_everything_wrong_with_a_graph_function_is_told_at_once():
    with pytest.raises(GraphProblems) as e:

        @graph_fn(outputs=["keys"])
        def f(run_id, new): ...

    assert len(e.value.problems) == 4
    assert "for a plain `def` that draws use `@graphify`" in str(e.value)


def test_a_graph_function_cannot_yield():
    with pytest.raises(GraphProblems, match="cannot `yield`"):

        @graph_fn
        async def f():
            yield 1
