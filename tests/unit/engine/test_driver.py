"""A run from begin to end: slots, threads, cancelling, sleeping."""

from __future__ import annotations

import asyncio
import threading

import pytest
from lives import log, turns, types

from aether_nb import graph_fn, graphify, tool
from aether_nb.errors import NodeFailed, RunBlocked, RunCancelled
from aether_nb.events import begins
from aether_nb.testing import EventRecorder, FakeClock
from aether_nb.tools import ask_text

# -- slots ---------------------------------------------------------------------------------------


class Gauge:
    """How many bodies are at work at once."""

    def __init__(self):
        self.now = self.most = 0

    def __enter__(self):
        self.now += 1
        self.most = max(self.most, self.now)

    def __exit__(self, *exc):
        self.now -= 1


@pytest.mark.parametrize("form", ["static", "function"])
async def test_never_more_bodies_compute_at_once_than_there_are_slots(live, form):
    gauge = Gauge()

    @tool(outputs=["i"])
    async def work(i):
        with gauge:
            await turns(3)
        return {"i": i}

    @graphify(name="g", outputs=["n"])
    def static():
        return {"n": [work(i).i for i in range(20)]}

    @graph_fn(name="g", outputs=["n"])
    async def function():
        return {"n": [out.i for out in await asyncio.gather(*(work(i) for i in range(20)))]}

    out = await live(max_concurrency=3).start(static if form == "static" else function)
    assert out.n == list(range(20))
    assert gauge.most == 3


async def test_slots_are_shared_by_all_runs(live):
    gauge = Gauge()

    @tool(outputs=[])
    async def work():
        with gauge:
            await turns(5)

    @graph_fn(outputs=[])
    async def f():
        await asyncio.gather(*(work() for _ in range(5)))

    life = live(max_concurrency=2)
    await asyncio.gather(*(life.start(f, f"r{i}").result() for i in range(3)))
    assert gauge.most == 2


async def test_a_tool_that_asks_or_sleeps_gives_its_slot_back(live):
    clock = FakeClock()

    @tool(outputs=["x"])
    async def asks(*, context):
        return {"x": await context.channel().ask_text("name?")}

    @tool(outputs=[])
    async def sleeps(*, context):
        await context.sleep(3600)

    @tool(outputs=["x"])
    async def works():
        return {"x": "worked"}

    @graphify(outputs=["a", "w"])
    def g():
        sleeps()
        return {"a": asks().x, "w": works().x}

    life = live(max_concurrency=1, clock=clock)
    run = life.start(g)
    await life.until(lambda: "worked" in str(log(life.store)) and life.channel.asked)
    clock.advance(3600)
    run.answer("Ada")
    assert dict(await run) == {"a": "Ada", "w": "worked"}


async def test_graphs_hold_no_slot_so_that_nested_ones_cannot_deadlock(live):
    @tool(outputs=["x"])
    async def leaf(x):
        return {"x": x}

    @graphify(outputs=["x"])
    def inner(x):
        return {"x": leaf(x).x}

    @graph_fn(outputs=["xs"])
    async def f():
        return {"xs": [out.x for out in await asyncio.gather(*(inner(i) for i in range(5)))]}

    assert (await live(max_concurrency=1).start(f)).xs == [0, 1, 2, 3, 4]


# -- threads -------------------------------------------------------------------------------------


async def test_sync_tools_run_in_threads_of_their_own_at_the_same_time(live):
    meet = threading.Barrier(3)

    @tool(outputs=["name"])
    def meets(i):
        meet.wait()
        return {"name": threading.current_thread().name}

    @graphify(outputs=["names"])
    def g():
        return {"names": [meets(i).name for i in range(3)]}

    names = (await live(max_concurrency=3).start(g)).names
    assert len(set(names)) == 3
    assert all(name.startswith("aether-tool") for name in names)


