"""What a failed node does to the rest: `on_failure` in static graphs, in maps, in graph functions, and retried."""

from __future__ import annotations

import pytest
from lives import log

from aether_nb import graph_fn, graphify, tool
from aether_nb.errors import NodeFailed, RunError

ran: list[object] = []


@pytest.fixture(autouse=True)
def _nothing_ran():
    ran.clear()


@tool(outputs=["y"])
async def fine(x):
    ran.append(x)
    return {"y": f"fine({x})"}


class Shaky:
    """A tool that fails until it is mended."""

    def __init__(self, on_failure, name="shaky"):
        self.broken = True

        @tool(outputs=["y"], name=name, on_failure=on_failure)
        async def shaky(x):
            ran.append(name)
            if self.broken:
                raise ValueError("no wind")
            return {"y": f"{name}({x})"}

        self.tool = shaky


def graph_with(shaky):
    @graphify(name="g", outputs=["direct", "below", "beside"])
    def g(x):
        got = shaky.tool(x)
        below = fine(fine(got, key="next"), key="below")
        return {"direct": got.y, "below": below.y, "beside": fine(x, key="beside").y}

    return g


def statuses(run):
    return {node.id.partition("-")[0]: node.status for node in run.nodes.values()}


async def test_fail_skips_the_branch_finishes_the_rest_and_fails_the_run(live):
    run = live().start(graph_with(Shaky("fail")), x="x")
    with pytest.raises(NodeFailed, match="shaky failed: ValueError: no wind"):
        await run
    assert statuses(run) == {"shaky": "failed", "next": "skipped", "below": "skipped", "beside": "succeeded"}


async def test_skip_skips_what_needs_it_and_the_run_succeeds_with_none_for_its_outputs(live):
    run = live().start(graph_with(Shaky("skip")), x="x")
    assert dict(await run) == {"direct": None, "below": None, "beside": "fine(x)"}
    assert statuses(run) == {"shaky": "failed", "next": "skipped", "below": "skipped", "beside": "succeeded"}
    assert run.nodes["shaky"].error == "no wind"
    assert run.status == "succeeded"


async def test_continue_goes_on_with_none(live):
    run = live().start(graph_with(Shaky("continue")), x="x")
    assert dict(await run) == {"direct": None, "below": "fine(fine(None))", "beside": "fine(x)"}
    assert statuses(run)["shaky"] == "failed"
    assert run.nodes["shaky"].error == "no wind"


async def test_what_needs_two_that_failed_is_skipped_if_one_of_them_says_so(live):
    skips, goes = Shaky("skip", "skips"), Shaky("continue", "goes")

    @graphify(outputs=["y"])
    def g(x):
        return {"y": fine([skips.tool(x), goes.tool(x)], key="both").y}

    run = live().start(g, x="x")
    assert (await run).y is None
    assert statuses(run)["both"] == "skipped"


@pytest.mark.parametrize("on_failure", ["skip", "continue"])
async def test_a_failed_item_that_is_let_go_leaves_none_in_the_lists(live, on_failure):
    @tool(outputs=["y"], on_failure=on_failure)
    async def picky(x):
        if x == "bad":
            raise ValueError(x)
        return {"y": x}

    @graphify(outputs=["ys"])
    def g(xs):
        return {"ys": fine(picky.map(xs)).y}

    @graph_fn(outputs=["ys"])
    async def f(xs):
        return {"ys": (await picky.map(xs)).y}

    life = live()
    run = life.start(g, xs=["a", "bad", "c"])
    assert (await run).ys == "fine(['a', None, 'c'])"
    assert run.nodes["picky[1]"].error == "bad"
    assert (await life.start(f, "f", xs=["a", "bad"])).ys == ["a", None]


@pytest.mark.parametrize("on_failure", ["skip", "continue"])
async def test_a_graph_function_gets_none_in_place_of_what_raises_otherwise(live, on_failure, store):
    shaky = Shaky(on_failure)

    @graph_fn(outputs=["y"])
    async def f(x, *, context):
        got = await shaky.tool(x)
        await context.channel().ask_text("go?")
        return {"y": got.y}

    first = live()
    first.start(f, x="x")
    await first.until(lambda: first.channel.asked)
    await first.end()
    shaky.broken = False
    second = live()
    run = second.resume()
    await second.until(lambda: second.channel.asked)
    run.answer("yes")
    assert (await run).y is None
    assert ran == ["shaky"]
    assert run.nodes["shaky"].error == "no wind"
    assert next(e for e in log(store) if e.type == "NodeAdded").on_failure == on_failure


