"""What a story of deaths says of itself: one line each."""

from __future__ import annotations

from pathlib import Path

from lives import Life, log

from aether_nb import graph_fn
from aether_nb.store.memory import MemoryStore
from aether_nb.testing import Note, Report, Snapshot


@graph_fn(name="asks", outputs=["name"])
async def asks(*, context):
    return {"name": await context.channel().ask_text("Your name?")}


async def seen(*runs):
    """What is on disk when these runs wait for an answer."""
    store = MemoryStore()
    life = Life(store)
    for run_id in runs:
        life.start(asks, run_id)
        await life.until(lambda run_id=run_id: store.waits(runs=[run_id]), run_id)
    await life.end()
    note = Note("asked", "", 1, 0.0)
    return Snapshot({run_id: tuple(log(store, run_id)) for run_id in runs}, tuple(store.waits()), (note,))


async def test_a_snapshot_is_one_line_that_says_how_far_the_runs_are():
    snapshot = await seen("trip")
    node = snapshot.logs["trip"][-1].node
    assert repr(snapshot) == (
        f"<snapshot: run 'trip' at WaitOpened of {node} (event 3); open: 'Your name?'; 1 noted>"
    )
    assert repr(Snapshot({}, (), ())) == "<snapshot: no run; no open wait; 0 noted>"


async def test_many_runs_do_not_make_the_line_long():
    snapshot = await seen(*(f"r{i}" for i in range(30)))
    assert "and 25 more; open: 'Your name?', " in repr(snapshot)
    assert len(repr(snapshot)) < 600


async def test_a_report_is_one_line_with_the_points_the_lives_and_the_end():
    snapshot, said = await seen("trip"), "chatter\n" * 100
    report = Report(("before:claim", "after:claim"), (snapshot, snapshot), snapshot, 1, said, Path("runs.db"))
    assert repr(report) == (
        "<report: killed 'before:claim', then 'after:claim'; 3 lives, the last with exit code 1; "
        f"at the end {snapshot.summary}>"
    )
    calm = Report((), (), snapshot, 0, said, Path("runs.db"))
    assert repr(calm).startswith(
        "<report: never killed; 1 life, the last with exit code 0; at the end run 'trip' at"
    )