async def test_a_sync_tool_sees_that_its_run_was_cancelled_and_keeps_its_slot_until_it_returns(live):
    running, let_go, seen = threading.Event(), threading.Event(), []

    @tool(outputs=[])
    def stubborn(*, context):
        running.set()
        seen.append(context.cancelled.wait(10))
        let_go.wait(10)

    @tool(outputs=["x"])
    async def works():
        return {"x": 1}

    @graph_fn(name="f", outputs=[])
    async def f():
        await stubborn()

    @graph_fn(name="g", outputs=["x"])
    async def g():
        return {"x": (await works()).x}

    life = live(max_concurrency=1)
    run = life.start(f)
    await asyncio.to_thread(running.wait)
    run.cancel()
    with pytest.raises(RunCancelled):
        await run
    assert run.nodes["stubborn"].status == "cancelled"
    other = life.start(g, "other")
    await turns()
    assert not any(map(begins, log(life.store, "other")))
    let_go.set()
    assert (await other).x == 1
    assert seen == [True]


# -- cancelling ----------------------------------------------------------------------------------


async def test_cancelling_a_static_graph_withdraws_its_questions_and_starts_nothing_more(live, store):
    @tool(outputs=["x"])
    async def never(x):
        raise AssertionError

    @graphify(outputs=["x"])
    def g():
        return {"x": never(ask_text("name?").text, key="never").x}

    life = live()
    run = life.start(g)
    await life.until(lambda: life.channel.asked)
    run.cancel()
    with pytest.raises(RunCancelled, match="Run 'r' was cancelled"):
        await run
    assert run.status == "cancelled"
    assert [w.status for w in run.waits] == ["withdrawn"]
    assert [w.status for w in life.channel.closed] == ["withdrawn"]
    assert types(store)[-1] == "RunCancelled"
    assert run.nodes["never"].status in {"skipped", "cancelled"}


async def test_cancelling_a_graph_function_unwinds_it_and_it_can_do_nothing_more(live, store):
    said = []

    @tool(outputs=[])
    async def on_the_way_out():
        said.append("ran")

    @graph_fn(outputs=["x"])
    async def f(*, context):
        try:
            return {"x": await context.channel().ask_text("name?")}
        finally:
            try:
                await on_the_way_out()
            except BaseException as error:
                said.append(type(error).__name__)
                raise

    life = live()
    run = life.start(f)
    await life.until(lambda: life.channel.asked)
    run.cancel()
    run.cancel()
    with pytest.raises(RunCancelled):
        await run
    assert said == ["RunSuspended"]  # no Exception: it is not to be caught by the way
    assert types(store).count("CancelRequested") == 1
    assert types(store)[-1] == "RunCancelled"


async def test_a_function_that_does_not_listen_is_cancelled_all_the_same(live, store):
    @graph_fn(outputs=["x"])
    async def f(*, context):
        try:
            await context.channel().ask_text("name?")
        except asyncio.CancelledError:
            return {"x": "so what"}

    life = live()
    run = life.start(f)
    await life.until(lambda: life.channel.asked)
    run.cancel()
    with pytest.raises(RunCancelled):
        await run
    assert run.status == "cancelled"


async def test_a_task_group_that_is_cancelled_is_no_failure(live):
    @graph_fn(outputs=[])
    async def f(*, context):
        async def careful(i):
            try:
                await context.channel().ask_text(f"{i}?")
            finally:
                await context.channel().send_text("bye")

        async with asyncio.TaskGroup() as group:
            for i in range(2):
                group.create_task(careful(i))

    life = live()
    run = life.start(f)
    await life.until(lambda: len(life.channel.asked) == 2)
    run.cancel()
    with pytest.raises(RunCancelled):
        await run
    assert [w.status for w in run.waits] == ["withdrawn"] * 2


async def test_a_kernel_that_died_while_cancelling_ends_it_when_it_comes_back(live, store):
    @graph_fn(outputs=["x"])
    async def f(*, context):
        return {"x": await context.channel().ask_text("name?")}

    life = live()
    run = life.start(f)
    await life.until(lambda: life.channel.asked)
    run.cancel()
    await life.end()  # before the bodies have unwound
    assert types(store)[-1] == "CancelRequested"
    second = live()
    with pytest.raises(RunCancelled):
        await second.resume()
    assert second.channel.asked == []
    assert store.waits() == []


