"""Bars and streams: how often they are shown, and what the log has of them."""

from __future__ import annotations

import asyncio
import threading

import pytest
from lives import Life, log, stop, there, turns, types

from aether_nb import graph_fn, tool
from aether_nb.engine.telling import PAUSE_US
from aether_nb.errors import (
    BadInputs,
    NodeFailed,
    NotStorable,
    RunCancelled,
    RunOver,
)
from aether_nb.events import MessageSent
from aether_nb.ids import RunId
from aether_nb.messages import Message
from aether_nb.testing import EventRecorder, FakeClock
from aether_nb.values import secrets

PAUSE_S = PAUSE_US / 1e6


def ends(store, run_id="r"):
    """What the log has of bars and streams: the text or how far, and whether it was broken off."""
    told = [e for e in log(store, run_id) if isinstance(e, MessageSent) and e.telling]
    return [(e.message.bar.count if e.message.bar else e.message.text, e.error is not None) for e in told]


def watched(life, run_id="r"):
    recorder = EventRecorder()
    life.engine.follow(RunId(run_id), recorder)
    return recorder


async def letters():
    for letter in "ab":
        yield letter


def counts(tellings):
    return [t.message.bar.count for t in tellings]


@pytest.fixture
def secret():
    """One that a person typed, in the memory of this process."""
    secrets.keep("correct horse", "ask")
    yield "correct horse"
    secrets.forget_all()


# -- how often it is shown -------------------------------------------------------------------------


async def test_a_bar_is_shown_at_once_and_then_at_most_twenty_times_a_second(live):
    clock = FakeClock()

    @graph_fn(outputs=[])
    async def f(*, context):
        with context.channel().progress(total=1000) as bar:
            for n in range(1000):
                bar.update()
                await asyncio.sleep(0)
                if n % 100 == 99:
                    clock.advance(PAUSE_S / 4)  # the whole takes 0.125 s

    life = live(clock=clock)
    run = life.start(f)
    recorder = watched(life)
    await run
    assert 3 <= len(recorder.tellings) <= 4
    assert counts(recorder.tellings)[0] in {"1/1000", "2/1000"}


async def test_however_many_are_told_they_are_shown_together_by_one_alarm_and_no_task(live):
    clock = FakeClock()
    shown: list[int] = []

    class Counting(EventRecorder):
        def on_tellings(self, run_id, tellings):
            shown.append(len(tellings))

    @graph_fn(outputs=[])
    async def f(*, context):
        bars = [context.channel().progress(label=str(n)) for n in range(50)]
        tasks, alarms = len(asyncio.all_tasks()), len(clock._alarms)
        for bar in bars * 20:
            bar.update()
        await turns()
        assert len(asyncio.all_tasks()) == tasks
        assert len(clock._alarms) <= alarms + 1
        for bar in bars * 20:
            bar.update()
        clock.advance(PAUSE_S)
        for bar in bars:
            bar.close()

    life = live(clock=clock)
    run = life.start(f)
    life.engine.follow(RunId("r"), Counting())
    await run
    assert shown == [50, 50]


async def test_code_that_never_gives_the_loop_up_is_shown_all_the_same(live):
    class Busy(FakeClock):
        """Time goes by, and no alarm rings: the loop has no turn."""

        now = FakeClock().now_us()

        def now_us(self):
            return self.now

        def call_at(self, at_us, ring):
            return lambda: None

    clock = Busy()

    @graph_fn(outputs=[])
    async def f(*, context):
        recorder.append(watched(life))
        with context.channel().progress(total=100) as bar:
            for _ in range(100):
                clock.now += PAUSE_US // 10
                bar.update()

    recorder: list[EventRecorder] = []
    life = live(clock=clock)
    await life.start(f)
    assert 9 <= len([t for t in recorder[0].tellings if t.state == "live"]) <= 12


async def test_others_have_a_turn_while_an_async_loop_goes_through_plain_items(live):
    clock = FakeClock()
    seen = []

    @graph_fn(outputs=[])
    async def f(*, context):
        async def other():
            while len(seen) < 3:
                seen.append(bar.done)
                await asyncio.sleep(0)

        bar = context.channel().progress(range(100))
        task = asyncio.create_task(other())
        async for _ in bar:
            clock._now_us += PAUSE_US  # by which the loop itself is not moved
        await task

    await live(clock=clock).start(f)
    assert len(set(seen)) == 3