# -- tried again ---------------------------------------------------------------------------------


@pytest.mark.parametrize("on_failure", ["fail", "skip", "continue"])
async def test_a_failed_node_is_tried_again_and_what_came_of_it_is_made_anew(live, on_failure):
    shaky = Shaky(on_failure)
    life = live()
    run = life.start(graph_with(shaky), x="x")
    if on_failure == "fail":
        with pytest.raises(NodeFailed):
            await run
    else:
        await run
    shaky.broken = False
    ran.clear()
    again = dict(await run.retry("shaky"))
    assert again == {"direct": "shaky(x)", "below": "fine(fine(shaky(x)))", "beside": "fine(x)"}
    assert ran == ["shaky", "shaky(x)", "fine(shaky(x))"]


@pytest.mark.parametrize("on_failure", ["skip", "continue"])
async def test_a_failed_node_in_a_graph_in_a_graph_is_tried_again(live, on_failure):
    shaky = Shaky(on_failure)
    inner = graph_with(shaky)

    @graphify(outputs=["out"])
    def outer(x):
        return {"out": fine(inner(x).direct, key="outer").y}

    life = live()
    run = life.start(outer, x="x")
    assert (await run).out == "fine(None)"
    shaky.broken = False
    ran.clear()
    assert (await run.retry("shaky")).out == "fine(shaky(x))"
    assert "x" not in ran  # beside, which has nothing to do with it


async def test_what_held_back_by_another_failure_stays_skipped_when_one_is_tried_again(live):
    one, two = Shaky("skip", "one"), Shaky("skip", "two")

    @graphify(outputs=["y"])
    def g(x):
        return {"y": fine([one.tool(x), two.tool(x)], key="both").y}

    life = live()
    run = life.start(g, x="x")
    await run
    one.broken = False
    assert (await run.retry("one")).y is None
    assert statuses(run) == {"one": "succeeded", "two": "failed", "both": "skipped"}
    two.broken = False
    assert (await run.retry("two")).y == "fine(['one(x)', 'two(x)'])"


async def test_a_graph_that_failed_is_tried_again_where_it_failed(live):
    shaky = Shaky("fail")
    inner = graph_with(shaky)

    @graphify(outputs=["out"])
    def outer(x):
        return {"out": inner(x, key="inner").below}

    run = live().start(outer, x="x")
    with pytest.raises(NodeFailed):
        await run
    shaky.broken = False
    ran.clear()
    assert (await run.retry("inner")).out == "fine(fine(shaky(x)))"
    assert "x" not in ran


async def test_a_graph_function_that_failed_is_tried_again_where_it_failed(live):
    shaky = Shaky("fail")

    @graph_fn(name="inner", outputs=["y"])
    async def inner(x):
        return {"y": (await shaky.tool((await fine(x)).y)).y}

    @graphify(outputs=["out"])
    def outer(x):
        return {"out": inner(x, key="inner").y}

    run = live().start(outer, x="x")
    with pytest.raises(NodeFailed):
        await run
    shaky.broken = False
    ran.clear()
    assert (await run.retry("inner")).out == "shaky(fine(x))"
    assert ran == ["shaky"]


async def test_what_a_graph_function_has_gone_on_without_is_not_tried_again(live):
    shaky = Shaky("continue")

    @graph_fn(outputs=["y"])
    async def f(x):
        return {"y": (await shaky.tool(x)).y}

    run = live().start(f, x="x")
    await run
    with pytest.raises(RunError, match="went on without it"):
        run.retry("shaky")


async def test_nothing_is_tried_again_where_nothing_failed(live):
    run = live().start(graph_with(Shaky("skip")), x="x")
    await run
    with pytest.raises(RunError, match="Nothing to retry"):
        run.retry("beside")
