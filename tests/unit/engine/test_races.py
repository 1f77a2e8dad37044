"""The first of several waits, and all of them."""

from __future__ import annotations

import asyncio

import pytest
from lives import WatchedStore, cut, log, turns, types

from aether_nb import DualStageTool, Wait, graph_fn, graphify, tool
from aether_nb.errors import BadInputs, GraphError, NodeFailed, OutsideRun, RunCancelled
from aether_nb.testing import FakeClock
from aether_nb.tools import ask_approval, ask_text, sleep, wait_all, wait_any, wait_for_event

told: list = []


class Order(DualStageTool):
    """Something ordered outside, that wants to be called off."""

    async def setup(self, what: str):
        return Wait(kind="order", correlator=what)

    async def on_resume(self, reply, wait):
        return reply.value

    async def on_cancel(self, wait, *, context):
        told.append(wait.inputs["what"])


order = Order()


@graph_fn(name="together_first", outputs=["first"])
async def first_of(*, context):
    first = await wait_any(ask_text("Go on?"), wait_for_event("stop"), order("pizza"))
    return {"first": (first.index, first.label, dict(first.outputs))}


@graph_fn(name="together_all", outputs=["got"])
async def all_of():
    name, event = await wait_all(ask_text("Name?"), wait_for_event("go"))
    return {"got": [name.text, event.value]}


@pytest.fixture(autouse=True)
def _nobody_was_told():
    told.clear()


async def opened(life, n):
    await life.until(lambda: len(life.channel.shown) == n)


def statuses(run):
    return {w.kind: w.status for w in run.waits}


# -- the first -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "out"),
    [
        (lambda life: life.runtime.get("r").answer("yes", to="Go on?"), (0, "0", {"text": "yes"})),
        (lambda life: life.runtime.post_event("stop", 5), (1, "1", {"value": 5})),
        (lambda life: life.runtime.post_event("pizza", "hot"), (2, "2", {"result": "hot"})),
    ],
)
async def test_the_first_reply_decides_and_the_others_are_withdrawn(live, reply, out):
    life = live()
    run = life.start(first_of)
    await opened(life, 3)
    reply(life)
    assert (await run).first == out
    assert sorted(w.status for w in run.waits) == ["answered", "withdrawn", "withdrawn"]
    assert sorted(n.status for n in run.nodes.values()) == ["cancelled", "cancelled", "succeeded"]
    assert told == ["pizza"] * (out[0] != 2)


async def test_the_losers_are_withdrawn_in_the_transaction_of_the_winner(live):
    store = WatchedStore()
    life = live(store=store)
    run = life.start(first_of)
    await opened(life, 3)
    life.runtime.post_event("stop", 5)
    await run
    [batch] = [kinds for kinds, _ in store.written if "ReplyTaken" in kinds]
    assert batch.count("WaitWithdrawn") == 2
    assert batch.count("NodeCancelled") == 2


async def test_a_kernel_that_died_after_any_event_comes_back_to_the_same_winner(live):
    whole = live()
    run = whole.start(first_of)
    await opened(whole, 3)
    whole.runtime.post_event("stop", 5)
    out = (await run).first
    events = types(whole.store)
    taken = events.index("ReplyTaken")
    for n in (taken + 5, taken + 6, len(events) - 1):  # one transaction ends at taken + 5
        life = live(store=cut(whole.store, n))
        assert (await life.resume()).first == out
        assert len([e for e in log(life.store) if e.type == "ReplyTaken"]) == 1
        assert "NodeAdded" not in types(life.store)[n:]


async def test_a_restart_while_all_are_open_asks_nothing_anew(live):
    first = live()
    first.start(first_of)
    await opened(first, 3)
    await first.end()
    second = live()
    run = second.resume()
    await opened(second, 3)
    assert len(run.waits) == 3
    second.runtime.post_event("stop", 5)
    assert (await run).first[0] == 1
    assert told == ["pizza"]


async def test_of_two_replies_that_come_at_once_one_counts(live):
    life = live()
    run = life.start(first_of)
    await opened(life, 3)
    run.answer("yes", to="Go on?")
    life.runtime.post_event("stop", 5)
    assert (await run).first == (0, "0", {"text": "yes"})
    assert types(life.store).count("ReplyTaken") == 1


