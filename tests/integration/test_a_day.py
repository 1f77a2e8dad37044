"""A day of a thousand runs, on a clock that the test moves: deadlines, polls and retries, with restarts.

Every run knows beforehand what is to happen to it and when; nothing may come early, be missed, or come
twice. The clock goes a minute at a time, so that something may be up to a minute late, and never early.
Twice the kernel is gone for an hour: what was due meanwhile is done as soon as the next one is there.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from aether_nb import DualStageTool, graph_fn, graphify, tool
from aether_nb.authoring.dualstage import PENDING, Poll, Wait
from aether_nb.channels.widget import WidgetChannel
from aether_nb.ids import RunId
from aether_nb.runtime import Runtime
from aether_nb.store.sqlite import SqliteStore
from aether_nb.testing import FakeClock
from aether_nb.tools import ask_text

RUNS = 1000
STEP_S = 60
DAY_S = 24 * 3600
GONE = {6 * 3600: 7 * 3600, 15 * 3600: 16 * 3600}
"""When no kernel lives: from, until; seconds of the day."""


class World:
    """What the runs do to the outside, and when: seconds of the day by run."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.began_us = self.clock.now_us()
        self.ready: dict[str, float] = {}
        self.fails: dict[str, int] = {}
        self.submitted: dict[str, list[float]] = defaultdict(list)
        self.polled: dict[str, list[float]] = defaultdict(list)
        self.tried: dict[str, list[float]] = defaultdict(list)
        self.done: dict[str, list[float]] = defaultdict(list)

    def now(self) -> float:
        return (self.clock.now_us() - self.began_us) / 1e6


world = World()


class Job(DualStageTool):
    """A job that is ready at a time of its own."""

    outputs = ("value",)

    async def setup(self, *, context: Any) -> Wait:
        world.submitted[context.run_id].append(world.now())
        return Wait(kind="job", poll=Poll(every=120, backoff=2, max=3600))

    async def poll(self, wait: Wait, *, context: Any) -> Any:
        world.polled[context.run_id].append(world.now())
        return "ready" if world.now() >= world.ready[context.run_id] else PENDING

    async def on_resume(self, reply: Any, wait: Wait, *, context: Any) -> dict[str, Any]:
        world.done[context.run_id].append(world.now())
        return {"value": reply.value}


job = Job()


@tool(outputs=["n"], retries=20, backoff=60, max_backoff=7200, jitter=False)
async def shaky(*, context: Any) -> dict[str, int]:
    """Fails as often as the world wants."""
    run = context.run_id
    world.tried[run].append(world.now())
    if len(world.tried[run]) <= world.fails[run]:
        raise ConnectionError(run)
    world.done[run].append(world.now())
    return {"n": len(world.tried[run])}


@tool(outputs=["text"])
async def note(text: str, *, context: Any) -> dict[str, str]:
    """Somebody answered, or nobody did."""
    world.done[context.run_id].append(world.now())
    return {"text": text}


@graphify(name="day_question", inputs=["timeout_s"], outputs=["text"])
def question(timeout_s):
    return {"text": note(ask_text(prompt="Well?", timeout=timeout_s, default="nobody").text).text}


@graph_fn(name="day_question_fn", outputs=["text"])
async def question_fn(timeout_s):
    asked = await ask_text(prompt="Well?", timeout=timeout_s, default="nobody")
    return {"text": (await note(asked.text)).text}


@graphify(name="day_job", inputs=[], outputs=["text"])
def submitted():
    return {"text": job().value}


@graphify(name="day_retries", inputs=[], outputs=["n"])
def retried():
    return {"n": shaky().n}


