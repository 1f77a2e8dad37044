"""What a run takes in memory is free when the run is over, without a collection of cycles.

A kernel that drives runs for days would else grow until the oldest generation is gone through.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
from collections import Counter
from collections.abc import Iterator

import pytest
from lives import turns, types

from aether_nb import DualStageTool, Poll, Wait, graph_fn, graphify, tool, when
from aether_nb.errors import AetherError, RunCancelled
from aether_nb.tools import ask_text, wait_any


@tool(outputs=["n"])
async def double(n):
    return {"n": 2 * n}


@tool(outputs=["n"])
def in_thread(n):
    return {"n": 2 * n}


@tool(outputs=["n"])
async def fails(n):
    raise ValueError(n)


@graph_fn(outputs=["n"])
async def asks(*, context):
    channel = context.channel()
    async for _ in channel.progress(range(3), label="files"):
        await double(1)
    async with channel.stream() as out:
        await out.write("hello")
    await channel.stream(["so", "long"])
    await channel.ask_text("name?")
    return {"n": (await in_thread(3)).n}


@graph_fn(outputs=["n"])
async def asks_inside():
    return {"n": (await asks()).n}


@graph_fn(outputs=["n"])
async def races():
    first, _ = await wait_any(ask_text("a?"), ask_text("b?"))
    return {"n": first}


@graph_fn(outputs=["n"])
async def is_failed():
    await fails(1)
    return {"n": 1}


@graph_fn(outputs=["n"])
async def is_asked():
    await asyncio.gather(ask_text("a?"), ask_text("b?"))
    return {"n": 1}


@graphify(outputs=["n", "name"])
def static():
    some = double.map([1, 2, 3])
    when(some.n, then=lambda: in_thread(2), otherwise=lambda: double(3))
    return {"n": some.n, "name": ask_text("name?").text}


@contextlib.contextmanager
def no_collection() -> Iterator[Counter[str]]:
    """Nothing is collected in here; afterwards, which of our objects were left for that, by their class."""
    left = Counter[str]()
    gc.collect()
    gc.disable()
    try:
        yield left
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        kinds = [type(one) for one in gc.garbage]
        left.update(f"{k.__module__}.{k.__qualname__}" for k in kinds)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


@pytest.fixture
async def aioerrors() -> list[str]:
    """What the loop was told of that nobody heard."""
    heard: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, said: heard.append(said["message"]))
    return heard


@pytest.mark.parametrize("graph", [asks, asks_inside, races, is_failed, static], ids=lambda g: g.name)
async def test_nothing_of_a_run_that_is_over_waits_for_the_collector(live, graph):
    life = live({"name?": "Ada", "a?": "x", "b?": "y"})
    with contextlib.suppress(AetherError):  # the first one: what is made once, is made
        await life.start(graph, "first")
    with no_collection() as left:
        with contextlib.suppress(AetherError):
            await life.start(graph, "second")
        await asyncio.sleep(0)
    assert not left


async def test_nor_of_one_that_was_cancelled(live):
    life = live()

    async def start_and_cancel(run_id):
        run = life.start(is_asked, run_id)
        await life.until(lambda: len(life.channel.shown) == 2, run_id)
        run.cancel()
        with pytest.raises(RunCancelled):
            await run

    await start_and_cancel("first")
    life.channel.shown.clear()
    with no_collection() as left:
        await start_and_cancel("second")
        await asyncio.sleep(0)
    assert not left


async def test_a_run_that_only_asks_has_none_of_the_parts_that_are_made_when_they_are_needed(live):
    life = live()
    run = life.start(is_asked)
    await life.until(lambda: len(life.channel.shown) == 2)
    assert not life.driver().made
    run.cancel()
    with pytest.raises(RunCancelled):
        await run


async def test_what_a_task_raises_after_the_end_is_nobodys_news(live, aioerrors):
    looking = asyncio.Event()

    class Job(DualStageTool):
        outputs = ("result",)

        async def setup(self):
            return Wait(kind="job", correlator="j", poll=Poll(every=0.01))

        async def on_resume(self, reply, wait):
            return {"result": reply.value}

        async def poll(self, wait):
            looking.set()
            try:
                await asyncio.Event().wait()
            finally:
                await turns()
                raise ConnectionError("closed already")

    job = Job()

    @graphify(name="g", outputs=["r"])
    def g():
        return {"r": job().result}

    life = live()
    run = life.start(g)
    await looking.wait()
    run.answer("x")
    assert (await run).r == "x"
    await turns(100)
    gc.collect()
    assert not aioerrors


@pytest.mark.parametrize("room", ["a place is free", "none is"])
async def test_a_thread_of_an_earlier_life_of_the_run_is_waited_for(live, room):
    gate, now, seen = threading.Event(), [], []
    again = False

    @tool(outputs=["n"], timeout=0.05)
    def slow():
        now.append(1)
        seen.append(len(now))
        try:
            if not again:
                assert gate.wait(10)
        finally:
            now.pop()
        return {"n": 1}

    @tool(outputs=["n"])
    async def other():
        return {"n": 1}

    @graph_fn(name="g", outputs=["n"])
    async def g():
        if not again:
            return {"n": (await slow()).n}
        both = await asyncio.gather(other(), slow())
        return {"n": both[1].n}

    life = live(max_concurrency=2 if room == "none is" else 5)
    run = life.start(g)
    with pytest.raises(AetherError):
        await run
    again = True
    run = run.start_over()
    await life.until(lambda: "NodeFinished" in types(life.store))
    await turns()
    begun = [*seen]
    gate.set()
    assert (await run).n == 1
    assert begun == [1]
    assert seen == [1, 1]