async def test_of_a_stream_each_showing_has_what_is_new(live):
    clock = FakeClock()

    @graph_fn(outputs=[])
    async def f(*, context):
        async with context.channel().stream() as out:
            for word in ("Once ", "upon ", "a ", "time"):
                await out.write(word)
                await turns(2)
                await out.write("- ")
                clock.advance(PAUSE_S)

    life = live(clock=clock)
    run = life.start(f)
    recorder = watched(life)
    await run
    whole = "Once - upon - a - time- "
    at = 0
    for telling in recorder.tellings:
        assert telling.start == at
        assert whole[at:].startswith(telling.message.text)
        at += len(telling.message.text)
    assert recorder.events[-2].message.text == whole


async def test_who_begins_to_look_on_has_the_whole_first(live):
    clock = FakeClock()

    @graph_fn(outputs=[])
    async def f(*, context):
        async with context.channel().stream() as out:
            await out.write("Once upon ")
            await stop(context)
            await out.write("a time")
            clock.advance(PAUSE_S)

    life = live(clock=clock)
    run = life.start(f)
    await there(life)
    recorder = watched(life)
    run.answer("go")
    await run
    assert next((t.start, t.message.text) for t in recorder.tellings) == (0, "Once upon ")


async def test_nothing_of_it_is_in_the_log_before_its_end_which_stands_where_it_began(live, store):
    @graph_fn(outputs=[])
    async def f(*, context):
        with context.channel().progress(total=2, label="Reading") as bar:
            bar.update()
            await context.channel().send_text("within")
            await stop(context)
            bar.update()

    life = live()
    run = life.start(f)
    await there(life)
    assert ends(store) == []
    run.answer("go")
    await run
    within, bar = [e for e in log(store) if isinstance(e, MessageSent)]
    assert bar.place < (within.seq, 0)
    assert bar.seq > within.seq
    assert (bar.message.text, bar.message.bar.count) == ("Reading", "2/2")


async def test_a_broken_view_harms_no_bar(live, store):
    class Broken(EventRecorder):
        def on_tellings(self, run_id, tellings):
            raise ValueError("no page")

    @graph_fn(outputs=[])
    async def f(*, context):
        async for _ in context.channel().progress(range(3)):
            await turns()

    life = live()
    run = life.start(f)
    life.engine.follow(RunId("r"), Broken())
    await run
    assert ends(store) == [("3/3", False)]


# -- how it ends -----------------------------------------------------------------------------------


async def test_every_way_to_use_a_bar_ends_in_the_log(live, store):
    @graph_fn(outputs=[])
    async def f(*, context):
        progress = context.channel().progress
        with progress(total=5, label="with") as bar:
            bar.update(2, label="with more")
            bar.update(0.5)
        async with progress(label="async with") as bar:
            bar.update()
        assert list(progress(range(3), label="for")) == [0, 1, 2]
        assert [x async for x in progress(range(4), label="async for")] == [0, 1, 2, 3]
        assert [x async for x in progress(letters(), label="async items")] == ["a", "b"]
        assert [x async for x in progress(letters(), total=9, label="total")] == ["a", "b"]
        closed = progress(total=1, label="closed")
        closed.close()
        closed.update()
        forgotten = progress(label="forgotten")
        forgotten.update(7)

    await live().start(f)
    told = [e.message for e in log(store) if isinstance(e, MessageSent)]
    assert [(m.text, m.bar.count) for m in told] == [
        ("with more", "2.5/5"), ("async with", "1"), ("for", "3/3"), ("async for", "4/4"), ("async items", "2"),
        ("total", "2/9"), ("closed", "0/1"), ("forgotten", "7"),
    ]  # fmt: skip
    assert not any(broken for _, broken in ends(store))


async def test_a_loop_that_is_left_early_is_told_with_the_next_call_as_far_as_it_came(live, store):
    @graph_fn(outputs=[])
    async def f(*, context):
        for n in context.channel().progress(range(10), label="left"):
            if n == 3:
                break
        await context.channel().send_text("after")
        async for n in context.channel().progress(range(10), label="returned"):
            if n == 5:
                return

    await live().start(f)
    told = [e.message for e in log(store) if isinstance(e, MessageSent)]
    assert [(m.text, m.bar and m.bar.count) for m in told] == [
        ("left", "3/10"), ("after", None), ("returned", "5/10"),
    ]  # fmt: skip


