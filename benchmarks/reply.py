"""How long a reply takes from `answer` until Stage B has started, given here and by another process."""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import time
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import aether_nb as ae
from benchmarks.harness import Case, case, folder, say
from benchmarks.screen import Screen

begun: list[float] = []
"""When each Stage B started, by `time.monotonic`, which is the same clock in every process of a machine."""


class AskName(ae.DualStageTool):
    """A question whose second half notes when it starts."""

    outputs = ("name",)

    async def setup(self) -> ae.Wait:
        """Ask."""
        return ae.Wait(kind="text", prompt="Your name?")

    async def on_resume(self, reply: ae.Reply, wait: ae.Wait, *, context: ae.NodeContext) -> dict[str, Any]:  # noqa: ARG002
        """Take the name."""
        begun.append(time.monotonic())
        return {"name": reply.value}


ask_name = AskName()


@ae.graphify(inputs=[], outputs=["name"])
def asking() -> dict[str, Any]:
    """Ask one question."""
    return {"name": ask_name().name}


async def here(task: Case, screen: Screen) -> None:
    """Answer in the process that drives the runs."""
    took = []
    for n in range(task.many(100)):
        run = asking.start()
        await screen.seen(n + 1)
        began = time.monotonic()
        run.answer("Ada")
        await run
        took.append(begun[-1] - began)
    say("reply_here", statistics.median(took[1:]) * 1e3)


async def elsewhere(screen: Screen, store: Path) -> None:
    """Let another process answer, at any moment between two looks of this one."""
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.reply", "answer", str(store), stdin=PIPE, stdout=PIPE
    )
    assert other.stdin is not None
    assert other.stdout is not None
    took = []
    for n in range(21):
        run = asking.start()
        await screen.seen(n + 1)
        await asyncio.sleep(random.uniform(0, 0.2))  # noqa: S311 - no secret
        other.stdin.write(f"{screen.tokens[-1]}\n".encode())
        began = float(await other.stdout.readline())
        await run
        took.append(begun[-1] - began)
    other.stdin.close()
    await other.wait()
    say("reply_elsewhere", max(took[1:]) * 1e3)


def answer(store: Path) -> None:
    """Be the other process: answer the tokens that come, and say when."""
    ae.configure(store=store / "runs.db", channel=ae.ScriptedChannel({}))
    for line in sys.stdin:
        began = time.monotonic()
        ae.answer(line.strip(), "Ada")
        print(began, flush=True)


async def measure(task: Case, store: Path) -> None:
    """Carry the case out."""
    screen = Screen()
    ae.configure(store=store / "runs.db", channel=screen)
    await (here(task, screen) if task.name == "here" else elsewhere(screen, store))


def main() -> None:
    """Measure one case."""
    task = case("here", "elsewhere", "answer")
    if task.name == "answer":
        answer(task.folder)
        return
    with folder() as store:
        asyncio.run(measure(task, store))


if __name__ == "__main__":
    main()
