from __future__ import annotations

import asyncio
import functools
import inspect
from datetime import timedelta

import pytest

from aether_nb.authoring.decorators import graph_fn, tool
from aether_nb.authoring.tools import Tool
from aether_nb.errors import BadInputs, BadOutputs, GraphProblems
from aether_nb.graph.retry_policy import ONCE, RetryPolicy


@tool(outputs=["total", "mean"], name="stats")
def statistics(numbers: list, *, digits: int = 2):
    """Sum and mean."""
    return {"mean": round(sum(numbers) / len(numbers), digits), "total": sum(numbers)}


@tool
async def greet(name, *, context):
    return f"{name} in the {context}"


@tool(outputs=[])
def forget(x): ...


def test_a_tool_says_what_it_is():
    assert (statistics.name, statistics.kind, statistics.outputs) == ("stats", "tool", ("total", "mean"))
    assert (greet.outputs, greet.single, greet.is_async, greet.wants_context) == (
        ("result",),
        True,
        True,
        True,
    )
    assert not statistics.is_async
    assert not statistics.single
    assert statistics.fingerprint
    assert statistics.source.startswith("def statistics")
    assert repr(statistics) == "<tool stats(numbers, digits=) -> total, mean>"


def test_a_decorated_function_stays_documented():
    assert statistics.__doc__ == "Sum and mean."
    assert statistics.__name__ == "statistics"
    assert list(inspect.signature(statistics).parameters) == ["numbers", "digits"]


def test_outside_a_run_a_tool_is_its_function():
    assert statistics([1, 2, 4], digits=1) == {"mean": 2.3, "total": 7}


def test_outside_a_run_key_and_after_mean_nothing():
    assert statistics([1], key="k", after=None)["total"] == 1


async def test_outside_a_run_a_tool_gets_a_detached_context(launcher):
    assert await greet("Ada") == "Ada in the detached context of greet"


async def test_outside_a_run_a_test_may_bring_its_own_context(launcher):
    assert await greet("Ada", context="test") == "Ada in the test"


async def test_in_a_tools_body_a_tool_is_a_plain_call_with_that_bodys_context(inside):
    with inside("tool") as caller:
        assert await greet("Ada") == "Ada in the context of a tool"
        assert statistics([2])["total"] == 2
    assert caller.calls == []


async def test_in_a_graph_function_a_call_is_recorded_when_it_is_made(inside):
    with inside("fn") as caller:
        made = functools.partial(statistics, [1], key="mine")()
    assert caller.calls == [(statistics, {"numbers": [1], "digits": 2}, "mine")]
    assert await made == {"called": "stats"}


def test_in_a_graph_function_after_is_refused_with_the_remedy(inside):
    with inside("fn"), pytest.raises(BadInputs, match="await the other call first"):
        statistics([1], after=object())


def test_inputs_that_do_not_bind_are_refused_before_anything_is_recorded(inside):
    with inside("fn") as caller, pytest.raises(BadInputs, match="stats: `numbers` is missing"):
        statistics()
    assert caller.calls == []


def test_what_a_body_returned_is_packed_in_the_order_declared():
    assert list(statistics.pack({"mean": 1, "total": 2}).items()) == [("total", 2), ("mean", 1)]
    assert greet.pack({"any": "thing"}) == {"result": {"any": "thing"}}
    assert forget.pack(None) == {}


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"total": 1}, "stats did not return `mean`"),
        ({"total": 1, "maen": 2}, "and returned `maen` without declaring it (did you mean `mean`?)"),
        (None, "returned nothing, and declares `total` and `mean`"),
        ("7", "returned '7' (str), and declares"),
        ({"total": 1}, 'return {"total": ..., "mean": ...}'),
        ({"total": 1, "mean": 2, 3: 4}, "returned `3` without declaring it"),
    ],
)
def test_outputs_that_do_not_fit_are_refused_with_the_remedy(value, says):
    with pytest.raises(BadOutputs) as e:
        statistics.pack(value)
    assert says in str(e.value)


