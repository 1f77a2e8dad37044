"""Bars and streams come back: what was complete stands in the log, what was cut short begins again in its place."""

from __future__ import annotations

import pytest
from lives import log, ran, stop, there, types

from aether_nb import graph_fn, tool
from aether_nb.engine.telling import PAUSE_US
from aether_nb.errors import (
    RunBlocked,
)
from aether_nb.events import MessageSent
from aether_nb.ids import RunId
from aether_nb.testing import EventRecorder, FakeClock

PAUSE_S = PAUSE_US / 1e6


def ends(store, run_id="r"):
    """What the log has of bars and streams: the text or how far, and whether it was broken off."""
    told = [e for e in log(store, run_id) if isinstance(e, MessageSent) and e.telling]
    return [(e.message.bar.count if e.message.bar else e.message.text, e.error is not None) for e in told]


def watched(life, run_id="r"):
    recorder = EventRecorder()
    life.engine.follow(RunId(run_id), recorder)
    return recorder


def counts(tellings):
    return [t.message.bar.count for t in tellings]


@graph_fn(outputs=["text"])
async def story(*, context):
    channel = context.channel()
    async for n in channel.progress(range(2), label="first"):
        ran.append(f"first {n}")
    with channel.progress(total=2, label="second") as bar:
        bar.update()
        text = await channel.stream(words())
        await stop(context)
        bar.update()
    return {"text": text}


async def words():
    ran.append("asked")
    yield "Once "
    yield "upon"


async def test_what_was_complete_is_not_shown_again_and_what_was_cut_short_begins_again(live, store):
    clock = FakeClock()
    first = live(clock=clock)
    first.start(story)
    recorder = watched(first)
    await there(first)
    clock.advance(PAUSE_S)
    (second_bar,) = {t.id for t in recorder.tellings if t.message.text == "second"}
    assert ends(store) == [("2/2", False), ("Once upon", False)]
    assert [t.message.text for t in first.channel.followed if t.state == "done"] == ["first", "Once upon"]
    await first.end()
    ran.clear()

    second = live(clock=clock)
    run = second.resume()
    recorder = watched(second)
    await there(second)
    assert ran == [
        "first 0",
        "first 1",
    ]  # the loop goes through its items again, the source is not asked again
    clock.advance(PAUSE_S)
    run.answer("go")
    assert (await run).text == "Once upon"
    assert {t.id for t in recorder.tellings} == {second_bar}
    assert ends(store) == [("2/2", False), ("Once upon", False), ("2/2", False)]
    assert {t.id for t in second.channel.followed} == {second_bar}


async def test_what_was_only_repeated_from_the_log_counts_in_no_rate(live):
    clock = FakeClock()

    @graph_fn(outputs=[])
    async def f(*, context):
        async for n in context.channel().progress(range(100)):
            await tick(n)
            if n in {50, 60}:
                await stop(context)

    @tool(outputs=[])
    async def tick(n):
        clock.advance(1)

    first = live(clock=clock)
    first.start(f)
    await there(first)
    await first.end()
    second = live(clock=clock)
    run = second.resume()
    recorder = watched(second)
    await there(second)
    run.answer("go")
    await second.until(lambda: len(second.channel.asked) == 2)
    rates = [t.message.bar.rate for t in recorder.tellings]
    assert rates[0] is None
    assert all(0.5 < rate < 2 for rate in rates if rate), rates
    assert all(t.message.bar.took_us is None for t in recorder.tellings)


async def test_a_stream_that_breaks_raises_the_same_live_and_replayed(live, store):
    seen = []

    class Own(ConnectionError):
        pass

    async def breaks():
        ran.append("asked")
        yield "Once "
        raise Own("gone")

    @graph_fn(outputs=[])
    async def f(*, context):
        try:
            await context.channel().stream(breaks(), markdown=True)
        except ConnectionError as error:
            seen.append((type(error).__mro__[0].__name__, str(error), error.error_type))
        await stop(context)

    first = live()
    first.start(f)
    await there(first)
    await first.end()
    second = live()
    run = second.resume()
    await there(second)
    run.answer("go")
    await run
    assert ran == ["asked"]
    assert seen[0] == seen[1]
    assert seen[0][1:] == ("stream failed: Own: gone", "Own")
    assert ends(store) == [("Once ", True)]


