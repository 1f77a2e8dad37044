"""Where the time of a run went: a fold over its events, the same for a run of this process and of another's."""

from __future__ import annotations

import asyncio
import re

import pytest
from lives import log, turns, types

from aether_nb import DualStageTool, Wait, graph_fn, graphify, tool
from aether_nb import events as ev
from aether_nb.engine.metrics import Meter, Metrics
from aether_nb.events import Call, ErrorInfo
from aether_nb.prompts import Reply, TextPrompt
from aether_nb.store.codec import pack
from aether_nb.testing import EventRecorder, FakeClock
from aether_nb.tools import ask_text


@pytest.fixture
def clock():
    return FakeClock()


class Log:
    """Events of one run at given seconds, and what a meter makes of them."""

    def __init__(self):
        self.meter, self.seq = Meter(), 0

    def __call__(self, at_s, event_class, /, node=None, **fields):
        self.seq += 1
        node = {} if node is None else {"node": node}
        self.meter.apply(event_class(run="r", seq=self.seq, at_us=round(at_s * 1e6), **node, **fields))

    def added(self, at_s, node, kind="tool", parent=""):
        self(at_s, ev.NodeAdded, node, name=node, kind=kind, parent=parent, call=Call(name=node))

    def called(self, at_s, node):
        self(at_s, ev.NodeAdded, node, name=node, call=Call(name=node), started=True)

    def asks(self, at_s, node, token="t"):
        self(at_s, ev.WaitOpened, node, token=token, kind="text", prompt=TextPrompt(prompt="?"))

    def replied(self, at_s, node, reply_s=None, token="t"):
        at_ms = round((at_s if reply_s is None else reply_s) * 1000)
        self(at_s, ev.ReplyTaken, node, token=token, reply=Reply(value="x", at_ms=at_ms))

    def times(self, node=None, now_s=None):
        now_us = None if now_s is None else round(now_s * 1e6)
        found = self.meter.total(now_us) if node is None else self.meter.of(node, now_us)
        return found.queued, found.computing, found.waiting, found.attempts


@pytest.fixture
def story():
    made = Log()
    made(0, ev.RunStarted, graph="g")
    return made


def test_a_tool_computes_from_its_start_to_its_end(story):
    story(1, ev.NodeStarted, "a", queued_ms=500)
    story(3, ev.NodeFinished, "a", outputs={})
    story(3, ev.RunFinished)
    assert story.times("a") == (0.5, 2, 0, 1)
    assert story.times() == (0.5, 2, 0, 1)


def test_every_attempt_counts_and_the_pauses_between_do_not(story):
    for attempt, at_s in ((1, 1), (2, 10)):
        story(at_s, ev.NodeStarted, "a", attempt=attempt)
        retry = 10_000_000 if attempt == 1 else None
        error = ErrorInfo(message="", error_type="E")
        story(at_s + 2, ev.NodeFailed, "a", attempt=attempt, error=error, retry_at_us=retry)
    assert story.times("a") == (0, 4, 0, 2)


def test_a_question_waits_from_its_opening_to_the_moment_of_its_answer(story):
    story.asks(1, "q")
    story.replied(20, "q", reply_s=11)  # taken by a kernel that came later
    story(21, ev.NodeFinished, "q", outputs={})
    assert story.times("q") == (0, 1, 10, 1)


def test_a_refused_answer_is_waited_for_again(story):
    story.asks(0, "q")
    story.replied(5, "q")
    story(6, ev.ReplyRejected, "q", token="t", problems={})
    story.replied(9, "q")
    story(9, ev.NodeFinished, "q", outputs={})
    assert story.times("q") == (0, 1, 8, 1)


def test_a_question_that_expired_or_was_withdrawn_waited_until_then(story):
    story.asks(0, "q")
    story(4, ev.WaitExpired, "q", token="t")
    story.asks(0, "p", "u")
    story(3, ev.WaitWithdrawn, "p", token="u")
    assert story.times("q")[2] == 4
    assert story.times("p")[2] == 3


