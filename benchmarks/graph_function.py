"""What a tool costs that a graph function awaits, and what it costs to replay it after a restart.

`replay` lets another process await the tools, ask a question and be killed; then it resumes that run, from
`ae.resume` until the function has come past its last recorded tool, reading the log included.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import aether_nb as ae
from aether_nb import NodeContext
from benchmarks.harness import Case, case, folder, left_behind, say
from benchmarks.screen import Screen

passed: list[float] = []
"""When a function came past its last tool, by `time.perf_counter`."""


@ae.tool(outputs=["n"])
async def step(n: int) -> dict[str, int]:
    """Do nothing."""
    return {"n": n + 1}


@ae.graph_fn(outputs=["n"])
async def walk(tools: int) -> dict[str, int]:
    """Await tools one after the other."""
    n = 0
    for _ in range(tools):
        n = (await step(n=n)).n
    return {"n": n}


@ae.graph_fn(outputs=["n"])
async def walk_and_ask(tools: int, *, context: NodeContext) -> dict[str, int]:
    """Await tools one after the other, then a person."""
    n = 0
    for _ in range(tools):
        n = (await step(n=n)).n
    passed.append(time.perf_counter())
    await context.channel().ask_text("Go on?")
    return {"n": n}


async def calls(task: Case, store: Path) -> None:
    """Measure the first life of a function."""
    ae.configure(store=store / "runs.db", channel=ae.ScriptedChannel({}))
    await walk.start(tools=10)
    tools = task.many(1000)
    began = time.perf_counter()
    await walk.start(tools=tools)
    say("fn_call", (time.perf_counter() - began) / tools * 1e3)


async def leave(task: Case) -> None:
    """Be the life that is killed."""
    screen = Screen()
    ae.configure(store=task.folder / "runs.db", channel=screen)
    walk_and_ask.start(tools=task.many(1000), run_id="long")
    await screen.seen(1)
    print("ready", flush=True)
    await asyncio.sleep(3600)


async def replay(task: Case, store: Path) -> None:
    """Be the life after that."""
    left_behind("graph_function", "leave", store, quick=task.quick)
    screen = Screen()
    ae.configure(store=store / "runs.db", channel=screen)
    warm = walk_and_ask.start(tools=10)
    await screen.seen(1)
    warm.answer("yes")
    await warm
    began = time.perf_counter()
    run = ae.resume("long")
    await screen.seen(2)
    say("fn_replay", (passed[-1] - began) / task.many(1000) * 1e3)
    run.answer("yes")
    await run


def main() -> None:
    """Measure one case."""
    task = case("call", "replay", "leave")
    if task.name == "leave":
        asyncio.run(leave(task))
        return
    with folder() as store:
        asyncio.run((calls if task.name == "call" else replay)(task, store))


if __name__ == "__main__":
    main()
