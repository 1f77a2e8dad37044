"""`run.retry(node)`: a failed node is sent back, what succeeded is kept, the run goes on."""

from __future__ import annotations

import asyncio

import pytest

import aether_nb as ae
from aether_nb import graph_fn, graphify, tool
from aether_nb.errors import NodeCancelled, NodeFailed, RunError, UnknownNode
from aether_nb.tools import ask_text, wait_all


class World:
    """What the tools did, and whether one of them fails."""

    def __init__(self):
        self.calls: list[str] = []
        self.broken = True


@pytest.fixture
def world(configure, tmp_path):
    configure(store=tmp_path / "runs.db")
    return World()


def graphs(world):
    @tool
    async def fine(x):
        world.calls.append(f"fine({x})")
        return x

    @tool
    async def shaky(x, *, context):
        world.calls.append(f"shaky({x}) {context.idempotency_key.rpartition('/')[2]}")
        if world.broken:
            raise ValueError("no wind")
        return x

    @graph_fn(name="written", outputs=["r"])
    async def written(*, context):
        a = await fine(1)
        b = await shaky(a.result)
        return {"r": (await fine(b.result + 1)).result}

    @graphify(name="drawn", outputs=["r"])
    def drawn():
        return {"r": fine(shaky(fine(1)), key="last")}

    @graph_fn(name="nested", outputs=["r"])
    async def nested(*, context):
        return {"r": (await drawn()).r}

    return {"written": written, "drawn": drawn, "nested": nested}


@pytest.mark.parametrize("name", ["written", "drawn", "nested"])
async def test_a_retried_node_runs_again_and_the_run_goes_on_from_there(world, name):
    run = graphs(world)[name].start()
    with pytest.raises(ValueError, match="no wind"):
        await run
    world.broken = False

    out = await run.retry("shaky")

    assert out.r in {1, 2}
    assert [c for c in world.calls if c == "fine(1)"][:1] == ["fine(1)"]
    assert [c for c in world.calls if c.startswith("shaky")] == ["shaky(1) 0", "shaky(1) 1"]
    assert run.status == ae.get(run.run_id).status == "succeeded"
    assert {n.status for n in ae.get(run.run_id).nodes.values()} == {"succeeded"}


async def test_a_retry_that_fails_again_leaves_the_run_failed(world):
    run = graphs(world)["drawn"].start()
    with pytest.raises(ValueError, match="no wind"):
        await run

    with pytest.raises(ValueError, match="no wind"):
        await run.retry("shaky")

    assert run.status == "failed"
    assert run.nodes["last"].status == "skipped"


async def test_a_map_is_called_by_what_the_picture_says_though_its_items_have_that_name_too(world):
    @tool(name="gust", outputs=["x"])
    async def gust(x):
        if world.broken and x == 2:
            raise ValueError("no wind")
        return {"x": x}

    @graphify(outputs=["xs"])
    def gusts():
        return {"xs": gust.map([1, 2]).x}

    run = gusts.start()
    with pytest.raises(ValueError, match="no wind"):
        await run
    world.broken = False
    assert (await run.retry("gust")).xs == [1, 2]


async def test_only_what_failed_can_be_retried(world):
    world.broken = False
    run = graphs(world)["drawn"].start()
    await run

    with pytest.raises(RunError, match="is succeeded"):
        run.retry("shaky")
    with pytest.raises(UnknownNode, match="shakey"):
        run.retry("shakey")


# -- what was cut short by the failure, or with the node ------------------------------------------


def cut_short(world):
    """Graph functions that ask something beside `shaky`, in every way in which both can be awaited."""

    @tool
    async def shaky(x):
        await asyncio.sleep(0)
        if world.broken:
            raise ValueError("no wind")
        return x

    @tool
    async def asks(*, context):
        return await context.channel().ask_text("name?")

    @graphify(name="inner", outputs=["r"])
    def inner():
        return {"r": asks(key="asks")}

    @graph_fn(name="gathered", outputs=["r"])
    async def gathered():
        found = await asyncio.gather(asks(), shaky(1))
        return {"r": [one.result for one in found]}

    @graph_fn(name="grouped", outputs=["r"])
    async def grouped():
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(asks()), group.create_task(shaky(1))]
        return {"r": [task.result().result for task in tasks]}

    @graph_fn(name="drawn", outputs=["r"])
    async def drawn():
        first, second = await asyncio.gather(inner(), shaky(1))
        return {"r": [first.r, second.result]}

    @graph_fn(name="nested", outputs=["r"])
    async def nested():
        return {"r": (await grouped(key="inside")).r}

    return {graph.name: graph for graph in (gathered, grouped, drawn, nested)}


@pytest.mark.parametrize("name", ["gathered", "grouped", "drawn", "nested"])
async def test_what_a_failure_cut_short_goes_on_when_that_is_retried(world, name):
    run = cut_short(world)[name].start()
    with pytest.raises(NodeFailed, match="shaky failed: ValueError: no wind"):
        await run
    assert [wait.status for wait in run.waits] in (["withdrawn"], [])
    world.broken = False

    run.retry("shaky")
    run.answer("Ada", wait=(await run.next_wait()).token)

    assert (await run).r == ["Ada", 1]
    assert {node.status for node in run.nodes.values()} == {"succeeded"}