async def test_another_process_can_cancel_through_the_store(live, store):
    clock = FakeClock()

    @graph_fn(outputs=[])
    async def f(*, context):
        await context.sleep(100)

    life = live(clock=clock)
    run = life.start(f)
    await life.until(lambda: "CallRecorded" in types(store))
    live().runtime.cancel("r")
    clock.advance(0.2)
    with pytest.raises(RunCancelled):
        await run


async def test_a_run_that_is_over_is_not_cancelled(live, store):
    @graph_fn(outputs=[])
    async def f():
        pass

    life = live()
    run = life.start(f)
    await run
    run.cancel()
    assert types(store)[-1] == "RunFinished"


async def test_cancelling_the_wait_for_a_run_leaves_the_run_alone(live):
    @graph_fn(outputs=["x"])
    async def f(*, context):
        return {"x": await context.channel().ask_text("name?")}

    life = live()
    run = life.start(f)
    waiting = asyncio.ensure_future(run.result())
    await life.until(lambda: life.channel.asked)
    waiting.cancel()
    await turns()
    run.answer("Ada")
    assert (await run).x == "Ada"


# -- what observers see --------------------------------------------------------------------------


async def test_an_observer_sees_every_event_once_in_order_and_committed(live, store):
    @graph_fn(outputs=["x"])
    async def f(*, context):
        return {"x": await context.channel().ask_text("name?")}

    recorder = EventRecorder()
    life = live({"name?": "Ada"})
    run = life.start(f)
    life.engine.audience.observe("r", recorder)
    await run
    assert recorder.events == log(store)
    assert recorder.statuses[-1] == "succeeded"


async def test_an_observer_that_breaks_harms_nobody(live, caplog):
    class Broken:
        def on_events(self, run_id, events, status):
            raise RuntimeError("no screen")

    @graph_fn(outputs=["x"])
    async def f():
        return {"x": 1}

    life = live()
    run = life.start(f)
    life.engine.audience.observe("r", Broken())
    assert (await run).x == 1
    assert "A channel or view failed" in caplog.text


# -- code that has changed -----------------------------------------------------------------------


async def test_a_tool_that_an_edited_inner_graph_does_not_have_any_more_blocks_with_the_remedy(live):
    @tool(outputs=["x"])
    async def old_tool(x):
        return {"x": x}

    @tool(outputs=["x"])
    async def new_tool(x):
        return {"x": x}

    def inner_with(step):
        @graphify(name="inner", outputs=["x"])
        def inner():
            return {"x": step(ask_text("name?").text).x}

        return inner

    current = [inner_with(old_tool)]

    @graph_fn(outputs=["x"])
    async def f():
        return {"x": (await current[0]()).x}

    first = live()
    first.start(f)
    await first.until(lambda: first.channel.asked)
    await first.end()
    current[0] = inner_with(new_tool)
    second = live()
    run = second.resume()
    await second.until(lambda: second.channel.asked)
    run.answer("Ada")
    with pytest.raises(RunBlocked, match="'inner' has no 'old_tool' any more"):
        await run
    current[0] = inner_with(old_tool)
    assert (await second.resume()).x == "Ada"


async def test_a_class_that_is_not_defined_yet_blocks_until_its_cell_has_run(live, monkeypatch):
    import lives
    import pydantic

    class Point(pydantic.BaseModel):
        x: int

    Point.__module__, Point.__qualname__ = "lives", "Point"
    monkeypatch.setattr(lives, "Point", Point, raising=False)

    @tool(outputs=["p"])
    async def make():
        return {"p": Point(x=1)}

    @graph_fn(outputs=["x"])
    async def f(*, context):
        p = (await make()).p
        await context.channel().ask_text("go?")
        return {"x": p.x}

    first = live()
    first.start(f)
    await first.until(lambda: first.channel.asked)
    await first.end()
    monkeypatch.delattr(lives, "Point")
    second = live()
    with pytest.raises(RunBlocked, match="Point"):
        await second.resume()
    monkeypatch.setattr(lives, "Point", Point, raising=False)
    run = second.resume()
    await second.until(lambda: second.channel.asked)
    run.answer("yes")
    assert (await run).x == 1


