"""`run.cancel(node)`: one node and what stands inside it is cancelled, the run goes on."""

from __future__ import annotations

import asyncio
import threading

import pytest
from lives import WatchedStore, log, turns, types

from aether_nb import graph_fn, graphify, tool
from aether_nb.errors import NodeCancelled, NodeFailed, RunError, UnknownNode
from aether_nb.events import begins
from aether_nb.store.sqlite import SqliteStore
from aether_nb.testing import FakeClock
from aether_nb.tools import ask_text

ran: list[str] = []


@pytest.fixture(autouse=True)
def _nothing_ran_here():
    ran.clear()


@tool(outputs=["x"])
async def stuck():
    try:
        await asyncio.Event().wait()
    finally:
        ran.append("stuck ended")


@tool(outputs=["x"])
async def fine(x=1):
    ran.append(f"fine {x}")
    return {"x": x}


async def began(life, name):
    await life.until(lambda: any(begins(e) and e.node.startswith(name) for e in log(life.store)))
    await turns()


async def test_who_awaits_it_gets_a_failure_that_can_be_caught_live_and_replayed_alike(live, store):
    @graph_fn(outputs=["how"])
    async def f(*, context):
        try:
            await stuck()
        except NodeFailed as error:
            how = (str(error), isinstance(error, NodeCancelled), error.error_type)
        await context.channel().ask_text("go?")
        return {"how": how}

    life = live()
    run = life.start(f)
    life.runtime.me = lambda: "ana"
    await began(life, "stuck")
    run.cancel("stuck")
    await life.until(lambda: life.channel.asked)
    assert ran == ["stuck ended"]
    assert run.nodes["stuck"].status == "cancelled"
    assert run.nodes["stuck"].error == "cancelled by ana"
    await life.end()
    again = live()
    run = again.resume()
    await again.until(lambda: again.channel.asked)
    run.answer("on")
    assert (await run).how == ("stuck was cancelled by ana", True, "NodeCancelled")
    assert types(store).count("NodeCancelled") == 1


async def test_a_function_that_does_not_catch_it_fails_with_it(live):
    @graph_fn(outputs=[])
    async def f():
        await stuck()

    life = live()
    run = life.start(f)
    await began(life, "stuck")
    run.cancel("stuck")
    with pytest.raises(NodeCancelled, match="stuck was cancelled by"):
        await run


async def test_in_a_static_graph_what_depends_on_it_is_skipped_and_the_rest_finishes(live):
    @graphify(outputs=["x"])
    def g():
        fine(stuck().x, key="below")
        return {"x": fine(2, key="beside").x}

    life = live()
    run = life.start(g)
    await began(life, "stuck")
    run.cancel("stuck")
    assert (await run).x == 2
    assert {n.name if n.name == "stuck" else n.id: n.status for n in run.nodes.values()} == {
        "stuck": "cancelled",
        "below": "skipped",
        "beside": "succeeded",
    }


async def test_a_static_graph_that_cannot_do_without_it_fails_at_its_end_and_says_who_it_was(live):
    @graphify(outputs=["x", "y"])
    def g():
        return {"x": fine(stuck().x, key="below").x, "y": ask_text("y?").text}

    life = live()
    run = life.start(g)
    life.runtime.me = lambda: "ana"
    await began(life, "stuck")
    await life.until(lambda: life.channel.asked)
    run.cancel("stuck")
    run.answer("yes")
    with pytest.raises(NodeCancelled, match="stuck was cancelled by ana"):
        await run
    assert run.nodes["below"].status == "skipped"


async def test_a_cancelled_node_of_a_failed_run_can_be_sent_back(live, monkeypatch):
    waits = asyncio.Event()

    @tool(outputs=["x"])
    async def slow():
        await waits.wait()
        return {"x": 3}

    @graphify(outputs=["x"])
    def g():
        return {"x": fine(slow().x).x}

    life = live()
    run = life.start(g)
    await began(life, "slow")
    run.cancel("slow")
    with pytest.raises(NodeCancelled):
        await run
    waits.set()
    assert (await run.retry("slow")).x == 3


