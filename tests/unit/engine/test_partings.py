"""`on_cancel`: whoever submitted something hears that nobody waits for it any more, whatever else happens."""

from __future__ import annotations

import asyncio

import pytest
from lives import WatchedStore, cut, log, turns, types

from aether_nb import DualStageTool, Wait, graph_fn, graphify, tool
from aether_nb.engine import partings
from aether_nb.errors import NodeFailed, OutsideRun, RunCancelled
from aether_nb.events import WithdrawalTold
from aether_nb.tools import ask_text

told: list = []


class Job(DualStageTool):
    name = "partings_job"
    outputs = ("result",)

    async def setup(self, name: str, *, timeout=None):
        return Wait(kind="job", correlator=name, state={"id": f"id-{name}"}, timeout=timeout)

    async def on_resume(self, reply, wait):
        return {"result": reply.value}

    async def on_cancel(self, wait, *, context):
        told.append((wait.inputs["name"], wait.state["id"], wait.correlator))


job = Job()


@graphify(name="partings_static", outputs=["result"])
def static():
    return {"result": job("a").result}


@graph_fn(name="partings_function", outputs=["result"])
async def function():
    return {"result": (await job("a")).result}


both = pytest.mark.parametrize("graph", [static, function])


@pytest.fixture(autouse=True)
def _nobody_was_told():
    told.clear()


async def opened(life, n=1):
    await life.until(lambda: len(life.channel.shown) == n)


async def cancelled(life, graph):
    """A run of it is cancelled as soon as it has asked, and unwinds."""
    run = life.start(graph)
    await opened(life)
    run.cancel()
    with pytest.raises(RunCancelled):
        await run


@both
async def test_a_cancelled_run_tells_its_tools(live, graph):
    life = live()
    await cancelled(life, graph)
    assert told == [("a", "id-a", "a")]
    assert types(life.store)[-4:-1] == ["WaitWithdrawn", "NodeCancelled", "WithdrawalTold"]


async def test_the_withdrawal_is_fsynced_before_the_tool_is_told(live):
    store = WatchedStore()
    durable = []

    class Careful(Job):
        async def on_cancel(self, wait, *, context):
            durable.append([(kinds, full) for kinds, full in store.written if "WaitWithdrawn" in kinds])

    careful = Careful()

    @graphify(outputs=["result"])
    def g():
        return {"result": careful("a").result}

    life = live(store=store)
    await cancelled(life, g)
    assert durable == [[(["WaitWithdrawn", "NodeCancelled"], True)]]


async def test_a_wait_that_the_users_own_code_gives_up_is_withdrawn_outside_too(live):
    @graph_fn(outputs=["x"])
    async def f(*, context):
        task = asyncio.create_task(job("a"))
        await context.channel().ask_text("stop it?")
        task.cancel()
        return {"x": await context.channel().ask_text("and now?")}

    life = live()
    run = life.start(f)
    await opened(life, 2)
    run.answer("yes", to="stop it?")
    await opened(life, 3)
    run.answer("fine", to="and now?")
    assert (await run).x == "fine"
    assert told == [("a", "id-a", "a")]


async def test_a_run_ends_only_when_its_tools_have_been_told(live):
    begun, free = asyncio.Event(), asyncio.Event()

    class Slow(Job):
        async def on_cancel(self, wait, *, context):
            begun.set()
            await free.wait()
            told.append("slowly")

    slow = Slow()

    @graph_fn(outputs=["x"])
    async def f():
        task = asyncio.create_task(slow("a"))
        await asyncio.sleep(0)
        text = (await ask_text("stop it?")).text
        task.cancel()
        return {"x": text}

    life = live()
    run = life.start(f)
    await opened(life, 2)
    run.answer("yes", to="stop it?")
    await begun.wait()
    await turns()
    assert run.status == "running"
    free.set()
    assert (await run).x == "yes"
    assert told == ["slowly"]
    assert types(life.store)[-2:] == ["WithdrawalTold", "RunFinished"]


async def test_a_failing_run_tells_the_tools_that_still_wait(live):
    @tool
    async def breaks(x):
        raise ValueError(x)

    @graph_fn(outputs=[])
    async def f(*, context):
        async with asyncio.TaskGroup() as group:
            group.create_task(job("a"))
            group.create_task(once_asked(context))

    async def once_asked(context):
        await context.channel().ask_text("go on?")
        await breaks(1)

    life = live()
    run = life.start(f)
    await opened(life, 2)
    run.answer("x", to="go on?")
    with pytest.raises(NodeFailed):
        await run
    assert told == [("a", "id-a", "a")]


async def test_who_has_a_reply_or_a_timeout_is_not_told(live):
    life = live()
    run = life.start(static)
    await opened(life)
    run.answer("done")
    assert (await run).result == "done"
    assert told == []
    assert "WithdrawalTold" not in types(life.store)


