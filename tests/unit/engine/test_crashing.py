"""What counts as a crash of the kernel, and what is only a kernel that was restarted while a run waited."""

from __future__ import annotations

import asyncio

import pytest
from lives import Life, turns, types

from aether_nb import DualStageTool, Poll, Wait, graph_fn, graphify, tool
from aether_nb.errors import RunBlocked
from aether_nb.events import WaitPolled
from aether_nb.testing import FakeClock


@pytest.fixture
def clock():
    return FakeClock()


class Deadly:
    """A place in which kernels die: the test ends the life of whoever comes `here`."""

    def __init__(self):
        self.deaths, self.harmless = 0, False
        self._news = asyncio.Event()

    async def here(self):
        self.deaths += 1
        self._news.set()
        if not self.harmless:
            await asyncio.Event().wait()

    async def kills(self, life: Life) -> None:
        await self._news.wait()
        self._news.clear()
        await life.end()


@pytest.fixture
def deadly():
    return Deadly()


async def dies_in(deadly, live, graph, *, times=3):
    """Have so many kernels die there; the next life, and the run as it has it."""
    life = live()
    life.start(graph)
    for _ in range(times):
        await deadly.kills(life)
        life = live()
        run = life.resume()
    return life, run


async def restarted(live, graph, *, times=5, **options):
    """Restart the kernel so often while the run waits; its last life."""
    life = live(**options)
    life.start(graph)
    for _ in range(times):
        await turns()
        await life.end()
        life = live(**options)
        life.resume()
    await turns()
    assert "RunBlocked" not in types(life.store)
    return life


@tool(outputs=["n"])
async def fine(n):
    return {"n": n}


# -- the body of a graph function ----------------------------------------------------------------


async def test_the_third_crash_between_two_steps_blocks_the_run_until_somebody_resumes_it(live, deadly):
    @graph_fn(outputs=["n"])
    async def f():
        n = (await fine(1)).n
        await deadly.here()
        return {"n": n}

    life, run = await dies_in(deadly, live, f)
    with pytest.raises(RunBlocked) as blocked:
        await run
    line = f.fn.__code__.co_firstlineno + 2
    assert str(blocked.value) == (
        f"Run 'r' is blocked. 'f' itself (after `fine` of line {line}) was running when the kernel died, 3 times. "
        "It is not tried again by itself: mend it, then ae.resume('r'), or start over with run.start_over()."
    )
    deadly.harmless = True
    assert (await life.resume()).n == 1
    assert deadly.deaths == 4


@pytest.mark.parametrize("form", ["drawn", "written"])
async def test_a_function_that_stands_as_a_node_is_the_one_that_is_named(live, deadly, form):
    @graph_fn(outputs=["x"])
    async def inner():
        await deadly.here()
        return {"x": 1}

    @graphify(name="drawn", outputs=["x"])
    def drawn():
        return {"x": inner().x}

    @graph_fn(name="written", outputs=["x"])
    async def written():
        return {"x": (await inner()).x}

    _, run = await dies_in(deadly, live, {"drawn": drawn, "written": written}[form])
    with pytest.raises(RunBlocked, match=r"'inner' itself \(before its first step\) was running"):
        await run


async def test_a_function_that_gets_on_from_crash_to_crash_is_not_blocked(live, deadly):
    @graph_fn(outputs=[])
    async def f():
        for n in range(6):
            await fine(n)
            if n == deadly.deaths:
                await deadly.here()

    _, run = await dies_in(deadly, live, f, times=5)
    assert run.status == "running"


async def test_a_function_that_sleeps_may_see_its_kernel_restarted_as_often_as_people_like(live, clock):
    @graph_fn(outputs=["n"])
    async def f(*, context):
        await context.sleep(3600)
        return {"n": (await fine(1)).n}

    life = await restarted(live, f, clock=clock)
    clock.advance(3600)
    assert (await life.runtime.get("r")).n == 1