def test_a_tool_that_asks_waits_as_its_asks_do_and_does_not_compute_meanwhile(story):
    story(0, ev.NodeStarted, "a")
    story.added(1, "a/q", "ask", "a")
    story.asks(1, "a/q")
    story.replied(11, "a/q")
    story(11, ev.NodeFinished, "a/q", outputs={})
    story(14, ev.NodeFinished, "a", outputs={}, queued_ms=2000)
    assert story.times("a") == (2, 2, 10, 1)
    assert story.times() == (2, 2, 10, 2)


def test_what_an_attempt_asks_anew_is_waited_for_anew(story):
    story(0, ev.NodeStarted, "a")
    story.added(0, "a/q", "ask", "a")
    story.asks(0, "a/q")
    story(5, ev.WaitWithdrawn, "a/q", token="t")
    story(5, ev.NodeCancelled, "a/q")
    story(5, ev.NodeFailed, "a", error=ErrorInfo(message="", error_type="E"), retry_at_us=6_000_000)
    story(6, ev.NodeStarted, "a", attempt=2)
    story.asks(7, "a/q", "u")
    story.replied(9, "a/q", token="u")
    story(9, ev.NodeFinished, "a/q", outputs={})
    story(10, ev.NodeFinished, "a", outputs={})
    assert story.times("a") == (0, 2, 7, 2)


def test_a_graph_function_computes_between_its_calls(story):
    story.added(2, "a")
    story(3, ev.NodeStarted, "a")
    story(7, ev.NodeFinished, "a", outputs={})
    story.added(8, "q", "ask")
    story.asks(8, "q")
    story.replied(18, "q")
    story(18, ev.NodeFinished, "q", outputs={})
    story(19, ev.RunFinished)
    assert story.times() == (0, 2 + 4 + 1 + 1, 10, 2)


def test_a_static_graph_does_nothing_itself(story):
    story(1, ev.NodeStarted, "sub")
    story(1, ev.NodeStarted, "sub/a")
    story(3, ev.NodeFinished, "sub/a", outputs={})
    story(9, ev.NodeFinished, "sub", outputs={})
    assert story.times("sub") == (0, 2, 0, 1)
    assert story.times()[1] == 2


def test_what_a_dead_kernel_did_after_its_last_event_is_not_counted(story):
    story(0, ev.NodeStarted, "a")
    story.asks(2, "q")
    story(100, ev.RunResumed)
    story(101, ev.NodeStarted, "a", attempt=2)
    story(102, ev.NodeFinished, "a", outputs={})
    story.replied(110, "q")
    assert story.times("a") == (0, 2 + 1, 0, 2)
    assert story.times("q")[2] == 108, "a question waits whether a kernel runs or not"


def test_a_second_half_begins_again_with_the_next_kernel(story):
    story.asks(0, "q")
    story.replied(5, "q")
    story(6, ev.MessageSent, "q", call=Call(name="send_text"), message=ev.Message(text="x"))
    story(100, ev.RunResumed)
    story(103, ev.NodeFinished, "q", outputs={})
    assert story.times("q") == (0, 1 + 3, 5, 1)


def test_what_is_under_way_counts_up_to_now(story):
    story(0, ev.NodeStarted, "a")
    story.asks(1, "q")
    assert story.times(now_s=10)[1:3] == (10, 9)
    assert story.times()[1:3] == (1, 0)


def test_nothing_is_known_of_a_node_without_events(story):
    assert story.meter.of("nowhere") == Metrics()


def test_a_node_that_ends_at_once_costs_no_byte_more():
    head = {"run": "r", "seq": 1, "at_us": 1, "node": "a"}
    assert pack(ev.NodeStarted(**head)).body == "{}"
    assert pack(ev.NodeFinished(**head)).body == "{}"
    assert pack(ev.NodeCancelled(**head)).body == "{}"
    assert pack(ev.RunStarted(run="r", seq=1, at_us=1, graph="g")).body == '{"graph":"g"}'


def test_metrics_read_as_a_sentence():
    made = Metrics(queued=0.25, computing=75, waiting=7260, attempts=2, bytes_stored=12_345)
    assert repr(made) == (
        "<metrics: 2 attempts; queued 0.25 s, computing 1 min 15 s, waiting 2 h 1 min; 12.3 kB stored>"
    )
    assert repr(Metrics(attempts=1)).startswith("<metrics: 1 attempt; queued 0 s")