async def test_a_tool_that_is_tried_again_streams_again_in_the_same_place(live, store):
    @tool(outputs=["text"], retries=1, backoff=0, jitter=False)
    async def tell(*, context):
        async def source():
            yield "Once "
            if context.attempt == 1:
                raise ConnectionError("gone")
            yield "upon"

        return {"text": await context.channel().stream(source())}

    @graph_fn(outputs=["text"])
    async def f():
        return {"text": (await tell()).text}

    life = live()
    assert (await life.start(f)).text == "Once upon"
    assert ends(store) == [("Once ", True), ("Once upon", False)]
    assert len({t.id for t in life.channel.followed}) == 1


async def test_a_bar_around_a_failed_step_goes_on_when_the_step_is_sent_back(live, store):
    works = []

    @tool(outputs=[])
    async def step():
        if not works:
            raise ValueError("not yet")

    @graph_fn(outputs=[])
    async def f(*, context):
        with context.channel().progress(total=1) as bar:
            await step()
            bar.update()

    life = live()
    run = life.start(f)
    with pytest.raises(ValueError, match="not yet"):
        await run
    assert ends(store) == [("0/1", True)]
    works.append(True)
    run.retry(next(iter(run.nodes)))
    await run
    assert ends(store) == [("0/1", True), ("1/1", False)]


async def test_a_label_and_the_way_it_looks_make_no_other_call(live, store):
    label = ["old"]

    @graph_fn(outputs=["text"])
    async def f(*, context):
        with context.channel().progress(label=label[0]):
            text = await context.channel().stream(["a", "b"], markdown=label[0] == "new")
        await stop(context)
        return {"text": text}

    first = live()
    first.start(f)
    await there(first)
    await first.end()
    label[0] = "new"
    second = live()
    run = second.resume()
    await there(second)
    run.answer("go")
    assert (await run).text == "ab"
    assert ends(store) == [("ab", False), ("0", False)]


def old():
    @graph_fn(name="edited", outputs=[])
    async def f(*, context):
        with context.channel().progress():
            pass
        await stop(context)

    return f


def taken_away():
    @graph_fn(name="edited", outputs=[])
    async def f(*, context):
        await stop(context)

    return f


def brought():
    @graph_fn(name="edited", outputs=[])
    async def f(*, context):
        with context.channel().progress():
            pass
        async with context.channel().stream() as out:
            await out.write("new")
        await stop(context)

    return f


@pytest.mark.parametrize(("version", "noted"), [(taken_away, "JournalLeftover"), (brought, "CallInserted")])
async def test_an_edit_may_take_a_bar_away_and_bring_a_stream(live, store, version, noted):
    first = live()
    first.start(old())
    await there(first)
    await first.end()
    second = live()
    version()
    run = second.resume()
    await there(second)
    run.answer("go")
    await run
    assert noted in types(store)
    assert len(ends(store)) == (1 if version is taken_away else 2)


async def test_a_stream_from_something_else_than_recorded_blocks_the_run_and_asks_nothing(live, store):
    question = ["one"]

    async def model(question):
        ran.append(question)
        yield f"answer to {question}"

    @graph_fn(outputs=[])
    async def f(*, context):
        await context.channel().stream(model(question[0]))
        await stop(context)

    first = live()
    first.start(f)
    await there(first)
    await first.end()
    question[0] = "other"
    with pytest.raises(RunBlocked, match=r"stream\("):
        await live().resume()
    assert ends(store) == [("answer to one", False)]
