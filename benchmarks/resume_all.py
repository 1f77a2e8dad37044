"""How long a fresh kernel takes to go on with the waiting runs of one that was killed.

From `ae.configure`, opening the store included, until every prompt is shown again and `resume_all` has returned.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import aether_nb as ae
from aether_nb.tools import ask_text
from benchmarks.harness import Case, case, folder, left_behind, say
from benchmarks.screen import Screen


@ae.graphify(inputs=[], outputs=["name"])
def asking() -> dict[str, Any]:
    """Ask one question."""
    return {"name": ask_text(prompt="Your name?").text}


async def leave(task: Case) -> None:
    """Be the kernel that is killed."""
    screen = Screen()
    ae.configure(store=task.folder / "runs.db", channel=screen)
    runs = task.many(1000)
    for _ in range(runs):
        asking.start()
    await screen.seen(runs)
    print("ready", flush=True)
    await asyncio.sleep(3600)


async def resume(task: Case, store: Path) -> None:
    """Be the kernel after that."""
    left_behind("resume_all", "leave", store, quick=task.quick)
    screen = Screen()
    began = time.perf_counter()
    ae.configure(store=store / "runs.db", channel=screen)
    ae.resume_all()
    await screen.seen(task.many(1000))
    say("resume_all", time.perf_counter() - began)
    say("resume_first", screen.at[0] - began)


def main() -> None:
    """Measure."""
    task = case("resume", "leave")
    if task.name == "leave":
        asyncio.run(leave(task))
        return
    with folder() as store:
        asyncio.run(resume(task, store))


if __name__ == "__main__":
    main()
