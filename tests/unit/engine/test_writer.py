"""The group commit, without an engine: order, batches, barriers."""

from __future__ import annotations

import asyncio
import threading

import pytest
from lives import WatchedStore, log

from aether_nb.engine import writer as module
from aether_nb.engine.ports import NewRun
from aether_nb.engine.writer import Lane, Writer
from aether_nb.errors import FencedOut, StoreError
from aether_nb.events import Call, CallRecorded, RunStarted
from aether_nb.testing import FakeClock


class Owner:
    """Who drives a run of the desk."""

    def __init__(self, desk, run):
        self.desk, self.run = desk, run

    def committed(self, events, status):
        self.desk.committed.append((self.run, [e.seq for e in events]))
        self.desk.news.set()

    def lose(self, error):
        self.desk.lost.append((self.run, error))


class Desk:
    """A writer with one lane for each run, and what it reported."""

    def __init__(self, store, *runs):
        loop = asyncio.get_running_loop()
        self.committed, self.lost, self.troubles = [], [], []
        self.news = asyncio.Event()
        self.writer = Writer(store, FakeClock(), "k", loop.call_soon_threadsafe, self.troubles.append)
        self.lanes = {}
        for run in runs:
            new = NewRun(run, "g", "", "", "", "", "k", 0)
            store.create_run(new, [RunStarted(run=run, seq=1, at_us=0, graph="g")], status="running")
            self.lanes[run] = Lane(run, "k", 1, 1, Owner(self, run))
        self.seq = dict.fromkeys(runs, 1)

    def put(self, run, n=1):
        for _ in range(n):
            self.seq[run] += 1
            event = CallRecorded(run=run, seq=self.seq[run], at_us=0, node="", call=Call(name="c"))
            self.writer.put(self.lanes[run], event, "running")

    async def barrier(self, run, *, full=False):
        await self.writer.barrier(self.lanes[run], full=full)


@pytest.fixture
def store():
    made = WatchedStore()
    yield made
    made.free.set()
    made.close()


@pytest.fixture
async def desk(store):
    made = Desk(store, "a", "b")
    yield made
    made.writer.close()


def seqs(store, run):
    return [e.seq for e in log(store, run)]


async def test_events_are_written_in_the_order_in_which_they_were_put(desk, store):
    for _ in range(20):
        desk.put("a", 3)
        desk.put("b")
    await desk.barrier("a")
    await desk.barrier("b")
    assert seqs(store, "a") == list(range(1, 62))
    assert seqs(store, "b") == list(range(1, 22))


async def test_what_is_put_as_one_is_not_torn_apart_by_a_writer_in_a_hurry(desk, store):
    got = []
    with desk.writer.as_one():
        desk.put("a")
        hurry = desk.writer.barrier(desk.lanes["a"], full=False)
        tries = threading.Thread(target=lambda: got.append(desk.writer._lock.acquire(blocking=False)))
        tries.start()
        tries.join()
        desk.put("a")
    await hurry
    assert got == [False]
    assert [len(kinds) for kinds, _ in store.written] == [2]


async def test_what_is_put_together_is_written_together(desk, store):
    desk.put("a", 5)
    desk.put("b", 5)
    await desk.barrier("a")
    assert [len(kinds) for kinds, _ in store.written] == [10]
    assert desk.committed == [("a", [2, 3, 4, 5, 6]), ("b", [2, 3, 4, 5, 6])]


async def test_without_a_barrier_it_is_written_all_the_same_a_little_later(desk, store):
    desk.put("a")
    await desk.news.wait()
    assert seqs(store, "a") == [1, 2]
    assert store.written == [(["CallRecorded"], False)]


async def test_a_barrier_is_passed_after_the_commit_was_reported(desk):
    desk.put("a")
    await desk.barrier("a")
    assert desk.committed == [("a", [2])]


async def test_a_full_barrier_fsyncs_what_was_committed_before_it(desk, store):
    desk.put("a")
    await desk.barrier("a")
    await desk.barrier("a", full=True)
    assert store.written == [(["CallRecorded"], False), ([], True)]


async def test_a_flush_that_failed_keeps_its_batch_and_what_came_meanwhile_follows(desk, store, monkeypatch):
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    store.troubles = [StoreError("full"), StoreError("full")]
    store.hold = {"CallRecorded"}
    desk.put("a", 2)
    passed = asyncio.ensure_future(desk.barrier("a"))
    await store.holding()
    desk.put("a", 2)
    store.free.set()
    await passed
    await desk.barrier("a")
    assert seqs(store, "a") == [1, 2, 3, 4, 5]
    assert [str(t) for t in desk.troubles] == ["full", "None"]


async def test_nothing_is_acknowledged_while_the_store_cannot_be_written(desk, store, monkeypatch):
    monkeypatch.setattr(module, "RETRY_S", 60)
    store.troubles = [StoreError("full")]
    desk.put("a")
    passed = asyncio.ensure_future(desk.barrier("a"))
    while not desk.troubles:
        await asyncio.sleep(0)
    assert not passed.done()
    assert desk.committed == []
    desk.put("b")  # somebody comes: it is tried again
    await passed


async def test_a_run_that_was_taken_over_is_refused_and_its_neighbour_is_not(desk, store):
    store.claim_runs([("a", 1)], "another", 0)
    desk.put("a")
    desk.put("b")
    with pytest.raises(FencedOut):
        await desk.barrier("a")
    await desk.barrier("b")
    assert [run for run, _ in desk.lost] == ["a"]
    assert (seqs(store, "a"), seqs(store, "b")) == ([1], [1, 2])
    with pytest.raises(FencedOut):
        await desk.barrier("a")
    with pytest.raises(FencedOut):
        desk.writer.sync(desk.lanes["a"], full=True)


async def test_closing_writes_what_is_queued(desk, store):
    desk.put("a", 3)
    desk.writer.close()
    assert seqs(store, "a") == [1, 2, 3, 4]
    desk.writer.close()


async def test_who_hears_of_a_commit_is_known_before_it_counts(desk):
    known = []

    class Watched(Owner):
        @property
        def committed(self):
            known.append(desk.lanes["a"].committed)
            return super().committed

    desk.lanes["a"].owner = Watched(desk, "a")
    desk.put("a")
    await desk.barrier("a")
    assert known == [1], (
        "all is committed: the run may be let go of, and its owner be gone, before that is looked up"
    )