# -- of runs -------------------------------------------------------------------------------------


def graph_of(clock):
    @tool(outputs=["x"])
    async def works(x):
        clock.advance(3)
        return {"x": x}

    @tool(outputs=["x"])
    async def asks(*, context):
        clock.advance(1)
        return {"x": await context.channel().ask_text("name?")}

    @graphify(name="measured", outputs=["x", "y"])
    def g():
        return {"x": works(ask_text("n?").text).x, "y": asks().x}

    return g


async def test_a_run_and_its_nodes_tell_where_their_time_went_here_and_from_another_process(live, clock):
    life = live(clock=clock)
    run = life.start(graph_of(clock))
    await life.until(lambda: len(life.channel.asked) == 2)
    clock.advance(60)
    assert run.metrics.waiting >= 120, "under way, and counted up to now"
    run.answer("Ada", to="n?")
    run.answer("Bob", to="name?")
    await run
    nodes = run.nodes
    assert nodes["works"].metrics.computing == 3
    assert nodes["asks"].metrics.waiting >= 60
    assert nodes["asks"].metrics.attempts == 1
    total = run.metrics
    assert total.attempts == 4
    assert total.bytes_stored == sum(len(pack_whole(e)) for e in log(life.store))
    other = live(clock=clock)
    clock.advance(1000)
    assert other.runtime.get("r").metrics == total
    assert {n: node.metrics for n, node in other.runtime.get("r").nodes.items()} == {
        n: node.metrics for n, node in nodes.items()
    }


def pack_whole(event):
    return event.to_json()


async def test_an_open_question_waits_up_to_now_also_where_nobody_drives_its_run(live, clock):
    life = live(clock=clock)
    run = life.start(graph_of(clock))
    await life.until(lambda: len(life.channel.asked) == 2)
    computed = run.metrics.computing
    other = live(clock=clock)
    clock.advance(3600)
    seen = other.runtime.get("r")
    assert seen.metrics.waiting >= 7200
    assert seen.nodes["asks"].metrics.waiting >= 3600
    assert seen.metrics.computing <= computed, "what a body did since its last event is not known"


async def test_a_tracer_gets_the_same_from_the_events_that_it_is_told(live, clock):
    life = live(clock=clock)
    run = life.start(graph_of(clock))
    recorder = EventRecorder()
    life.engine.audience.observe("r", recorder)
    await life.until(lambda: len(life.channel.asked) == 2)
    for wait in run.waits:
        run.answer("x", wait=wait.token)
    await run
    meter = Meter()
    for event in recorder.events:
        meter.apply(event)
    assert meter.total() == run.metrics


async def test_standing_in_line_is_in_the_log_and_counts_as_queued(live, clock):
    @tool(outputs=["x"])
    async def works(x):
        clock.advance(2)
        return {"x": x}

    @graphify(outputs=["x"])
    def g():
        return {"x": [works(i, key=f"k{i}").x for i in range(3)]}

    life = live(clock=clock, max_concurrency=1)
    run = life.start(g)
    await run
    assert [run.nodes[f"k{i}"].metrics.queued for i in range(3)] == [0, 2, 4]
    assert run.metrics.computing == 6


async def test_what_an_answered_body_waits_for_its_place_is_queued_and_not_computed(live, clock):
    life = live(clock=clock)

    @tool(outputs=["x"])
    async def asks(*, context):
        return {"x": await context.channel().ask_text("name?")}

    @graph_fn(outputs=["x"])
    async def f():
        return {"x": (await asks()).x}

    run = life.start(f)
    await life.until(lambda: life.channel.asked)
    life.runtime.pause(True)
    run.answer("Ada")
    await life.until(lambda: "ReplyTaken" in types(life.store))
    await turns()
    clock.advance(50)
    life.runtime.pause(False)
    await run
    assert run.nodes["asks"].metrics.queued >= 50
    assert run.metrics.computing == 0


