"""DBOS on SQLite, its default store, with its defaults: every step is committed, fsynced, before the next.

A workflow of awaited steps stands for a chain and for a graph function alike. A question is an event that is set
(shown when that is committed) and a `recv`; a reply is a `send`, which the workflow finds when it looks, once a
second. Replay is what recovery does at launch, from the start of the workflow past its last recorded step.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from pathlib import Path
from typing import Any

from dbos import DBOS, DBOSConfig

from benchmarks.harness import Case, case, disk_kb, folder, import_seconds, left_behind, say

BY = "dbos"
A_DAY_S = 86_400

entered: list[float] = []
passed: list[float] = []
asked: list[float] = []
shown: list[float] = []
replied: list[float] = []
"""When a workflow began, came past its steps, asked, had asked and got the reply, by `time.perf_counter`."""


@DBOS.step()
async def step(n: int) -> int:
    """Do nothing."""
    return n


@DBOS.workflow()
async def chain(steps: int) -> int:
    """One step after the other."""
    n = 0
    for _ in range(steps):
        n = await step(n)
    return n


@DBOS.workflow()
async def fan_out(steps: int) -> int:
    """All steps at once."""
    return len(await asyncio.gather(*(step(n) for n in range(steps))))


@DBOS.workflow()
async def chain_and_ask(steps: int) -> int:
    """One step after the other, then a person."""
    entered.append(time.perf_counter())
    n = 0
    for _ in range(steps):
        n = await step(n)
    passed.append(time.perf_counter())
    await DBOS.recv_async("name", timeout_seconds=A_DAY_S)
    return n


@DBOS.workflow()
async def asking() -> Any:
    """Ask a person."""
    asked.append(time.perf_counter())
    await DBOS.set_event_async("question", "Your name?")
    shown.append(time.perf_counter())
    name = await DBOS.recv_async("name", timeout_seconds=A_DAY_S)
    replied.append(time.perf_counter())
    return name


async def until(marks: list[float], count: int) -> None:
    """Wait until so many marks are there; workflows that are recovered make them on a loop of their own."""
    while len(marks) < count:  # noqa: ASYNC110 - as the docstring says
        await asyncio.sleep(0.001)


def launch(where: Path) -> None:
    """Open the store."""
    config: DBOSConfig = {
        "name": "measured", "system_database_url": f"sqlite:///{where / 'dbos.sqlite'}",
        "application_version": "1", "log_level": "CRITICAL",
    }  # fmt: skip
    DBOS(config=config)
    DBOS.launch()


async def nodes(task: Case) -> None:
    """A chain, which is a graph function as well, or a fan-out."""
    workflow = chain if task.name == "chain" else fan_out
    await workflow(10)
    many = task.many(1000)
    began = time.perf_counter()
    await workflow(many)
    took = (time.perf_counter() - began) / many * 1e3
    for row in ("chain", "fn_call") if task.name == "chain" else ("fan_out",):
        say(row, took, BY)


async def wait(task: Case) -> None:
    """Ask and reply, one workflow after the other."""
    suspended, resumed = [], []
    for n in range(3 if task.quick else 11):
        handle = await DBOS.start_workflow_async(asking)
        await until(shown, n + 1)
        suspended.append(shown[-1] - asked[-1])
        await asyncio.sleep(0.05)
        began = time.perf_counter()
        await DBOS.send_async(handle.workflow_id, "Ada", topic="name")
        await until(replied, n + 1)
        resumed.append(replied[-1] - began)
    say("suspend_alone", statistics.median(suspended[1:]) * 1e3, BY)
    say("reply_here", statistics.median(resumed[1:]) * 1e3, BY)


async def waits(task: Case, where: Path) -> None:
    """Let workflows wait, a hundred: their disk does not depend on how many they are."""
    many = task.many(100)
    before = disk_kb(where)
    for _ in range(many):
        await DBOS.start_workflow_async(asking)
    await until(shown, many)
    await asyncio.sleep(1)
    say("waits_disk", (disk_kb(where) - before) / many, BY)


async def leave(task: Case) -> None:
    """Be the life that is killed."""
    await DBOS.start_workflow_async(chain_and_ask, task.many(1000))
    await until(passed, 1)
    await asyncio.sleep(0.5)
    print("ready", flush=True)
    await asyncio.sleep(3600)


def main() -> None:
    """Measure one case."""
    task = case("chain", "fan_out", "replay", "wait", "waits", "import", "leave")
    if task.name == "import":
        say("import", import_seconds("import dbos"), BY)
        return
    if task.name == "leave":
        launch(task.folder)
        asyncio.run(leave(task))
        return
    with folder() as where:
        if task.name == "replay":
            left_behind("peers.with_dbos", "leave", where, quick=task.quick)
        launch(where)
        if task.name == "replay":
            asyncio.run(until(passed, 1))
            say("fn_replay", (passed[0] - entered[0]) / task.many(1000) * 1e3, BY)
        elif task.name == "waits":
            asyncio.run(waits(task, where))
        else:
            asyncio.run((wait if task.name == "wait" else nodes)(task))
        DBOS.destroy()


if __name__ == "__main__":
    main()
