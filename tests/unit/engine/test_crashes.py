"""Any program of durable calls, in any order of completion, killed anywhere and more than once, ends as it would have.

`World` is what happens outside: it answers questions, lets tools finish and moves the clock, one thing at
a time, in an order of its own in every life. `one` is a small language of the things that bodies do.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lives import Life, Page, cut, log

from aether_nb import graph_fn, graphify, tool
from aether_nb.store.memory import MemoryStore
from aether_nb.store.sqlite import SqliteStore
from aether_nb.testing import FakeClock
from aether_nb.tools import ask_text

ran: list[str] = []
"""Ids of the nodes whose bodies ran in this life."""


class World(Page):
    """Everything outside of a run, in one life: a channel, a clock, and gates that tools stand at."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.clock = FakeClock()
        self._chance = random.Random(seed)
        self._due: list[Callable[[], object]] = []

    def show(self, shown) -> None:
        super().show(shown)
        asked, token = shown.wait.prompt.prompt, shown.wait.token
        if asked.startswith("late"):
            until_s = shown.wait.deadline_ms / 1000
            self.soon(lambda: self.clock.advance(max(0, until_s - self.clock.now_us() / 1e6)))
        elif not asked.startswith("never"):
            self.soon(lambda: self.answer(token, f"answer to {asked}"))

    async def gate(self) -> None:
        """Wait for one's turn."""
        opened = asyncio.get_running_loop().create_future()
        self.soon(lambda: opened.done() or opened.set_result(None))
        await opened

    def soon(self, act: Callable[[], object]) -> None:
        """Let it happen at some time; and when something happens, it may be any of what is due."""
        self._due.append(act)
        self._after(self._chance.randrange(12))

    def _after(self, turns: int) -> None:
        loop = asyncio.get_running_loop()
        if turns:
            loop.call_soon(self._after, turns - 1)
        else:
            self._due.pop(self._chance.randrange(len(self._due)))()


worlds: list[World] = []


@tool(outputs=["y"])
async def on_loop(x, *, context):
    ran.append(context.node_id)
    return {"y": (x, "seen")}


@tool(outputs=["y"])
async def gated(x, *, context):
    ran.append(context.node_id)
    await worlds[-1].gate()
    return {"y": x * 2}


@tool(outputs=["y"])
async def interviews(x, *, context):
    ran.append(context.node_id)
    return {"y": await context.channel().ask_text(f"{x} inside?")}


@tool(outputs=["y"])
async def breaks(x, *, context):
    ran.append(context.node_id)
    await worlds[-1].gate()
    raise ValueError(x)


@graphify(outputs=["y"])
def drawn(x):
    told = ask_text("drawn?", after=on_loop(x))
    return {"y": on_loop(told.text).y}


@graph_fn(name="program", outputs=["out"])
async def program(steps, *, context):
    return {"out": await interpret(steps, context, "top")}


@graph_fn(name="nested", outputs=["out"])
async def nested(steps, path, *, context):
    return {"out": await interpret(steps, context, path)}


async def interpret(steps, context, path):
    return [await one(step, context, f"{path}.{i}") for i, step in enumerate(steps)]


async def told(arg):
    for word in ("told", arg):
        await worlds[-1].gate()
        yield word


async def helper(steps, context, path):
    """Returns early: the second half is never made."""
    half = len(steps) // 2
    out = await interpret(steps[:half], context, path)
    if await context.channel().ask_text(f"{path} enough?"):
        return out
    return await interpret(steps[half:], context, path)


async def one(step, context, path):
    kind, arg = step
    ask = context.channel().ask_text
    if kind == "tool":
        return (await on_loop(arg)).y
    if kind == "gated":
        return (await gated(arg)).y
    if kind == "keyed":
        return (await gated(arg, key=path)).y
    if kind == "interview":
        return (await interviews(arg)).y
    if kind == "break":
        try:
            await breaks(arg)
        except ValueError as error:
            return str(error)
    if kind == "ask":
        return await ask(f"{arg}?")
    if kind == "loop":
        return [await ask(f"{arg} again?") for _ in range(3)]
    if kind == "crossed":  # awaited in another order than called
        first, second = ask(f"{arg} first?"), gated(arg)
        return [(await second).y, await first]
    if kind == "late":
        return await ask(f"late {arg}?", timeout=60, default="nobody")
    if kind == "race":
        tasks = [asyncio.create_task(gated(arg)), asyncio.create_task(ask(f"never {arg}?"))]
        done, slow = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in slow:
            task.cancel()
        await asyncio.wait(slow)
        return [task.result().y for task in done]
    if kind == "broken group":
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(ask(f"never {arg}?"))
                group.create_task(breaks(arg))
        except* ValueError as errors:
            said_so = [str(error) for error in errors.exceptions]
        return said_so
    if kind == "send":
        return await context.channel().send_text(arg)
    if kind == "now":
        return context.now().tzname()
    if kind == "bar":
        async with context.channel().progress(total=2, label=arg) as bar:
            first = await gated(arg)
            bar.update()
            await context.channel().send_text(f"half of {arg}")
            bar.update()
        return first.y
    if kind == "through":
        return [await ask(f"{arg} {n}?") async for n in context.channel().progress(range(2), label=arg)]
    if kind == "left":
        async for n in context.channel().progress(range(3), label=f"left {arg}"):
            if await ask(f"{arg} {n} enough?"):
                break
        return n
    if kind == "spoilt":
        try:
            with context.channel().progress(label=f"spoilt {arg}"):
                await breaks(arg)
        except ValueError as error:
            return str(error)
    if kind == "stream":
        return await context.channel().stream(told(arg))
    if kind == "written":
        async with context.channel().stream() as out:
            await out.write(arg)
            await out.write((await gated(arg)).y)
        return out.text
    if kind == "gather":
        return list(
            await asyncio.gather(*(interpret(branch, context, f"{path}-{i}") for i, branch in enumerate(arg)))
        )
    if kind == "group":
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(interpret(b, context, f"{path}-{i}")) for i, b in enumerate(arg)]
        return [task.result() for task in tasks]
    if kind == "helper":
        return await helper(arg, context, path)
    if kind == "graph":
        return (await drawn(arg)).y
    assert kind == "fn"
    return (await nested(arg, path)).out


