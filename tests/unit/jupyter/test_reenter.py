"""Re-entering a plain asyncio loop; `tests/integration/test_reenter.py` does it in real kernels."""

from __future__ import annotations

import asyncio
import contextvars
import os
import signal

import pytest

from aether_nb.errors import NoLoop
from aether_nb.jupyter.reenter import run_until_complete


async def later(value: int, turns: int = 3) -> int:
    for _ in range(turns):
        await asyncio.sleep(0)
    return value


async def test_other_tasks_go_on_while_synchronous_code_waits() -> None:
    task = asyncio.create_task(later(1))
    me = asyncio.current_task()
    assert run_until_complete(later(2, turns=9)) == 2
    assert task.done()
    assert asyncio.current_task() is me


async def test_the_loop_further_out_finds_as_many_callbacks_as_it_counted() -> None:
    loop = asyncio.get_running_loop()
    ran: list[int] = []
    waited = loop.create_future()

    def wait() -> None:
        waited.set_result(run_until_complete(later(7)))

    loop.call_soon(wait)
    for i in range(20):  # counted by the turn that runs `wait`, and run by the turns inside it
        loop.call_soon(ran.append, i)
    assert await waited == 7
    assert ran == list(range(20))


async def test_a_step_in_a_context_that_is_entered_runs_afterwards() -> None:
    loop = asyncio.get_running_loop()
    shared = contextvars.copy_context()
    order: list[str] = []

    async def first() -> None:
        queued.append(loop.create_task(second(), context=shared))
        run_until_complete(later(0, turns=9))
        order.append("first")

    async def second() -> None:
        order.append("second")

    queued: list[asyncio.Task[None]] = []
    await loop.create_task(first(), context=shared)
    await queued[0]
    assert order == ["first", "second"]


async def test_the_coroutine_starts_with_the_callers_context_and_keeps_its_own() -> None:
    var = contextvars.ContextVar("var", default="unset")
    var.set("outer")

    async def change() -> str:
        seen = var.get()
        var.set("inner")
        return seen

    assert run_until_complete(change()) == "outer"
    assert var.get() == "outer"


async def test_what_fails_inside_is_raised_and_the_loop_is_as_it_was() -> None:
    loop = asyncio.get_running_loop()
    own = type(loop)

    async def fail() -> None:
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        run_until_complete(fail())
    assert type(loop) is own
    assert not hasattr(own, "_nest_patched")


async def test_it_nests() -> None:
    async def outer() -> int:
        return run_until_complete(later(1)) + await later(2)

    assert run_until_complete(outer()) == 3


async def test_an_interrupt_cancels_the_coroutine_and_nobody_else() -> None:
    seen: list[str] = []
    handler = signal.getsignal(signal.SIGINT)
    other = asyncio.create_task(asyncio.sleep(60))

    async def wait() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    with pytest.raises(KeyboardInterrupt):
        run_until_complete(wait())
    assert seen == ["cancelled"]
    assert signal.getsignal(signal.SIGINT) is handler
    assert not other.done()
    other.cancel()


async def test_an_interrupt_that_the_coroutine_handles_is_handled() -> None:
    async def wait() -> str:
        os.kill(os.getpid(), signal.SIGINT)
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "handled"
        return "never"

    assert run_until_complete(wait()) == "handled"


async def test_a_cancellation_of_its_own_stays_one() -> None:
    async def cancel() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        run_until_complete(cancel())


def test_without_a_running_loop_it_says_what_to_do() -> None:
    with pytest.raises(NoLoop, match=r"asyncio\.run"):
        run_until_complete(later(1))
