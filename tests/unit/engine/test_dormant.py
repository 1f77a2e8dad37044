"""Runs that only wait cost next to nothing, and come back for whatever is due."""

from __future__ import annotations

import asyncio

import pytest
from lives import Life, Page, WatchedStore, log, turns, types

from aether_nb import graph_fn, graphify, tool
from aether_nb.errors import StoreError
from aether_nb.ids import RunId
from aether_nb.prompts import Reply
from aether_nb.store.memory import MemoryStore
from aether_nb.testing import EventRecorder, FakeClock
from aether_nb.tools import ask_text

bodies: list[str] = []


@graphify(name="dormant_static", outputs=["text"])
def static():
    return {"text": ask_text(prompt="Name?").text}


@graphify(name="dormant_deadline", outputs=["text"])
def deadline():
    return {"text": ask_text(prompt="Name?", timeout=3600, default="nobody").text}


@tool(outputs=["n"])
async def count():
    bodies.append("count")
    return {"n": len(bodies)}


@graph_fn(name="dormant_fn", outputs=["text", "n"])
async def function(*, context):
    bodies.append("function")
    n = await count()
    text = await context.channel().ask_text("Name?")
    return {"text": text, "n": n.n}


class Kernel(Life):
    """A life that lets go of every run that only waits, at each look."""

    def __init__(self, store: MemoryStore | None = None, keep: int = 0) -> None:
        self.clock = FakeClock()
        super().__init__(store or MemoryStore(), clock=self.clock)
        self.channel: Page
        self._keep = keep

    @property
    def engine(self):
        engine = super().engine
        engine.dormant.keep = self._keep
        return engine

    async def asked(self, n: int = 1) -> None:
        """Until so many questions were shown."""
        while len(self.channel.shown) < n:
            self.channel.news.clear()
            await self.channel.news.wait()

    async def look(self) -> None:
        """The moment of the next look at the store."""
        assert self.engine
        await self.written()
        self.clock.advance(0.2)
        await turns()

    async def written(self) -> None:
        """Until the log of every run is in the store."""
        for driver in list(self.engine.drivers.values()):
            await driver.barrier(full=False)
        await turns()

    async def rest(self) -> None:
        """Until no run is in memory."""
        await self.look()
        assert not self.engine.drivers

    async def ended(self, run_id: str = "r") -> None:
        while self.engine.drives(RunId(run_id)):
            driver = self.engine.awake(RunId(run_id))
            await self.engine.audience.next_commit(driver.run_id)
            await turns()

    def reply(self, run_id: str = "r", value: str = "Ada") -> None:
        (wait,) = self.store.waits(runs=[RunId(run_id)])
        assert self.runtime.answer(wait.token, value)


@pytest.fixture(autouse=True)
def _fresh():
    bodies.clear()


async def test_a_run_that_only_waits_has_no_driver_no_task_and_no_timer_of_its_own() -> None:
    life = Kernel()
    for n in range(20):
        life.start(static, f"r{n}")
    await life.asked(20)
    before = len(asyncio.all_tasks()), len(life.engine.alarms)
    await life.rest()
    assert len(life.engine.dormant) == 20
    assert (
        before == (len(asyncio.all_tasks()), len(life.engine.alarms)) == (2, 0)
    )  # this test, and the loop's ebb


async def test_so_many_stay_in_memory_and_the_oldest_go_first() -> None:
    life = Kernel(keep=3)
    for n in range(5):
        life.start(static, f"r{n}")
    await life.asked(5)
    await life.look()
    assert list(life.engine.drivers) == ["r2", "r3", "r4"]


@pytest.mark.parametrize("graph", [static, function], ids=["static", "function"])
async def test_a_reply_loads_the_run_and_it_goes_on_as_if_it_had_never_left(graph) -> None:
    life = Kernel()
    run = life.start(graph)
    await life.asked()
    recorder = EventRecorder()
    life.engine.audience.observe(RunId("r"), recorder)
    await life.rest()
    assert run.status == "waiting"
    life.reply()
    out = await run
    assert out.text == "Ada"
    assert life.channel.asked == ["Name?"]
    assert [w.status for w in life.channel.closed] == ["answered"]
    assert recorder.types[0] == "ReplyTaken"
    assert "RunResumed" not in types(life.store)
    assert [e.seq for e in log(life.store)] == list(range(1, len(log(life.store)) + 1))


async def test_a_graph_function_comes_back_by_replay_and_runs_no_tool_twice() -> None:
    life = Kernel()
    run = life.start(function)
    await life.asked()
    await life.rest()
    life.reply()
    assert (await run).n == 2
    assert bodies == ["function", "count", "function"]


async def test_a_run_is_let_go_of_again_after_each_reply() -> None:
    @graph_fn(name="dormant_twice", outputs=["all"])
    async def twice(*, context):
        ask = context.channel().ask_text
        return {"all": [await ask("One?"), await ask("Two?"), await ask("Three?")]}

    life = Kernel()
    run = life.start(twice)
    for n, answer in enumerate("abc", 1):
        await life.asked(n)
        await life.rest()
        life.reply(value=answer)
        await turns()
    assert (await run).all == ["a", "b", "c"]
    assert life.channel.asked == ["One?", "Two?", "Three?"]


