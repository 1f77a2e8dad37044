"""Questions and their deadlines, with a clock that is moved by hand."""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime, timedelta

import pytest
from lives import turns, types

from aether_nb import DualStageTool, Poll, Wait, graph_fn, graphify, tool
from aether_nb.answering import Answer
from aether_nb.engine.waits import deadline_of
from aether_nb.errors import BadInputs, NodeFailed, ReplyInvalid, UnansweredPrompt, WaitTimeout
from aether_nb.prompts import TextPrompt
from aether_nb.testing import FakeClock
from aether_nb.tools import ask_approval, ask_text


@graph_fn(name="asks_in_time", outputs=["x"])
async def asks(default=None, timeout=60, *, context):
    more = {} if default is None else {"default": default}
    return {"x": await context.channel().ask_text("name?", timeout=timeout, **more)}


@pytest.fixture
def clock():
    return FakeClock()


async def asked(life, n=1):
    await life.until(lambda: len(life.channel.asked) == n)


async def test_nobody_answers_in_time_and_the_default_counts(live, clock):
    life = live(clock=clock)
    run = life.start(asks, default="nobody")
    await asked(life)
    clock.advance(59.9)
    assert run.status == "waiting"
    clock.advance(0.1)
    assert (await run).x == "nobody"
    assert [(w.status, w.by) for w in run.waits] == [("expired", "")]
    assert [w.status for w in life.channel.closed] == ["expired"]


async def test_without_a_default_it_is_a_timeout_that_names_the_question_and_the_deadline(live, clock):
    life = live(clock=clock)
    run = life.start(asks)
    await asked(life)
    clock.advance(60)
    with pytest.raises(WaitTimeout) as caught:
        await run
    assert "Nobody answered 'name?' by 2023-11-14 22:14:20 UTC" in str(caught.value)
    assert isinstance(caught.value, NodeFailed)
    assert isinstance(caught.value, TimeoutError)
    assert caught.value.inputs["prompt"] == "name?"


async def test_a_reply_after_the_deadline_is_refused(live, clock):
    life = live(clock=clock)
    run = life.start(asks, default="nobody")
    await asked(life)
    token = run.waits[0].token
    clock.advance(60)
    await run
    late = life.runtime.answer(token, "Ada")
    assert not late
    assert late.status == "expired"
    at = datetime.fromtimestamp(1_700_000_060).astimezone()
    assert repr(late) == f"not accepted: expired at {at:%Y-%m-%d %H:%M}"


async def test_a_reply_after_a_deadline_that_no_kernel_has_noticed_is_refused_with_the_reason(live, clock):
    first = live(clock=clock)
    run = first.start(asks)
    await asked(first)
    await first.end()
    clock.advance(61)
    late = live(clock=clock).runtime.answer(run.waits[0].token, "Ada")
    assert (bool(late), late.status) == (False, "expired")
    assert "not accepted: expired at " in repr(late)


def test_a_deadline_of_today_is_spoken_as_a_time():
    now = datetime.now().astimezone().replace(microsecond=0)
    late = Answer(accepted=False, status="expired", by="", door="", at=now)
    assert repr(late) == f"not accepted: expired at {now:%H:%M}"


async def test_a_reply_before_the_deadline_calls_the_alarm_off(live, clock):
    life = live(clock=clock)
    run = life.start(asks, default="nobody")
    await asked(life)
    clock.advance(59)
    run.answer("Ada")
    clock.advance(10)
    assert (await run).x == "Ada"
    assert "WaitExpired" not in types(life.store)


async def test_a_deadline_that_passed_while_no_kernel_ran_counts_at_once(live, clock):
    first = live(clock=clock)
    first.start(asks, default="nobody")
    await asked(first)
    await first.end()
    clock.advance(3600)
    assert (await live(clock=clock).resume()).x == "nobody"


