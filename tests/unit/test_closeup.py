"""Any node of a run in detail, whoever drove it, from its store."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from lives import Life

from aether_nb import graph_fn, graphify, tool
from aether_nb.closeup import Closeup
from aether_nb.display.shapes import DetailShape
from aether_nb.errors import UnknownNode
from aether_nb.ids import RunId
from aether_nb.run import Run
from aether_nb.store.memory import MemoryStore
from aether_nb.tools import ask_text


@tool(outputs=["doubled"])
async def double(n: int, *, context: Any) -> dict[str, int]:
    context.logger().info("doubling %d", n)
    return {"doubled": 2 * n}


@tool(outputs=["numbers"])
async def numbers(upto: int) -> dict[str, list[int]]:
    return {"numbers": list(range(upto))}


@graphify(inputs=["upto"], outputs=["all", "name"])
def doubling(upto: int) -> dict[str, Any]:
    found = numbers(upto=upto)
    name = ask_text(prompt="Whose?")
    return {"all": double.map(found.numbers).doubled, "name": name.text}


@graph_fn(outputs=["n"])
async def twice(n: int) -> dict[str, int]:
    first = await double(n=n)
    return {"n": (await double(n=first.doubled)).doubled}


def look(run: Run, node: str) -> DetailShape:
    runtime = run._runtime
    closeup = Closeup(runtime.store, RunId(run.run_id))
    return closeup.detail(node, run._state(), [], now_us=runtime.clock.now_us(), in_line=None)


def texts(values: Any) -> dict[str, str]:
    return {value["name"]: value["text"] for value in values}


@pytest.fixture
def life() -> Life:
    return Life(MemoryStore(), {"Whose?": "Ada"})


async def test_a_node_of_a_static_graph_shows_what_other_nodes_gave_it(life: Life) -> None:
    run = life.start(doubling, upto=3)
    await run
    by_label = {n.label: n.id for n in run.nodes.values()}
    assert texts(look(run, by_label["numbers"])["inputs"]) == {"upto": "3"}
    assert texts(look(run, by_label["double"])["inputs"])["n"] == "[0, 1, 2]"
    assert texts(look(run, by_label["double[2]"])["inputs"]) == {"n": "2"}
    assert texts(look(run, by_label["double[2]"])["outputs"]) == {"doubled": "4"}


async def test_a_call_of_a_graph_function_shows_its_arguments_and_its_code(life: Life) -> None:
    run = life.start(twice, n=4)
    await run
    detail = look(run, list(run.nodes)[1])
    assert texts(detail["inputs"]) == {"n": "8"}
    assert "async def double" in detail["source"]
    assert [a["status"] for a in detail["attempts"]] == ["succeeded"]


async def test_a_run_is_read_on_from_where_it_was(life: Life) -> None:
    waiting = Life(MemoryStore())
    run = waiting.start(doubling, upto=2)
    await waiting.until(lambda: waiting.channel.asked)
    closeup = Closeup(waiting.store, RunId("r"))
    before = closeup.timeline(0)
    assert {row["status"] for row in before["rows"] if row["bars"][-1][0] == "waiting"} == {"waiting"}
    run.answer("Ada")
    await run
    rows = closeup.timeline(before["seq"])["rows"]
    assert {row["status"] for row in rows} == {"succeeded"}
    assert len(rows) < len(closeup.timeline(0)["rows"])


async def test_a_node_that_stands_in_line_is_in_the_queue_before_any_event_tells_of_it() -> None:
    life = Life(MemoryStore(), max_concurrency=1)
    go = asyncio.Event()

    @tool
    async def slow(n: int) -> int:
        await go.wait()
        return n

    @graph_fn(outputs=[])
    async def crowd() -> dict[str, Any]:
        await asyncio.gather(*(slow(n) for n in range(3)))
        return {}

    run = life.start(crowd)
    await life.until(lambda: len(run.nodes) == 3 and len(life.driver().in_line()) == 2)
    await life.driver().barrier(full=False)
    closeup = Closeup(life.store, RunId("r"))
    now_us = life.runtime.clock.now_us()
    rows = closeup.timeline(0, now_us=now_us, in_line=life.driver().in_line())["rows"]
    kinds = sorted((row["bars"][-1][0], row["bars"][-1][2]) for row in rows)
    assert kinds == [("computing", None), ("queued", None), ("queued", None)]
    go.set()
    await run
    rows = closeup.timeline(0, now_us=now_us, in_line={})["rows"]
    assert {row["bars"][-1][0] for row in rows} == {"computing"}


async def test_another_process_sees_the_same_of_a_run_that_is_over(life: Life) -> None:
    await life.start(twice, n=4)
    again = Life(life.store, {})
    run = again.runtime.found(again.runtime.row("r"), None, "")
    assert texts(look(run, next(iter(run.nodes)))["outputs"]) == {"doubled": "8"}


async def test_a_node_that_is_not_there_is_a_sentence(life: Life) -> None:
    run = life.start(twice, n=4)
    await run
    with pytest.raises(UnknownNode, match="no node 'nothing'"):
        look(run, "nothing")


async def test_what_a_body_writes_to_its_logger_is_kept_by_node_whatever_the_level_is(life: Life) -> None:
    run = life.start(twice, n=4)
    await run
    book = life.runtime.services.logbook
    assert [[line.text for line in book.read("r", n)] for n in run.nodes] == [["doubling 4"], ["doubling 8"]]
    assert {line.level for n in run.nodes for line in book.read("r", n)} == {"INFO"}


async def test_a_line_that_cannot_be_put_together_and_an_exception_are_kept_as_far_as_they_go() -> None:
    life = Life(MemoryStore(), {})

    @tool
    async def clumsy(*, context: Any) -> None:
        try:
            await asyncio.sleep(0)
            raise ValueError("no wind")
        except ValueError:
            context.logger().exception("it %s", "failed")

    @graph_fn(outputs=[])
    async def agent() -> dict[str, Any]:
        await clumsy()
        return {}

    run = life.start(agent)
    await run
    (line,) = life.runtime.services.logbook.read("r", next(iter(run.nodes)))
    assert line.level == "ERROR"
    assert line.text.startswith("it failed\n")
    assert line.text.endswith("ValueError: no wind")
    assert "raise ValueError" in line.text
