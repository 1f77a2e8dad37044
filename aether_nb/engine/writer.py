"""Group commit: events of all runs go to the store in order, on one thread, many per transaction.

The loop puts events in and never waits, except at a barrier: `await barrier(lane, full=True)`
returns when all that was put before is durable. Without a barrier the log trails by a few
milliseconds. A flush that fails keeps its batch and is tried again; nothing is acknowledged meanwhile.

Traps: `put` and the callbacks run on the loop's thread, `_work` on the writer's; what both touch is
guarded by `_lock`, which who has it may take again. A lane's `prev_seq` moves only after a commit, so
that a failed batch can be cut again.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from aether_nb.engine.ports import Append, Clock, Store
from aether_nb.errors import AetherError, FencedOut, RunFailed, StoreError
from aether_nb.events import AnyEvent, RunStatus, WaitOpened
from aether_nb.ids import RunId

LINGER_S = 0.003  # how long a batch without a barrier waits for company
RETRY_S = 0.5  # pause after a failed flush
BEAT_S = 5.0  # how often the kernel's heartbeat is written


class Owner(Protocol):
    """Who drives a run; both are called on the loop."""

    def committed(self, events: Sequence[AnyEvent], status: RunStatus) -> None:
        """These are in the store; called in order."""

    def lose(self, error: AetherError) -> None:
        """Nothing more of this run can be written, for this reason."""


@dataclass(slots=True)
class Lane:
    """One run's way into the log."""

    run_id: RunId
    kernel: str
    fence: int
    committed: int
    """The last sequence number that is in the store."""
    owner: Owner
    status: RunStatus = "running"
    pending: list[AnyEvent] = field(default_factory=list)
    lost: bool = False


@dataclass(slots=True)
class _Barrier:
    lane: Lane
    full: bool
    reached: Callable[[AetherError | None], None]
    """Called on the loop, unless `tell` is there."""
    tell: Callable[[AetherError], None] | None = None
    """For who blocks: told of every flush that failed. It and `reached` are called on the writer's thread."""


