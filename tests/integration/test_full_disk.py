"""A disk that is full: SQLite itself says so, on a real file."""

from __future__ import annotations

import asyncio
import logging

import pytest

import aether_nb as ae
from aether_nb.engine import writer
from aether_nb.errors import StoreError
from aether_nb.events import NodeFinished

STEPS = 50
begun = []


@ae.tool(outputs=["text"])
async def fill(n: int):
    begun.append(n)
    await asyncio.sleep(0.001)
    return {"text": f"{n}" * 20_000}


@ae.graph_fn(outputs=["n"])
async def filling(*, context):
    await context.channel().ask_text("go?")
    for n in range(STEPS):
        await fill(n)
    return {"n": STEPS}


@pytest.fixture
def disk(configure, monkeypatch):
    """`disk(True)` fills the disk under the store, `disk(False)` makes room."""
    monkeypatch.setattr(writer, "RETRY_S", 0.01)
    begun.clear()
    database = configure().store._database

    def fill_up(full):
        with database._writing:
            (pages,) = database._writer.execute("PRAGMA page_count").fetchone()
            database._writer.execute(f"PRAGMA max_page_count = {pages if full else 1 << 30}")

    return fill_up


async def test_a_full_disk_costs_time_and_nothing_else(disk, caplog):
    caplog.set_level(logging.ERROR)
    run = filling.start(run_id="r")
    await run.next_wait()
    run.answer("yes")
    awaited = asyncio.ensure_future(run.result())
    while len(begun) < 5:
        await asyncio.sleep(0.001)
    disk(True)
    while "stands still" not in repr(run):
        await asyncio.sleep(0.001)
    assert repr(run).startswith("<run r: running, but stands still: The store ")
    assert "the disk is full; nothing of this was written. Make room and it goes on" in repr(run)
    await asyncio.sleep(0)
    stood, written = list(begun), len(run.events)
    for _ in range(10):
        await asyncio.sleep(0.01)  # the writer tries again and again
    assert begun == stood
    assert len(run.events) == written
    assert not awaited.done()

    disk(False)
    assert (await awaited).n == STEPS
    assert begun == list(range(STEPS))
    assert [e.seq for e in run.events] == list(range(1, len(run.events) + 1))
    assert len({e.node for e in run.events if isinstance(e, NodeFinished)}) == STEPS + 1
    assert [r.levelname for r in caplog.records] == ["ERROR"]


async def test_a_reply_that_cannot_be_kept_is_not_accepted_and_the_question_stays(disk):
    run = filling.start(run_id="r")
    wait = await run.next_wait()
    disk(True)
    with pytest.raises(StoreError, match="the disk is full"):
        ae.answer(wait.token, "x" * 60_000)
    assert (await run.next_wait()).token == wait.token
    disk(False)
    assert ae.answer(wait.token, "x" * 60_000)
    assert (await run).n == STEPS