async def test_a_failed_node_of_an_earlier_life_fails_the_run_without_running_again(live):
    ran = []

    @tool(outputs=["x"])
    async def breaks():
        ran.append(1)
        raise ValueError("no")

    @graphify(outputs=["x", "y"])
    def g():
        return {"x": breaks(key="bad").x, "y": ask_text("name?").text}

    first = live()
    first.start(g)
    await first.until(lambda: first.channel.asked and ran)
    await first.end()
    second = live()
    run = second.resume()
    await second.until(lambda: second.channel.asked)
    run.answer("Ada")
    with pytest.raises(NodeFailed, match="breaks failed: ValueError: no"):
        await run
    assert ran == [1]


async def test_a_run_that_is_started_while_mail_cancels_its_parent_is_cancelled_too(live):
    life = live()

    @graph_fn(name="driver_child")
    async def child(*, context):
        await context.channel().ask_text("child?")

    @graph_fn(name="driver_parent")
    async def parent(*, context):
        await context.channel().ask_text("begin?")
        await life.runtime.starting.start(child, {}, run_id="child")

    run = life.start(parent)
    await life.until(lambda: life.channel.asked)
    life.store.post("run:r:cancel", None, "ana", 0)
    run.answer("yes")
    await life.until(lambda: "child?" in life.channel.asked)
    life.engine.lookout.look()
    for one in (run, life.runtime.get("child")):
        with pytest.raises(RunCancelled):
            await one
    assert [e.by for e in log(life.store, "child") if e.type == "CancelRequested"] == ["run r"]


async def test_a_run_that_a_cancelled_body_starts_on_its_way_out_is_cancelled_too(live):
    life = live()

    @graph_fn(name="driver_late_child")
    async def child(*, context):
        await context.channel().ask_text("child?")

    @graph_fn(name="driver_last_word")
    async def parent(*, context):
        try:
            await context.channel().ask_text("begin?")
        finally:
            life.runtime.starting.start(child, {}, run_id="child")

    run = life.start(parent)
    await life.until(lambda: life.channel.asked)
    run.cancel()
    with pytest.raises(RunCancelled):
        await run
    with pytest.raises(RunCancelled):
        await life.runtime.get("child")


async def test_a_call_for_which_there_is_a_place_begins_with_the_event_that_it_was_called(live):
    @tool(outputs=["n"])
    async def double(n):
        await turns()
        return {"n": 2 * n}

    @graph_fn(outputs=["ns"])
    async def f():
        return {"ns": [out.n for out in await asyncio.gather(double(1), double(2))]}

    life = live(max_concurrency=1)
    assert (await life.start(f)).ns == [2, 4]
    told = [(e.type, begins(e)) for e in log(life.store) if e.type in {"NodeAdded", "NodeStarted"}]
    assert told == [("NodeAdded", True), ("NodeAdded", False), ("NodeStarted", True)]


async def test_a_view_that_is_interrupted_takes_no_first_event_from_other_runs(live):
    class Interrupted(EventRecorder):
        def on_events(self, run_id, events, status):
            raise KeyboardInterrupt

    @graph_fn(outputs=[])
    async def f():
        pass

    life, seen = live(), EventRecorder()
    for run_id, view in (("r0", Interrupted()), ("r1", seen)):
        life.start(f, run_id)
        life.engine.follow(run_id, view)
    with pytest.raises(KeyboardInterrupt):
        life.engine._tell_begun()
    life.engine.audience.dismiss("r0")
    await turns()
    assert [event.seq for event in seen.events][:1] == [1]
