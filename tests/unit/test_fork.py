"""What a fork shares with the run that it comes from, what it does anew, and what is left alone."""

from __future__ import annotations

import asyncio

import pytest

import aether_nb as ae
from aether_nb import DualStageTool, Wait, graph_fn, graphify, tool
from aether_nb.calling import GRAPHS
from aether_nb.channels.widget import WidgetChannel
from aether_nb.errors import (
    GraphError,
    NodeFailed,
    ReplyInvalid,
    RunCancelled,
    RunIdTaken,
    UnknownNode,
    WaitError,
)
from aether_nb.events import RunStarted
from aether_nb.runtime import Runtime
from aether_nb.store.memory import MemoryStore
from aether_nb.testing import FakeClock
from aether_nb.tools import ask_text

ran: list[object] = []
calm: list[object] = []
"""While it is not empty, `breeze` fails."""


@pytest.fixture(autouse=True)
def _nothing_ran_yet():
    ran.clear()
    calm.clear()


@tool(outputs=["y"])
async def work(x, *, context):
    ran.append(x)
    return {"y": f"{x}:{context.idempotency_key.partition('/')[0]}"}


@graph_fn(outputs=["msg"])
async def talk(*, context):
    first = (await work("first")).y
    name = await context.channel().ask_text("Your name?")
    await context.channel().send_text(f"Hello {name}")
    second = (await work(name)).y
    mood = await context.channel().ask_text("How are you?")
    return {"msg": [first, second, mood]}


async def talked(run_id="r"):
    run = talk.start(run_id=run_id)
    await run.next_wait()
    run.answer("Ada")
    await run.next_wait()
    run.answer("fine")
    await run
    return run


async def test_a_fork_with_an_answer_goes_on_as_if_that_had_been_said(ours):
    run = await talked()
    log = list(run.events)
    fork = run.fork(at="Your name?", answer="Bob")
    assert (await fork.next_wait()).prompt == "How are you?"
    fork.answer("bad")
    assert (await fork).msg == ["first:r", f"Bob:{fork.run_id}", "bad"]
    assert ran == ["first", "Ada", "Bob"]
    assert list(run.events) == log
    assert run.outputs["msg"] == ["first:r", "Ada:r", "fine"]


async def test_a_fork_without_an_answer_asks_again_under_a_token_of_its_own(ours):
    run = await talked()
    fork = run.fork(at="Your name?")
    asked = [w for w in fork.waits if w.status == "open"]
    assert [w.prompt for w in asked] == ["Your name?"]
    assert asked[0].token not in {w.token for w in run.waits}
    assert fork.note == "forked from 'r' at 'Your name?'"
    fork.answer("Cy")
    await fork.next_wait()
    assert ran == ["first", "Ada", "Cy"]


async def test_a_fork_at_a_tool_runs_it_and_what_came_after_it_again(ours):
    run = await talked()
    fork = run.fork(at=next(n for n in run.nodes if run.nodes[n].outputs == {"y": "Ada:r"}))
    assert (await fork.next_wait()).prompt == "How are you?"
    assert ran == ["first", "Ada", "Ada"]
    assert [n.attempt for n in fork.nodes.values() if n.name == "work"] == [1, 1]


async def test_a_fork_is_in_the_store_before_its_handle_is_returned(configure, tmp_path):
    levels = []

    class Store(MemoryStore):
        def create_run(self, new, events, *, status, full=False):
            levels.append((len(events), full))
            return super().create_run(new, events, status=status, full=full)

    configure(store=Store())
    run = await talked()
    fork = run.fork(at="Your name?", answer="Bob")
    first = fork.events[0]
    assert isinstance(first, RunStarted)
    assert (first.forked_from, run.nodes[first.forked_at].label) == ("r", "Your name?")
    assert levels[1] == (len([e for e in fork.events if e.type != "RunResumed"]), True)
    assert [e.seq for e in fork.events] == list(range(1, len(fork.events) + 1))


