"""What must be in the store before anybody sees it."""

from __future__ import annotations

import asyncio

import pytest
from lives import WatchedStore, log, types

from aether_nb import graph_fn, graphify, tool
from aether_nb.engine import writer
from aether_nb.errors import FencedOut, RunFailed, StoreError
from aether_nb.events import FINAL


@pytest.fixture
def store():
    made = WatchedStore()
    yield made
    made.free.set()
    made.close()


@graph_fn(outputs=["x"])
async def asks(*, context):
    await context.channel().send_text("hello")
    return {"x": await context.channel().ask_text("name?")}


async def test_a_prompt_is_shown_only_after_its_wait_is_in_the_store(live, store):
    store.hold = {"WaitOpened"}
    life = live()
    life.start(asks)
    await store.holding()
    assert life.channel.asked == []
    store.free.set()
    await life.until(lambda: life.channel.asked)
    assert store.wait(life.channel.shown[0].wait.token).status == "open"
    assert store.how("WaitOpened")


async def test_a_message_is_said_only_after_it_is_in_the_store(live, store):
    store.hold = {"MessageSent"}
    life = live()
    life.start(asks)
    await store.holding()
    assert life.channel.said == []
    store.free.set()
    await life.until(lambda: life.channel.said)


async def test_a_tool_that_touches_the_world_waits_for_the_log_and_a_plain_one_does_not(live, store):
    ran = []

    @tool(outputs=["x"])
    async def plain():
        ran.append("plain")
        return {"x": 1}

    @tool(outputs=[], effects=True)
    async def pay(x, *, context):
        ran.append("pay")

    @graphify(outputs=[])
    def g():
        pay(plain().x)
        return {}

    store.hold = {"NodeStarted"}
    life = live()
    run = life.start(g)
    await store.holding()
    assert ran == ["plain"]
    store.free.set()
    await run
    assert ran == ["plain", "pay"]
    before_it = next(types for types, full in store.written if full)
    assert before_it[-2:] == ["NodeFinished", "NodeStarted"]


async def test_a_run_is_over_for_who_awaits_it_only_when_its_end_is_in_the_store(live, store):
    @graph_fn(outputs=["x"])
    async def f():
        return {"x": 1}

    store.hold = {"RunFinished"}
    run = live().start(f)
    awaited = asyncio.ensure_future(run.result())
    await store.holding()
    assert not awaited.done()
    assert (run.status, run.outputs) == ("running", None)
    store.free.set()
    assert (await awaited).x == 1
    assert store.how("RunFinished")


async def test_a_reply_is_behind_the_stage_that_takes_it_without_holding_it_up(live, store):
    store.hold = {"ReplyTaken"}
    life = live()
    run = life.start(asks)
    await life.until(lambda: life.channel.asked)
    assert run.answer("Ada")
    assert store.wait(life.channel.shown[0].wait.token).reply.value == "Ada"
    store.free.set()
    assert (await run).x == "Ada"


async def test_cancel_returns_when_the_request_is_in_the_store(live, store):
    life = live()
    run = life.start(asks)
    await life.until(lambda: life.channel.asked)
    run.cancel()
    assert types(store)[-1] == "CancelRequested"
    assert store.how("CancelRequested")


async def test_a_disk_that_is_full_for_a_while_costs_time_and_nothing_else(live, store, monkeypatch, caplog):
    monkeypatch.setattr(writer, "RETRY_S", 0.01)
    store.troubles = [StoreError("disk full"), StoreError("disk full")]
    life = live()
    run = life.start(asks)
    await life.until(lambda: life.channel.asked)
    run.answer("Ada")
    assert (await run).x == "Ada"
    assert [e.seq for e in log(store)] == list(range(1, len(log(store)) + 1))
    assert [r.message.endswith(": disk full") for r in caplog.records] == [True]
    assert life.engine.trouble is None


async def test_a_run_that_another_kernel_took_over_stops_and_the_others_go_on(live, store):
    gate = asyncio.Event()

    @graph_fn(outputs=["x"])
    async def f(*, context):
        await gate.wait()
        await context.channel().send_text("on")
        return {"x": 1}

    life = live()
    taken, kept = life.start(f, run_id="taken"), life.start(f, run_id="kept")
    assert store.claim_runs([("taken", 1)], "another", 0)
    gate.set()
    with pytest.raises(FencedOut, match="'taken' was taken over by another kernel"):
        await taken
    assert (await kept).x == 1
    assert store.run("taken").status not in FINAL
    assert types(store, "taken") == ["RunStarted"]
    assert life.channel.said == ["on"]


async def test_a_log_that_cannot_be_written_stops_its_run_and_harms_no_other(live, store):
    gate = asyncio.Event()

    @graph_fn(outputs=["x"])
    async def f(*, context):
        await gate.wait()
        await context.channel().send_text("on")
        return {"x": 1}

    store.unwritable = {"bad"}
    life = live()
    bad, good = life.start(f, run_id="bad"), life.start(f, run_id="good")
    gate.set()
    with pytest.raises(RunFailed, match="The log of run 'bad' cannot be written: half a character"):
        await bad
    assert (await good).x == 1
