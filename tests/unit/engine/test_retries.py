"""Attempts of a tool that fails, the pauses between them, and what neither a crash nor a mistake uses up."""

from __future__ import annotations

import asyncio
import threading

import pytest
from lives import Life, WatchedStore, cut, log, turns, types

from aether_nb import DualStageTool, Wait, graph_fn, graphify, tool
from aether_nb.errors import BadOutputs, NodeCancelled, NotStorable, RunCancelled
from aether_nb.events import begins
from aether_nb.graph.retry_policy import RetryPolicy
from aether_nb.testing import FakeClock
from aether_nb.tools import ask_text

FORMS = pytest.mark.parametrize("form", ["drawn", "written"])


@pytest.fixture
def clock():
    return FakeClock()


class World:
    """A tool that fails a few times first, in a graph of each form, and a neighbour that nothing ails."""

    def __init__(self, fails=99, error=ConnectionError, **options):
        self.fails, self.error = fails, error
        self.attempts = []
        self.keys = set()
        options = {"retries": 2, "backoff": 10, "jitter": False} | options

        @tool(name="shaky", outputs=["x"], **options)
        async def shaky(x, *, context):
            self.attempts.append(context.attempt)
            self.keys.add(context.idempotency_key)
            if len(self.attempts) <= self.fails:
                raise self.error("no wind")
            return {"x": x}

        @tool(name="fine", outputs=["x"])
        async def fine():
            return {"x": 1}

        @graphify(name="drawn", outputs=["x"])
        def drawn():
            return {"x": fine(after=shaky(fine().x)).x}

        @graph_fn(name="written", outputs=["x"])
        async def written():
            first = await fine()
            await shaky(first.x)
            return {"x": (await fine()).x}

        self.graphs = {"drawn": drawn, "written": written}


async def failed(life: Life, times: int) -> None:
    """Until that many attempts have failed and their pauses have begun."""
    await life.until(lambda: types(life.store).count("NodeFailed") == times)
    await turns()


def failures(store, run_id="r"):
    return [e for e in log(store, run_id) if e.type == "NodeFailed"]


# -- attempts ------------------------------------------------------------------------------------


@FORMS
async def test_a_tool_that_fails_is_tried_again_after_a_pause_that_doubles(live, clock, form):
    world = World(fails=2)
    life = live(clock=clock)
    run = life.start(world.graphs[form])
    await failed(life, 1)
    clock.advance(9.9)
    await turns()
    assert world.attempts == [1]
    clock.advance(0.2)
    await failed(life, 2)
    clock.advance(19)
    await turns()
    assert world.attempts == [1, 2]
    clock.advance(2)
    assert (await run).x == 1
    assert world.attempts == [1, 2, 3]
    assert len(world.keys) == 1, "the idempotency key is the same on every attempt"


@FORMS
async def test_every_attempt_is_in_the_log_with_its_error_and_when_the_next_one_comes(
    live, clock, store, form
):
    life = live(clock=clock)
    began = clock.now_us()
    run = life.start(World().graphs[form])
    for times, pause in ((1, 10), (2, 20)):
        await failed(life, times)
        clock.advance(pause)
    with pytest.raises(ConnectionError, match="shaky failed: ConnectionError: no wind") as e:
        await run
    assert e.value.attempt == 3
    shaky = next(n.id for n in run.nodes.values() if n.name == "shaky")
    told = [
        ("begun" if begins(e) else e.type, getattr(e, "attempt", 1), getattr(e, "retry_at_us", None))
        for e in log(store)
        if getattr(e, "node", "") == shaky and (begins(e) or e.type == "NodeFailed")
    ]
    assert told == [
        ("begun", 1, None),
        ("NodeFailed", 1, began + 10_000_000),
        ("begun", 2, None),
        ("NodeFailed", 2, began + 30_000_000),
        ("begun", 3, None),
        ("NodeFailed", 3, None),
    ]
    assert {e.error.message for e in failures(store)} == {"no wind"}


@FORMS
@pytest.mark.parametrize("retries", [0, 1, 3])
async def test_retries_are_exact(live, form, retries):
    world = World(retries=retries, backoff=0)
    with pytest.raises(ConnectionError):
        await live().start(world.graphs[form])
    assert len(world.attempts) == retries + 1


