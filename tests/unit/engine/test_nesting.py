"""Static graphs in static graphs, however deep: waits, failures, retries, restarts; runs let go of; forks."""

from __future__ import annotations

import pytest
from lives import Life, log
from unit.engine.test_dormant import Kernel

from aether_nb import graph_fn, graphify, tool, when
from aether_nb.display.dot import to_dot
from aether_nb.display.view import RunView
from aether_nb.engine.specs import find_spec
from aether_nb.errors import NodeFailed
from aether_nb.tools import ask_text

DEEP = 50

ran: list[object] = []


@pytest.fixture(autouse=True)
def _nothing_ran():
    ran.clear()


@tool(outputs=["x"])
async def step(x):
    ran.append(x)
    return {"x": x}


def nested(innermost, depth=DEEP):
    """A graph in a graph in a graph, with a step at each level."""

    def around(inner, level):
        @graphify(name=f"level{level}", outputs=["x"])
        def graph(x):
            return {"x": inner(step(x)).x}

        return graph

    for level in range(depth):
        innermost = around(innermost, level)
    return innermost


def view_of(store, run_id="r"):
    view = RunView(run_id, None, lambda key: find_spec(store, key))
    for event in log(store, run_id):
        view.apply(event)
    return view


async def test_a_question_fifty_graphs_deep_survives_a_restart(live, store):
    @graphify(name="innermost", outputs=["x"])
    def innermost(x):
        return {"x": step([x, ask_text("why?").text]).x}

    deep = nested(innermost)
    first = live()
    first.start(deep, x=1)
    await first.until(lambda: first.channel.asked and len(ran) == DEEP)
    await first.end()
    second = live()
    run = second.resume()
    await second.until(lambda: second.channel.asked)
    run.answer("so")
    assert (await run).x == [1, "so"]
    assert len(ran) == DEEP + 1
    shape = view_of(store).peek()
    assert {n["status"] for n in shape["nodes"]} == {"succeeded"}
    assert to_dot(shape).count("subgraph") == DEEP


async def test_a_failure_fifty_graphs_deep_is_told_once_and_tried_again_there(live):
    broken = [True]

    @tool(outputs=["x"])
    async def shaky(x):
        if broken[0]:
            raise ValueError("no wind")
        return {"x": x}

    @graphify(name="innermost", outputs=["x"])
    def innermost(x):
        return {"x": shaky(x).x}

    run = live().start(nested(innermost), x=1)
    with pytest.raises(NodeFailed, match=r"^shaky failed: ValueError: no wind") as caught:
        await run
    assert caught.value.node.count("/") == DEEP
    broken[0] = False
    ran.clear()
    assert (await run.retry("shaky")).x == 1
    assert ran == []


async def test_a_map_over_a_graph_over_a_map_is_one_node_of_the_picture(live, store):
    @graphify(name="page", outputs=["x"])
    def page(xs):
        return {"x": step.map(xs).x}

    @graphify(outputs=["x"])
    def book(pages):
        return {"x": page.map(pages).x}

    run = live().start(book, pages=[[1, 2], [3]])
    assert (await run).x == [[1, 2], [3]]
    (node,) = view_of(store).peek()["nodes"]
    assert (node["kind"], node["status"], node["count"]["done"]) == ("map", "succeeded", 2)
    assert "2/2" in to_dot(view_of(store).peek(), status=True)


# -- runs that are let go of ---------------------------------------------------------------------


async def test_a_run_that_waits_inside_a_map_and_a_branch_is_let_go_of_and_comes_back_for_each_reply() -> (
    None
):
    @graphify(name="dormant_map", outputs=["names"])
    def graph(questions, yes):
        asked = when(yes, then=lambda: ask_text.map(questions, max_concurrency=2))
        return {"names": asked.text}

    kernel = Kernel()
    kernel.start(graph, questions=["a?", "b?", "c?"], yes=True)
    await kernel.asked(2)
    for n, question in enumerate(["b?", "c?", "a?"]):
        while kernel.engine.drivers:
            await kernel.look()
        wait = next(w for w in kernel.store.waits() if w.prompt.prompt == question)
        assert kernel.runtime.answer(wait.token, question.upper())
        await kernel.asked(min(3, 3 + n))
    await kernel.ended()
    assert kernel.runtime.get("r").outputs == {"names": ["A?", "B?", "C?"]}
    assert kernel.channel.asked == ["a?", "b?", "c?"]
    await kernel.end()


# -- forks ---------------------------------------------------------------------------------------


async def test_a_fork_in_a_map_shares_what_is_done_of_it(live):
    @graphify(name="forked", outputs=["x"])
    def graph(xs):
        names = ask_text.map(xs)
        return {"x": step(names.text).x}

    life = live({"text": lambda prompt: prompt.prompt.upper()})
    run = life.start(graph, xs=["a?", "b?"])
    assert (await run).x == ["A?", "B?"]
    fork = run.fork(at="ask_text[1]", answer="other")
    assert (await fork).x == ["A?", "other"]
    assert ran == [["A?", "B?"], ["A?", "other"]]


async def test_a_fork_in_a_branch_goes_the_way_the_run_went(live):
    @graphify(name="forked", outputs=["x"])
    def graph(yes):
        named = when(yes, then=lambda: ask_text("name?"), otherwise=lambda: {"text": step(0).x})
        return {"x": step(named.text, key="last").x}

    life = live({"name?": "Ada"})
    run = life.start(graph, yes=True)
    assert (await run).x == "Ada"
    fork = run.fork(at="ask_text", answer="Grace")
    assert (await fork).x == "Grace"
    assert ran == ["Ada", "Grace"]
    statuses = {node.id: node.status for node in fork.nodes.values() if node.name == "step"}
    assert sorted(statuses.values()) == ["skipped", "succeeded"]


async def test_a_fork_at_the_condition_may_go_the_other_way(live):
    @graphify(name="forked", outputs=["x"])
    def graph():
        named = when(ask_text("go?").text, then=lambda: step("then"), otherwise=lambda: step("otherwise"))
        return {"x": named.x}

    run = live({"go?": "yes"}).start(graph)
    assert (await run).x == "then"
    assert (await run.fork(at="ask_text", answer="")).x == "otherwise"


async def test_a_fork_of_a_run_in_the_middle_of_a_map_goes_on_with_it(live):
    @graph_fn(name="forked", outputs=["x"])
    async def function(xs):
        return {"x": (await ask_text.map(xs)).text}

    life: Life = live()
    run = life.start(function, xs=["a?", "b?"])
    await life.until(lambda: len(life.channel.asked) == 2)
    run.answer("A", to="a?")
    await life.until(lambda: "ReplyTaken" in [e.type for e in log(life.store)])
    fork = run.fork()
    await life.until(lambda: len(life.channel.asked) == 3, fork.run_id)
    fork.answer("B")
    assert (await fork).x == ["A", "B"]