@pytest.mark.parametrize(
    "how", ["waiting", "failed", "cancelled", "blocked", "of another process", "put aside"]
)
async def test_a_run_can_be_forked_however_it_stands(configure, how):
    configure()
    broken = how == "failed"
    lives = []

    @graph_fn(name="f", outputs=["out"])
    async def f(*, context):
        lives.append(1)
        if how == "blocked" and len(lives) == 2:
            await work("another")
        name = await context.channel().ask_text("Name?")
        if broken:
            raise ValueError(name)
        return {"out": [name, await context.channel().ask_text("And then?")]}

    run = f.start(run_id="r")
    await run.next_wait()
    run.answer("Ada")
    if broken:
        with pytest.raises(NodeFailed):
            await run
    else:
        await run.next_wait()
    if how == "cancelled":
        run.cancel()
        with pytest.raises(ae.AetherError):
            await run
    elif how == "blocked":
        configure()
        run = ae.resume("r")
        with pytest.raises(ae.AetherError):
            await run
    elif how == "of another process":
        configure()
        run = ae.get("r")
    elif how == "put aside":
        run.start_over()
        run = ae.get("r~1")
    status, log, broken = run.status, list(run.events), False
    fork = run.fork(at="Name?", answer="Bob")
    assert (await fork.next_wait()).prompt == "And then?"
    fork.answer("on")
    assert (await fork).out == ["Bob", "on"]
    assert (run.status, list(run.events)) == (status, log)


async def both_asked(run):
    """Wait until both questions of a run are open."""
    while sum(wait.status == "open" for wait in run.waits) < 2:
        await committed(run)


async def committed(run):
    """Wait for something more of a run to be committed."""
    await run._runtime.engine().audience.next_commit(run.run_id)


async def test_what_came_before_the_answer_is_shared_what_came_after_it_is_not(ours):
    gates = {"early": asyncio.Event(), "late": asyncio.Event()}

    @tool(outputs=["x"])
    async def gated(name):
        ran.append(name)
        await gates[name].wait()
        return {"x": name}

    @graph_fn(outputs=["out"])
    async def f(*, context):
        ask = context.channel().ask_text
        found = await asyncio.gather(ask("A?"), gated("early"), ask("B?"), gated("late"))
        return {"out": [found[0], found[1].x, found[2], found[3].x]}

    run = f.start()
    await run.next_wait()
    await both_asked(run)
    gates["early"].set()
    run.answer("b", to="B?")
    while [n.status for n in run.nodes.values()].count("succeeded") < 2:
        await committed(run)
    run.answer("a", to="A?")
    gates["late"].set()
    await run
    fork = run.fork(at="A?", answer="z")
    assert (await fork).out == ["z", "early", "b", "late"]
    assert ran == ["early", "late", "late"]


async def test_other_open_questions_are_open_in_the_fork_too_and_no_untaken_reply_comes_along():
    clock = FakeClock()
    runtime = Runtime(store=":memory:", channel=WidgetChannel(), clock=clock)

    @graph_fn(outputs=["out"])
    async def f(*, context):
        ask = context.channel().ask_text
        return {"out": await asyncio.gather(ask("A?"), ask("B?", timeout=60, default="nobody"))}

    run = runtime.starting.start(f, {})
    await run.next_wait()
    await both_asked(run)
    (b,) = [w for w in run.waits if w.prompt == "B?"]
    clock.advance(50)
    runtime.store.answer(b.token, ae.Reply(value="mine", at_ms=1), now_ms=runtime.now_ms())
    fork = run.fork(at="A?", answer="a")
    (open_,) = [w for w in fork.waits if w.status == "open"]
    assert open_.prompt == "B?"
    assert open_.token != b.token
    assert (open_.deadline - b.deadline).total_seconds() == 50
    clock.advance(61)
    assert (await fork).out == ["a", "nobody"]
    runtime.close()


# -- static graphs -------------------------------------------------------------------------------


@tool(outputs=["y"])
async def join(a, b):
    ran.append(("join", a, b))
    return {"y": f"{a}+{b}"}


@graphify(outputs=["y"])
def branches():
    left = work(ask_text(prompt="Left?").text, key="left")
    right = work(ask_text(prompt="Right?").text, key="right")
    return {"y": join(left.y, right.y).y}


@graphify(outputs=["y"])
def deep():
    inner = branches()
    return {"y": join(inner.y, work("beside").y).y}


@graph_fn(outputs=["y"])
async def around(*, context):
    before = (await work("before")).y
    inner = (await branches()).y
    return {"y": [before, inner, (await work("after")).y]}