async def test_what_stands_inside_it_is_cancelled_with_it_and_questions_are_withdrawn(live, store):
    @graphify(outputs=["x"])
    def inner():
        stuck()
        return {"x": ask_text("inside?").text}

    @graph_fn(outputs=["how"])
    async def f():
        try:
            await inner()
        except NodeCancelled as error:
            return {"how": str(error)}

    life = live()
    run = life.start(f)
    await life.until(lambda: life.channel.asked)
    await turns()
    run.cancel("inner")
    assert "inner was cancelled by" in (await run).how
    assert {n.status for n in run.nodes.values()} == {"cancelled"}
    assert [w.status for w in run.waits] == ["withdrawn"]
    assert ran == ["stuck ended"]
    assert [e.by != "" for e in log(store) if e.type == "NodeCancelled"] == [True, False, False]


async def test_a_graph_function_inside_is_unwound_and_cannot_catch_its_own_end(live):
    @graph_fn(outputs=["x"])
    async def inner():
        try:
            await stuck()
        except NodeFailed:
            ran.append("caught inside")
        return {"x": 1}

    @graph_fn(outputs=["how"])
    async def f():
        try:
            await inner()
        except NodeCancelled as error:
            out = await fine()
            return {"how": f"{error.error_type} {out.x}"}

    life = live()
    run = life.start(f)
    await began(life, "inner")
    await life.until(lambda: sum(map(begins, log(life.store))) == 2)
    run.cancel("inner")
    assert (await run).how == "NodeCancelled 1"
    assert ran == ["stuck ended", "fine 1"]


async def test_one_of_several_that_are_awaited_together_is_cancelled_alone(live):
    @graph_fn(outputs=["how"])
    async def f(*, context):
        async def guarded(call):
            try:
                return (await call).x
            except NodeCancelled:
                return "cancelled"

        return {"how": await asyncio.gather(guarded(stuck()), guarded(fine(7)))}

    life = live()
    run = life.start(f)
    await began(life, "stuck")
    run.cancel("stuck")
    assert (await run).how == ["cancelled", 7]


async def test_a_question_can_be_cancelled_by_its_words(live):
    @graph_fn(outputs=["how"])
    async def f(*, context):
        try:
            await context.channel().ask_text("name?")
        except NodeCancelled:
            return {"how": await context.channel().ask_text("really?")}

    life = live()
    run = life.start(f)
    await life.until(lambda: life.channel.asked)
    run.cancel("name?")
    await life.until(lambda: len(life.channel.asked) == 2)
    run.answer("yes")
    assert (await run).how == "yes"
    assert [(w.prompt, w.status) for w in run.waits] == [("name?", "withdrawn"), ("really?", "answered")]


async def test_a_node_in_line_and_one_in_a_pause_can_be_cancelled(live):
    clock = FakeClock()

    @tool(outputs=["x"], retries=1, backoff=60)
    async def shaky():
        raise ConnectionError

    @graphify(outputs=["x"])
    def g():
        stuck()
        fine(1, key="in-line")
        return {"x": fine(2, key="last").x}

    @graph_fn(outputs=["how"])
    async def f():
        try:
            await shaky()
        except NodeCancelled:
            return {"how": "cancelled"}

    life = live(clock=clock, max_concurrency=1)
    pausing = life.start(f, "pausing")
    await life.until(lambda: "NodeFailed" in types(life.store, "pausing"), "pausing")
    run = life.start(g)
    await began(life, "stuck")
    run.cancel("in-line")
    pausing.cancel("shaky")
    run.cancel("stuck")
    assert (await pausing).how == "cancelled"
    assert (await run).x == 2
    assert ran == ["stuck ended", "fine 2"]
    assert len(life.engine.alarms) == 0
    assert life.engine.scheduler._free == 1


async def test_a_body_that_does_not_listen_counts_for_nothing_all_the_same(live):
    @tool(outputs=["x"])
    async def deaf():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return {"x": "finished all the same"}

    @graph_fn(outputs=["how"])
    async def f():
        try:
            await deaf()
        except NodeCancelled:
            return {"how": (await fine(2)).x}

    life = live()
    run = life.start(f)
    await began(life, "deaf")
    run.cancel("deaf")
    assert (await run).how == 2


async def test_a_sync_body_is_told(live):
    begun, told = threading.Event(), threading.Event()

    @tool(outputs=["x"])
    def sync(*, context):
        begun.set()
        context.cancelled.wait()
        told.set()

    @graph_fn(outputs=["how"])
    async def f():
        try:
            await sync()
        except NodeCancelled:
            return {"how": "cancelled"}

    life = live()
    run = life.start(f)
    await asyncio.to_thread(begun.wait)
    run.cancel("sync")
    assert (await run).how == "cancelled"
    await asyncio.to_thread(told.wait)