async def test_the_deadline_of_a_dormant_run_rings_in_time_and_not_before() -> None:
    life = Kernel()
    life.start(deadline)
    await life.asked()
    await life.rest()
    assert len(life.engine.alarms) == 1
    life.clock.advance(3598)
    await turns()
    assert not life.engine.drivers
    life.clock.advance(2)
    await turns()
    await life.ended()
    assert life.runtime.get("r").outputs.text == "nobody"


async def test_a_reply_of_another_process_reaches_a_dormant_run() -> None:
    life = Kernel()
    run = life.start(static)
    await life.asked()
    await life.rest()
    (wait,) = life.store.waits(runs=[RunId("r")])
    now_ms = life.clock.now_us() // 1000
    assert life.store.answer(
        wait.token, Reply(value="Bob", by="bob", door="cli", at_ms=now_ms), now_ms=now_ms
    )
    life.clock.advance(0.3)
    await turns()
    assert (await run).text == "Bob"


async def test_a_dormant_run_can_be_cancelled_here_and_by_mail() -> None:
    life = Kernel()
    life.start(static, "here")
    life.start(static, "there")
    await life.asked(2)
    await life.rest()
    life.runtime.cancel("here")
    life.store.post("run:there:cancel", None, "ana", 0)
    life.clock.advance(0.3)
    await life.ended("here")
    await life.ended("there")
    assert [life.runtime.row(r).status for r in ("here", "there")] == ["cancelled", "cancelled"]


async def test_who_awaits_a_run_keeps_it_in_memory() -> None:
    life = Kernel()
    run = life.start(static)
    await life.asked()
    end = asyncio.ensure_future(run.result())
    await life.look()
    assert life.engine.drivers
    end.cancel()
    await turns()
    await life.rest()


async def test_who_stopped_waiting_for_a_run_does_not_keep_it_in_memory() -> None:
    life = Kernel()
    life.start(function)
    await life.asked()
    await life.written()
    life.engine.audience.next_commit(RunId("r")).cancel()
    await life.rest()


async def test_a_timer_of_the_users_own_is_not_lost() -> None:
    @graph_fn(name="dormant_timed", outputs=["text"])
    async def timed(*, context):
        try:
            async with asyncio.timeout(0.05):
                return {"text": await context.channel().ask_text("Quick?")}
        except TimeoutError:
            return {"text": "too late"}

    life = Kernel()
    run = life.start(timed)
    await life.asked()
    await life.look()
    assert life.engine.drivers
    assert (await run).text == "too late"


async def test_a_task_of_the_users_own_is_not_lost() -> None:
    go = asyncio.Event()

    @graph_fn(name="dormant_tasks", outputs=["text"])
    async def tasks(*, context):
        other = asyncio.create_task(go.wait())
        text = await context.channel().ask_text("Name?")
        await other
        return {"text": text}

    life = Kernel()
    run = life.start(tasks)
    await life.asked()
    await life.look()
    assert life.engine.drivers
    go.set()
    await turns()
    await life.rest()
    life.reply()
    assert (await run).text == "Ada"


async def test_a_dormant_run_that_the_store_cannot_read_just_now_is_tried_again() -> None:
    class Shy(WatchedStore):
        shy = False

        def events(self, run_id, after=0):
            if self.shy:
                self.shy = False
                raise StoreError("not now")
            return super().events(run_id, after)

    store = Shy()
    life = Kernel(store)
    life.start(deadline)
    await life.asked()
    await life.rest()
    store.shy = True
    life.clock.advance(3600)
    await turns()
    assert not store.shy
    life.clock.advance(1)
    await turns()
    await life.ended()
    assert life.runtime.get("r").outputs.text == "nobody"


async def test_starting_a_dormant_run_over_begins_it_anew() -> None:
    life = Kernel()
    run = life.start(static)
    await life.asked()
    await life.rest()
    again = run.start_over()
    await life.asked(2)
    life.reply()
    assert (await again).text == "Ada"
    assert [r.run_id for r in life.store.runs()] == ["r", "r~1"]


@pytest.mark.parametrize("graph", [static, function, deadline], ids=["static", "function", "deadline"])
async def test_many_runs_resumed_at_once_each_show_their_question_once_and_are_let_go_of(graph) -> None:
    first = Kernel(keep=10)
    for n in range(60):
        first.start(graph, f"r{n}")
    await first.asked(60)
    await first.written()
    await first.end()
    life = Kernel(first.store, keep=10)
    assert life.engine
    runs = life.runtime.resuming.resume_all()
    assert len(runs) == 60
    await life.asked(60)
    await life.look()
    assert (len(life.engine.drivers), len(life.engine.dormant)) == (10, 50)
    for run in runs:
        life.reply(run.run_id)
        assert (await run).text == "Ada"
    assert len(life.channel.shown) == 60


async def test_a_reply_that_lay_there_is_used_by_a_run_that_is_resumed_with_many_others() -> None:
    first = Kernel()
    for n in range(30):
        first.start(function, f"r{n}")
    await first.asked(30)
    await first.written()
    await first.end()
    first.reply("r7", "Bob")
    life = Kernel(first.store)
    assert life.engine
    runs = {run.run_id: run for run in life.runtime.resuming.resume_all()}
    assert (await runs["r7"]).text == "Bob"
    await life.asked(29)
    assert len(life.channel.shown) == 29
