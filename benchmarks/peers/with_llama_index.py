"""LlamaIndex workflows, in memory, as they run by themselves: nothing is committed, so only speed compares.

The guide's way to keep a workflow is to save its context, `ctx.to_dict()`, wherever one likes; its size as JSON
stands for the disk. A step per event stands for a node. A question is an `InputRequiredEvent`, shown when it comes
out of `stream_events`; a reply is a `HumanResponseEvent`.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time

from workflows import Context, Workflow, step
from workflows.events import Event, HumanResponseEvent, InputRequiredEvent, StartEvent, StopEvent

from benchmarks.harness import Case, case, import_seconds, say

BY = "llama_index"

asked: list[float] = []
replied: list[float] = []
"""When a question was asked and its reply taken, by `time.perf_counter`."""


class Next(Event):
    """Another step is due."""

    left: int


class One(Event):
    """One of many steps is due."""


class Done(Event):
    """One of many steps is done."""


class Chain(Workflow):
    """One step after the other."""

    @step
    async def begin(self, ev: StartEvent) -> Next:
        """Begin."""
        return Next(left=ev.steps)

    @step
    async def walk(self, ev: Next) -> Next | StopEvent:
        """Do nothing."""
        return Next(left=ev.left - 1) if ev.left else StopEvent(result=0)


class FanOut(Workflow):
    """All steps at once, and one that gathers them."""

    @step
    async def begin(self, ctx: Context, ev: StartEvent) -> One | None:
        """Send them out."""
        await ctx.store.set("steps", ev.steps)
        for _ in range(ev.steps):
            ctx.send_event(One())
        return None

    @step(num_workers=16)
    async def one(self, ev: One) -> Done:  # noqa: ARG002 - as a step is called
        """Do nothing."""
        return Done()

    @step
    async def gather(self, ctx: Context, ev: Done) -> StopEvent | None:
        """Wait for all."""
        done = ctx.collect_events(ev, [Done] * await ctx.store.get("steps"))
        return None if done is None else StopEvent(result=len(done))


class Asking(Workflow):
    """One question."""

    @step
    async def ask(self, ev: StartEvent) -> InputRequiredEvent:  # noqa: ARG002 - as a step is called
        """Ask."""
        asked.append(time.perf_counter())
        return InputRequiredEvent()

    @step
    async def take(self, ev: HumanResponseEvent) -> StopEvent:
        """Take the reply."""
        replied.append(time.perf_counter())
        return StopEvent(result=ev.response)


async def nodes(task: Case) -> None:
    """A chain or a fan-out."""
    make = Chain if task.name == "chain" else FanOut
    many = task.many(1000)
    await make(timeout=None).run(steps=10)
    workflow = make(timeout=None)
    began = time.perf_counter()
    await workflow.run(steps=many)
    say(task.name, (time.perf_counter() - began) / many * 1e3, BY)


async def wait(task: Case) -> None:
    """Ask and reply, one workflow after the other."""
    suspended, resumed, sizes = [], [], []
    for _ in range(task.many(100)):
        handler = Asking(timeout=None).run()
        async for event in handler.stream_events():
            if isinstance(event, InputRequiredEvent):
                suspended.append(time.perf_counter() - asked[-1])
                break
        sizes.append(len(json.dumps(handler.ctx.to_dict())) / 1024)
        began = time.perf_counter()
        handler.ctx.send_event(HumanResponseEvent(response="Ada"))
        await handler
        resumed.append(replied[-1] - began)
    say("suspend_alone", statistics.median(suspended[1:]) * 1e3, BY)
    say("reply_here", statistics.median(resumed[1:]) * 1e3, BY)
    say("waits_disk", statistics.median(sizes), BY)


def main() -> None:
    """Measure one case."""
    task = case("chain", "fan_out", "wait", "import")
    if task.name == "import":
        say("import", import_seconds("import workflows"), BY)
    else:
        asyncio.run((wait if task.name == "wait" else nodes)(task))


if __name__ == "__main__":
    main()
