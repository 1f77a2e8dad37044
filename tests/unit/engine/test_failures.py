"""What a failure shows, and that it stays where it belongs."""

from __future__ import annotations

import asyncio

import pytest
from lives import turns, types

from aether_nb import errors, graph_fn, graphify, tool
from aether_nb.engine.failures import error_info, node_failed
from aether_nb.errors import NodeFailed, UnknownOutput, WaitTimeout
from aether_nb.events import ErrorInfo


def deep(x):
    raise ValueError(f"bad {x}")


@tool(outputs=["y"])
async def breaks(x, *, context=None):
    deep(x)
    return {"y": x}


@tool(outputs=["y"])
def breaks_in_a_thread(x):
    deep(x)
    return {"y": x}


@tool(outputs=["y"])
async def works(x):
    return {"y": x}


# -- what it shows -------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [breaks, breaks_in_a_thread], ids=["on the loop", "in a thread"])
async def test_a_failure_shows_node_inputs_attempt_and_the_users_own_frames(live, step):
    @graph_fn(outputs=["y"])
    async def f():
        return {"y": (await step("soup", key="cook")).y}

    with pytest.raises(NodeFailed) as caught:
        await live().start(f)
    error = caught.value
    assert str(error) == f"{step.name} failed: ValueError: bad soup"
    assert (error.node, error.attempt, error.inputs) == ("cook", 1, {"x": "soup"})
    assert [frame.partition(":")[0] for frame in error.frames] == ["test_failures.py"] * 2
    assert [frame.partition(" in ")[2] for frame in error.frames] == [
        f"{step.name}: deep(x)",
        'deep: raise ValueError(f"bad {x}")',
    ]


async def test_a_failure_in_a_static_graph_says_the_same(live):
    @graphify(outputs=["y"])
    def g():
        return {"y": breaks("soup", key="cook").y}

    run = live().start(g)
    with pytest.raises(ValueError, match=r"^breaks failed: ValueError: bad soup") as caught:
        await run
    assert (caught.value.node, caught.value.inputs) == ("cook", {"x": "soup"})
    assert str(run.error) == str(caught.value)


async def test_a_failure_in_a_task_group_names_the_node_and_not_the_group(live):
    @graph_fn(outputs=["y"])
    async def f():
        async with asyncio.TaskGroup() as group:
            group.create_task(breaks("soup", key="cook"))

    with pytest.raises(ValueError, match=r"^breaks failed: ValueError: bad soup") as caught:
        await live().start(f)
    assert caught.value.node == "cook"


async def test_a_group_of_other_failures_says_what_is_in_it(live):
    @graph_fn(outputs=["y"])
    async def f():
        raise ExceptionGroup("two", [ValueError("a"), ExceptionGroup("more", [KeyError("b")])])

    with pytest.raises(
        NodeFailed, match=r"ExceptionGroup: two \(2 sub-exceptions\): ValueError: a, KeyError: 'b'"
    ):
        await live().start(f)


async def test_a_failure_of_the_function_itself_names_the_graph(live):
    @graph_fn(outputs=["y"])
    async def f(a):
        deep(a)

    with pytest.raises(ValueError, match=r"^f failed: ValueError: bad 5") as caught:
        await live().start(f, a=5)
    assert caught.value.inputs == {"a": "5"}


async def test_a_failure_deep_inside_names_the_node_that_failed_not_those_it_passed_through(live):
    @graphify(outputs=["y"])
    def inner(x):
        return {"y": breaks(x, key="cook").y}

    @graph_fn(outputs=["y"])
    async def middle(x):
        return {"y": (await inner(x, key="in")).y}

    @graph_fn(outputs=["y"])
    async def f():
        return {"y": (await middle("soup", key="mid")).y}

    first = live()
    run = first.start(f)
    with pytest.raises(ValueError, match=r"^breaks failed: ValueError: bad soup") as caught:
        await run
    assert caught.value.node == "mid/in/cook"
    assert {n.id: n.status for n in run.nodes.values()} == {
        "mid": "failed",
        "mid/in": "failed",
        "mid/in/cook": "failed",
    }
    await first.end()
    again = live().runtime.get("r").error
    assert (str(again), again.node, again.frames) == (str(caught.value), "mid/in/cook", caught.value.frames)


async def test_a_failure_that_the_code_catches_is_over(live):
    @graph_fn(outputs=["y"])
    async def f():
        try:
            await breaks("soup")
        except ValueError:
            return {"y": "bread"}

    run = live().start(f)
    assert (await run).y == "bread"
    assert run.error is None


async def test_wrong_outputs_are_a_failure_with_the_remedy(live):
    @tool(outputs=["y"])
    async def wrong():
        return {"z": 1}

    @graph_fn(outputs=[])
    async def f():
        await wrong()

    with pytest.raises(NodeFailed, match=r"wrong failed: BadOutputs: .*return \{\"y\": ...\}"):
        await live().start(f)


async def test_half_a_character_in_a_message_breaks_nothing(live):
    @graph_fn(outputs=[])
    async def f():
        raise ValueError("half \ud83d")

    with pytest.raises(NodeFailed, match=r"half \?"):
        await live().start(f)