async def test_what_an_exception_breaks_off_says_so_in_the_log(live, store):
    @graph_fn(outputs=[])
    async def f(*, context):
        with pytest.raises(KeyError):
            with context.channel().progress(total=2) as bar:
                bar.update()
                raise KeyError("x")
        for _ in context.channel().progress(range(3)):
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await live().start(f)
    assert ends(store) == [("1/2", True), ("0/3", True)]
    assert types(store)[-1] == "RunFailed"
    assert [e.error.error_type for e in log(store) if isinstance(e, MessageSent)] == [
        "KeyError",
        "ValueError",
    ]


async def test_what_a_time_limit_cuts_off_is_told_once_the_code_goes_on(live, store):
    @graph_fn(outputs=[])
    async def f(*, context):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                async with context.channel().stream() as out:
                    await out.write("Once")
                    await asyncio.Event().wait()
        assert ends(store) == []
        await context.channel().send_text("after")

    life = live()
    await life.start(f)
    assert ends(store) == [("Once", True)]
    assert life.channel.said == ["after"]


async def test_what_is_cancelled_with_its_run_is_not_in_the_log(live, store):
    @graph_fn(outputs=[])
    async def f(*, context):
        with context.channel().progress():
            await stop(context)

    life = live()
    run = life.start(f)
    await there(life)
    run.cancel()
    with pytest.raises(RunCancelled):
        await run
    assert ends(store) == []


async def test_a_bar_of_a_body_that_is_over_moves_nothing(live, store):
    bars = []

    @graph_fn(outputs=[])
    async def f(*, context):
        bars.append(context.channel().progress())
        contexts.append(context)

    contexts = []
    life = live()
    await life.start(f)
    bars[0].update()
    bars[0].close()
    assert ends(store) == [("0", False)]
    with pytest.raises(RunOver):
        contexts[0].channel().progress()


# -- threads ---------------------------------------------------------------------------------------


async def test_a_sync_tool_drives_a_bar_from_its_thread(live, store):
    gate = threading.Event()

    @tool(outputs=["n"])
    def work(*, context):
        assert threading.current_thread() is not threading.main_thread()
        for n in context.channel().progress(range(1000), label="thread"):
            if n == 500:
                gate.wait(10)
        with context.channel().progress(total=1) as bar:
            bar.update()
        return {"n": n}

    @graph_fn(outputs=["n"])
    async def f():
        return {"n": (await work()).n}

    life = live()
    run = life.start(f)
    recorder = watched(life)
    while "500/1000" not in counts(recorder.tellings):
        await asyncio.sleep(0)
    gate.set()
    await run
    assert ends(store) == [("1000/1000", False), ("1/1", False)]
    assert types(store)[-4:] == ["MessageSent", "MessageSent", "NodeFinished", "RunFinished"]


async def test_many_threads_move_one_bar_and_no_step_is_lost(live, store):
    @graph_fn(outputs=[])
    async def f(*, context):
        bar = context.channel().progress(total=8000)

        def steps():
            for _ in range(1000):
                bar.update()

        await asyncio.gather(*(asyncio.to_thread(steps) for _ in range(8)))

    await live().start(f)
    assert ends(store) == [("8000/8000", False)]


async def test_a_sync_tool_that_fails_and_is_tried_again_has_one_bar_that_begins_again(live, store):
    @tool(outputs=[], retries=1, backoff=0, jitter=False)
    def work(*, context):
        with context.channel().progress(total=2, label="work") as bar:
            bar.update()
            if context.attempt == 1:
                raise ValueError("once")
            bar.update()

    @graph_fn(outputs=[])
    async def f():
        await work()

    life = live()
    await life.start(f)
    assert ends(store) == [("1/2", True), ("2/2", False)]
    assert len({e.telling for e in log(store) if isinstance(e, MessageSent)}) == 1