async def test_it_is_on_disk_before_cancel_returns(live):
    store = WatchedStore()

    @graph_fn(outputs=[])
    async def f():
        await stuck()

    life = live(store=store)
    run = life.start(f)
    await began(life, "stuck")
    run.cancel("stuck")
    assert store.how("NodeCancelled") is True
    with pytest.raises(NodeCancelled):
        await run


async def test_cancelling_the_awaiting_code_at_the_same_time_cancels_it(live):
    @graph_fn(outputs=["how"])
    async def f(*, context):
        task = asyncio.ensure_future(stuck())
        await context.channel().ask_text("go?")
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            return {"how": "cancelled by the code"}

    life = live()
    run = life.start(f)
    await life.until(lambda: life.channel.asked)
    run.answer("on")
    run.cancel("stuck")
    with pytest.raises(NodeCancelled):  # the person was first
        await run


@graph_fn(name="asks_for_a_name", outputs=["how"])
async def asks(*, context):
    try:
        return {"how": await context.channel().ask_text("name?")}
    except NodeCancelled as error:
        return {"how": str(error)}


async def test_a_run_that_nobody_drives_is_cancelled_in_its_log_and_goes_on_with_that(live, store):
    first = live()
    first.start(asks)
    await first.until(lambda: first.channel.asked)
    await first.end()
    other = live()
    other.runtime.me = lambda: "ana"
    other.runtime.get("r").cancel("name?")
    assert types(store)[-2:] == ["WaitWithdrawn", "NodeCancelled"]
    third = live()
    assert third.runtime.get("r").nodes["name?"].status == "cancelled"
    assert (await third.resume()).how == "name? was cancelled by ana"


async def test_a_static_graph_that_nobody_drives_ends_when_it_is_taken_up(live, store):
    @graphify(outputs=["x"])
    def g():
        return {"x": fine(ask_text("n?").text).x}

    first = live()
    first.start(g)
    await first.until(lambda: first.channel.asked)
    await first.end()
    live().runtime.get("r").cancel("n?")
    with pytest.raises(NodeCancelled):
        await live().resume()


async def test_another_process_cancels_by_mail(live, tmp_path):
    clock = FakeClock()
    store = SqliteStore(tmp_path / "runs.db")
    life = live(store=store, clock=clock)
    run = life.start(asks)
    await life.until(lambda: life.channel.asked)
    other = live(store=SqliteStore(tmp_path / "runs.db"), clock=clock)
    other.runtime.me = lambda: "ana"
    other.runtime.get("r").cancel("name?")
    clock.advance(0.2)
    assert (await run).how == "name? was cancelled by ana"
    other.store.close()
    store.close()


async def test_mail_about_a_node_that_is_done_or_unknown_changes_nothing(live, store):
    life = live()
    run = life.start(asks)
    await life.until(lambda: life.channel.asked)
    life.driver().cancelling.request("ana", "nowhere")
    assert types(store)[-1] == "WaitOpened"
    run.answer("Ada")
    assert (await run).how == "Ada"


async def test_only_what_is_there_and_not_done_can_be_cancelled(live):
    @graphify(outputs=["x"])
    def g():
        return {"x": ask_text(fine("n?").x).text}

    life = live()
    run = life.start(g)
    await life.until(lambda: life.channel.asked)
    with pytest.raises(UnknownNode):
        run.cancel("nobody")
    with pytest.raises(RunError, match=r"Nothing to cancel: node 'fine-.*' of run 'r' is succeeded"):
        run.cancel("fine")
    run.cancel()


async def test_the_last_node_of_a_run_is_cancelled_with_the_questions_inside_it(live, store):
    @graphify(name="inner", outputs=["x"])
    def inner():
        return {"x": [ask_text("a?").text, ask_text("b?").text]}

    @graphify(outputs=["x"])
    def outer():
        return {"x": inner(key="in").x}

    life = live()
    run = life.start(outer)
    await life.until(lambda: len(life.channel.asked) == 2)
    run.cancel("in")
    with pytest.raises(NodeFailed, match="was cancelled by"):
        await run
    assert {node.status for node in run.nodes.values()} == {"cancelled"}
    assert store.waits() == []