def test_effects_are_off_unless_asked_for():
    @tool(effects=True)
    def f(): ...

    assert f.effects
    assert not statistics.effects


def test_the_options_of_a_tool_are_kept_as_written():
    @tool(
        retries=2, backoff=0, max_backoff=5, jitter=False, retry_on=[OSError, ValueError], timeout=3,
        on_failure="skip", max_concurrency=4,
    )  # fmt: skip
    def f(): ...

    assert f.policy == RetryPolicy(
        retries=2, backoff=0, max_backoff=5, jitter=False, retry_on=(OSError, ValueError), timeout=3
    )
    assert (f.on_failure, f.max_concurrency) == ("skip", 4)
    assert (statistics.policy, statistics.on_failure, statistics.max_concurrency) == (ONCE, "fail", None)


def test_one_class_will_do_for_retry_on():
    assert tool(retry_on=OSError)(statistics.fn).policy.retry_on == (OSError,)


def test_every_option_that_is_wrong_is_named():
    with pytest.raises(GraphProblems) as e:
        tool(retries=-1, timeout="soon", on_failure="ignore", max_concurrency=0)(statistics.fn)
    assert len(e.value.problems) == 4
    for said in (
        "`retries` is -1: it is a whole number from 0 up.",
        "`timeout` is 'soon'",
        "`on_failure` is 'ignore'",
    ):
        assert said in str(e.value)
    assert "`max_concurrency` is 0: it is a whole number from 1 up" in str(e.value)


def test_everything_wrong_with_a_tool_is_told_at_once():
    with pytest.raises(GraphProblems) as e:

        @tool(name="a/b", outputs=["items", "x", "x", "1st", "_y"])
        def f(*args, key): ...

    said = str(e.value)
    assert len(e.value.problems) == 7
    for part in (
        "'a/b'",
        "cannot be called `items`",
        "'x' is declared 2 times",
        "'1st'",
        "'_y'",
        "`*args`",
        "`key`",
    ):
        assert part in said


@pytest.mark.parametrize(
    ("decorate", "says"),
    [
        (lambda: tool(outputs="text")(lambda: 0), 'write `outputs=["text"]`'),
        (lambda: tool(lambda: 0), "a lambda has no name"),
        (lambda: tool(name="f", retries=-1)(lambda: 0), "`retries` is -1: it is a whole number from 0 up."),
        (lambda: tool(statistics), "decorate a function, once"),
        (lambda: tool(Tool), "is a class"),
        (lambda: tool(name="f")(3), "does not say what it takes"),
    ],
)
def test_a_mistake_in_a_decorator_gets_a_sentence(decorate, says):
    with pytest.raises(GraphProblems) as e:
        decorate()
    assert says in str(e.value)


SECONDS = "it is a number of seconds from 0 up, and not more than a thousand years."
LIMIT = "it is a number of seconds, more than 0 and not more than a thousand years, or None for no limit."
CLASSES = "write an exception class, or several, such as `retry_on=(OSError, ValueError)`."


