"""A time limit on each attempt of a tool: what counts, what ends, and what a thread may do that nobody can end."""

from __future__ import annotations

import asyncio
import threading

import pytest
from lives import log, turns, types

from aether_nb import AetherError, graph_fn, graphify, tool
from aether_nb.errors import NodeFailed, RunCancelled, ToolTimeout
from aether_nb.events import begins
from aether_nb.testing import FakeClock

FORMS = pytest.mark.parametrize("form", ["drawn", "written"])


@pytest.fixture
def clock():
    return FakeClock()


def graph_of(step, form):
    @graphify(name="drawn", outputs=["x"])
    def drawn():
        return {"x": step().x}

    @graph_fn(name="written", outputs=["x"])
    async def written():
        return {"x": (await step()).x}

    return drawn if form == "drawn" else written


async def begun(life, graph):
    """A run of it whose first attempt has begun."""
    run = life.start(graph)
    await life.until(lambda: any(map(begins, log(life.store))))
    await turns()
    return run


@FORMS
async def test_a_body_that_takes_too_long_is_cancelled_and_the_failure_names_tool_and_seconds(
    live, clock, form
):
    ends = []

    @tool(outputs=["x"], timeout=30)
    async def slow():
        try:
            await asyncio.Event().wait()
        finally:
            ends.append("ended")

    life = live(clock=clock)
    run = await begun(life, graph_of(slow, form))
    clock.advance(29)
    await turns()
    assert ends == []
    clock.advance(1)
    with pytest.raises(ToolTimeout, match=r"slow failed: .* 'slow' took longer than timeout=30 s") as e:
        await run
    assert ends == ["ended"]
    assert isinstance(e.value, NodeFailed)
    assert isinstance(e.value, TimeoutError)
    assert isinstance(e.value, AetherError)
    assert any("await asyncio.Event().wait()" in row for row in e.value.frames), "where it was stuck"


@FORMS
async def test_a_body_that_swallows_the_cancellation_and_returns_was_too_late_all_the_same(live, clock, form):
    @tool(outputs=["x"], timeout=30)
    async def stubborn():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return {"x": "too late"}

    life = live(clock=clock)
    run = await begun(life, graph_of(stubborn, form))
    clock.advance(30)
    with pytest.raises(ToolTimeout, match="'stubborn' took longer than timeout=30 s"):
        await run


@FORMS
async def test_a_timeout_is_an_attempt_that_failed_and_the_policy_tries_again(live, clock, store, form):
    attempts = []

    @tool(outputs=["x"], timeout=30, retries=1, backoff=5, jitter=False)
    async def slow(*, context):
        attempts.append(context.attempt)
        if context.attempt == 1:
            await asyncio.Event().wait()
        return {"x": context.attempt}

    life = live(clock=clock)
    run = await begun(life, graph_of(slow, form))
    clock.advance(30)
    await life.until(lambda: "NodeFailed" in types(store))
    await turns()
    clock.advance(5)
    assert (await run).x == 2
    clock.advance(100)
    assert attempts == [1, 2]


async def answered_late(life, clock, run):
    """It asks after 20 seconds, and has the answer an hour later."""
    clock.advance(20)
    await life.until(lambda: life.channel.asked)
    clock.advance(3600)
    run.answer("Ada")
    await life.until(lambda: types(life.store).count("NodeFinished") == 1)
    await turns()


async def test_waiting_for_people_does_not_count(live, clock):
    @tool(outputs=["x"], timeout=30)
    async def asks(*, context):
        await context.sleep(20)
        name = await context.channel().ask_text("name?")
        await context.sleep(9)
        return {"x": name}

    life = live(clock=clock)
    run = await begun(life, graph_of(asks, "drawn"))
    await answered_late(life, clock, run)
    clock.advance(9)
    assert (await run).x == "Ada"


async def test_what_was_left_of_the_time_when_it_asked_is_what_is_left_afterwards(live, clock):
    @tool(outputs=["x"], timeout=30)
    async def asks(*, context):
        await context.sleep(20)
        await context.channel().ask_text("name?")
        await asyncio.Event().wait()

    life = live(clock=clock)
    run = await begun(life, graph_of(asks, "drawn"))
    await answered_late(life, clock, run)
    clock.advance(9)
    await turns()
    assert run.status == "running"
    clock.advance(1)
    with pytest.raises(ToolTimeout):
        await run


