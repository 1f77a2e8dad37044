"""Tools that are asked for the reply: when, how often, and what comes of it."""

from __future__ import annotations

import asyncio
from typing import ClassVar

import pytest
from lives import Life, turns, types

from aether_nb import PENDING, DualStageTool, Poll, Reply, Wait, graph_fn, graphify
from aether_nb.engine.polls import pause_us
from aether_nb.errors import NodeFailed
from aether_nb.events import WaitPolled
from aether_nb.ids import Token
from aether_nb.testing import FakeClock

START_US = 1_700_000_000_000_000


class Job(DualStageTool):
    """A job at which the test looks, by what the outside world says of it."""

    outputs = ("result",)
    says: ClassVar[list] = []  # what the next polls find; at the end nothing
    looks: ClassVar[list] = []

    async def setup(self, *, poll: Poll, timeout=None):
        return Wait(kind="job", correlator="job-1", state={"cluster": "north"}, poll=poll, timeout=timeout)

    async def on_resume(self, reply, wait, *, context):
        return {"result": (reply.value, reply.door)}

    async def poll(self, wait, *, context):
        self.looks.append(
            (wait.correlator, wait.state, wait.inputs["poll"].every, context.wait_token == wait.token)
        )
        said = self.says.pop(0) if self.says else PENDING
        if isinstance(said, BaseException):
            raise said
        return said


job = Job()


@graphify(name="polls_static", outputs=["result"])
def static():
    return {"result": job(poll=Poll(every=10)).result}


@graph_fn(name="polls_function", outputs=["result"])
async def function():
    return {"result": (await job(poll=Poll(every=10))).result}


both = pytest.mark.parametrize("graph", [static, function])


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture(autouse=True)
def _nothing_was_seen():
    Job.says, Job.looks = [], []


async def opened(life):
    await life.until(lambda: life.channel.shown)


def polled(life):
    return [e for e in life.store.events("r") if isinstance(e, WaitPolled) and not e.begun]


async def look(life, clock, n):
    """Move the clock to the next look; return when the log has it."""
    token = life.driver().state.waits.values()
    wait = next(iter(token))
    at_us = wait.next_poll_us or wait.opened.at_us + pause_us(wait.opened.poll, wait.opened.token, 1)
    clock.advance((at_us - clock.now_us()) / 1e6)
    await life.until(lambda: len(polled(life)) == n or life.driver().done.done())


@both
async def test_a_poll_finds_the_reply_and_the_run_goes_on(live, clock, graph):
    life = live(clock=clock)
    run = life.start(graph)
    await opened(life)
    Job.says = [PENDING, None, {"url": "x"}]
    await look(life, clock, 1)
    await look(life, clock, 2)
    clock.advance(11)
    assert (await run).result == ({"url": "x"}, "poll")
    assert Job.looks == [("job-1", {"cluster": "north"}, 10, True)] * 3
    assert [e.n for e in polled(life)] == [1, 2]


async def test_a_look_comes_never_before_its_time_and_at_most_a_tenth_after():
    for poll in (Poll(every=5), Poll(every=5, backoff=2, max=60)):
        for n in range(1, 30):
            pause = pause_us(poll, Token("abc"), n) / 1e6
            assert poll.pause(n) <= pause <= poll.pause(n) * 1.1


def test_the_jitter_is_the_same_every_time_and_another_for_every_wait():
    poll = Poll(every=60)
    pauses = {pause_us(poll, Token(f"t{i}"), 1) for i in range(100)}
    assert len(pauses) == 100
    assert pauses == {pause_us(poll, Token(f"t{i}"), 1) for i in range(100)}


def test_a_pause_that_grows_without_a_bound_stops_growing():
    assert pause_us(Poll(every=1, backoff=10), Token("t"), 10_000) < 34 * 86_400 * 1e6


async def test_the_pause_is_in_the_log_before_it_begins(live, clock):
    life = live(clock=clock)
    life.start(static)
    await opened(life)
    assert len(life.engine.alarms) == 1
    await look(life, clock, 1)
    [event] = polled(life)
    assert event.next_at_us - clock.now_us() == pause_us(Poll(every=10), event.token, 2)


