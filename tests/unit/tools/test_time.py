from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from lives import turns

import aether_nb as ae
from aether_nb import graph_fn, graphify, tool
from aether_nb.errors import BadInputs, NodeFailed
from aether_nb.tools import sleep, sleep_until

NOW = datetime.fromtimestamp(1_700_000_000, UTC)


@tool(outputs=["at"])
async def wake():
    return {"at": ae.api.current().clock.now_us() // 1_000_000 - 1_700_000_000}


@graphify(outputs=["at"])
def drawn():
    return {"at": wake(after=sleep(60)).at}


@graph_fn(outputs=["at"])
async def awaited():
    await sleep(60)
    return {"at": (await wake()).at}


@pytest.fixture
def clock(scripted, fake_clock):
    """The clock of this test's runtimes; nobody is there to answer anything."""
    scripted([])
    return fake_clock


@pytest.mark.parametrize("graph", [drawn, awaited])
async def test_a_sleep_ends_by_itself_at_its_time(clock, graph):
    run = graph.start()
    await run.next_wait()
    clock.advance(59.999)
    await turns()
    assert run.status == "waiting"
    clock.advance(0.001)
    assert (await run).at == 60


async def test_only_the_rest_is_slept_after_a_restart(aether, clock):
    run = awaited.start(run_id="r")
    await run.next_wait()
    clock.advance(45)
    aether.restart()
    run = ae.resume("r")
    await turns()
    clock.advance(14)
    await turns()
    assert run.status == "waiting"
    clock.advance(1)
    assert (await run).at == 60


@pytest.mark.parametrize(
    ("call", "seconds"),
    [
        (lambda: sleep(1.5), 1.5),
        (lambda: sleep(timedelta(minutes=1)), 60),
        (lambda: sleep_until(NOW + timedelta(days=1)), 86_400),
        (lambda: sleep_until((NOW + timedelta(days=1)).astimezone().replace(tzinfo=None)), 86_400),
        (lambda: sleep_until(NOW - timedelta(days=1)), 0),
    ],
)
async def test_a_time_is_a_span_or_a_point(clock, call, seconds):
    wait = await call().start().next_wait()
    assert (wait.deadline - NOW).total_seconds() == seconds
    assert wait.kind == "timer"


async def test_a_sleep_at_the_top_of_a_cell_is_a_run(clock):
    asleep = sleep(5)
    run = asleep.start()
    await run.next_wait()
    clock.advance(5)
    assert dict(await asleep) == {}


async def test_whoever_answers_ends_it_early(clock):
    run = awaited.start()
    await run.next_wait()
    run.answer(None)
    assert (await run).at == 0


@pytest.mark.parametrize("wrong", ["soon", None, True, float("nan"), float("inf"), 10**400])
async def test_a_span_that_is_none_gets_one_sentence_however_one_sleeps(clock, wrong):
    @graph_fn(name="sleeps", outputs=[])
    async def sleeps(*, context):
        await context.sleep(wrong)

    @graph_fn(outputs=[])
    async def waits():
        await sleep(wrong)

    with pytest.raises(
        NodeFailed, match=r"BadInputs: context\.sleep\(.*\) of 'sleepy': give seconds, not more than"
    ):
        await sleeps.start(run_id="sleepy")
    with pytest.raises(
        NodeFailed, match=r"BadInputs: sleep\(.*\): give seconds, not more than a thousand years"
    ):
        await waits()


@pytest.mark.parametrize("seconds", [0, -1, float("-inf")])
async def test_a_span_that_is_over_does_not_wait(clock, seconds):
    @graph_fn(outputs=["x"])
    async def sleeps(*, context):
        await context.sleep(seconds)
        await sleep(seconds)
        return {"x": 1}

    run = sleeps.start()
    while run.status != "succeeded":
        clock.advance(0)
        await turns()
    assert (await run).x == 1


async def test_a_point_in_time_beyond_all_is_refused(clock):
    with pytest.raises(
        NodeFailed, match=r"sleep_until\(.*9999.*\): nobody will be there; give an earlier time"
    ):
        await sleep_until(datetime.max)


async def test_what_is_no_time_is_refused_with_the_other_tool(clock):
    with pytest.raises(BadInputs, match="seconds"):
        await sleep("soon")

    @graph_fn(outputs=[])
    async def wrong(until):
        await (sleep_until(5) if until else sleep(NOW))

    with pytest.raises(NodeFailed, match=r"give seconds, .*; for a point in time there is sleep_until"):
        await wrong(until=False)
    with pytest.raises(NodeFailed, match="give a datetime; for a span there is sleep"):
        await wrong(until=True)