async def test_with_jitter_a_pause_is_at_most_its_length(live, clock, store):
    life = live(clock=clock)
    began = clock.now_us()
    runs = [life.start(World(jitter=True).graphs["drawn"], f"r{i}") for i in range(20)]
    for i in range(20):
        await life.until(lambda i=i: failures(store, f"r{i}"), f"r{i}")
    pauses = [failures(store, f"r{i}")[0].retry_at_us - began for i in range(20)]
    assert all(0 <= p <= 10_000_000 for p in pauses)
    assert len(set(pauses)) > 1
    for run in runs:
        run.cancel()


async def test_only_what_retry_on_names_is_tried_again(live):
    world = World(retry_on=OSError, backoff=0)
    with pytest.raises(ConnectionError):  # one of its kind
        await live().start(world.graphs["drawn"])
    assert len(world.attempts) == 3

    other = World(retry_on=(OSError, KeyError), backoff=0, error=ValueError)
    with pytest.raises(ValueError, match="no wind"):
        await live().start(other.graphs["drawn"], "other")
    assert len(other.attempts) == 1


@pytest.mark.parametrize(
    ("value", "error"), [({"y": 1}, BadOutputs), ({"x": object()}, NotStorable), (ValueError, ValueError)]
)
async def test_a_mistake_in_the_code_is_not_tried_again(live, value, error):
    attempts = []

    @tool(outputs=["x"], retries=3, backoff=0, retry_on=(Exception,))
    async def wrong():
        attempts.append(1)
        if value is ValueError:
            raise ValueError
        return value

    @graph_fn(outputs=["x"])
    async def f():
        return {"x": (await wrong()).x}

    with pytest.raises(error):
        await live().start(f)
    assert len(attempts) == (4 if error is ValueError else 1)


async def test_a_failure_of_an_inner_call_matches_by_the_builtin_class_that_it_is(live, clock):
    attempts = []

    @tool(outputs=["x"], retries=1, backoff=5, jitter=False, retry_on=TimeoutError)
    async def asks(*, context):
        attempts.append(context.attempt)
        return {"x": await context.channel().ask_text("name?", timeout=60)}

    @graphify(outputs=["x"])
    def g():
        return {"x": asks().x}

    life = live(clock=clock)
    run = life.start(g)
    await life.until(lambda: life.channel.asked)
    clock.advance(60)
    await life.until(lambda: any(f.retry_at_us for f in failures(life.store)))
    await turns()
    clock.advance(5)
    await life.until(lambda: len(life.channel.asked) == 2)
    run.answer("Ada")  # what was asked in vain is asked anew
    assert (await run).x == "Ada"
    assert attempts == [1, 2]


async def test_the_code_that_awaits_a_tool_sees_only_the_last_failure(live, clock):
    world = World()
    seen = []

    @graph_fn(outputs=[])
    async def f():
        shaky = world.graphs["drawn"].callables["shaky"]
        try:
            await shaky(1)
        except ConnectionError as error:
            seen.append(error.attempt)

    life = live(clock=clock)
    run = life.start(f)
    for times, pause in ((1, 10), (2, 20)):
        await failed(life, times)
        assert seen == []
        clock.advance(pause)
    await run
    assert seen == [3]


async def test_a_sync_tool_is_tried_again_too(live):
    attempts = []

    @tool(outputs=["x"], retries=1, backoff=0)
    def shaky():
        attempts.append(threading.current_thread().name)
        if len(attempts) == 1:
            raise OSError
        return {"x": 1}

    @graphify(outputs=["x"])
    def g():
        return {"x": shaky().x}

    assert (await live().start(g)).x == 1
    assert len(attempts) == 2


# -- pauses --------------------------------------------------------------------------------------


async def test_a_static_node_in_a_pause_has_no_task_and_no_place(live, clock):
    life = live(clock=clock, max_concurrency=1)
    run = life.start(World().graphs["drawn"])
    await failed(life, 1)
    driver = life.driver()
    assert not driver.tasks
    assert life.engine.scheduler._free == 1
    assert run.status == "running"
    assert run.nodes["shaky"].status == "pending"
    assert run.nodes["shaky"].error == "no wind"
    run.cancel()


