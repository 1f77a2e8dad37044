"""Waiting in synchronous cells, in real kernels."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from integration.kernels import LiveKernel, idle_of, interpreters, live

SETUP = """
import asyncio, contextvars, signal, sys, time
from comm import create_comm
from aether_nb.jupyter import pump as p
from aether_nb.jupyter.reenter import run_until_complete

LOOP = asyncio.get_running_loop()
OWN = type(LOOP), asyncio.Task, asyncio.Future, asyncio.run, asyncio.get_event_loop
ticks, order, var = 0, [], contextvars.ContextVar("var", default="unset")

async def tick():
    global ticks
    while True:
        await asyncio.sleep(0.01)
        ticks += 1
ticking = asyncio.create_task(tick())

async def ticked(n):
    until = ticks + n
    while ticks < until:
        await asyncio.sleep(0.005)
    return n

pump = p.Pump.install(p.current_kernel())
"""


@pytest.fixture(scope="module", params=interpreters())
def kernel(request: pytest.FixtureRequest) -> Iterator[LiveKernel]:
    for kernel in live(request.param):
        kernel.run(SETUP)
        yield kernel


def test_a_synchronous_cell_waits_while_background_tasks_go_on(kernel: LiveKernel) -> None:
    assert kernel.run("print(run_until_complete(ticked(10)))") == "10\n"


def test_it_is_the_kernels_own_loop_and_afterwards_as_it_was(kernel: LiveKernel) -> None:
    printed = kernel.run(
        "async def loop(): return asyncio.get_running_loop()\n"
        "handler = signal.getsignal(signal.SIGINT)\n"
        "print(run_until_complete(loop()) is LOOP, signal.getsignal(signal.SIGINT) is handler)\n"
        "print(OWN == (type(LOOP), asyncio.Task, asyncio.Future, asyncio.run, asyncio.get_event_loop))\n"
        "print(hasattr(type(LOOP), '_nest_patched'), hasattr(asyncio, '_nest_patched'))"
    )
    assert printed == "True True\nTrue\nFalse False\n"


def test_asyncio_works_inside(kernel: LiveKernel) -> None:
    printed = kernel.run(
        "async def part(n):\n"
        "    await asyncio.sleep(0); var.set(n); await asyncio.sleep(0.01)\n"
        "    return var.get(), asyncio.current_task().get_name()\n"
        "async def whole():\n"
        "    seen = var.get(); var.set('inner')\n"
        "    me = asyncio.current_task()\n"
        "    async with asyncio.TaskGroup() as group:\n"
        "        tasks = [group.create_task(part(n), name=f'part-{n}') for n in range(3)]\n"
        "    try:\n"
        "        async with asyncio.timeout(0.01): await asyncio.sleep(60)\n"
        "    except TimeoutError: late = True\n"
        "    gathered = await asyncio.gather(part(7), asyncio.to_thread(lambda: 'thread'))\n"
        "    failed = await asyncio.gather(asyncio.wait_for(asyncio.sleep(60), 0.01), return_exceptions=True)\n"
        "    assert me is asyncio.current_task() and me in asyncio.all_tasks()\n"
        "    return seen, var.get(), [t.result() for t in tasks], late, gathered[1], type(failed[0]).__name__\n"
        "var.set('outer')\n"
        "before = asyncio.current_task()\n"
        "print(run_until_complete(whole()))\n"
        "print(var.get(), asyncio.current_task() is before)"
    )
    assert printed == (
        "('outer', 'inner', [(0, 'part-0'), (1, 'part-1'), (2, 'part-2')], True, 'thread', 'TimeoutError')\n"
        "outer True\n"
    )


def test_cells_queued_behind_run_afterwards_in_order(kernel: LiveKernel) -> None:
    first = kernel.send("order.clear(); print('in'); run_until_complete(ticked(20)); order.append(1)")
    kernel.until_printed(first, "in")
    cells = [
        first,
        kernel.send("order.append(2)"),
        kernel.send("await asyncio.sleep(0.01); order.append(3)"),
        kernel.send("run_until_complete(ticked(2)); order.append(4)"),
    ]
    assert [kernel.reply(cell)["status"] for cell in cells] == ["ok"] * 4
    assert kernel.run("print(order)") == "[1, 2, 3, 4]\n"


def test_an_async_cell_may_call_it_and_it_nests(kernel: LiveKernel) -> None:
    printed = kernel.run(
        "async def inner(): await ticked(2); return 'inner'\n"
        "async def outer(): await asyncio.sleep(0); return run_until_complete(inner()), await ticked(2)\n"
        "await asyncio.sleep(0)\n"
        "print(run_until_complete(outer()))\n"
        "print(await ticked(2), type(LOOP) is OWN[0])"
    )
    assert printed == "('inner', 2)\n2 True\n"


def test_an_error_inside_is_the_cells_error(kernel: LiveKernel) -> None:
    cell = kernel.send(
        "async def bad(): await asyncio.sleep(0); raise ValueError('mine')\nrun_until_complete(bad())"
    )
    assert kernel.reply(cell)["ename"] == "ValueError"
    kernel.until(lambda m: idle_of(m, cell))
    assert kernel.run("print(run_until_complete(ticked(2)))") == "2\n"


def test_an_interrupt_cancels_what_is_waited_for_and_the_kernel_is_well(kernel: LiveKernel) -> None:
    cell = kernel.send(
        "ended = []\n"
        "async def wait():\n"
        "    try: await asyncio.sleep(60)\n"
        "    except asyncio.CancelledError: ended.append('cancelled'); raise\n"
        "print('in')\n"
        "run_until_complete(wait())"
    )
    kernel.until_printed(cell, "in")
    kernel.interrupt()
    assert kernel.reply(cell)["ename"] == "KeyboardInterrupt"
    kernel.until(lambda m: idle_of(m, cell))
    assert kernel.run("print(ended, ticking.done(), type(LOOP) is OWN[0])") == "['cancelled'] False True\n"
    assert kernel.run("print(await ticked(2), run_until_complete(ticked(2)))") == "2 2\n"


def test_a_second_interrupt_ends_what_does_not_let_itself_be_cancelled(kernel: LiveKernel) -> None:
    cell = kernel.send(
        "async def deaf():\n"
        "    while True:\n"
        "        try: await asyncio.sleep(60)\n"
        "        except asyncio.CancelledError: print('no')\n"
        "        if not deafness: return\n"
        "deafness = True\n"
        "print('in')\n"
        "run_until_complete(deaf())"
    )
    kernel.until_printed(cell, "in")
    kernel.interrupt()
    kernel.until_printed(cell, "no")
    kernel.interrupt()
    assert kernel.reply(cell)["ename"] == "KeyboardInterrupt"
    kernel.until(lambda m: idle_of(m, cell))
    assert kernel.run("deafness = False; print(await ticked(2), run_until_complete(ticked(2)))") == "2 2\n"


@pytest.mark.parametrize("over_subshell", [False, True])
def test_a_comm_let_through_arrives_in_a_synchronous_cell(kernel: LiveKernel, over_subshell: bool) -> None:
    subshell = kernel.subshell() if over_subshell else None
    cell = kernel.send(
        "answer = LOOP.create_future()\n"
        "comm = create_comm(target_name='test', comm_id='sync')\n"
        "comm.on_msg(lambda m: LOOP.call_soon_threadsafe(answer.set_result, m['content']['data']))\n"
        "pump.let_through('sync')\n"
        "async def wait(): return await answer\n"
        "print('in'); print('got', run_until_complete(wait())); pump.hold_back('sync'); comm.close()"
    )
    kernel.until_printed(cell, "in")
    kernel.comm("sync", "Ada", subshell)
    assert kernel.reply(cell)["status"] == "ok"
    kernel.until_printed(cell, "got Ada")


def test_without_a_running_loop_it_says_what_to_do(kernel: LiveKernel) -> None:
    printed = kernel.run(
        "def other():\n"
        "    try: run_until_complete(ticked(1))\n"
        "    except Exception as e: return f'{type(e).__name__}: {e}'\n"
        "print(await asyncio.to_thread(other))"
    )
    assert printed == "NoLoop: no event loop runs in this thread: use asyncio.run()\n"


@pytest.mark.parametrize("python", interpreters())
@pytest.mark.parametrize("flavours", [("nest_asyncio",), ("nest_asyncio2", "nest_asyncio")])
def test_it_copes_with_a_kernel_that_is_patched_already(python: str, flavours: tuple[str, ...]) -> None:
    for kernel in live(python):
        kernel.run(
            "import importlib, importlib.util\n"
            f"name = next(n for n in {flavours!r} if importlib.util.find_spec(n))\n"
            "importlib.import_module(name).apply()"
        )
        kernel.run(SETUP)
        first = kernel.send("print('in'); print(run_until_complete(ticked(10)))")
        kernel.until_printed(first, "in")
        if (
            "/7.3/" in python
        ):  # patched so it loses every second queued cell by itself: two cells that print will do
            assert kernel.reply(first)["status"] == "ok"
        second = kernel.send("print(await ticked(2), run_until_complete(ticked(2)), type(LOOP) is OWN[0])")
        assert [kernel.reply(m)["status"] for m in (first, second)] == ["ok", "ok"]
        kernel.until_printed(second, "2 2 True")