words = st.sampled_from("ab")
simple = ["tool", "gated", "keyed", "ask", "send", "now", "break", "interview", "graph"]
telling = ["bar", "through", "left", "spoilt", "stream", "written"]
leaves = st.tuples(
    st.sampled_from([*simple, *telling, "loop", "crossed", "late", "race", "broken group"]), words
)
programs = st.recursive(
    st.lists(leaves, min_size=1, max_size=3),
    lambda inner: st.lists(
        leaves
        | st.tuples(st.sampled_from(["gather", "group"]), st.lists(inner, min_size=2, max_size=3))
        | st.tuples(st.sampled_from(["fn", "helper"]), inner),
        min_size=1,
        max_size=3,
    ),
    max_leaves=6,
)


async def lived(store, steps=None, seed=0):
    """One life that runs to the end: its outputs, and which nodes' bodies it ran."""
    ran.clear()
    worlds[:] = [World(seed)]
    life = Life(store, channel=worlds[0], clock=worlds[0].clock)
    run = life.resume() if steps is None else life.start(program, steps=steps)
    out = await run
    await life.end()
    return out.out, Counter(ran)


def said(store):
    """What was finished, asked and said, and how often. Of what was called off in the end only that it was not twice."""
    events = log(store)
    finished = Counter(e.node for e in events if e.type in {"NodeFinished", "NodeFailed"})
    opened = [e for e in events if e.type == "WaitOpened"]
    assert max(Counter(e.node for e in opened).values(), default=1) == 1, "a question was asked twice"
    asked = Counter(e.node for e in opened if not e.prompt.prompt.startswith("never"))
    messages = Counter(
        (e.node, e.call.scope, e.call.n, e.message.kind, e.message.text)
        for e in events
        if e.type == "MessageSent"
    )
    return finished, asked, messages


def possible_ends(store):
    """Where a crash can end the log: a question is withdrawn in one transaction with the end of its node."""
    return [n for n, last in enumerate(log(store)[:-1], 1) if last.type != "WaitWithdrawn"]


async def killed(steps, seed, places):
    """Run a program; then from a part of its log, and from a part of what that came to (a third crash would block)."""
    store = MemoryStore()
    out, bodies = await lived(store, steps, seed)
    everything = said(store)
    assert set(bodies.values()) | {n for counts in everything for n in counts.values()} <= {1}
    lives = [store]
    for n, place in enumerate(places):
        ends = possible_ends(lives[n % 2 and -1])
        left = cut(lives[n % 2 and -1], ends[place % len(ends)])
        lives.append(left)
        done = set(said(left)[0])
        again, executed = await lived(left, seed=seed + n)
        assert again == out
        assert said(left) == everything
        assert executed == Counter(set(bodies) - done), "what was done ran again, or what was not did not"
    for one_life in lives:
        one_life.close()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    steps=programs,
    seed=st.integers(0, 1_000),
    places=st.lists(st.integers(0, 10_000), min_size=2, max_size=8),
)
def test_a_program_killed_anywhere_and_again_ends_as_if_nothing_had_been(steps, seed, places):
    asyncio.run(killed(steps, seed, places))


async def killed_everywhere(steps):
    store = MemoryStore()
    await lived(store, steps)
    await killed(steps, 1, [n for n in range(len(possible_ends(store))) for _ in range(2)])


def test_one_program_of_everything_killed_after_each_of_its_events():
    every = [(kind, "a") for kind in (*simple, *telling, "loop", "crossed", "late", "race", "broken group")]
    inner = [("gated", "b"), ("ask", "b"), ("fn", [("interview", "b"), ("late", "b")])]
    asyncio.run(
        killed_everywhere(
            [*every, ("helper", inner), ("gather", [inner, inner]), ("group", [inner, every[:3]])]
        )
    )


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
