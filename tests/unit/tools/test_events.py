from __future__ import annotations

import asyncio

import pytest
from lives import Life, turns

import aether_nb as ae
from aether_nb import graph_fn, graphify
from aether_nb.errors import BadInputs, ReplyInvalid
from aether_nb.store.sqlite import SqliteStore
from aether_nb.testing import FakeClock
from aether_nb.tools import wait_for_event


@graphify(name="events_drawn", outputs=["value"])
def drawn(name):
    return {"value": wait_for_event(name).value}


@graph_fn(name="events_awaited", outputs=["value"])
async def awaited(name):
    return {"value": (await wait_for_event(name)).value}


both = pytest.mark.parametrize("graph", [drawn, awaited])


@both
async def test_an_event_reaches_every_wait_of_its_name_and_only_those(ours, graph):
    runs = [graph.start(name="ready") for _ in range(3)]
    other = graph.start(name="else")
    for run in (*runs, other):
        await run.next_wait()
    assert ae.post_event("ready", {"n": 1}, by="ana") == 3
    assert [(await run).value for run in runs] == [{"n": 1}] * 3
    assert [run.waits[0].by for run in runs] == ["ana"] * 3
    assert other.status == "waiting"


@both
async def test_an_event_that_comes_before_the_wait_is_kept_for_the_first(ours, graph):
    assert ae.post_event("ready", 1) == 0
    assert (await graph.start(name="ready")).value == 1
    second = graph.start(name="ready")
    await second.next_wait()
    assert second.status == "waiting"


async def test_events_are_taken_in_the_order_in_which_they_came(ours):
    @graph_fn(outputs=["got"])
    async def f():
        return {"got": [(await wait_for_event("queue")).value for _ in range(3)]}

    for i in range(3):
        ae.post_event("queue", i)
    assert (await f()).got == [0, 1, 2]


async def test_an_event_of_this_process_moves_the_run_without_a_look_at_the_clock(configure):
    configure().clock = FakeClock()
    run = drawn.start(name="ready")
    await run.next_wait()
    ae.post_event("ready", 1)
    assert (await run).value == 1


async def test_an_event_of_another_process_is_found(tmp_path):
    clock = FakeClock()
    here, there = SqliteStore(tmp_path / "runs.db"), SqliteStore(tmp_path / "runs.db")
    life, afar = Life(here, clock=clock), Life(there)
    run = life.start(drawn, name="ready")
    await run.next_wait()
    assert afar.runtime.post_event("ready", "hello") == 1
    clock.advance(0.2)
    assert (await run).value == "hello"
    await life.end()
    here.close(), there.close()


async def test_an_event_while_nothing_runs_is_found_on_resume(configure):
    configure()
    run = awaited.start(name="ready", run_id="r")
    await run.next_wait()
    configure()
    ae.post_event("ready", 7)
    assert (await ae.resume("r")).value == 7


async def test_nobody_in_time_gives_the_default_or_a_timeout(configure):
    clock = configure().clock = FakeClock()
    kind = wait_for_event("ready", timeout=60, default="nothing").start()
    strict = wait_for_event("ready", timeout=60).start()
    await kind.next_wait(), await strict.next_wait()
    clock.advance(60)
    assert (await kind).value == "nothing"
    with pytest.raises(TimeoutError, match="Nobody answered \"Waiting for the event 'ready'\" by 2023-11-14"):
        await strict


async def test_an_event_that_does_not_fit_the_schema_leaves_the_wait_open(ours):
    run = wait_for_event("ready", schema={"type": "object", "required": ["url"]}).start()
    wait = await run.next_wait()
    assert wait.schema == {"type": "object", "required": ["url"]}
    assert ae.post_event("ready", {"no": 1}) == 0
    with pytest.raises(ReplyInvalid, match="'url' is a required property"):
        run.answer({})
    assert ae.post_event("ready", {"url": "x"}) == 1
    assert (await run).value == {"url": "x"}


async def test_a_bad_schema_and_a_nameless_event_are_refused(ours):
    with pytest.raises(BadInputs, match="is no JSON Schema: 'many' is not valid"):
        await wait_for_event("ready", schema={"type": "many"})
    with pytest.raises(BadInputs, match="correlator=''"):
        await wait_for_event("")
    for nameless in ("", None, 5):
        with pytest.raises(BadInputs, match="is no name"):
            ae.post_event(nameless, 1)


async def test_many_waits_of_many_runs_get_their_own_event(ours):
    runs = [drawn.start(name=f"n{i}") for i in range(50)]
    await asyncio.gather(*(run.next_wait() for run in runs))
    for i in range(50):
        ae.post_event(f"n{i}", i)
    await turns()
    assert [(await run).value for run in runs] == list(range(50))


@pytest.mark.parametrize("value", [float("nan"), "half \ud800", object(), [float("inf")]])
def test_an_event_that_is_no_json_is_refused_and_nothing_is_kept(ours, value):
    with pytest.raises(ReplyInvalid):
        ae.post_event("odd", value)
    assert ae.post_event("odd", 1) == 0
