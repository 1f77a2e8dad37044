"""Waiting in synchronous code on the loop that is already running: what `run_sync()` does in a kernel.

Nothing else imports nest_asyncio, and nobody but `run_sync` calls this. The kernel's other tasks go on
meanwhile; cells that are queued stay queued. Traps:

- `nest_asyncio.apply()` patches every loop of the process, `asyncio.run`, `get_event_loop`, and makes
  Task and Future pure Python, for good. Only its re-entrant turn is needed, so the kernel's loop wears
  a class of its own that has it, and takes it off again when the outermost wait ends.
- ipykernel 7 handles all shell messages in *one* context, which the waiting cell has entered. The step
  of a task in an entered context cannot run; nest_asyncio 1.6 loses it, and with it the next cell of a
  Run All, which stays `[*]` for ever. Such steps are set aside and put back.
- Further out on the stack the loop's own turn still counts on as many ready callbacks as there were
  when it called us; finding fewer is an IndexError that stops it for good. What we ran of them is replaced by dummies.
- Ctrl-C raises KeyboardInterrupt wherever the main thread is, as likely as not in somebody else's task,
  which it would kill. As in `asyncio.run`, the first one cancels what is waited for, the second raises.
- What waits here for a message of the kernel's shell channel waits for ever: it is handled after this
  cell. Only comms that the pump lets through, and replies by the store, arrive.
"""

from __future__ import annotations

import asyncio
import contextvars
import signal
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

from aether_nb.errors import NoLoop

_T = TypeVar("_T")


def run_until_complete(coro: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine to its end as a task of the running loop, while the caller's own task stands still.

    The task copies the caller's context, and everything in asyncio works in it. It must not wait for the
    task that calls (an async cell may call this; that cell's own task makes no step meanwhile).

    Raises:
        NoLoop: no loop runs in this thread, or it is of a kind that cannot be re-entered.
        KeyboardInterrupt: the kernel was interrupted; the task has been cancelled and has ended, or, after a
            second interrupt, will be cancelled by the loop.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        coro.close()
        raise NoLoop("no event loop runs in this thread: use asyncio.run()") from None
    if not isinstance(loop, asyncio.BaseEventLoop):
        coro.close()
        raise NoLoop(f"a {type(loop).__name__} cannot be re-entered: use `await` instead of run_sync()")
    task = loop.create_task(coro)
    with _reentrant(loop), _stepped_aside(loop), _interrupts_cancel(task, loop) as interrupted:
        try:
            return loop.run_until_complete(task)
        except asyncio.CancelledError:
            if interrupted() and task.uncancel() == 0:
                raise KeyboardInterrupt from None
            raise
        finally:
            task.cancel()  # nothing when it has ended; it has not after a second Ctrl-C


@contextmanager
def _reentrant(loop: Any) -> Iterator[None]:
    import nest_asyncio  # noqa: PLC0415 - only where it is used: importing this module costs nothing

    own, ready = type(loop), loop._ready
    due = len(ready)
    aside: list[asyncio.Handle] = []
    worn = type(own.__name__, (own,), {})
    loop.__class__ = worn
    nest_asyncio._patch_loop(loop)  # patches the class it finds: ours, which only this loop wears
    turn = worn._run_once  # type: ignore[attr-defined]  # given by the patch, or inherited from an earlier one

    def run_once(self: Any) -> None:
        _set_aside(ready, aside)
        turn(self)

    worn._run_once = run_once  # type: ignore[attr-defined]
    try:
        yield
    finally:
        loop.__class__ = own
        ready.extendleft(reversed(aside))
        for _ in range(due - len(ready)):
            loop.call_soon(lambda: None)


def _set_aside(ready: deque[asyncio.Handle], aside: list[asyncio.Handle]) -> None:
    """Move what cannot run now; tasks queue their steps between turns, so that none is missed."""
    if not any(_entered(handle._context) for handle in tuple(ready)):  # type: ignore[attr-defined]
        return
    for _ in range(len(ready)):
        handle = ready.popleft()
        (aside if _entered(handle._context) else ready).append(handle)  # type: ignore[attr-defined]


def _entered(context: contextvars.Context) -> bool:
    try:
        context.run(int)  # there is no flag to read; entering it once more is refused
    except RuntimeError:
        return True
    return False


@contextmanager
def _stepped_aside(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Let the loop step other tasks while the current one is on the stack."""
    current = asyncio.current_task(loop)
    if current is None:
        yield
        return
    asyncio.tasks._leave_task(loop, current)
    try:
        yield
    finally:
        asyncio.tasks._enter_task(loop, current)


@contextmanager
def _interrupts_cancel(
    task: asyncio.Task[Any], loop: asyncio.AbstractEventLoop
) -> Iterator[Callable[[], bool]]:
    """Yields a function that says whether there was an interrupt."""
    count = 0

    def on_sigint(_signum: int, _frame: FrameType | None) -> None:
        nonlocal count
        count += 1
        if count > 1 or task.done():
            raise KeyboardInterrupt
        task.cancel()
        loop.call_soon_threadsafe(lambda: None)  # the loop may sleep: let it look

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = signal.signal(signal.SIGINT, on_sigint)
    try:
        yield lambda: count > 0
    finally:
        signal.signal(signal.SIGINT, before)