async def answered(run, left="l", right="r"):
    for to, value in (("Left?", left), ("Right?", right)):
        while to not in [w.prompt for w in run.waits if w.status == "open"]:
            await committed(run)
        run.answer(value, to=to)
    await run
    return run


async def test_in_a_static_graph_everything_that_is_not_downstream_is_kept(ours):
    run = await answered(branches.start(run_id="r"))
    fork = run.fork(at="Left?", answer="L")
    assert (await fork).y == f"L:{fork.run_id}+r:r"
    assert ran[3:] == ["L", ("join", f"L:{fork.run_id}", "r:r")]


async def test_a_fork_inside_a_nested_static_graph_keeps_what_stands_beside_it(ours):
    run = await answered(deep.start(run_id="r"))
    ran.clear()
    fork = run.fork(at="Right?", answer="R")
    assert (await fork).y == f"l:r+R:{fork.run_id}+beside:r"
    assert "beside" not in ran
    assert "l" not in ran


async def test_a_fork_inside_a_static_graph_of_a_function_keeps_what_the_function_did_before(ours):
    run = await answered(around.start(run_id="r"))
    ran.clear()
    fork = run.fork(at="Right?", answer="R")
    out = (await fork).y
    assert out == ["before:r", f"l:r+R:{fork.run_id}", f"after:{fork.run_id}"]
    assert [x for x in ran if isinstance(x, str)] == ["R", "after"]


async def test_a_question_inside_a_tool_can_be_answered_anew_and_the_tool_runs_again(ours):
    @tool(outputs=["y"])
    async def interview(*, context):
        ran.append("interview")
        one = await context.channel().ask_text("One?")
        return {"y": [one, await context.channel().ask_text("Two?")]}

    @graph_fn(outputs=["y"])
    async def f():
        return {"y": (await interview()).y}

    run = f.start()
    await run.next_wait()
    run.answer("1")
    await run.next_wait()
    run.answer("2")
    await run
    fork = run.fork(at="Two?", answer="zwei")
    assert (await fork).y == ["1", "zwei"]
    assert ran == ["interview", "interview"]
    assert fork.nodes["interview"].attempt == 1


async def test_a_failed_node_can_be_forked_at_to_run_it_again(ours):
    fails = [True]

    @tool(outputs=["y"])
    async def shaky(x):
        ran.append(x)
        if fails:
            raise ValueError(x)
        return {"y": x}

    @graphify(outputs=["a", "b"])
    def g():
        return {"a": shaky("a").y, "b": work("b").y}

    run = g.start(run_id="r")
    with pytest.raises(NodeFailed):
        await run
    fails.clear()
    fork = run.fork(at="shaky")
    assert await fork == {"a": "a", "b": "b:r"}
    assert run.status == "failed"
    assert ran.count("b") == 1


async def test_a_fork_of_a_retried_run_and_a_fork_of_a_fork_share_what_was_retried(ours):
    fails = [True]

    @tool(outputs=["y"])
    async def shaky():
        ran.append("shaky")
        if fails:
            raise ValueError
        return {"y": "ok"}

    @graphify(outputs=["y", "z"])
    def g():
        done = shaky()
        return {"y": done.y, "z": ask_text(prompt="Z?", after=done).text}

    run = g.start()
    with pytest.raises(NodeFailed):
        await run
    fails.clear()
    run.retry("shaky")
    await run.next_wait()
    run.answer("z")
    await run
    fork = run.fork(at="Z?", answer="1")
    assert (await fork).z == "1"
    again = fork.fork(at="Z?", answer="2")
    assert await again == {"y": "ok", "z": "2"}
    assert ran == ["shaky", "shaky"]


async def test_a_fork_at_what_a_failure_cut_short_begins_where_a_retry_had_taken_it_up(ours):
    broken = True

    @tool(outputs=["y"])
    async def shaky():
        if broken:
            raise ValueError("no wind")
        return {"y": 1}

    @graph_fn(outputs=["r"])
    async def both():
        asked, done = await asyncio.gather(ask_text("name?"), shaky())
        return {"r": [asked.text, done.y]}

    run = both.start()
    with pytest.raises(NodeFailed):
        await run
    broken = False
    run.retry("shaky")
    await run.next_wait()
    run.answer("Ada")
    assert (await run).r == ["Ada", 1]
    broken = True

    assert (await run.fork("name?", answer="Bob")).r == ["Bob", 1], "shaky is shared as it is"


