"""What runs cost that only wait: memory, CPU and disk.

Memory is what the process holds when it has come to rest, less what it held with an empty runtime that had one
run; the files are counted after their store was let go of, less those of that empty runtime.
"""

from __future__ import annotations

import asyncio
import gc
import time
from pathlib import Path
from typing import Any

import aether_nb as ae
from aether_nb import NodeContext
from aether_nb.tools import ask_text
from benchmarks.harness import Case, case, disk_kb, folder, resident_mb, say
from benchmarks.screen import Screen

BATCH = 100  # runs that are started before these wait: what was in memory at once, malloc does not give back


@ae.graphify(inputs=[], outputs=["name"])
def static() -> dict[str, Any]:
    """Ask one question, as a node."""
    return {"name": ask_text(prompt="Your name?").text}


@ae.graph_fn(outputs=["name"])
async def function(*, context: NodeContext) -> dict[str, str]:
    """Ask one question, in a function."""
    return {"name": await context.channel().ask_text("Your name?")}


async def at_rest() -> float:
    """Memory once nothing moves any more, MB."""
    last = resident_mb()
    for _ in range(60):
        await asyncio.sleep(0.5)
        gc.collect()
        now = resident_mb()
        if abs(now - last) < 0.1:
            return now
        last = now
    return last


async def measure(graph: Any, runs: int, store: Path, idle_s: float) -> dict[str, float]:
    """Start the runs, and look at what they cost."""
    screen = Screen()
    empty, full = store / "empty" / "runs.db", store / "full" / "runs.db"
    ae.configure(store=empty, channel=screen)
    warm = graph.start()
    await screen.seen(1)
    warm.answer("Ada")
    await warm
    empty_mb = await at_rest()
    ae.configure(store=full, channel=screen)
    began = time.perf_counter()
    for done in range(0, runs, BATCH):
        for _ in range(min(BATCH, runs - done)):
            graph.start()
        await screen.seen(1 + min(runs, done + BATCH))
    started_s = time.perf_counter() - began
    screen.at.clear()
    screen.tokens.clear()
    full_mb = await at_rest()
    wall, cpu = time.perf_counter(), time.process_time()
    await asyncio.sleep(idle_s)
    busy = (time.process_time() - cpu) / (time.perf_counter() - wall)
    ae.configure(store=":memory:")
    return {
        "start": started_s / runs * 1e3, "memory": full_mb - empty_mb, "cpu": busy * 100,
        "disk": (disk_kb(full.parent) - disk_kb(empty.parent)) / runs,
    }  # fmt: skip


def tell(task: Case, runs: int, found: dict[str, float]) -> None:
    """Say what was found."""
    kind = "fn_waits" if task.name == "function" else "waits"
    for what in ("memory", "cpu", "disk"):
        if runs == 10_000:
            say(f"{kind}_{what}", found[what])
    if kind == "waits":
        for what, value in found.items():
            say(f"waits_{what}_{runs}", value)


def main() -> None:
    """Measure one case: so many static runs, or as many graph functions as the target says."""
    task = case("100", "1000", "10000", "function")
    runs = 10_000 if task.name == "function" else int(task.name)
    graph = function if task.name == "function" else static
    with folder() as store:
        idle_s = 0.5 if task.quick else 10
        tell(task, runs, asyncio.run(measure(graph, task.many(runs), store, idle_s)))


if __name__ == "__main__":
    main()