class Writer:
    """The one writer of a runtime.

    Args:
        store: where the events go.
        clock: for `updated_ms` and heartbeats.
        kernel: uid whose heartbeat is beaten.
        post: brings a call onto the loop from another thread (`loop.call_soon_threadsafe`).
        on_trouble: called on the loop with the error when the store refuses a flush or a heartbeat, and with
            None when it takes one again.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        kernel: str,
        post: Callable[..., Any],
        on_trouble: Callable[[StoreError | None], None],
    ) -> None:
        self._store, self._clock, self._kernel = store, clock, kernel
        self._post, self._on_trouble = post, on_trouble
        self._lock = threading.Condition()
        self._dirty: dict[RunId, Lane] = {}
        self._barriers: deque[_Barrier] = deque()
        self._full = False
        self._troubled = False
        self._closing = False
        self._thread: threading.Thread | None = None
        with self._lock:
            self._wake()  # the heart beats from now on, also of a kernel whose first cell holds the loop

    def put(self, lane: Lane, event: AnyEvent, status: RunStatus) -> None:
        """Queue one event; `status` is the run's after it. From the loop's thread."""
        with self._lock:
            if lane.lost:
                return
            lane.pending.append(event)
            lane.status = status
            if lane.run_id not in self._dirty:
                self._dirty[lane.run_id] = lane
                if len(self._dirty) == 1:
                    self._wake()
            if isinstance(event, WaitOpened):  # whoever sees it may show the prompt
                self._full = True

    def as_one(self) -> AbstractContextManager[object]:
        """What is put inside is written in one transaction. Nothing inside may wait for the store."""
        return self._lock

    def barrier(self, lane: Lane, *, full: bool) -> asyncio.Future[None]:
        """A future that is done when all that was put for this run is durable.

        Raises (when awaited):
            FencedOut: another driver has the run.
        """
        future = asyncio.get_running_loop().create_future()

        self._add_barrier(_Barrier(lane, full, partial(_resolve, future)))
        return future

    def sync(self, lane: Lane, *, full: bool) -> None:
        """Block until all that was put for this run is durable. For plain functions.

        Raises:
            FencedOut: another driver has the run.
            StoreError: the store refuses just now; what was put stays queued and is tried again.
        """
        done = threading.Event()
        errors: list[AetherError] = []

        def reached(error: AetherError | None) -> None:
            if error is not None and not done.is_set():
                errors.append(error)
            done.set()

        self._add_barrier(_Barrier(lane, full, reached, reached))
        done.wait()
        if errors:
            raise errors[0]

    def close(self) -> None:
        """Write what is queued and stop the thread. Idempotent."""
        with self._lock:
            self._closing = True
            self._lock.notify()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _add_barrier(self, barrier: _Barrier) -> None:
        with self._lock:
            if barrier.lane.lost:
                barrier.reached(_fenced_out(barrier.lane))
                return
            self._barriers.append(barrier)
            self._wake()

    def _wake(self) -> None:
        if self._thread is None and not self._closing:
            self._thread = threading.Thread(target=self._work, name="aether-writer", daemon=True)
            self._thread.start()
        self._lock.notify()

    # -- the writer's thread ---------------------------------------------------------------------

    def _work(self) -> None:
        beat = -math.inf  # an earlier engine may have registered this kernel long ago
        while True:
            if time.monotonic() - beat > BEAT_S:
                beat = time.monotonic()
                self._beat()
            with self._lock:
                if not self._dirty and not self._barriers and not self._closing:
                    self._lock.wait(BEAT_S)
                if self._dirty and not self._barriers and not self._closing:
                    self._lock.wait(LINGER_S)
                if self._closing and not self._dirty and not self._barriers:
                    return
                batch, barriers = self._cut()
                full, self._full = self._full or any(b.full for b in barriers), False
            if batch or barriers:
                self._flush(batch, barriers, full=full)

    def _cut(self) -> tuple[list[tuple[Lane, Append]], list[_Barrier]]:
        batch = [
            (
                lane,
                Append(
                    lane.run_id, lane.kernel, lane.fence, lane.committed, tuple(lane.pending), lane.status
                ),
            )
            for lane in self._dirty.values()
            if lane.pending and not lane.lost
        ]
        barriers = list(self._barriers)
        self._barriers.clear()
        self._dirty.clear()
        return batch, barriers

    def _flush(self, batch: list[tuple[Lane, Append]], barriers: list[_Barrier], *, full: bool) -> None:
        while True:
            try:
                lost = self._append(batch, full=full)
                break
            except StoreError as error:
                with self._lock:
                    self._tell(error)  # in here: who hears of it and comes must find us waiting
                    for b in (*barriers, *self._barriers):
                        if b.tell is not None:
                            b.tell(error)
                    if self._closing:
                        return
                    self._lock.wait(RETRY_S)
        self._tell(None)
        with self._lock:
            news = [self._settled(lane, append, lost.get(lane.run_id)) for lane, append in batch]
        for b in barriers:
            tell = partial(b.reached, _fenced_out(b.lane) if b.lane.lost else None)
            if b.tell is None:
                news.append(tell)
            else:
                tell()
        if news:
            self._post(tell_all, news)

    def _append(self, batch: list[tuple[Lane, Append]], *, full: bool) -> dict[RunId, AetherError]:
        """Write a batch; the runs of which nothing was written, with the reason."""
        if not batch and not full:
            return {}  # else an empty append syncs what was committed before
        try:
            refused = self._store.append(
                [append for _, append in batch], full=full, now_ms=self._clock.now_us() // 1000
            )
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - the thread must live: one run's events harm no other run
            if len(batch) == 1:
                lane = batch[0][0]
                return {lane.run_id: RunFailed(f"The log of run {lane.run_id!r} cannot be written: {error}")}
            lost: dict[RunId, AetherError] = {}
            for one in batch:
                lost |= self._append([one], full=full)
            return lost
        return {lane.run_id: _fenced_out(lane) for lane, _ in batch if lane.run_id in refused}

    def _settled(self, lane: Lane, append: Append, lost: AetherError | None) -> Callable[[], None]:
        """Note what became of a run's part of a batch; gives what tells the loop."""
        if lost is not None:
            lane.lost = True
            lane.pending.clear()
            return partial(lane.owner.lose, lost)
        tell = partial(lane.owner.committed, append.events, append.status)
        del lane.pending[: len(append.events)]
        # Last, and the owner before it: a run of which all is committed may be let go of at once.
        lane.committed = append.events[-1].seq
        return tell

    def _beat(self) -> None:
        try:
            self._store.beat(self._kernel, self._clock.now_us() // 1000)
        except StoreError as error:
            self._tell(error)
        else:
            self._tell(None)

    def _tell(self, trouble: StoreError | None) -> None:
        """Say once that the store is in trouble, and once that it is over."""
        if self._troubled != (trouble is not None):
            self._troubled = trouble is not None
            self._post(self._on_trouble, trouble)


def _fenced_out(lane: Lane) -> FencedOut:
    return FencedOut(
        f"Run {lane.run_id!r} was taken over by another kernel; this one does not drive it any more."
    )


def tell_all(news: Sequence[Callable[[], None]]) -> None:
    """On the loop, all at once: to wake it for each would make both threads wait for each other each time."""
    for n, tell in enumerate(news, 1):
        try:
            tell()
        except BaseException:
            asyncio.get_running_loop().call_soon(tell_all, news[n:])
            raise


def _resolve(future: asyncio.Future[None], error: AetherError | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