@tool(outputs=["y"])
async def breeze(*, context):
    ran.append("breeze")
    if calm:
        raise ValueError("no wind")
    return {"y": context.run_id}


@graph_fn(name="abreast", outputs=["r"])
async def abreast():
    asked, other, wind = await asyncio.gather(ask_text("A?"), ask_text("B?"), breeze())
    return {"r": [asked.text, other.text, wind.y]}


@graph_fn(name="before", outputs=["r"])
async def before():
    asked = await ask_text("A?")
    return {"r": [asked.text, (await breeze()).y]}


@graph_fn(name="two", outputs=["r"])
async def two():
    asked, other = await asyncio.gather(ask_text("A?"), ask_text("B?"))
    return {"r": [asked.text, other.text]}


@graphify(name="drawn", outputs=["r"])
def drawn():
    return {"r": abreast().r}


@graph_fn(name="beside_abreast", outputs=["r"])
async def beside_abreast():
    asked, inner = await asyncio.gather(ask_text("C?"), abreast())
    return {"r": [asked.text, *inner.r]}


@graph_fn(name="beside_before", outputs=["r"])
async def beside_before():
    asked, inner = await asyncio.gather(ask_text("C?"), before())
    return {"r": [asked.text, *inner.r]}


@graph_fn(name="beside_two", outputs=["r"])
async def beside_two():
    asked, inner, wind = await asyncio.gather(ask_text("C?"), two(), breeze())
    return {"r": [asked.text, *inner.r, wind.y]}


@graph_fn(name="beside_drawn", outputs=["r"])
async def beside_drawn():
    asked, inner = await asyncio.gather(ask_text("C?"), drawn())
    return {"r": [asked.text, *inner.r]}


async def told(run, *prompts):
    """Answer these questions of a run, each as soon as it stands."""
    for prompt in prompts:
        while prompt not in [wait.prompt for wait in run.waits if wait.status == "open"]:
            await committed(run)
        run.answer(prompt.lower(), to=prompt)


async def finished(run, left):
    """The end of a run whose open questions are among these."""
    while run.status != "succeeded":
        for wait in run.waits:
            if wait.status == "open" and wait.prompt in left:
                run.answer(wait.prompt.lower(), wait=wait.token)
        await committed(run)
    return await run


async def retried(graph, sent, first=()):
    """A run that failed, was retried at this node and came to its end: before it the wind, then the answers."""
    calm.append(1)
    run = graph.start(run_id="r")
    await told(run, *first)
    with pytest.raises(NodeFailed):
        await run
    calm.clear()
    run.retry(sent)
    while run.nodes["breeze"].status != "succeeded":
        await committed(run)
    await told(run, *[wait.prompt for wait in run.waits if wait.status == "open"])
    await run
    return run


RETRIED = {
    "beside_abreast": (beside_abreast, ["breeze", "abreast"], []),
    "beside_before": (beside_before, ["breeze", "before"], ["A?"]),
    "beside_two": (beside_two, ["breeze"], []),
    "beside_drawn": (beside_drawn, ["breeze", "abreast", "drawn"], []),
}


@pytest.mark.parametrize(
    ("graph", "sent"), [(g, sent) for g, (_, all_, _) in RETRIED.items() for sent in all_]
)
async def test_a_fork_anywhere_in_a_run_that_was_retried_comes_to_its_end(ours, graph, sent):
    function, _, first = RETRIED[graph]
    run = await retried(function, sent, first)
    for n, at in enumerate([None, *[node.id for node in run.nodes.values()]]):
        fork = run.fork(at, run_id=f"f{n}")
        out = (await finished(fork, ["A?", "B?", "C?"])).r
        assert [x for x in out if x not in {"r", f"f{n}"}] == [x for x in run.outputs.r if x != "r"]


@pytest.mark.parametrize("sent", ["breeze", "abreast"])
async def test_a_fork_in_a_nested_function_that_was_retried_begins_after_the_failure(ours, sent):
    run = await retried(beside_abreast, sent)
    ran.clear()
    fork = run.fork("A?", answer="Bob")
    assert (await finished(fork, ["B?", "C?"])).r == ["c?", "Bob", "b?", "r"]
    assert ran == []


