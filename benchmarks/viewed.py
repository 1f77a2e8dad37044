"""What `live_view.py` lets a kernel do: runs of 1,000 nodes that begin when the page is there, seen or unseen.

The cells of that kernel import this module and call its functions; the page is played by the program.
"""

from __future__ import annotations

import asyncio
import gc
import time
from pathlib import Path
from typing import Any

import aether_nb as ae
from aether_nb.api import current
from aether_nb.run import Run

page_there = asyncio.Event()
"""Set when the page has said hello, and so the run may go on."""


@ae.tool(outputs=["n"])
async def ready() -> dict[str, int]:
    """Wait for the page."""
    await page_there.wait()
    return {"n": 0}


@ae.tool(outputs=["n"])
async def step(n: int) -> dict[str, int]:
    """Do nothing."""
    return {"n": n}


@ae.tool(outputs=["n"])
async def slow(n: int) -> dict[str, int]:
    """Take a little while, as tools do that ask a service."""
    await asyncio.sleep(0.003)
    return {"n": n}


def chain(nodes: int) -> Any:
    """A static chain."""

    @ae.graphify(inputs=[], outputs=["n"])
    def viewed_chain() -> dict[str, Any]:
        n = ready().n
        for _ in range(nodes):
            n = step(n=n).n
        return {"n": n}

    return viewed_chain


def function(nodes: int, tool: Any) -> Any:
    """A graph function, whose picture grows with every node."""

    @ae.graph_fn(outputs=["n"])
    async def viewed_function() -> dict[str, Any]:
        n = (await ready()).n
        for _ in range(nodes):
            n = (await tool(n=n)).n
        return {"n": n}

    return viewed_function


def counting(steps: int) -> Any:
    """A graph function that moves a bar on, and gives the loop no turn meanwhile."""

    @ae.graph_fn(outputs=[])
    async def viewed_bar(*, context: Any) -> None:
        await ready()
        with context.channel().progress(total=steps, label="Counting") as bar:
            for _ in range(steps):
                bar.update()

    return viewed_bar


def open_store(where: str) -> None:
    """Once, before anything else."""
    ae.configure(store=Path(where) / "runs.db")


def start(graph: Any, *, seen: bool) -> Run:
    """Start a run in the cell that calls this; unseen, it has no view and is otherwise the same."""
    page_there.clear()
    runtime = current()
    host = runtime.host
    if not seen:
        runtime.host = None
    try:
        run: Run = graph.start(new=True)
    finally:
        runtime.host = host
    return run


async def finish(run: Run) -> None:
    """Let the run go on, and print how many seconds of CPU the loop took to its end."""
    gc.collect()  # what earlier runs left
    began = time.thread_time()
    page_there.set()
    await run
    print(f"took {time.thread_time() - began}")
