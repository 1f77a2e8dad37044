"""Runs that only wait: let go of when there are many, and loaded again when something comes for them.

Part of an engine. What is kept of a dormant run is a line: its graph, its fence, and one alarm for
whatever of it is due first. A reply, a due alarm, or somebody who awaits the run loads it from its log
by the same fold and the same replay that a restart uses.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from aether_nb.calling import GraphTarget
from aether_nb.engine.tasks import Task
from aether_nb.ids import RunId

if TYPE_CHECKING:
    from aether_nb.engine.driver import Driver
    from aether_nb.engine.engine import Engine

_KEEP = 200
_SLICE_US = 20_000  # how long loading may hold the loop at a stretch


@dataclass(slots=True)
class Dormant:
    """What is kept of a run that was let go of."""

    graph: GraphTarget
    fence: int
    call_off: Callable[[], None] | None = None
    """Calls its alarm off; None when nothing of it will be due."""
    load: Callable[[], Driver] | None = None
    """How it is loaded, for one that this kernel has never had in memory."""


class Dormitory:
    """The dormant runs of an engine.

    Args:
        engine: whose.

    Attributes:
        keep: so many runs stay in memory although they only wait: those that were loaded last.
    """

    def __init__(self, engine: Engine) -> None:
        self.keep = _KEEP
        self._engine = engine
        self._runs: dict[RunId, Dormant] = {}
        self._to_load: deque[RunId] = deque()

    def __contains__(self, run_id: RunId) -> bool:
        return run_id in self._runs

    def __len__(self) -> int:
        return len(self._runs)

    @property
    def loading(self) -> bool:
        """Whether runs that were taken in are still to be loaded."""
        return bool(self._to_load)

    def only_waits(self, run_id: RunId) -> bool:
        """Whether nothing of a run would be lost if it were let go of now: it waits, and all of it is written."""
        driver = self._engine.drivers.get(run_id)
        return run_id in self or (
            driver is not None and _only_waits(driver, _tasks_with_a_timeout(self._engine.loop))
        )

    def sweep(self) -> None:
        """Let go of waiting runs, the oldest first, until no more than `keep` runs are in memory."""
        drivers = self._engine.drivers
        surplus = len(drivers) - self.keep
        if surplus <= 0:
            return
        timed = _tasks_with_a_timeout(self._engine.loop)
        for driver in list(drivers.values()):
            if _only_waits(driver, timed):
                self._let_go(driver)
                surplus -= 1
                if surplus == 0:
                    return

    def _let_go(self, driver: Driver) -> None:
        due_us = self._engine.alarms.take_from(driver.run_id)
        dormant = self._runs[driver.run_id] = Dormant(driver.graph, driver.lane.fence)
        del self._engine.drivers[driver.run_id]
        driver.let_go()
        if due_us is not None:
            ring = partial(self._engine.load_due, driver.run_id)
            dormant.call_off = self._engine.alarms.at(due_us, ring, owner=driver.run_id)

    def wake(self, run_id: RunId) -> Driver | None:
        """Load a dormant run and go on with it; None when this is none.

        Raises:
            StoreError: its log cannot be read just now; it is dormant still.
        """
        dormant = self._runs.get(run_id)
        if dormant is None:
            return None
        if dormant.load is not None:
            driver = dormant.load()
        else:
            driver = self._engine.reload(run_id, dormant.graph, dormant.fence)
        self.forget(run_id)
        return driver

    def forget(self, run_id: RunId) -> int:
        """Keep nothing of a dormant run any more; its fence."""
        dormant = self._runs.pop(run_id)
        if dormant.call_off is not None:
            dormant.call_off()
        return dormant.fence

    def clear(self) -> None:
        """Keep nothing of any run."""
        self._runs.clear()
        self._to_load.clear()

    # -- many at once ----------------------------------------------------------------------------

    def load_soon(self, runs: Sequence[tuple[RunId, Dormant]]) -> None:
        """Take many claimed runs in and load them a few at a time, so that the loop stays free meanwhile."""
        idle = not self._to_load
        for run_id, dormant in runs:
            self._runs[run_id] = dormant
            self._to_load.append(run_id)
        if idle and self._to_load:
            self._engine.loop.call_soon(self._load_some)

    def _load_some(self) -> None:
        if self._engine.closing:
            return
        clock = self._engine.loop.time
        until = clock() + _SLICE_US / 1e6
        while self._to_load and clock() < until:
            run_id = self._to_load.popleft()
            dormant = self._runs.get(run_id)
            if dormant is not None and dormant.load is not None:
                self._engine.load_due(run_id)
        self.sweep()
        if self._to_load:
            self._engine.loop.call_soon(self._load_some)


def _only_waits(driver: Driver, timed: Collection[Task] | None) -> bool:
    """Whether nothing is lost when a run is let go of: it waits, all of it is written, nobody stands by.

    Args:
        driver: the run.
        timed: tasks inside `asyncio.timeout`, whose timers only live here; None when that is not known.
    """
    return (
        driver.state.status == "waiting"
        and not (driver.halted or driver.awaited or driver.share.in_line)
        and not ("partings" in driver.made and driver.partings.pending)
        and driver.lane.committed >= driver.state.seq
        and driver.questions.settled
        and ("pauses" not in driver.made or driver.pauses.settled)
        and not driver.engine.audience.is_watched(driver.run_id)
        and driver.tasks.only_stand(timed)
    )


def _tasks_with_a_timeout(loop: asyncio.AbstractEventLoop) -> set[Task] | None:
    """Tasks inside `asyncio.timeout(...)`, whose timer would be lost with them; None where loops do not tell."""
    scheduled = getattr(loop, "_scheduled", None)
    if scheduled is None:
        return None
    owners = (getattr(handle._callback, "__self__", None) for handle in scheduled)
    tasks = (getattr(owner, "_task", None) for owner in owners if isinstance(owner, asyncio.Timeout))
    return {task for task in tasks if task is not None}
