"""A store that cannot be written for a while: what was done is kept, nothing new begins, and the run says so."""

from __future__ import annotations

import asyncio
import threading

import pytest
from lives import Life, WatchedStore, turns

from aether_nb import graph_fn, graphify, tool
from aether_nb.engine import writer
from aether_nb.errors import StoreError
from aether_nb.testing import EventRecorder

begun: list[object] = []


@tool(outputs=["x"])
async def step(x):
    begun.append(x)
    return {"x": x}


@tool(outputs=["x"])
def in_thread(x):
    begun.append(x)
    return {"x": x}


@graph_fn(outputs=["x"])
async def ten_steps(*, context):
    await context.channel().ask_text("go?")
    for i in range(10):
        await (step if i % 2 else in_thread)(i)
    return {"x": 10}


@graph_fn(outputs=["x"])
async def asks(*, context):
    return {"x": await context.channel().ask_text("first?")}


@graphify(outputs=["x"])
def two():
    return {"x": step(step(1).x).x}


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    begun.clear()
    monkeypatch.setattr(writer, "RETRY_S", 60)


class FullDisk(WatchedStore):
    """Refuses every append while it is full."""

    full = False

    def append(self, batch, *, full, now_ms):
        if self.full and batch:
            raise StoreError("the disk is full")
        return super().append(batch, full=full, now_ms=now_ms)


@pytest.fixture
def disk():
    return FullDisk()


async def fills(life):
    """The disk is full, and an event of one run could not be written: the others learn of it from that."""
    first = life.start(asks, run_id="first")
    await life.until(lambda: life.driver("first").state.waits)
    life.store.full = True
    first.answer("yes", to="first?")
    await in_trouble(life)


async def in_trouble(life):
    while life.engine.trouble is None:
        await turns(1)


def empties(life):
    """The disk has room again; the writer tries at once."""
    life.store.full = False
    with life.engine.writer._lock:
        life.engine.writer._lock.notify()


async def test_no_body_begins_while_the_store_cannot_be_written_and_all_do_when_it_can_again(disk):
    life = Life(disk)
    run = life.start(ten_steps)
    await life.until(lambda: life.channel.asked)
    await fills(life)
    run.answer("yes")
    other = life.start(two, run_id="other")
    await turns(200)
    assert begun == []
    empties(life)
    assert ((await run).x, (await other).x) == (10, 1)
    assert sorted(begun) == sorted([*range(10), 1, 1])
    assert [e.seq for e in disk.events("r")] == list(range(1, len(disk.events("r")) + 1))


async def test_nothing_is_shown_or_given_while_the_store_cannot_be_written(disk):
    life = Life(disk)
    run = life.start(ten_steps)
    await life.until(lambda: life.channel.asked)
    await fills(life)
    asked, told = (
        len(life.channel.shown),
        asyncio.ensure_future(life.engine.audience.next_commit("first")),
    )
    life.start(asks, run_id="third")
    await turns(200)
    assert len(life.channel.shown) == asked
    assert not told.done()
    empties(life)
    await told
    await life.until(lambda: len(life.channel.shown) == asked + 1)
    assert run.status == "waiting"


async def test_who_looks_at_a_run_or_follows_it_is_told_that_it_stands_still_and_when_that_is_over(
    disk, caplog
):
    life = Life(disk)
    run = life.start(ten_steps)
    recorder = EventRecorder()
    life.engine.audience.observe("r", recorder)
    await life.until(lambda: life.channel.asked)
    await fills(life)
    assert recorder.troubles == ["the disk is full"]
    assert repr(run) == "<run r: waiting for 'go?', but stands still: the disk is full>"
    empties(life)
    run.answer("yes")
    await run
    assert recorder.troubles == ["the disk is full", ""]
    assert repr(run) == "<run r: succeeded>"
    assert [r.message for r in caplog.records] == [
        "The store is out of reach; runs wait until it answers again: the disk is full"
    ]


async def test_cancel_says_that_the_store_refuses_and_does_not_hold_the_loop(disk):
    life = Life(disk)
    run = life.start(ten_steps)
    await life.until(lambda: life.channel.asked)
    await fills(life)
    with pytest.raises(StoreError, match="the disk is full"):
        run.cancel()
    ended = life.driver().done
    empties(life)
    await ended
    assert run.status == "cancelled"


# -- the heartbeat ---------------------------------------------------------------------------------


class Heart(WatchedStore):
    """Notes heartbeats, or refuses them."""

    def __init__(self):
        super().__init__()
        self.beats = threading.Semaphore(0)
        self.refuses = threading.Event()

    def beat(self, uid, now_ms):
        if self.refuses.is_set():
            raise StoreError("busy")
        super().beat(uid, now_ms)
        self.beats.release()


@graph_fn(outputs=["x"])
async def blocks(beats, *, context):
    heart = context.service("heart")
    return {"x": [heart.beats.acquire(timeout=15) for _ in range(beats)]}  # as time.sleep(120) in a cell does


@pytest.fixture
def beating(monkeypatch):
    monkeypatch.setattr(writer, "BEAT_S", 0.005)
    return Heart()


async def test_the_heart_beats_while_a_cell_holds_the_loop(beating):
    life = Life(beating, services={"heart": beating})
    assert (await life.start(blocks, beats=3)).x == [True, True, True]


async def test_a_heartbeat_that_was_refused_is_trouble_until_the_next_one(beating):
    life = Life(beating, services={"heart": beating})
    await life.start(blocks, beats=1)
    beating.refuses.set()
    await in_trouble(life)
    beating.refuses.clear()
    while life.engine.trouble is not None:
        await asyncio.sleep(0)
    assert (await life.start(two, run_id="other")).x == 1