async def test_a_function_that_waits_for_a_run_that_it_started_may_see_that_too(live):
    lives = []

    def begin(**options):
        lives.append(live(**options))
        return lives[-1]

    @graph_fn(outputs=["x"])
    async def asking(*, context):
        return {"x": await context.channel().ask_text("Go?")}

    @graph_fn(outputs=["x"])
    async def f():
        return {"x": (await lives[-1].runtime.starting.start(asking, {})).x}

    life = await restarted(begin, f)
    (started,) = (row for row in life.store.runs() if row.run_id != "r")
    life.resume(started.run_id).answer("yes")
    assert (await life.runtime.get("r")).x == "yes"


async def test_a_tool_that_waits_for_an_answer_may_see_that_too(live):
    @tool(outputs=["x"])
    async def asks(*, context):
        return {"x": await context.channel().ask_text("Go?")}

    @graph_fn(outputs=["x"])
    async def f():
        return {"x": (await asks()).x}

    life = await restarted(live, f)
    run = life.runtime.get("r")
    run.answer("yes")
    assert (await run).x == "yes"


async def test_a_fork_inherits_no_crash(live, deadly):
    @graph_fn(outputs=["n"])
    async def f():
        await deadly.here()
        return {"n": 1}

    _, run = await dies_in(deadly, live, f)
    with pytest.raises(RunBlocked):
        await run
    deadly.harmless = True
    assert (await run.fork()).n == 1


# -- the other methods of a dual-stage tool ------------------------------------------------------


async def test_the_third_crash_in_a_poll_blocks_and_a_poll_that_comes_back_begins_anew(live, deadly, clock):
    class Job(DualStageTool):
        name = "job"
        outputs = ("x",)

        async def setup(self):
            return Wait(kind="job", poll=Poll(every=10))

        async def on_resume(self, reply, wait):
            return {"x": reply.value}

        async def poll(self, wait):
            await deadly.here()

    job = Job()

    @graphify(name="polled", outputs=["x"])
    def graph():
        return {"x": job().x}

    def begun(store):
        return [e.begun for e in store.events("r") if isinstance(e, WaitPolled)]

    life = live(clock=clock)
    run = life.start(graph)
    await life.until(lambda: life.channel.shown)
    for _ in range(4):  # of the first life nothing tells that the look had begun
        clock.advance(20)
        await deadly.kills(life)
        life = live(clock=clock)
        run = life.resume()
        await turns()
    with pytest.raises(RunBlocked, match="`poll` of 'job' was running when the kernel died, 3 times"):
        await run
    assert begun(life.store) == [True] * 3
    deadly.harmless = True
    life.resume()
    for n in range(2):
        await turns()
        clock.advance(20)
        await life.until(lambda n=n: len(begun(life.store)) == 5 + n)
    assert begun(life.store) == [True] * 4 + [False] * 2


@pytest.mark.parametrize("whole", [True, False])
async def test_the_third_crash_in_an_on_cancel_blocks_whatever_was_cancelled(live, deadly, whole):
    class Job(DualStageTool):
        name = "job"
        outputs = ("x",)

        async def setup(self):
            return Wait(kind="job")

        async def on_resume(self, reply, wait):
            return {"x": reply.value}

        async def on_cancel(self, wait):
            await deadly.here()

    job = Job()

    @graph_fn(outputs=[])
    async def f():
        await job()

    life = live()
    run = life.start(f)
    await life.until(lambda: life.channel.shown)
    run.cancel(None if whole else next(iter(run.nodes)))
    for _ in range(3):
        await deadly.kills(life)
        life = live()
        run = life.resume()
    with pytest.raises(RunBlocked) as blocked:
        await run
    assert str(blocked.value) == (
        "Run 'r' is blocked. `on_cancel` of 'job' was running when the kernel died, 3 times. It is not tried again "
        "by itself: mend it, then ae.resume('r')."
    )
    deadly.harmless = True
    life.resume()
    await life.driver().done
    assert types(life.store)[-1] == ("RunCancelled" if whole else "RunFailed")