# -- where it stays ------------------------------------------------------------------------------


async def test_independent_branches_finish_and_what_hangs_below_is_skipped(live):
    gate = asyncio.Event()

    @tool(outputs=["y"])
    async def slow():
        await gate.wait()
        return {"y": 1}

    @graphify(outputs=["y"])
    def g():
        below = works(breaks("soup", key="cook").y, key="below")
        works(slow(key="slow").y, key="after slow")
        return {"y": below.y}

    life = live()
    run = life.start(g)
    await life.until(lambda: "NodeFailed" in types(life.store))
    gate.set()
    with pytest.raises(ValueError, match="bad soup"):
        await run
    assert {n.id: n.status for n in run.nodes.values()} == {
        "cook": "failed",
        "below": "skipped",
        "slow": "succeeded",
        "after slow": "succeeded",
    }


@pytest.mark.parametrize("bad", [SystemExit, KeyboardInterrupt, StopIteration])
@pytest.mark.parametrize("threaded", [False, True], ids=["on the loop", "in a thread"])
async def test_whatever_a_tool_raises_the_kernel_lives_and_the_run_has_an_end(live, bad, threaded):
    def body():
        raise bad("out")

    async def on_loop():
        raise bad("out")

    leave = tool(name="leave", outputs=[])(body if threaded else on_loop)

    @graph_fn(outputs=[])
    async def f():
        await leave()

    with pytest.raises(NodeFailed, match="leave failed"):
        await live().start(f)


async def test_a_sync_tool_that_runs_out_of_an_iterator_fails_like_a_coroutine(live):
    @tool(outputs=[])
    def exhausted():
        next(iter(()))

    @graph_fn(outputs=[])
    async def f():
        await exhausted()

    with pytest.raises(RuntimeError, match="exhausted failed: RuntimeError: the tool raised StopIteration"):
        await live().start(f)


async def test_one_failed_run_leaves_the_others_alone(live):
    @graph_fn(outputs=["y"])
    async def f(ok):
        return {"y": (await (works if ok else breaks)("soup")).y}

    life = live()
    good, bad = life.start(f, "good", ok=True), life.start(f, "bad", ok=False)
    with pytest.raises(ValueError, match="bad soup"):
        await bad
    assert (await good).y == "soup"


async def test_a_run_that_awaits_a_cancelled_run_fails_with_that(live):
    life = live()

    @graph_fn(outputs=[])
    async def sleeps(*, context):
        await context.channel().ask_text("?")

    @graph_fn(outputs=[])
    async def f():
        await other

    other = life.start(sleeps, "other")
    run = life.start(f)
    await turns()
    other.cancel()
    with pytest.raises(NodeFailed, match="f failed: RunCancelled: Run 'other' was cancelled"):
        await run


# -- the exception -------------------------------------------------------------------------------

BUILTINS = [
    ArithmeticError, AssertionError, AttributeError, BlockingIOError, ConnectionError, EOFError, FileNotFoundError,
    ImportError, IndexError, KeyError, LookupError, MemoryError, ModuleNotFoundError, NameError,
    NotImplementedError, OSError, OverflowError, PermissionError, RecursionError, RuntimeError, SyntaxError,
    TimeoutError, TypeError, ValueError, ZeroDivisionError,
]  # fmt: skip


@pytest.mark.parametrize("cls", BUILTINS, ids=lambda c: c.__name__)
def test_it_is_also_an_instance_of_the_builtin_class_that_was_raised(cls):
    class Own(cls):
        pass

    for raised in (cls("words"), Own("words")):
        error = node_failed("n", "cook", 2, error_info(raised))
        assert isinstance(error, cls)
        assert isinstance(error, NodeFailed)
        assert type(error).__name__ == "NodeFailed"
        assert str(error).startswith(f"cook failed: {type(raised).__name__}: ")
        assert "words" in str(error)
        assert (error.node, error.attempt, error.error_type) == ("n", 2, type(raised).__name__)


def test_a_class_that_cannot_be_one_with_ours_is_told_by_its_name():
    error = node_failed("n", "cook", 1, error_info(UnicodeDecodeError("utf-8", b"x", 0, 1, "no")))
    assert (type(error).__mro__[1].__name__, error.error_type) != ("NodeFailed", "")
    assert error.error_type == "UnicodeDecodeError"


def test_our_own_classes_are_known_too():
    for raised in (WaitTimeout("late"), UnknownOutput("none")):
        assert isinstance(node_failed("n", "cook", 1, error_info(raised)), type(raised))


def test_one_that_passed_through_stays_what_it_was():
    first = node_failed("n", "cook", 3, error_info(ValueError("bad"), {"x": 1}))
    assert error_info(first, {"other": 2}) is first.info
    assert first.info == ErrorInfo(
        message="bad", error_type="ValueError", builtin="ValueError", inputs={"x": "1"}
    )


def test_the_tree_of_errors_has_one_root():
    found = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, Exception)]
    assert all(issubclass(c, errors.AetherError) for c in found)