class Hostile:
    def __repr__(self):
        raise ValueError


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        (
            "retry_on",
            ValueError("x"),
            "ValueError('x'): write the class, `ValueError`, and no instance of it.",
        ),
        ("retry_on", "OSError", "'OSError': write the exception class itself, without quotes, such as"),
        ("retry_on", (), "(), and nothing would be tried again: name exception classes, such as"),
        ("retry_on", [], "[], and nothing would be tried again"),
        (
            "retry_on",
            (OSError, "x"),
            "(OSError, 'x'), in which 'x' is wrong: write the exception class itself",
        ),
        (
            "retry_on",
            [OSError, KeyError()],
            "[OSError, KeyError()], in which KeyError() is wrong: write the class",
        ),
        (
            "retry_on",
            (OSError, (KeyError,)),
            "(OSError, (KeyError,)), in which (KeyError,) is wrong: write an",
        ),
        ("retry_on", None, f"None: {CLASSES}"),
        ("retry_on", (None,), f"(None,), in which None is wrong: {CLASSES}"),
        ("retry_on", int, f"int: {CLASSES}"),
        ("retry_on", Hostile(), "<Hostile"),
        ("retry_on", KeyboardInterrupt, "KeyboardInterrupt: what is no subclass of Exception"),
        ("backoff", -1, f"-1: {SECONDS}"),
        ("backoff", "3", f"'3': {SECONDS}"),
        ("backoff", True, f"True: {SECONDS}"),
        ("backoff", 10**400, "1000"),
        ("max_backoff", float("inf"), f"inf: {SECONDS}"),
        ("max_backoff", 1e300, f"1e+300: {SECONDS}"),
        ("timeout", 0, f"0: {LIMIT}"),
        ("timeout", float("nan"), f"nan: {LIMIT}"),
        ("timeout", timedelta(seconds=3), f"datetime.timedelta(seconds=3): {LIMIT}"),
        ("timeout", 1e300, f"1e+300: {LIMIT}"),
        ("jitter", "no", "'no': it is True or False."),
        ("retries", 1.5, "1.5: it is a whole number from 0 up."),
        ("retries", True, "True: it is a whole number from 0 up."),
        ("max_concurrency", 0, "0: it is a whole number from 1 up, or None for no limit."),
        ("max_concurrency", "2", "'2': it is a whole number from 1 up, or None for no limit."),
        ("max_concurrency", True, "True: it is a whole number from 1 up, or None for no limit."),
    ],
)
def test_an_option_that_is_none_is_named_with_what_was_given_and_what_to_write(option, value, said):
    with pytest.raises(GraphProblems) as e:
        tool(name="f", **{option: value})(statistics.fn)
    assert str(e.value).startswith(f"f: `{option}` is {said}")
    assert len(str(e.value)) < 250


def test_a_tool_cannot_yield():
    with pytest.raises(GraphProblems, match="return a list instead"):

        @tool
        def f():
            yield 1


def test_a_tool_needs_no_source():
    space = {"tool": tool, "graph_fn": graph_fn}
    exec("@tool\ndef f(x): return x\n\n@graph_fn\nasync def g(): f(1)\n", space)
    assert space["f"](3) == 3
    assert space["f"].source == ""
    assert space["f"].fingerprint.startswith("py")


def test_an_async_tool_that_nobody_awaits_says_how(launcher):
    asked = greet("Ada")
    assert repr(asked) == "greet: not awaited - write `await greet(...)`"
    assert asked._repr_mimebundle_() == {"text/plain": repr(asked)}


async def test_what_an_async_tool_gives_is_a_coroutine_for_asyncio(launcher):
    said = "Ada in the detached context of greet"
    assert await asyncio.create_task(greet("Ada")) == said
    assert await asyncio.gather(greet("Ada"), greet("Ada")) == [said, said]
    assert await asyncio.wait_for(greet("Ada"), 10) == said
    assert await asyncio.to_thread(lambda: asyncio.run(greet("Ada"))) == said


async def test_a_call_of_an_async_tool_is_awaited_once_like_any_coroutine(launcher):
    asked = greet("Ada")
    await asked
    with pytest.raises(RuntimeError, match="already awaited"):
        await asked
    assert repr(asked) == "greet: awaited"


async def test_a_call_of_an_async_tool_can_be_cancelled(launcher):
    @tool
    async def for_ever():
        await asyncio.Event().wait()

    task = asyncio.create_task(for_ever())
    await asyncio.wait([task], timeout=0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    never = asyncio.create_task(for_ever())
    never.cancel()
    with pytest.raises(asyncio.CancelledError):
        await never
    for_ever().close()


async def test_in_a_tools_body_an_async_tool_gives_a_plain_coroutine(inside):
    with inside("tool"):
        asked = greet("Ada")
    assert inspect.iscoroutine(asked)
    await asked
