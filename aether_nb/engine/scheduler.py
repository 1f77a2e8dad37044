"""Who computes next: the places of a runtime, given to the tool bodies of all its runs.

Owned by the engine. A body holds a `Slot` while it computes; an ask gives it back, graphs hold none, so
that nested graphs cannot deadlock. What is ready and finds no place stands in a line as data: no task, no
thread, a few objects. From the loop's thread only.

Who is next: of the runs that have something in line for a tool with room, those of the highest priority;
of these, in turn, the one that was served longest ago; of its own, first a body that came back from an
ask, then the rest as they came. So ten thousand ready nodes of one run hold no other run up.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Self

from aether_nb.engine.ports import Clock
from aether_nb.engine.timelimit import TimeLimit
from aether_nb.ids import ROOT, NodeId


class Share:
    """One run's part in the places; `Scheduler.share` makes it."""

    __slots__ = ("in_line", "priority", "turn")

    def __init__(self, priority: int, turn: int) -> None:
        self.priority = priority
        self.turn = turn
        """Grows each time it is served: the smallest is next."""
        self.in_line = 0
        """How much of it stands in line."""


class _Line:
    """What one run has in line for one queue."""

    __slots__ = ("back", "new")

    def __init__(self) -> None:
        self.back: deque[Slot] = deque()
        """Bodies that have begun, and want to go on."""
        self.new: deque[Slot] = deque()

    def __len__(self) -> int:
        return len(self.back) + len(self.new)


class Queue:
    """Everything in line for one limit: a tool with a limit of its own, or all the others.

    Args:
        limit: how many of these may compute at once; None is no limit of their own.
    """

    __slots__ = ("_heap", "_number", "busy", "limit", "lines")

    def __init__(self, limit: int | None) -> None:
        self.limit = limit
        self.busy = 0
        self.lines: dict[Share, _Line] = {}
        self._heap: list[tuple[int, int, int, Share]] = []
        self._number = itertools.count()

    @property
    def has_room(self) -> bool:
        """Whether its own limit allows another."""
        return self.limit is None or self.busy < self.limit

    def add(self, share: Share, slot: Slot, *, back: bool) -> None:
        """Put a slot in line."""
        line = self.lines.get(share)
        if line is None:
            line = self.lines[share] = _Line()
            heapq.heappush(self._heap, self._entry(share))
        (line.back if back else line.new).append(slot)

    def first(self) -> tuple[int, int, bool, int] | None:
        """The rank of what is next here, smaller is sooner; None when nothing is in line.

        Turns in the heap may be out of date, because a run was served by another queue meanwhile. They only
        ever grow, so what comes up is put right there.
        """
        heap = self._heap
        while heap:
            rank, turn, _, share = heap[0]
            line = self.lines.get(share)
            if line is None:
                heapq.heappop(heap)
            elif turn != share.turn:
                heapq.heapreplace(heap, self._entry(share))
            else:
                return rank, turn, not line.back, (line.back or line.new)[0].number
        return None

    def pop(self, turn: int) -> Slot:
        """Take the slot that is next, whose run has its next turn at `turn`. After `first` found one."""
        share = self._heap[0][3]
        line = self.lines[share]
        slot = (line.back or line.new).popleft()
        share.turn = turn
        share.in_line -= 1
        if line:
            heapq.heapreplace(self._heap, self._entry(share))
        else:
            heapq.heappop(self._heap)
            del self.lines[share]
        return slot

    def _entry(self, share: Share) -> tuple[int, int, int, Share]:
        return -share.priority, share.turn, next(self._number), share


class Slot:
    """One body's place; `async with` waits for it and gives it back.

    Attributes:
        node: whose body it is for; empty for what is no attempt of a node.
        number: its place in the order in which slots came into line.
        queued_us: how long it stood in line altogether; whoever reports that sets it back.
        time_limit: what ends its body when it takes too long; stands still while the place is lent for an ask.
    """

    __slots__ = (
        "_held",
        "_queue",
        "_scheduler",
        "_share",
        "_since_us",
        "_start",
        "node",
        "number",
        "queued_us",
        "time_limit",
    )

    def __init__(self, scheduler: Scheduler, share: Share, queue: Queue, node: NodeId) -> None:
        self._scheduler, self._share, self._queue = scheduler, share, queue
        self.node = node
        self._held = False
        self._start: Callable[[], None] = _nothing
        self._since_us = self.number = self.queued_us = 0
        self.time_limit: TimeLimit | None = None

    async def __aenter__(self) -> Self:
        if not self._held:
            await self.take()
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.give_back()

    def take_nowait(self) -> bool:
        """Take a place if one is free and nobody is before us."""
        return self._held or self._scheduler._take(self)

    def when_free(self, start: Callable[[], None], *, back: bool = False) -> None:
        """Stand in line; `start` is called, later, with the place held."""
        self._start = start
        self._scheduler._line_up(self, back=back)

    async def take(self, *, back: bool = False) -> None:
        """Wait for a place.

        Args:
            back: the body has begun already, and goes before those of its run that have not.
        """
        if self.take_nowait():
            return
        came: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.when_free(partial(self._came, came), back=back)
        try:
            await came
        except asyncio.CancelledError:
            if not came.cancelled():
                self.give_back()  # it came in the same turn of the loop
            raise

    def _came(self, came: asyncio.Future[None]) -> None:
        if came.done():
            self.give_back()  # who waited has gone
        else:
            came.set_result(None)

    def give_back(self) -> None:
        """Free the place, if it is held."""
        if self._held:
            self._scheduler._forget(self)
            self._free()

    def _free(self) -> None:
        self._held = False
        self._scheduler._free_one(self._queue)

    def hand_over(self) -> Callable[[], None]:
        """Keep the place beyond the body's end, until what this returns is called."""
        if not self._held:
            return _nothing
        self._held = False
        return partial(self._scheduler._free_one, self._queue)

    @asynccontextmanager
    async def lent(self, *, asking: bool = False) -> AsyncIterator[None]:
        """Free the place while the body waits.

        Args:
            asking: for a person, so that it does not count as the body's own time.
        """
        held = self._held
        limit = self.time_limit if asking else None
        if held:
            self._free()
        if limit is not None:
            limit.stop()
        try:
            yield
        except Exception:
            if held:  # the body may go on after an `except`; when cancelled it unwinds without a place
                await self.take(back=True)
            raise
        else:
            if held:
                await self.take(back=True)
        finally:
            if limit is not None:
                limit.go_on()