async def test_standing_in_line_does_not_count(live, clock):
    free = asyncio.Event()

    @tool(outputs=[])
    async def holds():
        await free.wait()

    @tool(outputs=["x"], timeout=30)
    async def works():
        return {"x": 1}

    @graphify(outputs=["x"])
    def g():
        holds()
        return {"x": works().x}

    life = live(clock=clock, max_concurrency=1)
    run = await begun(life, g)
    clock.advance(3600)
    free.set()
    assert (await run).x == 1


async def test_a_body_that_ends_in_time_leaves_no_alarm(live, clock):
    @tool(outputs=["x"], timeout=30)
    async def quick():
        return {"x": 1}

    life = live(clock=clock)
    await life.start(graph_of(quick, "written"))
    assert len(life.engine.alarms) == 0


async def test_a_timeout_of_the_users_own_around_the_call_is_not_taken_for_ours(live, clock):
    @tool(outputs=["x"], timeout=30)
    async def slow():
        await asyncio.Event().wait()

    @graph_fn(outputs=["how"])
    async def f():
        task = asyncio.ensure_future(slow())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        clock.advance(30)  # both in the same turn of the loop
        try:
            await task
        except asyncio.CancelledError:
            return {"how": "cancelled"}

    assert (await live(clock=clock).start(f)).how == "cancelled"


async def test_cancelling_the_run_is_not_a_timeout(live, clock, store):
    @tool(outputs=["x"], timeout=30)
    async def slow():
        await asyncio.Event().wait()

    life = live(clock=clock)
    run = await begun(life, graph_of(slow, "drawn"))
    run.cancel()
    with pytest.raises(RunCancelled):
        await run
    assert "NodeFailed" not in types(store)


class Thread:
    """A sync body that the test ends."""

    def __init__(self, listens=False):
        self.begun, self.end = threading.Event(), threading.Event()
        self.listens = listens
        self.attempts = []

    async def outlasts(self, life, clock, form, **options):
        """A run whose tool is this body, and has taken longer than it may."""

        @tool(name="slow", outputs=["x"], timeout=30, **options)
        def slow(*, context):
            self.attempts.append(context.attempt)
            if context.attempt > 1:
                return {"x": "again"}
            self.begun.set()
            (context.cancelled if self.listens else self.end).wait()
            return {"x": "too late"}

        run = life.start(graph_of(slow, form))
        await asyncio.to_thread(self.begun.wait)
        clock.advance(30)
        return run


@FORMS
async def test_a_sync_body_is_told_and_its_failure_says_that_it_is_still_running(live, clock, form):
    thread = Thread(listens=True)
    life = live(clock=clock)
    run = await thread.outlasts(life, clock, form)
    with pytest.raises(ToolTimeout, match="still running"):
        await run


@FORMS
async def test_a_sync_body_keeps_its_place_and_is_not_tried_again_before_its_thread_has_returned(
    live, clock, store, form
):
    thread = Thread()
    life = live(clock=clock, max_concurrency=1)
    run = await thread.outlasts(life, clock, form, retries=1, backoff=5, jitter=False)
    await life.until(lambda: "NodeFailed" in types(store))
    await turns()
    clock.advance(3600)
    await turns()
    assert thread.attempts == [1]
    assert life.engine.scheduler._free == 0
    assert "still running" in next(iter(run.nodes.values())).error
    thread.end.set()
    assert (await run).x == "again"
    assert thread.attempts == [1, 2]
    assert "too late" not in str(log(store))


async def test_a_node_that_is_sent_back_waits_for_the_thread_of_its_last_attempt(live, clock):
    thread = Thread()
    life = live(clock=clock)
    run = await thread.outlasts(life, clock, "drawn")
    with pytest.raises(ToolTimeout):
        await run
    run.retry("slow")
    await turns()
    assert thread.attempts == [1]
    thread.end.set()
    assert (await run).x == "again"