class Day:
    """The kernels of that day, one after the other."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.runtime: Runtime | None = None

    def begin(self) -> Runtime:
        self.runtime = Runtime(store=SqliteStore(self.path), channel=WidgetChannel(), clock=world.clock)
        self.runtime.home = "day"
        self.runtime.engine().dormant.keep = 50
        return self.runtime

    async def end(self) -> None:
        assert self.runtime is not None
        self.runtime.close()
        self.runtime = None
        await asyncio.sleep(0)

    async def settle(self) -> None:
        """Until nothing computes and all is written: what comes next needs the clock, or a person."""
        assert self.runtime is not None
        engine = self.runtime.engine()
        quiet = 0
        while quiet < 3:
            late = [d for d in engine.drivers.values() if d.lane.committed < d.state.seq]
            if late:
                await late[-1].barrier(full=False)
            await asyncio.sleep(0)
            standing = set().union(*(d.tasks.standing for d in engine.drivers.values()))
            busy = asyncio.all_tasks() - standing - {asyncio.current_task()}
            written = all(d.lane.committed == d.state.seq for d in engine.drivers.values())
            quiet = (
                quiet + 1 if len(busy) == 1 and written and not engine.dormant.loading else 0
            )  # the loop's ebb


@dataclass
class Plan:
    """What is to happen to a run that asks."""

    deadline: float
    answer_at: float | None


def plans(chance: random.Random) -> dict[str, Plan]:
    """A question each: half of them are answered in time, some a day too late."""
    found = {}
    for n in range(RUNS // 2):
        deadline = chance.uniform(60, DAY_S - 3600)
        answered = chance.choice([None, chance.uniform(60, deadline - 1) if deadline > 120 else None])
        found[f"q{n}"] = Plan(deadline, answered)
    return found


def is_gone(at: float) -> bool:
    """Whether no kernel lives then."""
    return any(begin < at < end for begin, end in GONE.items())


def back_at(at: float) -> float:
    """When a kernel lives that can notice what was due then."""
    return next((end for begin, end in GONE.items() if begin < at < end), at)


@pytest.mark.timeout(240)
async def test_a_day_of_a_thousand_runs_brings_nothing_early_nothing_late_and_nothing_twice(
    tmp_path: Path,
) -> None:
    chance = random.Random(22)
    day = Day(tmp_path / "runs.db")
    runtime = day.begin()
    asked = plans(chance)
    jobs, retries = [f"j{n}" for n in range(RUNS // 4)], [f"t{n}" for n in range(RUNS // 4)]
    for run in jobs:
        world.ready[run] = chance.uniform(0, DAY_S - 8000)
    for run in retries:
        world.fails[run] = chance.randrange(0, 14)
    for n, (run, plan) in enumerate(asked.items()):
        runtime.starting.start(
            question_fn if n % 4 == 0 else question, {"timeout_s": plan.deadline}, run_id=run
        )
    for run in jobs:
        runtime.starting.start(submitted, {}, run_id=run)
    for run in retries:
        runtime.starting.start(retried, {}, run_id=run)
    await day.settle()

    answers = sorted((plan.answer_at, run) for run, plan in asked.items() if plan.answer_at is not None)
    for minute in range(1, DAY_S // STEP_S + 1):
        at = minute * STEP_S
        world.clock.advance(STEP_S)
        if at in GONE.values():
            day.begin().resuming.resume_all()
        while answers and answers[0][0] <= at and not is_gone(at):
            _, run = answers.pop(0)
            answered(day, run, asked[run], at)
        if day.runtime is not None:
            await day.settle()
        if at in GONE:
            await day.end()

    check(day, asked, jobs, retries)
    await day.end()


def answered(day: Day, run: str, plan: Plan, at: float) -> None:
    """Somebody answers: accepted before the deadline, refused after it."""
    assert day.runtime is not None
    (wait,) = day.runtime.store.waits(status=None, runs=[RunId(run)])
    answer = day.runtime.answer(wait.token, "Ada")
    assert bool(answer) == (at < plan.deadline)
    if not answer:
        plan.answer_at = None
        assert answer.status == "expired"


def check(day: Day, asked: dict[str, Plan], jobs: list[str], retries: list[str]) -> None:
    assert day.runtime is not None
    assert {row.status for row in day.runtime.store.runs()} == {"succeeded"}
    for run, plan in asked.items():
        (done,) = world.done[run]
        answered_at = plan.answer_at
        due = back_at(plan.deadline) if answered_at is None else back_at(answered_at)
        assert due <= done <= due + STEP_S, (run, plan, done)
        assert day.runtime.get(run).outputs.text == ("nobody" if answered_at is None else "Ada")
    for run in jobs:
        assert len(world.submitted[run]) == 1
        check_polls(run)
    for run in retries:
        tried = world.tried[run]
        assert len(tried) == world.fails[run] + 1
        assert world.done[run] == tried[-1:]
        for n, (before, after) in enumerate(pairwise(tried)):
            due = back_at(before + min(60 * 2**n, 7200))
            assert due <= after <= due + STEP_S, (run, n, before, after)


def check_polls(run: str) -> None:
    """Each look after its pause (up to a tenth longer), the reply taken from the first that found it."""
    looks = [world.submitted[run][0], *world.polled[run]]
    for n, (before, after) in enumerate(pairwise(looks)):
        pause = min(120 * 2**n, 3600)
        assert back_at(before + pause) <= after <= back_at(before + pause * 1.1) + STEP_S, (run, n)
    assert (
        [at for at in world.polled[run] if at >= world.ready[run]]
        == world.polled[run][-1:]
        == world.done[run]
    )