class Scheduler:
    """All places of a runtime.

    Args:
        places: how many bodies may compute at once.
        clock: tells how long things stood in line.

    Attributes:
        paused: why nothing gets a place, when nothing does; who has one keeps it.
    """

    def __init__(self, places: int, clock: Clock) -> None:
        self.paused: set[str] = set()
        self._clock = clock
        self._free = places
        self._any = Queue(None)
        self._by_tool: dict[str, Queue] = {}
        self._crowded: dict[Queue, None] = {}
        """Queues with something in line."""
        self._stood: dict[Share, dict[Slot, None]] = {}
        """What stands in line, or did and has not said so yet."""
        self._in_line = 0
        self._turns = itertools.count(1)
        self._serving = False

    def __len__(self) -> int:
        """How many stand in line."""
        return self._in_line

    def share(self, priority: int) -> Share:
        """A part for a run; at first its turn comes after those of the runs that are here."""
        return Share(priority, next(self._turns))

    def slot(self, share: Share, tool: str = "", limit: int | None = None, *, node: NodeId = ROOT) -> Slot:
        """A place for one body, not taken yet.

        Args:
            share: its run's.
            tool: whose limit counts besides the runtime's.
            limit: that limit; None when the tool has none.
            node: whose body it is.
        """
        return Slot(self, share, self._any if limit is None else self._queue(tool, limit), node)

    def _queue(self, tool: str, limit: int) -> Queue:
        queue = self._by_tool.setdefault(tool, Queue(limit))
        queue.limit = limit  # as it was last written: the cell may have been edited
        return queue

    def pause(self, why: str = "asked") -> None:
        """Give no place from now on."""
        self.paused.add(why)

    def unpause(self, why: str = "asked") -> None:
        """Go on, when this was the only reason not to."""
        self.paused.discard(why)
        self._serve()

    def drop(self, share: Share) -> None:
        """A run is not driven here any more: nothing of it stands in line."""
        self._stood.pop(share, None)
        for queue in list(self._crowded):
            line = queue.lines.pop(share, None)
            self._in_line -= 0 if line is None else len(line)
            if not queue.lines:
                del self._crowded[queue]
        share.in_line = 0

    def stood(self, share: Share) -> list[tuple[NodeId, int]]:
        """How long bodies of a run stand in line now, or did and have not said so yet: node and microseconds."""
        now_us = self._clock.now_us()
        return [
            (slot.node, slot.queued_us + (now_us - slot._since_us if slot._since_us else 0))
            for slot in self._stood.get(share, ())
        ]

    def _forget(self, slot: Slot) -> None:
        """What a slot has not said of its time in line is not asked for any more."""
        if self._stood and (of_run := self._stood.get(slot._share)):
            of_run.pop(slot, None)

    def _take(self, slot: Slot) -> bool:
        if self._in_line or self.paused or not self._free or not slot._queue.has_room:
            return False
        self._give(slot)
        return True

    def _line_up(self, slot: Slot, *, back: bool) -> None:
        slot._since_us, slot.number = self._clock.now_us(), next(self._turns)
        self._stood.setdefault(slot._share, {})[slot] = None
        slot._queue.add(slot._share, slot, back=back)
        self._crowded[slot._queue] = None
        slot._share.in_line += 1
        self._in_line += 1
        self._serve()

    def _free_one(self, queue: Queue) -> None:
        self._free += 1
        queue.busy -= 1
        if self._in_line:
            self._serve()

    def _serve(self) -> None:
        """Give free places to who is next. Not from within: what starts may give its place back at once."""
        if self._serving:
            return
        self._serving = True
        try:
            while self._free and not self.paused and (queue := self._next()) is not None:
                slot = queue.pop(next(self._turns))
                self._in_line -= 1
                if not queue.lines:
                    del self._crowded[queue]
                slot.queued_us += self._clock.now_us() - slot._since_us
                slot._since_us = 0
                self._give(slot)
                slot._start()
        finally:
            self._serving = False

    def _next(self) -> Queue | None:
        best, found = None, None
        for queue in self._crowded:
            if queue.has_room and (rank := queue.first()) is not None and (best is None or rank < best):
                best, found = rank, queue
        return found

    def _give(self, slot: Slot) -> None:
        self._free -= 1
        slot._queue.busy += 1
        slot._held = True


def queued_ms(slot: Slot | None) -> int:
    """How long a body stood in line since that was last asked."""
    if slot is None or not slot.queued_us:
        return 0
    queued_us, slot.queued_us = slot.queued_us, 0
    slot._scheduler._forget(slot)
    return queued_us // 1000


def _nothing() -> None:
    pass
