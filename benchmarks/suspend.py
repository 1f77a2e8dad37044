"""How long a question takes from its call until it is committed and can be shown."""

from __future__ import annotations

import asyncio
import statistics
import time
from pathlib import Path

import aether_nb as ae
from aether_nb import NodeContext
from benchmarks.harness import Case, case, folder, say
from benchmarks.screen import Screen

asked: list[float] = []
"""When each question was asked, by `time.perf_counter`."""


@ae.graph_fn(outputs=["name"])
async def asking(*, context: NodeContext) -> dict[str, str]:
    """Ask one question."""
    asked.append(time.perf_counter())
    return {"name": await context.channel().ask_text("Your name?")}


async def measure(task: Case, store: Path) -> None:
    """One question after the other, or all runs started before the first gets to ask."""
    screen = Screen()
    ae.configure(store=store / "runs.db", channel=screen)
    warm = [asking.start() for _ in range(3)]
    await screen.seen(len(warm))
    if task.name == "alone":
        took = []
        for _ in range(task.many(100)):
            asking.start()
            await screen.seen(len(screen.at) + 1)
            took.append(screen.at[-1] - asked[-1])
        say("suspend_alone", statistics.median(took) * 1e3)
    else:
        runs = task.many(1000)
        for _ in range(runs):
            asking.start()
        await screen.seen(len(warm) + runs)
        say("suspend_together", (screen.at[-1] - asked[len(warm)]) / runs * 1e3)


def main() -> None:
    """Measure one case."""
    task = case("alone", "together")
    with folder() as store:
        asyncio.run(measure(task, store))


if __name__ == "__main__":
    main()