async def test_two_replies_that_lay_there_before_the_kernel_came_are_one_winner(live):
    first = live()
    first.start(first_of)
    await opened(first, 3)
    await first.end()
    second = live()
    second.runtime.post_event("pizza", "hot")
    second.runtime.post_event("stop", 5)
    run = second.resume()
    index, *_ = (await run).first
    assert index in {1, 2}
    assert types(second.store).count("ReplyTaken") == 1


async def test_names_stand_for_the_index(live):
    @graph_fn(name="together_named", outputs=["label", "index"])
    async def f():
        first = await wait_any(go=ask_text("Go on?"), stop=wait_for_event("stop"))
        return {"label": first.label, "index": first["index"]}

    life = live()
    run = life.start(f)
    await opened(life, 2)
    life.runtime.post_event("stop")
    assert dict(await run) == {"label": "stop", "index": 1}


async def test_a_sleep_makes_a_time_limit_for_many(live):
    @graph_fn(name="together_limit", outputs=["label"])
    async def f():
        first = await wait_any(a=ask_text("A?"), b=ask_text("B?"), late=sleep(60))
        return {"label": first.label}

    clock = FakeClock()
    life = live(clock=clock)
    run = life.start(f)
    await opened(life, 3)
    clock.advance(60)
    assert (await run).label == "late"
    assert statuses(run) == {"text": "withdrawn", "timer": "expired"}


async def test_a_wait_that_runs_out_of_time_decides_too_and_fails(live):
    @graph_fn(name="together_fails", outputs=["said"])
    async def f():
        try:
            await wait_any(ask_text("A?", timeout=5), order("pizza"))
        except TimeoutError as error:
            return {"said": str(error)}

    clock = FakeClock()
    life = live(clock=clock)
    run = life.start(f)
    await opened(life, 2)
    clock.advance(5)
    assert "Nobody answered 'A?'" in (await run).said
    assert told == ["pizza"]
    again = live(store=cut(life.store, len(log(life.store)) - 1))
    assert "Nobody answered 'A?'" in (await again.resume()).said


async def test_asks_of_the_channel_take_part_also_in_a_tools_body(live):
    @tool(outputs=["label"])
    async def interview(*, context):
        ask = context.channel().ask_text
        first = await wait_any(a=ask("A?"), b=ask("B?"))
        return {"label": [first.label, first.outputs]}

    @graph_fn(name="together_tool", outputs=["label"])
    async def f():
        return {"label": (await interview()).label}

    life = live()
    run = life.start(f)
    await opened(life, 2)
    run.answer("yes", to="B?")
    assert (await run).label == ["b", "yes"]


async def test_in_a_loop_each_round_is_a_race_of_its_own(live):
    @graph_fn(name="together_loop", outputs=["got"])
    async def f():
        got = []
        while True:
            first = await wait_any(more=wait_for_event("more"), stop=wait_for_event("stop"))
            if first.label == "stop":
                return {"got": got}
            got.append(first.outputs.value)

    life = live()
    run = life.start(f)
    for i in range(3):
        await opened(life, 2 * (i + 1))
        life.runtime.post_event("more", i)
    await opened(life, 8)
    await life.end()
    second = live()
    run = second.resume()
    await opened(second, 2)
    second.runtime.post_event("stop")
    assert (await run).got == [0, 1, 2]


async def test_a_race_that_the_users_code_gives_up_withdraws_all(live):
    @graph_fn(name="together_given_up", outputs=["x"])
    async def f():
        task = asyncio.create_task(_race())
        text = (await ask_text("stop it?")).text
        task.cancel()
        return {"x": (await ask_text(f"{text}, and now?")).text}

    async def _race():
        return await wait_any(order("pizza"), order("pasta"))

    life = live()
    run = life.start(f)
    await opened(life, 3)
    run.answer("yes", to="stop it?")
    await opened(life, 4)
    run.answer("fine", to="yes, and now?")
    assert (await run).x == "fine"
    assert sorted(told) == ["pasta", "pizza"]


async def test_a_cancelled_run_withdraws_the_whole_race(live):
    life = live()
    run = life.start(first_of)
    await opened(life, 3)
    run.cancel()
    with pytest.raises(RunCancelled):
        await run
    assert set(statuses(run).values()) == {"withdrawn"}
    assert told == ["pizza"]


async def test_a_race_is_let_go_of_like_any_wait(live):
    life = live()
    run = life.start(first_of)
    while len(life.channel.shown) < 3:  # and nobody stands by
        life.channel.news.clear()
        await life.channel.news.wait()
    await life.driver().barrier(full=False)
    life.engine.dormant.keep = 0
    life.engine.dormant.sweep()
    assert life.runtime.driver("r") is None
    life.runtime.post_event("stop", 5)
    assert (await run).first[0] == 1
    assert told == ["pizza"]