async def test_what_was_to_run_again_at_the_place_of_a_fork_runs_again_in_it(ours):
    calm.append(1)
    run = beside_abreast.start(run_id="r")
    with pytest.raises(NodeFailed):
        await run
    calm.clear()
    ours.pause(True)
    run.retry("breeze")
    await told(run, "C?")
    ours.pause(False)
    await finished(run, ["A?", "B?"])
    ran.clear()
    fork = run.fork("C?", answer="Cy")
    assert (await finished(fork, ["A?", "B?"])).r == ["Cy", "a?", "b?", fork.run_id]
    assert ran == ["breeze"]


async def test_what_a_retry_has_undone_is_not_missed_by_a_fork(ours):
    @tool(outputs=["y"], on_failure="continue")
    async def may_fail():
        if calm:
            raise ValueError
        return {"y": "ok"}

    @tool(outputs=["y"])
    async def interview(y, *, context):
        return {"y": [y, await context.channel().ask_text("And you?")]}

    @graphify(outputs=["y"])
    def g():
        started = ask_text(prompt="Begin?")
        return {"y": interview(may_fail(after=started).y).y}

    calm.append(1)
    run = g.start(run_id="r")
    await told(run, "Begin?", "And you?")
    await run
    ours.pause(True)
    calm.clear()
    run.retry("may_fail")
    fork = run.fork("Begin?")
    ours.pause(False)
    assert (await finished(fork, ["Begin?", "And you?"])).y == ["ok", "and you?"]


async def test_a_fork_survives_a_restart_like_any_run(configure):
    configure()
    run = await talked()
    name = run.fork(at="How are you?").run_id
    configure()
    fork = ae.resume(name)
    await fork.next_wait()
    fork.answer("well")
    assert (await fork).msg == ["first:r", "Ada:r", "well"]
    assert ran == ["first", "Ada"]


async def test_a_fork_belongs_to_who_made_it(ours):
    run = await talked()
    ours.home = "elsewhere.ipynb"
    fork = run.fork(at="Your name?", answer="Bob")
    (row,) = ours.store.runs(home="elsewhere.ipynb")
    assert (row.run_id, row.kernel) == (fork.run_id, ours.kernel)


async def test_a_fork_without_a_node_shares_all_of_it(ours):
    run = talk.start(run_id="r")
    await run.next_wait()
    fork = run.fork()
    assert [w.prompt for w in fork.waits] == ["Your name?"]
    fork.answer("Bob")
    await fork.next_wait()
    assert [w.status for w in run.waits] == ["open"]
    assert ran == ["first", "Bob"]


# -- its name ------------------------------------------------------------------------------------


async def test_a_run_id_used_again_for_the_same_fork_gives_the_same_run(configure):
    configure()
    run = await talked()
    first = run.fork(at="Your name?", answer="Bob", run_id="bob")
    await first.next_wait()
    again = run.fork(at="Your name?", answer="Bob", run_id="bob")
    assert again.run_id == "bob"
    configure()
    again = ae.get("r").fork(at="Your name?", answer="Bob", run_id="bob")
    await again.next_wait()
    assert ran == ["first", "Ada", "Bob"]


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (
            {"run_id": "other"},
            "it is a run of 'talk' that was started by itself, and no fork of 'r' as a whole.",
        ),
        (
            {"run_id": "other", "at": "Your name?"},
            "it is a run of 'talk' that was started by itself, and no fork of 'r' at 'Your name?'.",
        ),
        ({"run_id": "r"}, "it is the run that is to be forked, and no fork of 'r' as a whole."),
        ({"run_id": "bob"}, "it is a fork of 'r' at 'NODE', and no fork of 'r' as a whole."),
        (
            {"run_id": "bob", "at": "How are you?"},
            "it is a fork of 'r' at 'NODE', and no fork of 'r' at 'How are you?'.",
        ),
        (
            {"run_id": "bob", "at": "Your name?", "answer": "Cy"},
            "it is a fork of 'r' at 'Your name?' with another answer, 'Bob' then and 'Cy' now.",
        ),
        (
            {"run_id": "bob", "at": "Your name?"},
            "it is a fork of 'r' at 'Your name?' with another answer, 'Bob' then and none now.",
        ),
    ],
)
async def test_a_fork_under_an_id_that_is_taken_says_by_what(ours, what, said):
    run = await talked()
    await talked("other")
    node = run.fork(at="Your name?", answer="Bob", run_id="bob").events[0].forked_at
    with pytest.raises(RunIdTaken) as taken:
        run.fork(**what)
    said = said.replace("NODE", node)
    assert (
        str(taken.value)
        == f"run_id={what['run_id']!r} is taken: {said} Take another run_id, or leave it out."
    )


