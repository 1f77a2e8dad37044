"""`run.retry(node)`: a failed node is sent back, what succeeded is kept, the run goes on."""

from __future__ import annotations

import pytest

import aether_nb as ae
from aether_nb import graph_fn, graphify, tool
from aether_nb.errors import RunError, UnknownNode


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