# -- all -----------------------------------------------------------------------------------------


async def test_all_are_open_at_once_and_given_in_the_order_written(live):
    life = live()
    run = life.start(all_of)
    await opened(life, 2)
    life.runtime.post_event("go", 1)
    await turns()
    run.answer("Ada", to="Name?")
    assert (await run).got == ["Ada", 1]


async def test_one_that_fails_withdraws_the_others(live):
    @graph_fn(name="together_all_fails", outputs=["x"])
    async def f():
        return {"x": await wait_all(a=ask_text("A?", timeout=5), b=order("pizza"), c=order("pasta"))}

    clock = FakeClock()
    life = live(clock=clock)
    run = life.start(f)
    await opened(life, 3)
    life.runtime.post_event("pasta", "done")
    await turns()
    clock.advance(5)
    with pytest.raises(TimeoutError, match="Nobody answered 'A\\?'"):
        await run
    assert told == ["pizza"]


async def test_with_names_all_give_a_mapping(live):
    @graph_fn(name="together_all_named", outputs=["x"])
    async def f():
        got = await wait_all(one=ask_text("1?"), two=ask_text("2?"))
        return {"x": [got.one.text, got["two"].text]}

    life = live({"1?": "a", "2?": "b"})
    assert (await life.start(f)).x == ["a", "b"]


async def test_while_a_graph_is_drawn_all_is_the_handles_themselves(live):
    @tool(outputs=["x"])
    async def joined(names, by):
        return {"x": [*names, *by.values()]}

    @graphify(name="together_drawn", outputs=["x"])
    def g():
        a, b = wait_all(ask_text("1?").text, ask_text("2?").text)
        return {"x": joined([a, b], wait_all(c=ask_text("3?").text)).x}

    life = live({"1?": "a", "2?": "b", "3?": "c"})
    assert (await life.start(g)).x == ["a", "b", "c"]


# -- mistakes ------------------------------------------------------------------------------------


def test_the_first_cannot_be_drawn():
    with pytest.raises(GraphError, match="write it in a `@graph_fn`, and call that one here"):

        @graphify(outputs=["x"])
        def g():
            return {"x": wait_any(ask_text("a"), ask_text("b"))}


async def test_a_race_written_as_a_graph_function_stands_in_a_static_graph(live):
    @graphify(name="together_nested", outputs=["x"])
    def g():
        return {"x": first_of().first}

    life = live()
    run = life.start(g)
    await opened(life, 3)
    life.runtime.post_event("stop", 5)
    assert (await run).x[0] == 1


@pytest.mark.parametrize("together", [wait_any, wait_all])
async def test_what_is_no_wait_is_refused_with_what_is(live, together):
    @tool
    async def plain():
        return 1

    @graph_fn(name="together_wrong", outputs=[])
    async def f(case):
        if case == "tool":
            await together(plain())
        elif case == "value":
            await together(5)
        elif case == "nothing":
            await together()
        else:
            await together(ask_text("a"), b=ask_text("b"))

    for i, (case, said) in enumerate(
        [
            ("tool", "takes calls of dual-stage tools that are not awaited yet.* `plain`"),
            ("value", "takes calls of dual-stage tools.* it got 5"),
            ("nothing", "takes at least one wait"),
            ("mixed", "takes either all waits by name or none"),
        ]
    ):
        with pytest.raises(NodeFailed, match=said):
            await live().start(f, run_id=f"r{i}", case=case)


async def test_outside_a_run_it_says_where_it_works(ours):
    with pytest.raises(OutsideRun, match="await it in a `@graph_fn`"):
        await wait_any(ask_text("a"), ask_approval("b"))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: (wait_any(ask_text("a?"), ask_text("b?")), ask_text("c?")), "a coroutine of `wait_any`"),
        (lambda: (asyncio.sleep(60), ask_text("c?")), "a coroutine of `sleep`"),
        (lambda: (one := ask_text("a?"), one), "a coroutine of `ask_text`"),
        (lambda: (3,), "it got 3"),
    ],
)
async def test_what_is_no_wait_or_is_there_twice_is_refused_by_its_name(live, make, said):
    @graph_fn(name="races_no_wait")
    async def refused():
        await wait_any(*make())

    with pytest.raises(BadInputs, match=said):
        await live().start(refused)