# -- bad input -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("use", "said"),
    [
        (
            lambda c: c.progress(10),
            r"progress\(10\): give what to go through; how much there is goes by its name",
        ),
        (lambda c: c.progress(total="many"), r"progress\(total='many'\): give a number, not below 0"),
        (lambda c: c.progress(total=-1), r"progress\(total=-1\)"),
        (lambda c: c.progress(total=float("nan")), r"progress\(total=nan\)"),
        (lambda c: c.progress().update("x"), r"progress.update\('x'\): give the number of steps"),
        (lambda c: c.progress().update(float("inf")), r"progress.update\(inf\)"),
        (lambda c: list(c.progress(label="l")), "was given nothing to go through it"),
        (lambda c: aiter(c.progress(label="l")), "was given nothing to go through"),
        (lambda c: list(c.progress(letters())), "is an async iterator: write `async for`"),
        (lambda c: c.stream("a text"), "a text as a whole goes by send_text"),
        (lambda c: c.stream(5), r"stream\(5\): give what the texts come from"),
    ],
)
async def test_what_cannot_be_told_gets_one_sentence(live, use, said):
    @graph_fn(outputs=[])
    async def f(*, context):
        with pytest.raises(BadInputs, match=said):
            use(context.channel())

    await live().start(f)


async def test_a_stream_takes_texts_that_can_be_stored(live):
    @graph_fn(outputs=[])
    async def f(*, context):
        async with context.channel().stream() as out:
            with pytest.raises(BadInputs, match=r"given 5 \(int\): give the text that is in it"):
                await out.write(5)
            with pytest.raises(NotStorable, match="half of a surrogate pair"):
                await out.write("a\ud800")
            await out.write("ü😀")
        with pytest.raises(BadInputs, match="to write them yourself: async with"):
            await context.channel().stream()
        with pytest.raises(NodeFailed, match="give the text that is in it"):
            await context.channel().stream([b"bytes"])

    await live().start(f)


async def test_nothing_is_told_twice_to_a_channel_that_had_it_live(live):
    clock = FakeClock()

    @graph_fn(outputs=[])
    async def f(*, context):
        async with context.channel().stream() as out:
            await out.write("Once")
            await turns()

    life: Life = live(clock=clock)
    await life.start(f)
    assert life.channel.said == []
    assert [(t.state, t.message) for t in life.channel.followed] == [
        ("live", Message(text="Once")),
        ("done", Message(text="Once")),
    ]


async def test_a_stream_that_nobody_awaited_is_named_with_its_line(live, store):
    @graph_fn(outputs=[])
    async def f(*, context):
        context.channel().stream(letters())

    line = f.fn.__code__.co_firstlineno + 2
    with pytest.raises(NodeFailed, match=rf"never awaited: line {line}: stream\(\.\.\.\)"):
        await live().start(f)
    assert ends(store) == []


async def test_a_block_is_for_a_stream_that_is_written(live):
    @graph_fn(outputs=[])
    async def f(*, context):
        async with context.channel().stream(letters()):
            pass

    with pytest.raises(NodeFailed, match="that is given what the texts come from is awaited"):
        await live().start(f)


# -- secrets ---------------------------------------------------------------------------------------


async def test_a_secret_is_masked_in_what_is_being_told_in_whatever_pieces_it_comes(live, secret):
    clock = FakeClock()
    words = f"the key is {secret}, and again: {secret}."

    @graph_fn(outputs=[])
    async def f(*, context):
        async with context.channel().stream() as out:
            for letter in words:
                await out.write(letter)
                clock.advance(PAUSE_S)
                await turns()
        with context.channel().progress(label=f"with {secret}") as bar:
            bar.update()

    life = live(clock=clock)
    run = life.start(f)
    recorder = watched(life)
    await run
    seen, lengths = "", set()
    for told in recorder.tellings:
        if told.message.kind == "text":
            seen = seen[: told.start] + told.message.text
            lengths.add(len(seen))
            assert "the key is ••••, and again: ••••.".startswith(seen)
        else:
            assert told.message.text == "with ••••"
    assert len(lengths) > 10
    assert ends(life.store)[0] == ("the key is ••••, and again: ••••.", False)


async def test_a_page_that_comes_in_the_middle_sees_a_secret_masked_too(live, secret):
    there_is = asyncio.Event()

    @graph_fn(outputs=[])
    async def f(*, context):
        async with context.channel().stream() as out:
            await out.write(f"the key is {secret}")
            await there_is.wait()

    life = live()
    run = life.start(f)
    await turns()
    recorder = watched(life)
    there_is.set()
    await run
    texts = [told.message.text for told in recorder.tellings]
    assert texts
    assert all("the key is ••••".startswith(text) for text in texts)