async def test_a_deadline_holds_over_a_restart(live, clock):
    first = live(clock=clock)
    first.start(asks, default="nobody")
    await asked(first)
    clock.advance(30)
    await first.end()
    second = live(clock=clock)
    run = second.resume()
    await asked(second)
    clock.advance(29)
    assert run.status == "waiting"
    clock.advance(1)
    assert (await run).x == "nobody"


async def test_a_kernel_that_died_right_after_expiring_a_wait_left_nothing_stuck(live, clock, store):
    first = live(clock=clock)
    run = first.start(asks, default="nobody")
    await asked(first)
    await first.end()
    clock.advance(60)
    assert store.expire(run.waits[0].token, clock.now_us() // 1000)  # and the event is not in the log
    assert (await live(clock=clock).resume()).x == "nobody"


async def test_a_store_that_is_in_trouble_at_the_deadline_is_asked_again(
    live, clock, store, monkeypatch, caplog
):
    from aether_nb.errors import StoreError

    life = live(clock=clock)
    run = life.start(asks, default="nobody")
    await asked(life)

    def refuses(token, now_ms):
        raise StoreError("locked")

    with monkeypatch.context() as patch:
        patch.setattr(store, "expire", refuses)
        clock.advance(60)
    assert "locked" in caplog.text
    clock.advance(1)
    assert (await run).x == "nobody"


async def test_a_default_that_is_no_answer_is_refused_when_the_question_is_asked(live):
    @graph_fn(outputs=[])
    async def f(*, context):
        await context.channel().ask_approval("sure?", default="maybe")

    with pytest.raises(NodeFailed, match="BadInputs: The default 'maybe' is no answer to 'sure\\?'"):
        await live().start(f)


async def test_a_question_in_a_static_graph_times_out_and_names_itself(live, clock):
    @graphify(outputs=["x"])
    def g():
        return {"x": ask_text("name?", timeout=5).text}

    life = live(clock=clock)
    run = life.start(g)
    await asked(life)
    clock.advance(5)
    with pytest.raises(WaitTimeout, match="Nobody answered 'name\\?'"):
        await run


def test_a_timeout_may_be_seconds_a_span_or_a_point_in_time():
    now_us = 1_700_000_000_000_000
    assert deadline_of(None, now_us) is None
    assert deadline_of(1.5, now_us) == 1_700_000_001_500
    assert deadline_of(timedelta(minutes=1), now_us) == 1_700_000_060_000
    assert deadline_of(datetime(2024, 1, 1, tzinfo=UTC), now_us) == 1_704_067_200_000
    local = datetime.fromtimestamp(1_704_067_200).astimezone()
    assert deadline_of(local.replace(tzinfo=None), now_us) == 1_704_067_200_000
    for past in (0, -5, -math.inf, timedelta(days=-1), datetime(2020, 1, 1, tzinfo=UTC), datetime.min):
        assert deadline_of(past, now_us) == 1_700_000_000_000
    for bad in ("5", True, [5], math.nan):
        with pytest.raises(BadInputs, match="is no time"):
            deadline_of(bad, now_us)


@pytest.mark.parametrize(
    ("wait", "said"),
    [
        ({"correlator": 7}, "correlator=7 is no name"),
        ({"correlator": ""}, "correlator='' is no name"),
        ({"kind": None}, "kind=None is no name"),
        ({"poll": 5}, r"poll=5; give Poll\(every=5\), in seconds"),
        ({"timeout": "soon"}, "timeout='soon' is no time"),
        ({"schema": {"type": "many"}}, "is no JSON Schema"),
        ({"schema": {"type": "string"}, "prompt": TextPrompt(prompt="?")}, "stands beside TextPrompt"),
        ({"schema": {"type": "string"}, "default": 5}, "The default 5 is no answer"),
    ],
)
async def test_a_wait_that_cannot_be_is_refused_when_it_opens(live, wait, said):
    class Odd(DualStageTool):
        async def setup(self):
            return Wait(**wait)

        async def on_resume(self, reply, wait): ...

        async def poll(self, wait): ...

    odd = Odd()

    @graphify(name="waits_odd", outputs=["x"])
    def g():
        return {"x": odd().result}

    with pytest.raises(NodeFailed, match=said):
        await live().start(g)


async def test_a_wait_with_a_schema_and_a_text_says_what_is_waited_for_and_shows_the_schema(live):
    class Count(DualStageTool):
        async def setup(self):
            return Wait(kind="count", prompt="How many came?", schema={"type": "integer"})

        async def on_resume(self, reply, wait):
            return reply.value

    count = Count()

    @graphify(name="waits_count", outputs=["x"])
    def g():
        return {"x": count().result}

    life = live()
    run = life.start(g)
    await asked(life)
    assert [(w.prompt, w.kind, w.schema) for w in run.waits] == [
        ("How many came?", "count", {"type": "integer"})
    ]
    assert life.channel.shown[0].wait.schema == {"type": "integer"}
    with pytest.raises(ReplyInvalid, match="'many' is not of type 'integer'"):
        run.answer("many")
    run.answer(5)
    assert (await run).x == 5


async def test_sleeping_is_by_the_clock_and_only_the_rest_is_slept_after_a_restart(live, clock):
    woke = []

    @graph_fn(outputs=[])
    async def f(*, context):
        await context.channel().send_text("good night")
        await context.sleep(100)
        woke.append(clock.now_us())

    first = live(clock=clock)
    first.start(f)
    await first.until(lambda: first.channel.said)
    clock.advance(60)
    await first.end()
    second = live(clock=clock)
    run = second.resume()
    await turns()
    clock.advance(39)
    await turns()
    assert woke == []
    clock.advance(1)
    await run
    assert woke == [1_700_000_100_000_000]


# -- replies -------------------------------------------------------------------------------------


async def test_a_reply_that_came_before_its_prompt_was_shown_is_taken_and_nothing_is_shown(live):
    shown_late = []

    @graphify(outputs=["x"])
    def g():
        return {"x": ask_text("name?").text}

    life = live()
    store, run = life.store, life.start(g)
    append = store.append

    def answered_at_once(batch, *, full, now_ms):
        refused = append(batch, full=full, now_ms=now_ms)
        for wait in store.waits():
            life.runtime.answer(wait.token, "quick")
            shown_late.append(wait.token)
        return refused

    store.append = answered_at_once
    assert (await run).x == "quick"
    assert len(shown_late) == 1
    assert life.channel.asked == []


async def test_a_second_reply_is_told_who_won_and_changes_nothing(live):
    life = live()
    run = life.start(asks)
    await asked(life)
    token = run.waits[0].token
    assert life.runtime.answer(token, "Ada", by="ada")
    second = life.runtime.answer(token, "Bob", by="bob")
    assert "already answered by ada" in repr(second)
    assert (await run).x == "Ada"


async def test_a_reply_that_stage_b_refuses_opens_the_same_question_again(live):
    class Even(DualStageTool):
        outputs = ("n",)

        async def setup(self) -> Wait:
            return Wait(prompt="even number?")

        async def on_resume(self, reply, wait, *, context):
            if int(reply.value) % 2:
                raise ReplyInvalid({"": f"{reply.value} is odd"})
            return {"n": int(reply.value)}

    even = Even()

    @graphify(outputs=["n"])
    def g():
        return {"n": even().n}

    life = live()
    run = life.start(g)
    await asked(life)
    token = run.waits[0].token
    run.answer("3")
    await asked(life, 2)
    assert [w.token for w in run.waits] == [token]
    run.answer("4")
    assert (await run).n == 4


async def test_a_channel_that_cannot_answer_fails_the_node_with_its_reason(live):
    run = live({"other?": "x"}).start(asks)
    with pytest.raises(UnansweredPrompt, match="The script has no answer for 'name\\?'"):
        await run
    assert [w.status for w in run.waits] == ["withdrawn"]


async def test_a_channel_that_gives_up_too_late_changes_nothing(live):
    life = live()
    run = life.start(asks)
    await asked(life)
    token = run.waits[0].token
    run.answer("Ada")
    life.channel.give_up(token, UnansweredPrompt("late"))
    assert (await run).x == "Ada"


async def test_a_channel_that_breaks_harms_nobody(live, caplog):
    life = live()
    tried = asyncio.Event()

    def breaks(shown):
        tried.set()
        raise RuntimeError("no screen")

    life.channel.show = breaks
    run = life.start(asks)
    wait = await run.next_wait()
    await tried.wait()
    life.runtime.answer(wait.token, "Ada")
    assert (await run).x == "Ada"
    assert "A channel or view failed; the run goes on without it" in caplog.text


async def test_replies_of_other_processes_are_found_by_one_look_for_all_runs(live, clock, store):
    life = live(clock=clock)
    runs = [life.start(asks, run_id=f"r{i}", timeout=None) for i in range(5)]
    for i in range(5):
        await life.until(lambda i=i: len(life.channel.asked) == 5, run_id=f"r{i}")
    assert len(clock._alarms) - len(clock._off) == 1
    other = live(store=store)
    for run in runs:
        other.runtime.answer(run.waits[0].token, "from afar")
    clock.advance(0.2)
    assert {(await run).x for run in runs} == {"from afar"}


async def test_questions_asked_at_once_are_open_at_once(live):
    @graph_fn(outputs=["xs"])
    async def f(*, context):
        ask = context.channel().ask_text
        return {"xs": await asyncio.gather(*(ask(f"{i}?") for i in range(3)))}

    life = live()
    run = life.start(f)
    await asked(life, 3)
    for i in (2, 0, 1):
        run.answer(str(i), to=f"{i}?")
    assert (await run).xs == ["0", "1", "2"]


async def test_a_question_that_an_edit_removed_from_a_static_graph_is_withdrawn(live):
    @tool(outputs=["x"])
    async def one():
        return {"x": 1}

    @graphify(name="g", outputs=["x"])
    def old():
        ask_approval("old question?", key="old")
        return {"x": ask_text("name?").text}

    first = live()
    first.start(old)
    await asked(first, 2)
    await first.end()

    @graphify(name="g", outputs=["x"])
    def new():
        one()
        return {"x": ask_text("name?").text}

    second = live()
    run = second.resume()
    await asked(second)
    assert second.channel.asked == ["name?"]
    run.answer("Ada", to="name?")
    assert (await run).x == "Ada"
    assert {w.prompt: w.status for w in run.waits} == {"old question?": "withdrawn", "name?": "answered"}


@pytest.mark.parametrize(
    ("wait", "said"),
    [
        (lambda: Wait(prompt=3), "prompt=3 is no question"),
        (lambda: Wait(correlator="\ud800"), "correlator='.*' is no name"),
        (lambda: Wait(correlator="two\nlines"), "correlator='.*' is no name"),  # nobody could post that
        (lambda: Wait(timeout=datetime.max), "is more than a thousand years"),
        (lambda: Wait(timeout=5, default=float("nan")), "The default nan is no answer"),
        (lambda: Wait(poll=Poll(every=float("nan"))), "seconds must be more than 0"),
        (lambda: Wait(poll=Poll(every="5")), "all of them numbers"),
    ],
)
async def test_a_wait_that_cannot_be_kept_fails_its_node_with_the_reason(live, wait, said):
    class Odd(DualStageTool):
        async def setup(self):
            return wait()

        async def on_resume(self, reply, wait):
            return reply.value

        async def poll(self, wait):
            return None

    odd = Odd()

    @graph_fn(name="waits_odd")
    async def odd_one():
        await odd()

    with pytest.raises(NodeFailed, match=said):
        await live().start(odd_one)