@FORMS
async def test_a_pause_begins_when_its_failure_is_committed(live, clock, form):
    store = WatchedStore()
    store.hold = {"NodeFailed"}
    world = World(backoff=0)
    life = live(store=store, clock=clock)
    run = life.start(world.graphs[form])
    await store.holding()
    await turns()
    assert world.attempts == [1]
    store.hold.clear()
    store.free.set()
    with pytest.raises(ConnectionError):
        await run
    assert len(world.attempts) == 3


@FORMS
async def test_a_restart_in_the_middle_of_a_pause_goes_on_to_its_recorded_end(live, clock, form):
    world = World(fails=1)
    first = live(clock=clock)
    first.start(world.graphs[form])
    await failed(first, 1)
    clock.advance(4)
    await first.end()
    second = live(clock=clock)
    run = second.resume()
    await turns()
    clock.advance(5)
    await turns()
    assert world.attempts == [1]
    clock.advance(2)
    assert (await run).x == 1
    assert world.attempts == [1, 2]
    assert len(failures(second.store)) == 1


@FORMS
async def test_a_pause_that_ended_while_no_kernel_ran_is_over_at_once(live, clock, form):
    world = World(fails=1)
    first = live(clock=clock)
    first.start(world.graphs[form])
    await failed(first, 1)
    await first.end()
    clock.advance(3600)
    assert (await live(clock=clock).resume()).x == 1
    assert world.attempts == [1, 2]


async def test_a_run_that_was_let_go_of_in_a_pause_is_loaded_at_its_end(live, clock):
    world = World(fails=1)

    @graphify(outputs=["x", "name"])
    def g():
        return {"x": world.graphs["drawn"].callables["shaky"](1).x, "name": ask_text("name?").text}

    life = live(clock=clock)
    run = life.start(g)
    await life.until(lambda: life.channel.asked)
    await failed(life, 1)
    await life.driver().barrier(full=False)
    await turns()
    life.engine.dormant.keep = 0
    life.engine.dormant.sweep()
    assert len(life.engine.dormant) == 1
    assert len(life.engine.alarms) == 1
    clock.advance(10)
    await life.until(lambda: world.attempts == [1, 2])
    run.answer("Ada")
    assert dict(await run) == {"x": 1, "name": "Ada"}


@FORMS
async def test_a_crash_during_an_attempt_uses_no_retry_up(live, clock, form):
    world = World()
    life = live(clock=clock)
    run = life.start(world.graphs[form])
    for times, pause in ((1, 10), (2, 20)):
        await failed(life, times)
        clock.advance(pause)
    with pytest.raises(ConnectionError):
        await run
    length = next(
        e.seq for e in log(life.store) if e.type == "NodeStarted" and e.attempt == 2
    )  # died in the second attempt
    await life.end()
    world.attempts.clear()
    left = cut(life.store, length)
    second = live(store=left, clock=clock)
    run = second.resume()
    await failed(second, 2)
    clock.advance(20)
    with pytest.raises(ConnectionError):
        await run
    assert world.attempts == [3, 4], "one attempt was lost with the kernel, two failures were still to come"
    assert len(failures(left)) >= 3
    left.close()


async def test_a_log_killed_after_any_event_fails_as_often_as_if_nothing_had_been(live):
    whole = live()
    world = World(backoff=0)
    with pytest.raises(ConnectionError):
        await whole.start(world.graphs["drawn"])
    for n in range(1, len(log(whole.store))):
        left = cut(whole.store, n)
        with pytest.raises(ConnectionError):
            await live(store=left).resume()
        assert len([f for f in failures(left) if f.error.message == "no wind"]) == 3
        left.close()


@pytest.mark.parametrize("form", ["drawn", "written"])
async def test_cancelling_the_run_ends_a_pause(live, clock, store, form):
    life = live(clock=clock)
    run = life.start(World().graphs[form])
    await failed(life, 1)
    run.cancel()
    with pytest.raises(RunCancelled):
        await run
    assert types(store)[-1] == "RunCancelled"
    assert len(life.engine.alarms) == 0
    clock.advance(100)
    await turns()
    assert sum(map(begins, log(store))) == 2