@both
async def test_an_on_cancel_that_raises_is_noted_and_blocks_nothing(live, graph, monkeypatch, caplog):
    async def breaks(self, wait, *, context):
        raise ConnectionError("the cluster is away")

    monkeypatch.setattr(Job, "on_cancel", breaks)
    life = live()
    await cancelled(life, graph)
    [event] = [e for e in log(life.store) if isinstance(e, WithdrawalTold)]
    assert event.problem == "ConnectionError: the cluster is away"
    assert "the cluster is away" in caplog.text


async def test_an_on_cancel_that_takes_for_ever_is_cut_short(live, monkeypatch):
    async def hangs(self, wait, *, context):
        await asyncio.Event().wait()

    monkeypatch.setattr(Job, "on_cancel", hangs)
    monkeypatch.setattr(partings, "_PATIENCE_S", 0.01)
    life = live()
    await cancelled(life, static)
    [event] = [e for e in log(life.store) if isinstance(e, WithdrawalTold)]
    assert "still at work after 0.01 s" in event.problem


@both
async def test_a_kernel_that_died_after_any_event_of_a_cancellation_tells_again_until_it_is_noted(
    live, graph
):
    whole = live()
    await cancelled(whole, graph)
    events = types(whole.store)
    first = events.index("CancelRequested") + 1
    for n in range(first, len(events)):
        told.clear()
        life = live(store=cut(whole.store, n))
        with pytest.raises(RunCancelled):
            await life.resume()
        assert len(told) == ("WithdrawalTold" not in events[:n])
        assert types(life.store)[-1] == "RunCancelled"


async def test_a_run_that_nobody_drives_is_taken_up_to_tell_its_tools(live):
    first = live()
    first.start(static)
    await opened(first)
    await first.end()
    second = live()
    run = second.runtime.get("r")
    run.cancel()
    with pytest.raises(RunCancelled):
        await run
    assert told == [("a", "id-a", "a")]


def test_where_no_loop_runs_the_cancellation_waits_for_who_resumes_the_run(store):
    from lives import Life

    async def begin():
        life = Life(store)
        life.start(static)
        await opened(life)
        await life.end()

    async def resume():
        with pytest.raises(RunCancelled):
            await life.resume()
        await life.end()

    asyncio.run(begin())
    life = Life(store)
    life.runtime.cancel("r")
    assert (types(store)[-1], told) == ("CancelRequested", [])
    asyncio.run(resume())
    assert told == [("a", "id-a", "a")]


async def test_a_run_that_starts_over_tells_the_tools_of_the_one_put_aside(live):
    life = live()
    run = life.start(static)
    await opened(life)
    again = run.start_over()
    await life.until(lambda: told)
    assert told == [("a", "id-a", "a")]
    again.cancel()


async def test_in_on_cancel_the_services_work_and_nobody_is_asked(live, monkeypatch):
    seen = []

    async def asks(self, wait, *, context):
        with pytest.raises(OutsideRun, match="cannot ask 'sure\\?'"):
            await context.channel().ask_text("sure?")
        with pytest.raises(OutsideRun, match=r"cannot send_text\(text='bye'\)"):
            await context.channel().send_text("bye")
        with pytest.raises(OutsideRun, match=r"cannot progress\(\)"):
            context.channel().progress(label="bye")
        seen.append((context.wait_token == wait.token, context.run_id, context.now().tzname()))
        await context.memory().record("withdrawn", {"job": wait.state["id"]})

    monkeypatch.setattr(Job, "on_cancel", asks)
    life = live()
    await cancelled(life, static)
    assert seen == [(True, "r", "UTC")]
    assert [m.data for m in life.runtime.services.memory.query(kind="withdrawn")] == [{"job": "id-a"}]


async def test_a_tool_without_on_cancel_leaves_no_trace(live):
    life = live()

    @graphify(outputs=["x"])
    def g():
        return {"x": ask_text("name?").text}

    await cancelled(life, g)
    assert "WithdrawalTold" not in types(life.store)


@both
async def test_a_run_that_nobody_drives_tells_its_tools_when_it_is_started_over(live, graph):
    first = live()
    first.start(graph)
    await opened(first)
    await first.end()
    second = live()
    again = second.runtime.get("r").start_over()
    await second.until(lambda: told)
    assert told == [("a", "id-a", "a")]
    assert (again.run_id, second.runtime.get("r~1").status) == ("r", "cancelled")


async def test_an_on_cancel_that_wants_to_exit_is_a_problem_like_others(live, monkeypatch):
    async def leaves(self, wait):
        raise SystemExit(3)

    monkeypatch.setattr(Job, "on_cancel", leaves)
    monkeypatch.setattr(Job, "with_context", frozenset())
    life = live()
    await cancelled(life, static)
    assert [e.problem for e in log(life.store) if isinstance(e, WithdrawalTold)] == ["SystemExit: 3"]
