"""Many processes on one store: who answers first counts, who drives drives alone."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from helpers import ROOT, clean_environment, poll
from integration import rivals

import aether_nb as ae
from aether_nb.events import NodeFinished, RunFinished, RunResumed
from aether_nb.store.sqlite import SqliteStore
from aether_nb.testing import Ledger
from aether_nb.testing.points import KILLED
from aether_nb.testing.process import Lives

WAITS, DOORS = 1000, 8
TAKE_OVERS = 100


# -- eight processes answer the same thousand questions ----------------------------------------------


@pytest.mark.timeout(90)
async def test_eight_processes_answer_the_same_thousand_questions_and_each_is_answered_once(configure):
    runtime = configure()
    run = rivals.questions.start(many=WAITS, run_id="r")
    while len(ae.waits()) < WAITS:
        await asyncio.sleep(0.01)
    names = [f"p{n}" for n in range(DOORS)]
    doors = [
        subprocess.Popen(
            [sys.executable, rivals.__file__, "answer", runtime.store.path, name], text=True,
            env=clean_environment(PYTHONPATH=ROOT), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        for name in names
    ]  # fmt: skip

    def compete(door):
        with door:
            said, _ = door.communicate("go\n")
        assert door.returncode == 0
        return [tuple(row) for row in json.loads(said)]

    for door in doors:
        assert await asyncio.to_thread(door.stdout.readline) == "ready\n"
    reports = await asyncio.gather(*(asyncio.to_thread(compete, door) for door in doors))
    out = await run

    rows = {row.token: row for row in runtime.store.waits(status=None)}
    told = {name: {row[0]: row[1:] for row in report} for name, report in zip(names, reports, strict=True)}
    winners = {token: [name for name in names if told[name][token][0]] for token in rows}
    assert len(rows) == WAITS
    assert {len(won) for won in winners.values()} == {1}
    for token, row in rows.items():
        assert row.reply.value == f"{winners[token][0]} says"
        who = (row.status, row.reply.by, row.reply.door, row.reply.at_ms / 1000)
        assert {told[name][token][1:] for name in names} == {("answered", winners[token][0], "api", who[3])}
        assert who[:3] == ("answered", winners[token][0], "api")
    by_question = {row.prompt.prompt: row.reply.value for row in rows.values()}
    assert out.said == [by_question[f"{n}?"] for n in range(WAITS)]
    assert len({won[0] for won in winners.values()}) > 1, "they did not meet"


# -- two kernels race for one run ------------------------------------------------------------------


@pytest.fixture
def rival(tmp_path):
    """Starts lives of a kernel that drives run `r` of `runs.db`, or follows it."""
    made = []

    def make(run_id="r", ahead=0, hold=""):
        arguments = ["drive", str(tmp_path / "runs.db"), run_id, str(tmp_path / "ledger"), str(ahead), hold]
        made.append(Lives(Path(rivals.__file__), arguments, timeout_s=60))
        return made[-1]

    yield make
    for one in made:
        one.close()


def fences(tmp_path, run_id):
    """Fence, type and body of each event of a run, in the order of the log."""
    with closing(sqlite3.connect(tmp_path / "runs.db")) as database:
        rows = database.execute(
            "SELECT events.fence, type, body FROM events JOIN runs USING (run) WHERE run_id = ? ORDER BY seq",
            [run_id],
        )
        return [(fence, kind, json.loads(body)) for fence, kind, body in rows]


def check_one_driver_at_a_time(tmp_path, run_id):
    """Each fence is one kernel's, no event of an old one comes after the first of a new one."""
    events = fences(tmp_path, run_id)
    numbers = [fence for fence, _, _ in events]
    assert numbers == sorted(numbers)
    kernels = {fence: body["kernel"] for fence, kind, body in events if kind == "RunResumed"}
    assert len({*kernels.values()}) == len(kernels)
    assert {*kernels} | {1} >= {*numbers}
    return len({*numbers})


def log(tmp_path, run_id="r"):
    with closing(SqliteStore(tmp_path / "runs.db")) as store:
        return store.events(run_id)


@pytest.mark.timeout(120)
def test_two_kernels_race_for_one_run_a_hundred_times_and_never_drive_it_both(rival, tmp_path):
    def contend(name):
        lives, deaths = rival(), 0
        while (code := lives.live({}, tmp_path / name, "after:commit:NodeFinished#2")) == KILLED:
            deaths += 1
        return deaths, code

    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(contend, ["a", "b"]))
    said = [(tmp_path / name).read_text().split() for name in "ab"]
    assert [(code, *words[-2:]) for (_, code), words in zip(ends, said, strict=True)] == [
        (0, "outputs", "210")
    ] * 2
    assert sum(deaths for deaths, _ in ends) >= TAKE_OVERS
    assert check_one_driver_at_a_time(tmp_path, "r") >= TAKE_OVERS

    events = log(tmp_path)
    assert isinstance(events[-1], RunFinished)
    assert [e.seq for e in events] == list(range(1, len(events) + 1))
    assert {*Counter(e.node for e in events if isinstance(e, NodeFinished)).values()} == {1}
    assert sum(isinstance(e, RunResumed) for e in events) >= TAKE_OVERS

    times = {}
    for note in Ledger(tmp_path / "ledger"):
        times.setdefault(note.key, []).append(note.at)
    turns = sorted((min(at), max(at)) for at in times.values())
    assert len(turns) >= TAKE_OVERS
    assert all(end < begin for (_, end), (begin, _) in pairwise(turns))
    assert {ends[0][0] > 0, ends[1][0] > 0} == {True}, "one of them never had the run"


@pytest.mark.timeout(60)
def test_a_driver_that_was_fenced_out_stops_says_so_and_writes_nothing_more(rival, tmp_path):
    """The other stands on another machine, for whose clock 31 s have passed without a heartbeat."""
    with ThreadPoolExecutor(1) as pool:
        for n in range(5):
            run_id, old, new = f"r{n}", tmp_path / f"old-{n}", tmp_path / f"new-{n}"
            driving = pool.submit(rival(run_id, hold="hold").live, {}, old)
            poll(lambda i=run_id: len(log(tmp_path, i)) > 30 * (n + 1), timeout_s=10, what="the first steps")
            assert rival(run_id, ahead=31).live({}, new) == 0
            assert driving.result(timeout=20) == 0
            said = old.read_text().split()
            assert " ".join(said[:8]) == f"drives FencedOut Run '{run_id}' was taken over by"
            assert new.read_text().split() == ["drives", "outputs", str(rivals.STEPS)]
            assert check_one_driver_at_a_time(tmp_path, run_id) == 2
            stopped, notes = float(said[-1]), list(Ledger(tmp_path / "ledger"))
            first = notes[0].key
            assert len({note.key for note in notes}) == 2, "one of them never had the run"
            assert first not in {note.key for note in notes if note.at > stopped}, "the old one went on"
            events = log(tmp_path, run_id)
            assert isinstance(events[-1], RunFinished)
            assert {*Counter(e.node for e in events if isinstance(e, NodeFinished)).values()} == {1}
            (tmp_path / "ledger").unlink()