async def test_a_function_that_failed_with_a_task_group_is_retried_by_its_own_name(world):
    run = cut_short(world)["nested"].start()
    with pytest.raises(NodeFailed, match="no wind"):
        await run
    world.broken = False

    run.retry("inside")
    run.answer("Ada", wait=(await run.next_wait()).token)

    assert (await run).r == ["Ada", 1]


def cancelled_whole(world):
    """Static graphs, maps and functions with a step that is done, and one that is asking."""

    @tool
    async def once():
        world.calls.append("once")
        return 1

    @graphify(name="inner", outputs=["r"])
    def inner():
        return {"r": [once(key="done").result, ask_text("name?", key="ask").text]}

    @graph_fn(name="written", outputs=["r"])
    async def written():
        return {"r": [(await once()).result, (await ask_text("name?")).text]}

    @graphify(name="of_drawn", outputs=["r"])
    def of_drawn():
        return {"r": inner(key="it").r}

    @graphify(name="of_written", outputs=["r"])
    def of_written():
        return {"r": written(key="it").r}

    @graph_fn(name="calls", outputs=["r"])
    async def calls():
        return {"r": (await inner(key="it")).r}

    return {graph.name: graph for graph in (of_drawn, of_written, calls)}


@pytest.mark.parametrize("name", ["of_drawn", "of_written", "calls"])
async def test_a_graph_that_was_cancelled_by_name_goes_on_where_it_was_when_it_is_retried(world, name):
    run = cancelled_whole(world)[name].start()
    await run.next_wait()
    run.cancel("it")
    with pytest.raises(NodeCancelled):
        await run

    run.retry("it")
    run.answer("Ada", wait=(await run.next_wait()).token)

    assert (await run).r == [1, "Ada"]
    assert world.calls == ["once"], "what was done is kept"


async def test_a_map_that_was_cancelled_by_name_asks_for_what_is_missing_when_it_is_retried(world):
    @graphify(outputs=["r"])
    def asked():
        return {"r": ask_text.map(["first?", "second?"], key="all").text}

    run = asked.start()
    await run.next_wait()
    run.answer("one", to="first?")
    while run.nodes["ask_text[0]"].status != "succeeded":
        await asyncio.sleep(0)
    run.cancel("all")
    with pytest.raises(NodeCancelled):
        await run

    run.retry("all")
    run.answer("two", wait=(await run.next_wait()).token)

    assert (await run).r == ["one", "two"]


async def test_the_losers_of_a_group_that_failed_are_waited_for_again(world):
    @tool
    async def breaks():
        if world.broken:
            raise ValueError("no wind")

    @graphify(name="part", outputs=["r"])
    def part():
        return {"r": breaks(after=ask_text("go?"), key="breaks").result}

    @graph_fn(outputs=["r"])
    async def both():
        first, _ = await asyncio.gather(wait_all(ask_text("name?")), part())
        return {"r": first[0].text}

    run = both.start()
    await run.next_wait()
    while len(run.waits) < 2:
        await asyncio.sleep(0)
    run.answer("y", to="go?")
    with pytest.raises(NodeFailed, match="no wind"):
        await run
    world.broken = False
    run.retry("breaks")
    run.answer("Ada", wait=(await run.next_wait()).token)
    assert (await run).r == "Ada"


async def test_what_stood_beside_a_failed_step_goes_on_with_it_in_a_function_that_was_cut_short(world):
    @tool
    async def inside():
        if world.broken:
            raise ValueError("inside")
        return "inside"

    @tool
    async def last():
        if world.broken:
            raise ValueError("last")
        return "last"

    @graphify(name="part", outputs=["r"])
    def part():
        return {"r": [inside().result, ask_text("part?").text]}

    @graph_fn(name="whole", outputs=["r"])
    async def whole():
        asked, done = await asyncio.gather(ask_text("name?"), part())
        return {"r": [asked.text, *done.r]}

    gate = asyncio.Event()

    @graph_fn(outputs=["r"])
    async def both():
        done, also = await asyncio.gather(whole(), later())
        return {"r": [*done.r, also]}

    async def later():
        await gate.wait()
        return (await last()).result

    run = both.start()
    while len(run.waits) < 2 or run.nodes["inside"].status != "failed":
        await asyncio.sleep(0)
    gate.set()
    with pytest.raises(NodeFailed, match="last"):
        await run
    gate.clear()
    world.broken = False
    run.retry("inside")
    while "part?" not in (asked := {wait.prompt for wait in run.waits if wait.status == "open"}):
        await asyncio.sleep(0)
    assert asked == {"name?", "part?"}
    run.answer("Ada", to="name?")
    run.answer("all", to="part?")
    while run.nodes["whole"].status != "succeeded":
        await asyncio.sleep(0)
    gate.set()
    with pytest.raises(NodeFailed, match="last"):
        await run
    run.retry("last")
    assert (await run).r == ["Ada", "inside", "all", "last"]
