"""`ae.store()`: what it says, which runs and files go, and that nothing else does."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import numpy as np
import pytest

import aether_nb as ae
from aether_nb import api, graph_fn, tool
from aether_nb.engine.ports import NewRun, RunRow
from aether_nb.errors import BadInputs
from aether_nb.events import NodeStarted, RunStarted
from aether_nb.housekeeping import old_families, size_text
from aether_nb.ids import RunId, new_token
from aether_nb.tools import run_subprocess

DAY = 86_400_000
NOW = 1_763_843_600_000


@tool(outputs=["data"])
async def compute(n: int):
    return {"data": np.arange(n)}


@graph_fn(outputs=["data"])
async def keeps(n: int, *, context):
    return {"data": (await compute(n)).data}


@graph_fn(outputs=["nested"])
async def nests(*, context):
    parts = [np.arange(9), list(range(30_000))]
    return {"nested": [parts, context.artifacts().save("a.txt", b"in a file")]}


@graph_fn(outputs=["name"])
async def asks(*, context):
    return {"name": await context.channel().ask_text("Your name?")}


@graph_fn(outputs=[])
async def starts(*, context):
    asks.start(run_id="child")
    return {}


def artifacts():
    root = Path(api.current().store.artifacts_dir)
    return sorted(file.name for file in root.rglob("*") if file.is_file())


def age_all(days=2):
    for file in Path(api.current().store.artifacts_dir).rglob("*"):
        if file.is_file():
            os.utime(file, (time.time() - days * 86_400,) * 2)


# -- which runs go -------------------------------------------------------------------------------


def row(run_id, *, graph="g", status="succeeded", age=10, parent=None):
    at = NOW - age * DAY
    return RunRow(RunId(run_id), graph, "nb", "", "s", "i", status, "k", 1, 2, at, at, parent)


def chosen(rows, keep_days=None, keep_last=None):
    families = old_families(rows, NOW, keep_days, keep_last)
    return sorted(row.run_id for family in families for row in family)


def test_without_a_number_no_run_goes():
    assert chosen([row("a"), row("b", age=9999)]) == []


def test_a_run_goes_when_it_is_older_than_the_days():
    assert chosen([row("a", age=29), row("b", age=30), row("c", age=31)], keep_days=30) == ["b", "c"]
    assert chosen([row("a", age=0.5)], keep_days=0.4) == ["a"]


def test_the_newest_of_each_graph_stay():
    rows = [row("a3"), row("b2", graph="h"), row("a2"), row("b1", graph="h"), row("a1")]
    assert chosen(rows, keep_last=1) == ["a1", "a2", "b1"]
    assert chosen(rows, keep_last=0) == ["a1", "a2", "a3", "b1", "b2"]
    assert chosen(rows, keep_last=3) == []


def test_with_both_numbers_a_run_must_be_old_and_not_among_the_newest():
    rows = [row("d", age=1), row("c", age=40), row("b", age=50), row("a", age=60)]
    assert chosen(rows, keep_days=30, keep_last=2) == ["a", "b"]
    assert chosen(rows, keep_days=55, keep_last=2) == ["a"]


@pytest.mark.parametrize("status", ["running", "waiting", "blocked"])
def test_what_is_not_finished_stays_and_does_not_count(status):
    assert chosen([row("b", status=status), row("a")], keep_days=0, keep_last=1) == []
    assert chosen([row("b", status=status), row("a")], keep_days=0) == ["a"]


@pytest.mark.parametrize("status", ["succeeded", "failed", "cancelled"])
def test_whatever_way_a_run_ended_it_can_go(status):
    assert chosen([row("a", status=status)], keep_days=1) == ["a"]


def test_a_run_and_those_it_started_stay_together():
    family = [row("grandchild", parent="child"), row("child", parent="mother"), row("mother")]
    assert chosen(family, keep_days=5) == ["child", "grandchild", "mother"]
    for i, changed in enumerate(family):
        unfinished = [*family[:i], replace(changed, status="waiting"), *family[i + 1 :]]
        young = [*family[:i], replace(changed, updated_ms=NOW), *family[i + 1 :]]
        assert chosen(unfinished, keep_days=5) == chosen(young, keep_days=5) == []
    assert chosen([row("newer"), *family], keep_last=1) == ["child", "grandchild", "mother"]


def test_a_child_whose_mother_is_gone_stands_alone():
    assert chosen([row("child", parent="nobody")], keep_days=5) == ["child"]


# -- what it does --------------------------------------------------------------------------------


async def test_what_the_store_holds_can_be_read(configure):
    configure()
    assert "0 runs, 0 open waits, 0 artifacts (0 B)" in repr(ae.store())
    await keeps.start(n=5)
    run = asks.start()
    await run.next_wait()

    handle, stats = ae.store(), ae.store().stats()

    assert handle.path == api.current().store.path
    assert (stats.runs, stats.open_waits, stats.closed_waits) == ({"succeeded": 1, "waiting": 1}, 1, 0)
    assert (stats.artifacts, stats.artifact_bytes, stats.kernels_alive) == (1, 168, 1)
    assert stats.events == sum(len(one.events) for one in ae.runs())
    assert stats.bytes_per_wait == stats.file_bytes > 4096
    assert stats.oldest_run <= stats.newest_run
    assert f"{handle.path}: 2 runs (1 succeeded, 1 waiting), 1 open wait, 1 artifact (168 B), file" in repr(
        handle
    )
    assert "open waits             1" in repr(stats)
    assert handle.path in handle._repr_html_()
    assert "<table>" in stats._repr_html_()
    with pytest.raises(FrozenInstanceError):
        stats.events = 0


async def test_an_old_run_goes_with_its_artifacts_and_the_others_stay(ours):
    await keeps.start(n=5, run_id="old")
    (gone,) = artifacts()
    await keeps.start(n=6, run_id="new")
    age_all()

    said = ae.store().gc(keep_last=1, dry_run=True)
    assert repr(said).startswith("Would remove 1 run (4 events, 0 questions), 1 artifact (168 B)")
    assert gone in artifacts()
    assert len(ae.runs()) == 2
    done = ae.store().gc(keep_last=1)

    assert (done.runs, done.artifacts) == (said.runs, said.artifacts) == (("old",), 1)
    assert repr(done).startswith("Removed 1 run")
    assert gone not in artifacts()
    assert [run.run_id for run in ae.runs()] == ["new"]
    assert len(ae.get("new").outputs.data) == 6
    assert repr(ae.store().gc(keep_last=1)) == "Nothing to remove."


async def test_a_run_that_waits_stays_with_its_mother_and_can_be_answered(ours):
    await starts.start(run_id="mother")
    run = ae.get("child")
    await run.next_wait()

    assert ae.store().gc(keep_days=0).runs == ()

    run.answer("Ada")
    assert (await run).name == "Ada"
    assert set(ae.store().gc(keep_days=0).runs) == {"mother", "child"}


async def test_an_artifact_that_another_run_or_kv_or_memory_names_stays(ours):
    services = ours.services
    for n in (5, 6, 7, 8):
        await keeps.start(n=n, run_id=f"old-{n}")
    by_size = {len(np.load(ours.services.artifacts.path(sha))): sha for sha in artifacts()}
    await keeps.start(n=5, run_id="new")
    services.kv("mine")["file"] = {"where": ours.services.artifacts.path(by_size[6])}
    services.memory.record("kept", {"sha": by_size[7]}, at_ms=1)
    age_all()

    done = ae.store().gc(keep_last=1)

    assert len(done.runs) == 4
    assert set(artifacts()) == {by_size[5], by_size[6], by_size[7]}


async def test_what_a_large_value_consists_of_stays_with_it(ours):
    await nests.start(run_id="a")
    age_all()
    before = artifacts()
    assert len(before) == 3

    assert ae.store().gc(keep_last=1).artifacts == 0

    assert artifacts() == before
    assert ae.get("a").outputs.nested[0][0].sum() == 36
    assert ae.store().gc(keep_days=0).artifacts == 3


@graph_fn(outputs=["code"])
async def runs_a_program(*, context):
    return {"code": (await run_subprocess([sys.executable, "-c", "print(1)"])).exit_code}


async def test_the_folder_of_a_program_goes_with_its_run(ours):
    for name in ("old", "new"):
        assert (await runs_a_program.start(run_id=name)).code == 0
    jobs = ours.services.work_dir
    promised = jobs / new_token()
    for folder in (promised, jobs / new_token(), jobs / "mine"):
        folder.mkdir()
        (folder / "job.json").touch()
    new = NewRun("open", "g", "nb", "", "ab" * 16, "i", "dead", 1)
    log = [RunStarted(run="open", seq=1, at_us=1, graph="g")]
    log.append(NodeStarted(run="open", seq=2, at_us=1, node="n", token=promised.name))
    assert ours.store.create_run(new, log, status="running")
    (kept,) = (wait.token for wait in ae.get("new").waits)

    assert ae.store().gc(keep_last=1, dry_run=True).jobs == 2
    assert len(list(jobs.iterdir())) == 5
    assert ae.store().gc(keep_last=1).jobs == 2

    assert {folder.name for folder in jobs.iterdir()} == {kept, promised.name, "mine"}


async def test_a_young_file_stays_though_nothing_names_it(ours):
    ours.services.artifacts.put(b"just being written")

    assert ae.store().gc(keep_days=0).artifacts == 0
    age_all()
    assert ae.store().gc().artifacts == 1


async def test_a_graph_can_be_run_again_after_its_last_run_went(ours):
    await keeps.start(n=5, run_id="a")
    assert ae.store().gc(keep_days=0).specs == 2  # the graph and its code

    await keeps.start(n=5, run_id="a")

    assert [node.name for node in ae.get("a").nodes.values()] == ["compute"]
    assert ours.find_spec(ours.row("a").spec) is not None
    assert ours.store.spec(ae.get("a").events[0].code) is not None


async def test_a_store_in_memory_keeps_house_too(configure):
    configure(store=":memory:")
    await keeps.start(n=5, run_id="a")
    assert "<store :memory:: 1 run" in repr(ae.store())
    age_all()

    done = ae.store().gc(keep_days=0)

    assert (done.runs, done.artifacts) == (("a",), 1)
    assert len(ae.runs()) == 0


@pytest.mark.parametrize("bad", [-1, "30", True, float("nan")])
def test_a_number_that_makes_no_sense_is_refused(ours, bad):
    with pytest.raises(BadInputs, match="keep_days="):
        ae.store().gc(keep_days=bad)
    with pytest.raises(BadInputs, match="keep_last="):
        ae.store().gc(keep_last=bad)


GC_AND_DIE = """
import os, signal, sys
import aether_nb as ae
from aether_nb.services import sweep
from aether_nb.store import cleaning
cleaning._PIECE = 1
drop, dropped = sweep.drop, []
def die_at(artifacts, sha):
    drop(artifacts, sha)
    dropped.append(sha)
    if len(dropped) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
