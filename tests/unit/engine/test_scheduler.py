"""Who computes next: places, limits of tools, priorities, turns, and standing still."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lives import turns, types

from aether_nb import api, graph_fn, graphify, tool
from aether_nb.engine.scheduler import Scheduler
from aether_nb.errors import BadInputs, NodeFailed, RunCancelled
from aether_nb.testing import FakeClock
from aether_nb.tools import ask_text

# -- the scheduler alone -------------------------------------------------------------------------


class Desk:
    """A scheduler, and who it served in which order."""

    def __init__(self, places):
        self.clock = FakeClock()
        self.scheduler = Scheduler(places, self.clock)
        self.served = []
        self.computing = []

    def wants(self, share, name, *, tool="", limit=None, back=False):
        slot = self.scheduler.slot(share, tool, limit)

        def start():
            self.served.append(name)
            self.computing.append((slot, tool, share))

        slot.when_free(start, back=back)
        return slot

    def ends(self, i=0):
        self.computing.pop(i)[0].give_back()

    def all_end(self):
        while self.computing:
            self.ends()


def test_runs_of_the_same_priority_take_turns_however_much_one_of_them_has_ready():
    desk = Desk(1)
    many, few = desk.scheduler.share(0), desk.scheduler.share(0)
    for i in range(10_000):
        desk.wants(many, f"many{i}")
    for i in range(3):
        desk.wants(few, f"few{i}")
    for _ in range(7):
        desk.ends()
    assert desk.served == ["many0", "few0", "many1", "few1", "many2", "few2", "many3", "many4"]


def test_a_run_that_has_one_thing_ready_at_a_time_gets_every_other_turn():
    desk = Desk(1)
    many, chain = desk.scheduler.share(0), desk.scheduler.share(0)
    for i in range(100):
        desk.wants(many, "many")
    for _ in range(10):
        desk.wants(chain, "chain")
        desk.ends()
        desk.ends()  # of these two one was of the chain, whose next is ready now
    assert Counter(desk.served) == {"many": 11, "chain": 10}


def test_a_higher_priority_goes_first_and_the_others_take_turns_among_themselves():
    desk = Desk(1)
    low, high, other = desk.scheduler.share(0), desk.scheduler.share(5), desk.scheduler.share(5)
    for share, name in ((low, "low"), (low, "low"), (high, "high"), (high, "high"), (other, "other")):
        desk.wants(share, name)
    desk.all_end()
    assert desk.served == ["low", "high", "other", "high", "low"]


def test_a_tool_with_a_limit_holds_up_neither_other_tools_nor_other_runs():
    desk = Desk(4)
    a, b = desk.scheduler.share(0), desk.scheduler.share(0)
    for i in range(3):
        desk.wants(a, f"llm{i}", tool="llm", limit=1)
    desk.wants(a, "plain")
    desk.wants(b, "other")
    assert desk.served == ["llm0", "plain", "other"]
    desk.ends(1)
    assert desk.served == ["llm0", "plain", "other"]
    desk.ends(0)
    assert desk.served[3:] == ["llm1"]


def test_a_body_that_comes_back_from_an_ask_goes_before_those_of_its_run_that_have_not_begun():
    desk = Desk(1)
    run = desk.scheduler.share(0)
    for i in range(3):
        desk.wants(run, f"new{i}")
    desk.wants(run, "back", back=True)
    desk.all_end()
    assert desk.served == ["new0", "back", "new1", "new2"]


def test_what_a_run_left_in_line_is_dropped_with_it():
    desk = Desk(1)
    gone, stays = desk.scheduler.share(0), desk.scheduler.share(0)
    for i in range(5):
        desk.wants(gone, "gone", tool="t", limit=2)
        desk.wants(gone, "gone")
    desk.wants(stays, "stays")
    desk.scheduler.drop(gone)
    assert len(desk.scheduler) == 1
    desk.all_end()
    assert desk.served == ["gone", "stays"]
    assert len(desk.scheduler) == 0


def test_standing_still_gives_no_place_and_takes_none_away():
    desk = Desk(2)
    run = desk.scheduler.share(0)
    desk.wants(run, "a")
    desk.scheduler.pause()
    desk.wants(run, "b")
    desk.wants(run, "c")
    desk.ends()
    assert desk.served == ["a"]
    desk.scheduler.unpause()
    assert desk.served == ["a", "b", "c"]


def test_time_in_line_is_told():
    desk = Desk(1)
    desk.wants(desk.scheduler.share(0), "a")
    slot = desk.wants(desk.scheduler.share(0), "b")
    desk.clock.advance(2)
    desk.ends()
    assert slot.queued_us == 2_000_000


async def test_who_stops_waiting_for_a_place_leaves_it_to_the_next():
    scheduler = Scheduler(1, FakeClock())
    run = scheduler.share(0)
    first, gone, late, last = (scheduler.slot(run) for _ in range(4))
    await first.take()
    waiting = [asyncio.ensure_future(slot.take()) for slot in (gone, late, last)]
    await turns(2)
    waiting[0].cancel()
    first.give_back()
    waiting[1].cancel()  # its place came in this very turn
    await asyncio.wait(waiting)
    assert last.take_nowait()
    last.give_back()
    assert scheduler._free == 1


acts = st.lists(
    st.tuples(st.sampled_from(["want", "want", "end", "pause", "unpause", "drop"]), st.integers(0, 7)),
    max_size=80,
)


@given(acts=acts, places=st.integers(1, 3))
def test_no_limit_is_ever_passed_and_no_place_stays_empty_that_somebody_could_use(acts, places):
    desk = Desk(places)
    shares = [desk.scheduler.share(0), desk.scheduler.share(0), desk.scheduler.share(1)]
    limits = {"": None, "one": 1, "two": 2}
    wanted = []
    for act, n in acts:
        if act == "want":
            share, tool_name = shares[n % 3], list(limits)[n % len(limits)]
            slot = desk.wants(share, len(wanted), tool=tool_name, limit=limits[tool_name])
            wanted.append((slot, tool_name, share))
        elif act == "end" and desk.computing:
            desk.ends(n % len(desk.computing))
        elif act == "pause":
            desk.scheduler.pause()
        elif act == "unpause":
            desk.scheduler.unpause()
        elif act == "drop":
            desk.scheduler.drop(shares[n % 3])
            wanted = [
                None if w is not None and w[2] is shares[n % 3] and i not in desk.served else w
                for i, w in enumerate(wanted)
            ]
        waiting = [w for i, w in enumerate(wanted) if w is not None and i not in desk.served]
        assert len(desk.scheduler) == len(waiting)
        busy = Counter(tool_name for _, tool_name, _ in desk.computing)
        assert len(desk.computing) <= places
        assert all(limit is None or busy[t] <= limit for t, limit in limits.items())
        if len(desk.computing) < places and not desk.scheduler.paused:
            assert not [w for w in waiting if limits[w[1]] is None or busy[w[1]] < limits[w[1]]]


@given(ready=st.lists(st.integers(0, 30), min_size=2, max_size=6), places=st.integers(1, 4))
def test_between_two_turns_of_a_run_every_other_that_waits_has_one(ready, places):
    desk = Desk(places)
    shares = [desk.scheduler.share(0) for _ in ready]
    desk.scheduler.pause()
    for who, n in enumerate(ready):
        for _ in range(n):
            desk.wants(shares[who], who)
    desk.scheduler.unpause()
    desk.all_end()
    left = dict(enumerate(ready))
    for i, who in enumerate(desk.served):
        left[who] -= 1
        others = {w for w in left if left[w] > 0 and w != who}
        if who in desk.served[i + 1 :]:
            again = desk.served.index(who, i + 1)
            assert others <= set(desk.served[i + 1 : again])


# -- runs ----------------------------------------------------------------------------------------


order: list[str] = []
"""The runs whose bodies began, in that order."""


@pytest.fixture(autouse=True)
def _nothing_began():
    order.clear()


@tool(outputs=["i"])
async def work(i, *, context):
    order.append(context.run_id)
    await asyncio.sleep(0)
    return {"i": i}


def fan(n):
    @graphify(name=f"fan{n}", outputs=["i"])
    def g():
        for i in range(n):
            last = work(i, key=f"k{i}")
        return {"i": last.i}

    return g


@graph_fn(name="chain", outputs=["i"])
async def chain(n):
    for i in range(n):
        await work(i)
    return {"i": n}


async def test_one_run_with_ten_thousand_ready_nodes_does_not_hold_another_up(live):
    life = live(max_concurrency=1)
    large = life.start(fan(10_000), "large")
    small = life.start(chain, "small", n=20)
    await small
    last = len(order) - order[::-1].index("small")
    assert Counter(order[:last]) == {"large": 21, "small": 20}, "one was at work before the small one came"
    large.cancel()
    with pytest.raises(RunCancelled):
        await large


async def test_a_node_in_line_is_no_task(live):
    life = live(max_concurrency=4)
    run = life.start(fan(10_000))
    assert len(asyncio.all_tasks()) < 20
    assert len(life.engine.scheduler) == 9_996
    run.cancel()
    assert len(life.engine.scheduler) == 0
    with pytest.raises(RunCancelled):
        await run


async def test_what_stood_in_line_moves_with_its_run_to_the_next_kernel_and_so_does_its_priority(live):
    first = live(max_concurrency=1)
    first.runtime.pause(True)
    first.runtime.starting.start(fan(50), {}, run_id="r", priority=3)
    await turns()
    await first.end()
    second = live(max_concurrency=1)
    run = second.resume()
    assert second.driver().share.priority == 3
    await run
    assert {n.status for n in run.nodes.values()} == {"succeeded"}


async def test_a_run_of_higher_priority_computes_first(live):
    life = live(max_concurrency=1)
    life.runtime.pause(True)
    runs = [life.runtime.starting.start(fan(5), {}, run_id=f"r{p}", priority=p) for p in (0, 2, 1)]
    life.runtime.pause(False)
    await asyncio.gather(*(run.result() for run in runs))
    assert order == ["r2"] * 5 + ["r1"] * 5 + ["r0"] * 5


async def test_a_priority_that_is_none_is_refused(live):
    with pytest.raises(BadInputs, match="priority='high' is no whole number"):
        live().runtime.starting.start(fan(1), {}, priority="high")


async def test_a_run_that_starts_over_keeps_its_priority(live):
    life = live()
    run = life.runtime.starting.start(fan(1), {}, run_id="r", priority=7)
    await run
    again = run.start_over()
    assert life.driver().share.priority == 7
    await again


@pytest.mark.parametrize("form", ["drawn", "written"])
async def test_never_more_bodies_of_a_tool_compute_than_it_allows_over_all_runs(live, form):
    now, most = Counter(), Counter()

    async def busy(kind):
        now[kind] += 1
        most[kind] = max(most[kind], now[kind])
        await turns(3)
        now[kind] -= 1

    @tool(outputs=["i"], max_concurrency=2)
    async def narrow(i):
        await busy("narrow")
        return {"i": i}

    @tool(outputs=["i"])
    async def wide(i):
        await busy("wide")
        return {"i": i}

    @graphify(name="drawn", outputs=["i"])
    def drawn():
        return {"i": [step(i).i for step in (narrow, wide) for i in range(10)]}

    @graph_fn(name="written", outputs=["i"])
    async def written():
        outs = await asyncio.gather(*(step(i) for step in (narrow, wide) for i in range(10)))
        return {"i": [out.i for out in outs]}

    life = live(max_concurrency=6)
    graph = drawn if form == "drawn" else written
    for out in await asyncio.gather(*(life.start(graph, f"r{i}").result() for i in range(2))):
        assert out.i == [*range(10), *range(10)]
    assert most["narrow"] == 2
    assert 2 < most["wide"] <= 6


async def test_paused_no_body_begins_running_ones_finish_and_questions_can_be_answered(live, store):
    go = asyncio.Event()

    @tool(outputs=["x"])
    async def running():
        await go.wait()
        return {"x": 1}

    @tool(outputs=["x"])
    async def asks(*, context):
        return {"x": await context.channel().ask_text("name?")}

    @graphify(outputs=["x", "y"])
    def g():
        return {"x": work(running().x).i, "y": asks().x}

    life = live()
    run = life.start(g)
    await life.until(lambda: life.channel.asked)
    life.runtime.pause(True)
    assert repr(run) == "<run r: running, paused until ae.unpause()>"
    go.set()
    await life.until(lambda: "NodeFinished" in types(store))
    run.answer("Ada")
    await life.until(lambda: "ReplyTaken" in types(store))
    await turns()
    assert {n.name: n.status for n in run.nodes.values() if n.kind == "tool"} == {
        "running": "succeeded",
        "work": "pending",
        "asks": "running",
    }
    life.runtime.pause(False)
    assert dict(await run) == {"x": 1, "y": "Ada"}


async def test_a_run_with_something_in_line_is_not_let_go_of(live):
    @graphify(outputs=["x", "y"])
    def g():
        return {"x": ask_text("n?").text, "y": work(1).i}

    life = live()
    life.runtime.pause(True)
    run = life.start(g)
    await life.until(lambda: life.channel.asked)
    await turns()
    assert run.status == "waiting"
    life.engine.dormant.keep = 0
    life.engine.dormant.sweep()
    assert len(life.engine.dormant) == 0
    life.runtime.pause(False)
    run.answer("Ada")
    assert dict(await run) == {"x": "Ada", "y": 1}


async def test_a_run_that_starts_while_paused_waits(live):
    life = live()
    life.runtime.pause(True)
    run = life.start(fan(3))
    await turns()
    assert {n.status for n in run.nodes.values()} == {"pending"}
    life.runtime.pause(False)
    await run


async def test_pause_and_unpause_are_public_and_end_with_configure(ours):
    assert not api.paused()
    api.pause()
    assert api.paused()
    run = fan(2).start()
    await turns()
    assert {n.attempt for n in run.nodes.values()} == {0}
    api.unpause()
    await run
    api.pause()
    api.configure(store=":memory:")
    assert not api.paused()


async def test_every_place_is_back_when_all_is_over(live):
    @tool(outputs=["x"])
    async def fails():
        raise ValueError

    @tool(outputs=["x"])
    async def asks(*, context):
        return {"x": await context.channel().ask_text("name?")}

    @graphify(outputs=[])
    def g():
        fails()
        for i in range(5):
            asks(key=f"a{i}")
            work(i)

    life = live(max_concurrency=2)
    run = life.start(g)
    await life.until(lambda: len(life.channel.asked) == 5)
    scheduler = life.engine.scheduler
    for wait in run.waits:
        run.answer("x", wait=wait.token)
    with pytest.raises(NodeFailed):
        await run
    await turns()
    assert (scheduler._free, len(scheduler), scheduler._any.busy) == (2, 0, 0)


async def test_a_task_that_is_cancelled_before_it_began_gives_its_place_back(live):
    life = live(max_concurrency=2)
    run = life.start(fan(10))
    scheduler = life.engine.scheduler
    assert scheduler._free == 0
    run.cancel()  # in the same turn of the loop
    with pytest.raises(RunCancelled):
        await run
    await turns()
    assert scheduler._free == 2