@both
async def test_a_restart_looks_at_the_recorded_time(live, clock, graph):
    first = live(clock=clock)
    first.start(graph)
    await opened(first)
    await look(first, clock, 1)
    await first.end()
    second = live(clock=clock)
    run = second.resume()
    await opened(second)
    left_s = (polled(second)[-1].next_at_us - clock.now_us()) / 1e6
    clock.advance(left_s - 0.001)
    await turns()
    assert len(Job.looks) == 1
    Job.says = ["done"]
    clock.advance(0.001)
    assert (await run).result == ("done", "poll")


async def test_looks_that_were_missed_while_nothing_ran_are_one_look(live, clock):
    first = live(clock=clock)
    first.start(static)
    await opened(first)
    await first.end()
    clock.advance(86_400)
    second = live(clock=clock)
    second.resume()
    await opened(second)
    clock.advance(0)
    await second.until(lambda: polled(second))
    await turns()
    assert len(Job.looks) == 1
    assert polled(second)[0].next_at_us > clock.now_us() + 10_000_000


async def test_nobody_looks_while_the_run_sleeps(live, clock):
    life = live(clock=clock)
    life.start(static)
    await opened(life)
    life.driver().suspend()
    life.driver().questions.call_off_all()
    clock.advance(1000)
    await turns()
    assert Job.looks == []
    assert len(life.engine.alarms) == 0


async def test_a_poll_that_raises_is_tried_again_and_leaves_a_word(live, clock):
    life = live(clock=clock)
    run = life.start(static)
    await opened(life)
    Job.says = [OSError("no route")]
    await look(life, clock, 1)
    assert [e.problem for e in polled(life)] == ["OSError: no route"]
    Job.says = [5]
    clock.advance(11)
    assert (await run).result == (5, "poll")


@both
async def test_ten_failures_in_a_row_fail_the_node_with_the_last_error(live, clock, graph):
    life = live(clock=clock)
    run = life.start(graph)
    await opened(life)
    Job.says = [OSError("early"), PENDING, *(OSError(f"no route {i}") for i in range(10))]
    for n in range(1, 12):
        await look(life, clock, n)
    clock.advance(11)
    with pytest.raises(OSError, match="no route 9"):
        await run
    assert [w.status for w in run.waits] == ["withdrawn"]


async def test_the_failures_in_a_row_are_counted_over_restarts(live, clock):
    life = live(clock=clock)
    life.start(static)
    await opened(life)
    Job.says = [OSError("x")] * 10
    for n in range(1, 10):
        await look(life, clock, n)
    await life.end()
    second = live(clock=clock)
    run = second.resume()
    await opened(second)
    clock.advance(11)
    with pytest.raises(OSError, match="x"):
        await run


async def test_a_person_who_is_quicker_than_a_poll_under_way_wins_and_the_poll_ends(live, clock):
    import asyncio

    begun, free = asyncio.Event(), asyncio.Event()

    class Slow(Job):
        async def poll(self, wait, *, context):
            begun.set()
            await free.wait()
            return "from the poll"

    slow = Slow()

    @graphify(outputs=["result"])
    def g():
        return {"result": slow(poll=Poll(every=1)).result}

    life = live(clock=clock)
    run = life.start(g)
    await opened(life)
    clock.advance(2)
    await begun.wait()
    run.answer("from a person")
    assert (await run).result == ("from a person", "api")
    assert types(life.store).count("ReplyTaken") == 1


async def test_a_person_in_another_process_and_a_poll_cannot_both_win(live, clock, store):
    class Late(Job):
        async def poll(self, wait, *, context):
            other.runtime.answer(wait.token, "from afar")
            return "from the poll"

    late = Late()

    @graphify(outputs=["result"])
    def g():
        return {"result": late(poll=Poll(every=1)).result}

    life, other = live(clock=clock), Life(store)
    run = life.start(g)
    await opened(life)
    clock.advance(2)
    assert (await run).result == ("from afar", "api")


async def test_a_poll_may_give_a_reply_with_a_name_or_one_that_is_none(live, clock):
    life = live(clock=clock)
    run = life.start(static)
    await opened(life)
    Job.says = [Reply(value=None, by="the farm")]
    clock.advance(11)
    assert (await run).result == (None, "poll")
    assert [w.by for w in run.waits] == ["the farm"]


