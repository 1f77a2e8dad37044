"""What a node of a static graph costs: chains and fan-outs of async tools that do nothing.

From `start()` until `await run` returns, which is after everything is committed; the graph is built and a small
run is made before. The last run of `growth` is the largest, so that its remains weigh on no other.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from pathlib import Path
from typing import Any

import aether_nb as ae
from benchmarks.harness import Case, case, folder, say

SHAPES = {"chain": "chain", "fan_out": "fan_out", "chain_growth": "chain", "fan_out_growth": "fan_out"}
GROWTH = {100: 20, 1000: 5, 10_000: 1}  # nodes: runs


@ae.tool(outputs=["n"])
async def step(n: int) -> dict[str, int]:
    """Do nothing."""
    return {"n": n}


@ae.tool(outputs=["n"])
async def count(ns: list[int]) -> dict[str, int]:
    """Gather a fan-out."""
    return {"n": len(ns)}


def chain(nodes: int) -> Any:
    """A graph in which every node waits for the one before."""

    @ae.graphify(name=f"chain_{nodes}", inputs=["n"], outputs=["n"])
    def chained(n: Any) -> dict[str, Any]:
        for _ in range(nodes):
            n = step(n=n).n
        return {"n": n}

    return chained


def fan_out(nodes: int) -> Any:
    """A graph whose nodes wait for nothing but the input, and one more that gathers them."""

    @ae.graphify(name=f"fan_out_{nodes}", inputs=["n"], outputs=["n"])
    def fanned(n: Any) -> dict[str, Any]:
        return {"n": count(ns=[step(n=n).n for _ in range(nodes - 1)]).n}

    return fanned


async def per_node(graph: Any, nodes: int, runs: int) -> float:
    """Milliseconds per node, median of several runs."""
    took = []
    for _ in range(runs):
        began = time.perf_counter()
        await graph.start(n=1)
        took.append(time.perf_counter() - began)
    return statistics.median(took) / nodes * 1e3


async def measure(task: Case, store: Path) -> None:
    """Carry the case out."""
    ae.configure(store=store / "runs.db", channel=ae.ScriptedChannel({}))
    shape = SHAPES[task.name]
    make = chain if shape == "chain" else fan_out
    await make(10).start(n=1)
    if task.name == shape:
        nodes = task.many(1000)
        say(shape, await per_node(make(nodes), nodes, 1))
        return
    each = {}
    for full, runs in GROWTH.items():
        nodes = task.many(full)
        each[full] = await per_node(make(nodes), nodes, runs)
        say(f"{shape}_{full}", each[full])
    say(task.name, each[10_000] / each[100])


def main() -> None:
    """Measure one case."""
    task = case(*SHAPES)
    with folder() as store:
        asyncio.run(measure(task, store))


if __name__ == "__main__":
    main()
