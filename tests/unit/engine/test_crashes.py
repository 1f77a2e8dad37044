"""Any program of durable calls, killed after any event of its log, comes back and ends as it would have."""

from __future__ import annotations

import asyncio
from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lives import Life, cut, log

from aether_nb import graph_fn, graphify, tool
from aether_nb.store.memory import MemoryStore
from aether_nb.store.sqlite import SqliteStore
from aether_nb.tools import ask_text

ANSWERS = {"text": lambda prompt: f"answer to {prompt.prompt}"}
ran: list[str] = []


@tool(outputs=["y"])
async def on_loop(x, *, context):
    ran.append(context.node_id)
    return {"y": (x, "seen")}


@tool(outputs=["y"])
async def interviews(x, *, context):
    ran.append(context.node_id)
    return {"y": await context.channel().ask_text(f"{x} inside?")}


@tool(outputs=["y"])
async def breaks(x, *, context):
    ran.append(context.node_id)
    raise ValueError(x)


@graphify(outputs=["y"])
def drawn(x):
    told = ask_text("drawn?", after=on_loop(x))
    return {"y": on_loop(told.text).y}


@graph_fn(name="program", outputs=["out"])
async def program(steps, *, context):
    return {"out": await interpret(steps, context)}


@graph_fn(name="nested", outputs=["out"])
async def nested(steps, *, context):
    return {"out": await interpret(steps, context)}


async def interpret(steps, context):
    return [await one(step, context) for step in steps]


async def one(step, context):
    kind, arg = step
    if kind == "tool":
        return (await on_loop(arg)).y
    if kind == "interview":
        return (await interviews(arg)).y
    if kind == "break":
        try:
            await breaks(arg)
        except ValueError as error:
            return str(error)
    if kind == "ask":
        return await context.channel().ask_text(f"{arg}?")
    if kind == "send":
        return await context.channel().send_text(arg)
    if kind == "now":
        return context.now().tzname()
    if kind == "gather":
        return list(await asyncio.gather(*(interpret(branch, context) for branch in arg)))
    if kind == "group":
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(interpret(branch, context)) for branch in arg]
        return [task.result() for task in tasks]
    if kind == "graph":
        return (await drawn(arg)).y
    assert kind == "fn"
    return (await nested(arg)).out


words = st.sampled_from("ab")
leaves = st.tuples(st.sampled_from(["tool", "ask", "send", "now", "break", "interview", "graph"]), words)
programs = st.recursive(
    st.lists(leaves, min_size=1, max_size=3),
    lambda inner: st.lists(
        leaves
        | st.tuples(st.sampled_from(["gather", "group"]), st.lists(inner, min_size=2, max_size=3))
        | st.tuples(st.just("fn"), inner),
        min_size=1,
        max_size=3,
    ),
    max_leaves=6,
)


async def lived(store, steps=None):
    """One life that runs to the end: its outputs, and which nodes' bodies it ran."""
    ran.clear()
    life = Life(store, ANSWERS)
    run = life.resume() if steps is None else life.start(program, steps=steps)
    out = await run
    await life.end()
    return out.out, list(ran)


def said(store):
    """What was said, asked and finished, and how often."""
    events = log(store)
    finished = Counter(e.node for e in events if e.type in {"NodeFinished", "NodeFailed"})
    asked = Counter(e.node for e in events if e.type == "WaitOpened")
    told = Counter(
        (e.node, e.call.scope, e.call.n, e.message.text) for e in events if e.type == "MessageSent"
    )
    return finished, asked, told


async def killed_everywhere(steps):
    store = MemoryStore()
    out, _ = await lived(store, steps)
    finished, asked, told = said(store)
    length = len(log(store))
    for n in range(1, length):
        left = cut(store, n)
        done = set(said(left)[0])
        again, bodies = await lived(left)
        assert again == out
        assert said(left) == (finished, asked, told)
        assert not done & set(bodies), "a node whose success was committed ran again"
        left.close()
    assert set(finished.values()) | set(asked.values()) | set(told.values()) <= {1}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=programs)
def test_a_program_killed_after_any_event_ends_as_if_nothing_had_been(steps):
    asyncio.run(killed_everywhere(steps))


def test_the_same_on_disk_with_a_kernel_that_died_in_the_middle(tmp_path):
    steps = [("tool", "a"), ("gather", [[("ask", "a"), ("send", "a")], [("interview", "b"), ("now", "a")]])]

    async def first():
        life = Life(SqliteStore(tmp_path / "runs.db"))
        run = life.start(program, steps=steps)
        await life.until(lambda: len(life.channel.asked) == 2)
        run.answer("Ada", to="a?")
        await life.until(lambda: life.channel.said)
        await life.end()
        life.store.close()

    async def second():
        store = SqliteStore(tmp_path / "runs.db")
        out, bodies = await lived(store)
        events = [e.type for e in log(store)]
        store.close()
        return out, bodies, Counter(events)

    asyncio.run(first())
    out, bodies, events = asyncio.run(second())
    assert out == [("a", "seen"), [["Ada", None], ["answer to b inside?", "UTC"]]]
    assert len(bodies) == 1
    assert (events["WaitOpened"], events["MessageSent"], events["RunFinished"]) == (2, 1, 1)