async def test_asyncio_timeout_around_a_pause_ends_it_and_is_recorded(live, clock, store):
    world = World()
    shaky = world.graphs["drawn"].callables["shaky"]

    @graph_fn(outputs=["how"])
    async def f(*, context):
        task = asyncio.ensure_future(shaky(1))
        await context.sleep(1)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            return {"how": await context.channel().ask_text("go?")}

    life = live(clock=clock)
    run = life.start(f)
    await failed(life, 1)
    clock.advance(1)
    await life.until(lambda: life.channel.asked)
    assert "NodeCancelled" in types(store)
    await life.end()
    clock.advance(100)
    again = live(clock=clock)
    run = again.resume()
    await again.until(lambda: again.channel.asked)
    run.answer("on")
    assert (await run).how == "on"
    assert world.attempts == [1]


async def test_a_person_who_sends_a_node_back_gives_it_all_its_retries_again(live, clock):
    world = World(fails=4, retries=2, backoff=0)
    life = live(clock=clock)
    run = life.start(world.graphs["drawn"])
    with pytest.raises(ConnectionError):
        await run
    assert (await run.retry("shaky")).x == 1
    assert world.attempts == [1, 2, 3, 4, 5]


# -- bodies that ask -----------------------------------------------------------------------------


async def test_what_an_attempt_was_answered_the_next_one_is_not_asked_again(live, clock):
    attempts = []

    @tool(outputs=["x"], retries=1, backoff=5, jitter=False)
    async def asks(*, context):
        attempts.append(context.attempt)
        name = await context.channel().ask_text("name?")
        if len(attempts) == 1:
            raise ConnectionError
        return {"x": name}

    @graphify(outputs=["x"])
    def g():
        return {"x": asks().x}

    life = live(clock=clock)
    run = life.start(g)
    await life.until(lambda: life.channel.asked)
    run.answer("Ada")
    await failed(life, 1)
    clock.advance(5)
    assert (await run).x == "Ada"
    assert life.channel.asked == ["name?"]
    assert attempts == [1, 2]


async def test_a_question_that_a_person_cancelled_is_not_asked_again_by_another_attempt(live):
    @tool(outputs=["x"], retries=3, backoff=0)
    async def asks(*, context):
        return {"x": await context.channel().ask_text("name?")}

    @graphify(outputs=["x"])
    def g():
        return {"x": asks().x}

    life = live()
    run = life.start(g)
    await life.until(lambda: life.channel.asked)
    run.cancel("name?")
    with pytest.raises(NodeCancelled, match=r"name\? was cancelled by"):
        await run
    assert life.channel.asked == ["name?"]


async def test_another_attempt_may_take_another_way_than_the_one_that_failed(live):
    attempts = []

    @tool(outputs=["x"], retries=1, backoff=0)
    async def asks(*, context):
        attempts.append(context.attempt)
        if len(attempts) == 1:
            await context.channel().send_text("it failed")
            raise ConnectionError
        return {"x": await context.channel().ask_text("name?")}

    @graphify(outputs=["x"])
    def g():
        return {"x": asks().x}

    assert (await live({"text": "Ada"}).start(g)).x == "Ada"


@pytest.mark.parametrize("form", ["drawn", "written"])
async def test_a_second_half_that_is_tried_again_reuses_the_reply_and_the_first_half_does_not_run_again(
    live, clock, form
):
    ran = []

    class Job(DualStageTool):
        outputs = ("x",)
        policy = RetryPolicy(retries=2, backoff=5, jitter=False)

        async def setup(self, *, x):
            ran.append("A")
            if ran == ["A"]:
                raise ConnectionError("busy")
            return Wait(kind="job", prompt=f"job {x}?")

        async def on_resume(self, reply, wait):
            ran.append("B")
            if ran.count("B") == 1:
                raise ConnectionError("gone")
            return {"x": reply.value}

    job = Job()

    @graphify(name="drawn", outputs=["x"])
    def drawn():
        return {"x": job(x=1).x}

    @graph_fn(name="written", outputs=["x"])
    async def written():
        return {"x": (await job(x=1)).x}

    first = live(clock=clock)
    run = first.start(drawn if form == "drawn" else written)
    await failed(first, 1)
    clock.advance(5)
    await first.until(lambda: first.channel.asked)
    run.answer("done")
    await failed(first, 2)
    await first.end()
    second = live(clock=clock)
    run = second.resume()
    await turns()
    clock.advance(10)
    assert (await run).x == "done"
    assert ran == ["A", "A", "B", "B"]