async def test_a_fork_made_in_a_graph_function_is_made_once(configure):
    made = []

    @graph_fn(outputs=["name"])
    async def mother(*, context):
        made.append(ae.get("r").fork(at="Your name?", answer="Bob").run_id)
        return {"name": await context.channel().ask_text("Enough?")}

    configure()
    await talked()
    run = mother.start(run_id="m")
    await run.next_wait()
    configure()
    ae.resume("m")
    while len(made) < 2:
        await asyncio.sleep(0)
    assert made[0] == made[1]
    assert {r.run_id for r in ae.runs()} == {"r", "m", made[0]}


# -- what is refused -----------------------------------------------------------------------------


async def test_a_fork_at_what_is_not_there_names_what_is(ours):
    run = await talked()
    with pytest.raises(UnknownNode, match=r"There is no node 'Your nam'; there is: work-"):
        run.fork(at="Your nam")
    with pytest.raises(
        UnknownNode, match=r"2 nodes are called 'work': work-\w+, work-\w+\. Give the id of one"
    ):
        run.fork(at="work")
    with pytest.raises(UnknownNode, match=r"There is no node \['work'\]; there is: work-"):
        run.fork(at=["work"])


async def test_an_answer_needs_a_question_and_must_fit_it(ours):
    run = await talked()
    node = next(iter(run.nodes))
    with pytest.raises(WaitError, match="'work' of run 'r' has asked nothing, so answer='x' means nothing"):
        run.fork(at=node, answer="x")
    with pytest.raises(WaitError, match=r"say with at= which question"):
        run.fork(answer="x")
    with pytest.raises(ReplyInvalid):
        run.fork(at="Your name?", answer=["no", "text"])
    assert [r.run_id for r in ae.runs()] == ["r"]


async def test_a_fork_needs_the_graph_to_be_defined_here(ours, monkeypatch):
    run = await talked()
    monkeypatch.delitem(GRAPHS, "talk")
    with pytest.raises(GraphError, match="'talk' is not defined here"):
        run.fork(at="Your name?")


def test_a_fork_is_one_transaction_on_disk(tmp_path):
    """A reader in another connection sees all of a fork or nothing of it."""

    async def story():
        runtime = Runtime(store=tmp_path / "runs.db")
        run = runtime.starting.start(talk, {}, run_id="r")
        await run.next_wait()
        fork = run.fork(at="Your name?", run_id="f")
        other = Runtime(store=tmp_path / "runs.db")
        assert [w.prompt for w in other.get("f").waits] == ["Your name?"]
        assert other.get("f").events[0].forked_from == "r"
        other.close()
        runtime.close()
        return fork

    asyncio.run(story())


class Order(DualStageTool):
    """Something ordered outside, that is called off when nobody waits for it."""

    async def setup(self, what: str):
        return Wait(kind="order", correlator=what)

    async def on_resume(self, reply, wait):
        return reply.value

    async def on_cancel(self, wait):
        ran.append(f"called off {wait.inputs['what']}")


order = Order()


@graphify(name="fork_orders", outputs=["got"])
def orders():
    return {"got": order("pizza").result}


async def test_a_fork_shares_a_job_and_never_calls_it_off(ours):
    run = orders.start(run_id="r")
    await run.next_wait()
    fork, other = run.fork(), run.fork()
    await fork.next_wait(), await other.next_wait()
    fork.cancel()
    with pytest.raises(RunCancelled):
        await fork
    assert ran == []
    assert ae.post_event("pizza", "hot") == 2
    assert ((await run).got, (await other).got) == ("hot", "hot")
    assert ran == []