async def test_what_a_poll_finds_is_checked_like_any_reply(live, clock):
    class Checked(Job):
        async def setup(self):
            return Wait(kind="job", poll=Poll(every=10), schema={"type": "integer"})

        async def poll(self, wait, *, context):
            return self.says.pop(0)

    checked = Checked()

    @graphify(outputs=["result"])
    def g():
        return {"result": checked().result}

    life = live(clock=clock)
    run = life.start(g)
    await opened(life)
    Job.says = ["many", 5]
    await look(life, clock, 1)
    assert polled(life)[0].problem == "ReplyInvalid: 'many' is not of type 'integer'"
    clock.advance(11)
    assert (await run).result == (5, "poll")


async def test_a_deadline_ends_the_polling(live, clock):
    @graphify(outputs=["result"])
    def g():
        return {"result": job(poll=Poll(every=10), timeout=5).result}

    life = live(clock=clock)
    run = life.start(g)
    await opened(life)
    clock.advance(60)
    with pytest.raises(TimeoutError, match="Waiting for job"):
        await run
    assert Job.looks == []
    assert len(life.engine.alarms) == 0


async def test_every_look_has_a_journal_of_its_own(live, clock):
    seen = []

    class Noting(Job):
        async def poll(self, wait, *, context):
            seen.append(context.now())
            return "done" if len(seen) == 2 else PENDING

    noting = Noting()

    @graphify(outputs=["result"])
    def g():
        return {"result": noting(poll=Poll(every=10)).result}

    life = live(clock=clock)
    run = life.start(g)
    await opened(life)
    await look(life, clock, 1)
    clock.advance(11)
    await run
    assert seen[0] < seen[1]


async def test_polls_hold_a_slot_while_they_look(live, clock):
    life = live(clock=clock, max_concurrency=1)
    life.start(static)
    await opened(life)
    async with life.driver().slot():
        clock.advance(11)
        await turns()
        assert Job.looks == []
    await life.until(lambda: polled(life))
    assert len(Job.looks) == 1


async def test_a_wait_that_wants_polls_of_a_tool_without_one_is_refused(live):
    class Mute(DualStageTool):
        async def setup(self):
            return Wait(poll=Poll(every=1))

        async def on_resume(self, reply, wait): ...

    mute = Mute()

    @graphify(outputs=["x"])
    def g():
        return {"x": mute().result}

    with pytest.raises(NodeFailed, match="mute wants to be polled and has no `poll`"):
        await live().start(g)


async def test_a_store_that_cannot_take_what_was_found_is_offered_it_again(live, clock, store, monkeypatch):
    from aether_nb.errors import StoreError

    life = live(clock=clock)
    run = life.start(static)
    await opened(life)
    answer, refused = store.answer, []

    def refuses(token, reply, *, now_ms):
        if not refused:
            refused.append(token)
            raise StoreError("locked")
        return answer(token, reply, now_ms=now_ms)

    monkeypatch.setattr(store, "answer", refuses)
    Job.says = ["done", "done"]
    clock.advance(11)
    while not refused or len(life.engine.alarms) == 0:
        await turns()
    clock.advance(1)
    assert (await run).result == ("done", "poll")


@pytest.mark.parametrize(
    "raised", [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError(), GeneratorExit()]
)
async def test_a_poll_that_raises_what_would_end_a_loop_is_a_look_without_a_result(live, clock, raised):
    life = live(clock=clock)
    run = life.start(static)
    await opened(life)
    Job.says = [raised, "done"]
    await look(life, clock, 1)
    assert polled(life)[0].problem.startswith(type(raised).__name__)
    clock.advance(11)
    assert (await run).result == ("done", "poll")


async def test_what_a_poll_says_in_half_characters_does_not_spoil_the_log(live, clock):
    life = live(clock=clock)
    life.start(static)
    await opened(life)
    Job.says = [ValueError("\ud800")]
    await look(life, clock, 1)
    assert polled(life)[0].problem == "ValueError: ?"
