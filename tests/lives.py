"""Lives of a kernel on one store, for tests that kill it and come back."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from aether_nb import tool
from aether_nb.engine.driver import Driver
from aether_nb.engine.ports import Append, NewRun, RunRow, Shown, WaitRow
from aether_nb.errors import NotStorable
from aether_nb.events import AnyEvent
from aether_nb.ids import RunId
from aether_nb.messages import Telling
from aether_nb.run import Run
from aether_nb.runtime import Runtime
from aether_nb.store.memory import MemoryStore
from aether_nb.testing import ScriptedChannel


class Page:
    """A channel that shows questions to the test, which answers by `run.answer`."""

    name = "page"

    def __init__(self) -> None:
        self.shown: list[Shown] = []
        self.closed: list[WaitRow] = []
        self.said: list[str] = []
        self.followed: list[Telling] = []
        self.news = asyncio.Event()

    @property
    def asked(self) -> list[str]:
        return [s.wait.prompt.prompt for s in self.shown]

    def attach(self, answer, give_up) -> None:
        self.answer, self.give_up = answer, give_up

    def show(self, shown: Shown) -> None:
        self.shown.append(shown)
        self.news.set()

    def close(self, wait: WaitRow) -> None:
        self.closed.append(wait)
        self.news.set()

    def say(self, run_id, message) -> None:
        self.said.append(message.text)
        self.news.set()

    def follow(self, run_id, telling) -> None:
        self.followed.append(telling)
        self.news.set()


class Life:
    """One life of a kernel. Without answers, questions wait for the test."""

    def __init__(
        self, store: MemoryStore, answers: Any = None, *, channel: Any = None, **options: Any
    ) -> None:
        self.store = store
        self.channel: Any = channel or (Page() if answers is None else ScriptedChannel(answers))
        self.runtime = Runtime(store=store, channel=self.channel, **options)
        self.runtime.home = "tests"

    def start(self, graph: Any, run_id: str = "r", **inputs: Any) -> Run:
        return self.runtime.starting.start(graph, inputs, run_id=run_id)

    def resume(self, run_id: str = "r", **options: Any) -> Run:
        return self.runtime.resuming.resume(run_id, **options)

    @property
    def engine(self):
        return self.runtime.engine()

    def driver(self, run_id: str = "r") -> Driver:
        found = self.runtime.driver(RunId(run_id))
        assert found is not None
        return found

    async def until(self, condition: Callable[[], object], run_id: str = "r") -> None:
        """Turn the loop until something that was committed, shown or said made the condition true."""
        driver = self.driver(run_id)
        while not condition():
            assert not driver.done.done(), driver.state.status
            self.channel.news.clear()
            waiting = [self.engine.audience.next_commit(driver.run_id)]
            waiting += [asyncio.ensure_future(self.channel.news.wait())]
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for one in waiting:
                one.cancel()
            await asyncio.sleep(0)  # who else was told of it has heard it, too

    async def end(self) -> None:
        """The kernel goes, and no run hears a word of it; what was queued is written."""
        if self.runtime._engine is not None:
            self.runtime._engine.suspend_all()
            self.runtime._engine = None
        getattr(self.store, "_kernels", {}).pop(self.runtime.kernel, None)
        await turns()


async def turns(n: int = 40) -> None:
    """Let everything that is ready run."""
    for _ in range(n):
        await asyncio.sleep(0)


def log(store: Any, run_id: str = "r") -> list[AnyEvent]:
    return store.events(RunId(run_id))


def types(store: Any, run_id: str = "r") -> list[str]:
    return [e.type for e in log(store, run_id)]


def cut(store: MemoryStore, length: int, run_id: str = "r") -> MemoryStore:
    """The store as a crash would have left it after that many events of the run."""
    row, events = store.run(RunId(run_id)), log(store, run_id)[:length]
    assert isinstance(row, RunRow)
    left = MemoryStore()
    left._specs = dict(store._specs)
    left.artifacts_dir, left.whole = store.artifacts_dir, store  # whose files go with it
    new = NewRun(row.run_id, row.graph, row.home, row.cell, row.spec, row.input_hash, "", row.created_ms)
    left.create_run(new, events[:1], status="running")
    if events[1:]:
        refused = left.append([Append(row.run_id, "", 1, 1, events[1:], "running")], full=True, now_ms=0)
        assert not refused
    return left


class WatchedStore(MemoryStore):
    """A store that says what is written and how, and that can be held up or made to fail.

    Attributes:
        written: types of the events of each append, with whether it was to be fsynced.
        hold: appends that carry an event of one of these types wait for `free`.
        held: set while one waits.
        troubles: raised by the next appends, one each.
        unwritable: runs of which no event can be written as JSON.
    """

    def __init__(self) -> None:
        super().__init__()
        self.written: list[tuple[list[str], bool]] = []
        self.hold: set[str] = set()
        self.held, self.free = threading.Event(), threading.Event()
        self.troubles: list[Exception] = []
        self.unwritable: set[str] = set()

    def append(self, batch, *, full, now_ms):
        kinds = [event.type for entry in batch for event in entry.events]
        if self.hold & set(kinds):
            self.held.set()
            self.free.wait()
        if self.troubles:
            raise self.troubles.pop(0)
        if self.unwritable & {entry.run_id for entry in batch}:
            raise NotStorable("half a character")
        refused = super().append(batch, full=full, now_ms=now_ms)
        self.written.append((kinds, full))
        return refused

    async def holding(self) -> None:
        """Until an append is held up; the loop has then had every chance to go on without it."""
        await asyncio.to_thread(self.held.wait)
        await turns()

    def how(self, kind: str) -> bool:
        """Whether the append with the first event of that type was to be fsynced."""
        return next(full for kinds, full in self.written if kind in kinds)


# -- a story in two lives ------------------------------------------------------------------------

ran: list[object] = []
"""What the bodies of this test did; emptied before each."""


@tool(outputs=["x"])
async def step(x):
    """Counts its runs, so that nothing is the same when it runs again."""
    ran.append(x)
    return {"x": f"{x}-{len(ran)}"}


async def stop(context):
    """Where the functions of these stories wait for the kernel to die."""
    return await context.channel().ask_text("go?")


async def there(life: Life) -> None:
    """Until that question stands."""
    await life.until(lambda: "go?" in life.channel.asked)


async def comes_back(live: Callable[..., Life], graph: Any, **inputs: Any) -> Any:
    """Die at `go?`, come back, answer; the outputs, having checked that nothing ran again."""
    first = live()
    first.start(graph, **inputs)
    await there(first)
    await first.end()
    before = list(ran)
    second = live()
    run = second.resume()
    await there(second)
    assert ran == before
    run.answer("yes", to="go?")
    return await run
