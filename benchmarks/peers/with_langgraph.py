"""LangGraph on its AsyncSqliteSaver, with `durability="async"`, its default and what its guide calls the balance.

A checkpoint is written while the next step runs, so the log may trail by a step, much as ours may; the saver sets
WAL and leaves `synchronous` at FULL. A question is `interrupt()`, shown when `ainvoke` returns; on resume the node
runs again from its beginning, and goes on where `interrupt` gives the reply.
"""

from __future__ import annotations

import asyncio
import operator
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send, interrupt

from benchmarks.harness import Case, case, disk_kb, folder, import_seconds, say

BY = "langgraph"
DURABILITY = "async"

asked: list[float] = []
replied: list[float] = []
"""When a question was asked and its reply taken, by `time.perf_counter`."""


class Counting(TypedDict):
    """The state of every graph here."""

    n: int
    many: Annotated[list[int], operator.add]


async def step(state: Counting) -> dict[str, Any]:
    """Do nothing."""
    return {"n": state["n"]}


async def one_of_many(state: Counting) -> dict[str, Any]:
    """Do nothing, beside others."""
    return {"many": [state["n"]]}


async def gather(state: Counting) -> dict[str, Any]:
    """Come after the others."""
    return {"n": len(state["many"])}


async def ask(state: Counting) -> dict[str, Any]:  # noqa: ARG001 - as a node is called
    """Ask a person."""
    asked.append(time.perf_counter())
    interrupt("Your name?")
    replied.append(time.perf_counter())
    return {"n": 1}


def chain(nodes: int) -> Any:
    """Every node after the one before."""
    builder = StateGraph(Counting)
    names = [START, *(f"step_{i}" for i in range(nodes)), END]
    for name in names[1:-1]:
        builder.add_node(name, step)
    for before, after in pairwise(names):
        builder.add_edge(before, after)
    return builder


def fan_out(nodes: int) -> Any:
    """All at once, by `Send`, and one that gathers them."""
    builder = StateGraph(Counting)
    builder.add_node("one", one_of_many)
    builder.add_node("gather", gather)
    builder.add_conditional_edges(START, lambda state: [Send("one", state)] * (nodes - 1), ["one"])
    builder.add_edge("one", "gather")
    return builder


def asking() -> Any:
    """One question."""
    builder = StateGraph(Counting)
    builder.add_node("ask", ask)
    builder.add_edge(START, "ask")
    return builder


@asynccontextmanager
async def compiled(builder: Any, where: Path) -> AsyncIterator[Any]:
    """The graph on a store."""
    async with AsyncSqliteSaver.from_conn_string(str(where / "checkpoints.db")) as saver:
        yield builder.compile(checkpointer=saver)


async def invoke(graph: Any, thread: str, given: Any, steps: int = 25) -> Any:
    """Run a thread until it ends or asks."""
    config = {"configurable": {"thread_id": thread}, "recursion_limit": steps}
    return await graph.ainvoke(given, config, durability=DURABILITY)


async def nodes(task: Case, where: Path) -> None:
    """A chain or a fan-out."""
    many = task.many(1000)
    make = chain if task.name == "chain" else fan_out
    async with compiled(make(many), where) as graph, compiled(make(10), where) as small:
        await invoke(small, "warm", {"n": 1, "many": []}, 20)
        began = time.perf_counter()
        await invoke(graph, "measured", {"n": 1, "many": []}, many + 10)
        say(task.name, (time.perf_counter() - began) / many * 1e3, BY)


async def wait(task: Case, where: Path) -> None:
    """Ask and reply, one thread after the other."""
    suspended, resumed = [], []
    async with compiled(asking(), where) as graph:
        for n in range(task.many(50) + 1):
            await invoke(graph, str(n), {"n": 0, "many": []})
            suspended.append(time.perf_counter() - asked[-1])
            began = time.perf_counter()
            await invoke(graph, str(n), Command(resume="Ada"))
            resumed.append(replied[-1] - began)
    say("suspend_alone", statistics.median(suspended[1:]) * 1e3, BY)
    say("reply_here", statistics.median(resumed[1:]) * 1e3, BY)


async def waits(task: Case, where: Path) -> None:
    """Let 1,000 threads ask at once."""
    many = task.many(1000)
    async with compiled(asking(), where) as graph:
        await invoke(graph, "warm", {"n": 0, "many": []})
        asked.clear()
        await asyncio.gather(*(invoke(graph, str(n), {"n": 0, "many": []}) for n in range(many)))
        say("suspend_together", (time.perf_counter() - asked[0]) / many * 1e3, BY)
    say("waits_disk", disk_kb(where) / many, BY)


def main() -> None:
    """Measure one case."""
    task = case("chain", "fan_out", "wait", "waits", "import")
    if task.name == "import":
        code = "import langgraph.graph, langgraph.types, langgraph.checkpoint.sqlite.aio"
        say("import", import_seconds(code), BY)
        return
    with folder() as where:
        asyncio.run({"wait": wait, "waits": waits}.get(task.name, nodes)(task, where))


if __name__ == "__main__":
    main()