def in_line(gate):
    """A static graph, a map and a function that each have three bodies which want to compute at once."""

    @tool(outputs=["x"])
    async def works(x):
        await gate.wait()
        return {"x": x}

    @graphify(name="drawn", outputs=["x"])
    def drawn():
        return {"x": [works(i).x for i in range(3)]}

    @graphify(name="mapped", outputs=["x"])
    def mapped():
        return {"x": works.map([0, 1, 2]).x}

    @graph_fn(name="called", outputs=["x"])
    async def called():
        return {"x": [one.x for one in await asyncio.gather(*map(works, range(3)))]}

    @graph_fn(name="maps", outputs=["x"])
    async def maps():
        return {"x": (await works.map([0, 1, 2])).x}

    return {graph.name: graph for graph in (drawn, mapped, called, maps)}


@pytest.mark.parametrize("name", ["drawn", "mapped", "called", "maps"])
async def test_what_stands_in_line_is_queued_while_it_does_and_not_computing(live, clock, name):
    gate = asyncio.Event()
    life = live(clock=clock, max_concurrency=1)
    run = life.start(in_line(gate)[name])
    await life.until(lambda: {"NodeStarted", "NodeAdded"} & set(types(life.store)))
    await turns()
    clock.advance(5)
    assert (run.metrics.queued, run.metrics.computing) == (10, 5)
    of_each = sorted((n.metrics.queued, n.metrics.computing) for n in run.nodes.values() if n.kind == "tool")
    assert of_each == [(0, 5), (5, 0), (5, 0)]
    other = live(clock=clock).runtime.get("r")
    assert other.metrics.queued == 0, "that is known where the run is driven"
    gate.set()
    await run
    assert (run.metrics.queued, run.metrics.computing) == (10, 5)


@pytest.mark.parametrize("kind", ["the tool that asked", "the second half of a question"])
async def test_an_answered_body_is_queued_until_its_place_is_free_and_then_computes(live, clock, kind):
    life = live(clock=clock)
    gate = asyncio.Event()

    @tool(outputs=["x"])
    async def asks(*, context):
        name = await context.channel().ask_text("name?")
        await gate.wait()
        return {"x": name}

    class Second(DualStageTool):
        outputs = ("x",)

        async def setup(self):
            return Wait(kind="text", prompt="name?")

        async def on_resume(self, reply, wait):
            await gate.wait()
            return {"x": reply.value}

    @graph_fn(outputs=["x"])
    async def f():
        return {"x": (await (asks() if kind == "the tool that asked" else Second()())).x}

    run = life.start(f)
    await life.until(lambda: life.channel.asked)
    life.runtime.pause(True)
    run.answer("Ada")
    await life.until(lambda: "ReplyTaken" in types(life.store))
    await turns()
    clock.advance(50)
    seen = run.metrics
    assert (seen.queued, seen.computing) == (50, 0)
    life.runtime.pause(False)
    await turns()
    await life.driver().barrier(full=False)
    clock.advance(7)
    seen = run.metrics
    assert (seen.queued, seen.computing) == (50, 7)
    gate.set()
    await run
    assert run.metrics.computing == 7


async def test_artifacts_count_once_however_often_a_log_names_them(live):
    data = b"x" * 200_000

    @tool(outputs=["x"])
    async def large():
        return {"x": data}

    @tool(outputs=["x"])
    async def same(x):
        return {"x": x}

    @graphify(outputs=["x"])
    def g():
        return {"x": same(large().x).x}

    run = live().start(g)
    await run
    assert 200_000 < run.metrics.bytes_stored < 203_000
    assert run.nodes["large"].metrics.bytes_stored > 200_000
    assert run.nodes["same"].metrics.bytes_stored < 1_000


def test_a_tool_that_begins_as_it_is_called_computes_from_then_on(story):
    story.called(1, "a")
    story(3, ev.NodeFinished, "a")
    assert story.times("a") == (0, 2, 0, 1)


def test_metrics_are_a_table_in_a_notebook():
    html = Metrics(computing=75, attempts=2, bytes_stored=12_345)._repr_html_()
    assert re.findall(r">([^<]+)</t[hd]>", html) == [
        *("queued", "computing", "waiting", "attempts", "stored"),
        *("0 s", "1 min 15 s", "0 s", "2", "12.3 kB"),
    ]