sweep.drop = die_at
ae.configure(store=sys.argv[1])
ae.store().gc(keep_last=1)
"""


def test_after_a_kill_in_the_middle_the_next_call_does_the_rest(configure):
    path = configure().store.path

    async def work():
        for n in range(5, 10):
            await keeps.start(n=n, run_id=f"r{n}")

    asyncio.run(work())
    age_all()
    api.close()

    killed = subprocess.run(
        [sys.executable, "-c", GC_AND_DIE, path], check=False, capture_output=True, text=True
    )
    configure()
    left = len(artifacts())
    done = ae.store().gc(keep_last=1)

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert left == 3
    assert (done.runs, done.artifacts, len(artifacts())) == ((), 2, 1)
    assert len(ae.get("r9").outputs.data) == 9


WORK = """
import asyncio, sys
import numpy as np
import aether_nb as ae
from aether_nb import graph_fn

@graph_fn(outputs=["data"])
async def other(n: int):
    return {"data": np.arange(n % 3 + 100)}

async def main():
    for n in range(60):
        assert len((await other.start(n=n, run_id=f"w{n}")).data) == n % 3 + 100
        if n == 5:
            print("ready", flush=True)

ae.configure(store=sys.argv[1])
asyncio.run(main())
"""


def test_another_process_may_write_the_same_artifacts_meanwhile(configure):
    path = configure().store.path

    async def before():
        for n in range(3):
            await keeps.start(n=n + 100)

    asyncio.run(before())
    age_all()
    other = subprocess.Popen([sys.executable, "-c", WORK, path], stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdout.readline() == "ready\n"
    removed = 0
    while other.poll() is None:
        removed += len(ae.store().gc(keep_last=2).runs)
    other.stdout.close()

    assert other.returncode == 0
    removed += len(ae.store().gc(keep_last=2).runs)
    assert removed == 59
    assert sorted(len(run.outputs.data) for run in ae.runs()) == [101, 101, 102, 102]


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (12_345, "12 kB"),
        (2_500_000, "2.5 MB"),
        (3e12, "3.0 TB"),
    ],
)
def test_sizes_are_told_as_people_do(size, text):
    assert size_text(size) == text
