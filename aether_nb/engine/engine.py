"""All runs that this kernel drives: one per runtime and event loop.

Owns what runs share: the writer, the scheduler, the thread pool for sync tools, the lookout for replies from
other processes. Everything here happens on the loop's thread; other threads come in by `post`.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeGuard

from aether_nb.calling import DualStageTarget, GraphTarget
from aether_nb.engine.alarms import AGAIN_US, Alarms
from aether_nb.engine.audience import Audience
from aether_nb.engine.codes import Codes
from aether_nb.engine.divergence import Reworded, decide
from aether_nb.engine.dormant import Dormitory
from aether_nb.engine.driver import Driver
from aether_nb.engine.journal import install_scopes
from aether_nb.engine.lookout import Lookout
from aether_nb.engine.ports import Channel, Clock, NewRun, Observer, RunRow, Services, Store, WaitRow
from aether_nb.engine.scheduler import Scheduler
from aether_nb.engine.specs import Specs
from aether_nb.engine.state import RunState
from aether_nb.engine.writer import Lane, Writer, tell_all
from aether_nb.errors import AetherError, LogDamaged, StoreError, StoreTooNew
from aether_nb.events import FINAL, AnyEvent, NodeRetried, RunResumed, RunStarted
from aether_nb.ids import NodeId, RunId, Token

_LOG = logging.getLogger("aether_nb")
_MANY = 50  # so many runs more in memory, and those that only wait are let go of
_MANY_MADE = 5_000  # objects at once


class Engine:
    """The runs of one kernel, on one event loop.

    Args:
        store: where logs and waits are.
        clock: time and alarms.
        channel: where prompts and messages go.
        services: what `context` hands out.
        asks: the built-in dual-stage tools by name, for the channel's `ask_*`.
        kernel: this kernel's uid, registered in the store.
        max_concurrency: how many tool bodies compute at once.
        abandon: ends what a Stage A started whose wait was never opened, by the token that it would have had.

    Attributes:
        audience: who is told what is committed.
        drivers: the runs that are in memory.
        standing: tasks of all runs that wait for the outcome of a node, and for nothing else.
        dormant: the runs that this kernel drives, too, and that were let go of.
        lost: why runs are not driven here any more, for those whose log does not say so.
        retry: tries a failed node of a run again, when another process asks for that; None where nobody can.
        failed: runs that failed here: for their sake the lookout goes on.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        channel: Channel,
        services: Services,
        asks: Mapping[str, DualStageTarget],
        kernel: str,
        max_concurrency: int,
        abandon: Callable[[Token], None],
    ) -> None:
        self.loop, self.thread = asyncio.get_running_loop(), threading.get_ident()
        self.store, self.clock, self.audience = store, clock, Audience(channel)
        self.services, self.asks, self.kernel = services, asks, kernel
        self.abandon = abandon
        self.alarms = Alarms(clock)
        self.scheduler = Scheduler(max_concurrency, clock)
        self.pool = ThreadPoolExecutor(max_concurrency, thread_name_prefix="aether-tool")
        self.writer = Writer(store, clock, kernel, self.post, self.stand_still)
        self.drivers: dict[RunId, Driver] = {}
        self.standing: set[asyncio.Task[Any]] = set()
        self.dormant = Dormitory(self)
        self.lookout = Lookout(self)
        self.lost: dict[RunId, AetherError] = {}
        self.retry: Callable[[RunId, NodeId], None] | None = None
        self.failed: set[RunId] = set()
        self.specs, self.codes = Specs(store), Codes(store)
        self._find = self.specs.find  # one for the states of all runs
        self.trouble: StoreError | None = None
        self._complained = ""
        self._begun: list[RunStarted] = []
        self._left_behind: dict[tuple[RunId, NodeId], asyncio.Future[None]] = {}
        install_scopes(self.loop)
        self._ebb = self.loop.create_task(_for_ever(), name="aether-ebb")

    @property
    def closing(self) -> bool:
        """Whether the loop is being shut down: its end cancels every task, and this one first tells us."""
        return self._ebb.cancelling() > 0

    def post(self, call: Callable[..., Any], *args: Any) -> None:
        """Bring a call onto the loop, from any thread: the one door. Dropped when the loop is closed."""
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(call, *args)

    def on_loop(self, call: Callable[..., None], *args: Any) -> None:
        """Make a call on the loop's thread and wait until it is done; at once where this is it, or none runs."""
        if not self.loop.is_running() or asyncio._get_running_loop() is self.loop:
            call(*args)
            return
        done: Future[None] = Future()

        def work() -> None:
            try:
                call(*args)
            except BaseException as error:  # noqa: BLE001 - for the thread that waits
                done.set_exception(error)
            else:
                done.set_result(None)

        self.post(work)
        done.result()

    # -- runs ------------------------------------------------------------------------------------

    def start(
        self, new: NewRun, graph: GraphTarget, inputs: Mapping[str, Any], priority: int = 0
    ) -> Driver | None:
        """Create a run and set it going; None when the id is taken.

        Whoever observes it before the loop turns sees it from its first event.

        Args:
            new: its row.
            graph: its graph.
            inputs: encoded.
            priority: its tools compute before those of runs with a lower one.
        """
        started = RunStarted(
            run=new.run_id,
            seq=1,
            at_us=self.clock.now_us(),
            graph=new.graph,
            inputs=dict(inputs),
            spec=new.spec,
            code=self.codes.keep(graph),
            priority=priority,
        )
        if not self.store.create_run(new, [started], status="running"):
            return None
        state = RunState(graph.spec, self._find)
        commands = state.apply(started)
        driver = self._adopt(new.run_id, graph, state, 1, ())
        if not self._begun:
            self.loop.call_soon(self._tell_begun)
        self._begun.append(started)
        driver.begin(commands)
        return driver

    def _tell_begun(self) -> None:
        begun, self._begun = self._begun, []
        tell_all([partial(self.audience.committed, one.run, [one], "running") for one in begun])

    def resume(
        self,
        row: RunRow,
        graph: GraphTarget,
        spec: str,
        changed: Sequence[str],
        observers: Sequence[Observer],
        retry: NodeId | None = None,
        reworded: Reworded | None = None,
    ) -> Driver:
        """Go on with a run that this kernel has claimed.

        Args:
            row: as claimed: kernel and fence are ours.
            graph: its graph, with the code as it is now.
            spec: hex key of the graph's spec.
            changed: tools and graphs whose code differs from before.
            observers: are given the whole log first.
            retry: a failed node that is sent back before.
            reworded: what is decided about the call that blocked the run; there must be one.
        """
        log, state = self._read(row.run_id, graph)
        driver = self._adopt(row.run_id, graph, state, row.fence, observers)
        for observer in observers:
            observer.on_events(row.run_id, log, state.status)
        if retry is not None:
            driver.emit(NodeRetried(**driver.head(), node=retry))
        if reworded is not None:
            decide(driver, reworded)
        code = self.codes.keep(graph)
        driver.emit(
            RunResumed(**driver.head(), kernel=self.kernel, changed=tuple(changed), spec=spec, code=code)
        )
        self.lookout.soon()  # replies may lie there since long ago: before their prompts are shown
        driver.maps.take_back_edited()
        driver.begin(state.resume())
        return driver

    def reload(self, run_id: RunId, graph: GraphTarget, fence: int) -> Driver:
        """Have a dormant run of this kernel in memory again; for its log, nothing has happened.

        Raises:
            StoreError: the log cannot be read just now.
        """
        _, state = self._read(run_id, graph)
        driver = self._adopt(run_id, graph, state, fence, self.audience.of(run_id))
        driver.shown.update((token, None) for token, wait in state.waits.items() if wait.status == "open")
        driver.begin(state.resume())
        return driver

    def _read(self, run_id: RunId, graph: GraphTarget) -> tuple[list[AnyEvent], RunState]:
        state = RunState(graph.spec, self._find)
        with _no_collection():
            log = self.store.events(run_id)
            for event in log:
                state.apply(event)
        return log, state

    def follow(self, run_id: RunId, observer: Observer) -> None:
        """Have somebody look on from now on; what is being told is told to him, the log so far is for the caller."""
        self.audience.observe(run_id, observer)
        driver = self.drivers.get(run_id)
        if driver is not None and "tellings" in driver.made:
            observer.on_tellings(run_id, driver.tellings.whole())

    def drives(self, run_id: RunId) -> bool:
        """Whether this kernel drives a run, be it in memory or not."""
        return run_id in self.drivers or run_id in self.dormant

    def awake(self, run_id: RunId) -> Driver | None:
        """The driver of a run that this kernel drives, loaded if need be; None when it does not.

        Raises:
            StoreError: its log cannot be read just now.
            AetherError: it cannot go on here; it is not driven here any more.
        """
        try:
            return self.drivers.get(run_id) or self.dormant.wake(run_id)
        except AetherError as error:
            if not _passes(error):
                self._part_with(run_id, error)
            raise

    def load_due(self, run_id: RunId) -> None:
        """Something is due for a dormant run: load it, later when the store as a whole refuses."""
        try:
            self.awake(run_id)
        except AetherError as error:
            if _passes(error):
                self.in_trouble(error)
                self.alarms.at(self.clock.now_us() + AGAIN_US, partial(self.load_due, run_id), owner=run_id)

    def _part_with(self, run_id: RunId, error: AetherError) -> None:
        """A dormant run cannot go on here."""
        self.lost[run_id] = error
        _LOG.error("Run %s cannot go on here: %s", run_id, error)
        self.give_back(run_id, self.dormant.forget(run_id))

    def give_back(self, run_id: RunId, fence: int) -> None:
        """A run that this kernel has claimed cannot go on here: whoever can may take it up at once.

        Nothing more of it can be written from here; where the store refuses that just now, it stays with this kernel.
        """
        try:
            self.store.claim_runs([(run_id, fence)], "", self.clock.now_us() // 1000)
        except StoreError as error:
            self.in_trouble(error)

    def _adopt(
        self, run_id: RunId, graph: GraphTarget, state: RunState, fence: int, observers: Sequence[Observer]
    ) -> Driver:
        driver = Driver(self, run_id, graph, state)
        driver.lane = Lane(run_id, self.kernel, fence, state.seq, driver)
        if len(self.drivers) % _MANY == 0:  # many begin at once: not until the next look
            self.dormant.sweep()
        self.lost.pop(run_id, None)
        self.failed.discard(run_id)
        self.drivers[run_id] = driver
        self.audience.seat(run_id, observers)
        self.lookout.begin()
        return driver

    def ended(self, driver: Driver) -> None:
        """A driver has nothing more to do here."""
        if self.drivers.get(driver.run_id) is driver:
            del self.drivers[driver.run_id]
            self.audience.dismiss(driver.run_id)
            if driver.state.status == "failed" and self.retry is not None:
                self.failed.add(driver.run_id)
        self.audience.wake(driver.run_id)

    def suspend_all(self) -> None:
        """Put every run to sleep, write what is queued. Before the loop ends."""
        self.lookout.off()
        self.alarms.close()
        self.dormant.clear()
        for driver in list(self.drivers.values()):
            driver.suspend()
        if not self.loop.is_closed():
            self._ebb.cancel()
        self.writer.close()
        self.pool.shutdown(wait=False, cancel_futures=True)

    # -- threads ---------------------------------------------------------------------------------

    def leave_behind(
        self, run_id: RunId, node: NodeId, thread: Future[Any], free: Callable[[], None]
    ) -> None:
        """A sync body goes on in its thread although nobody wants it any more.

        Args:
            run_id: its run.
            node: its node, of which no other attempt may begin meanwhile.
            thread: where it runs.
            free: gives its place back; called when the thread is done.
        """
        ended = self._left_behind[run_id, node] = self.loop.create_future()

        def end() -> None:
            free()
            if self._left_behind.get((run_id, node)) is ended:
                del self._left_behind[run_id, node]
            ended.set_result(None)

        thread.add_done_callback(lambda _: self.post(end))

    def left_behind(self, run_id: RunId, node: NodeId) -> asyncio.Future[None] | None:
        """Done when the thread is that an attempt of this node left behind; None when there is none."""
        return self._left_behind.get((run_id, node)) if self._left_behind else None

    def has_left_behind(self, run_id: RunId) -> bool:
        """Whether a thread of a run goes on that nobody wants any more."""
        return bool(self._left_behind) and any(run_id == left for left, _ in self._left_behind)

    # -- the store ---------------------------------------------------------------------------------

    def stand_still(self, error: StoreError | None) -> None:
        """The store could not be written, or, with None, can be again: no body begins in between."""
        self.trouble = error
        if error is None:
            self._complained = ""
            self.scheduler.unpause("trouble")
        else:
            self.in_trouble(error)
            self.scheduler.pause("trouble")
        self.audience.in_trouble("" if error is None else str(error))

    def in_trouble(self, error: StoreError) -> None:
        """The store refused something that is tried again: say so, once."""
        if str(error) != self._complained:
            self._complained = str(error)
            _LOG.error("The store is out of reach; runs wait until it answers again: %s", error)

    # -- waits -----------------------------------------------------------------------------------

    def answered(self, row: WaitRow) -> None:
        """A reply of a run was accepted in the store, by whatever door."""
        try:
            driver = self.awake(row.run_id)
        except AetherError as error:
            if _passes(error):
                raise
            return  # whoever takes the run up finds the reply
        if driver is not None and row.reply is not None:
            driver.questions.take(row.token, row.reply)

    def fail_wait(self, row: WaitRow, error: Exception) -> None:
        """A channel cannot answer: the node that asks fails with that."""
        driver = self.awake(row.run_id)
        if driver is not None:
            driver.questions.fail(row.node_id, error)

    def cancel(self, run_id: RunId, by: str, node: NodeId | None = None) -> None:
        """Cancel a run that this kernel drives, or a node of it; see `Cancelling.request`."""
        driver = self.awake(run_id)
        if driver is not None:
            driver.cancelling.request(by, node)

    def cancel_started_by(self, parent: RunId) -> None:
        """Cancel the unfinished runs that a run has started; one that is driven elsewhere hears of it by mail."""
        by = f"run {parent}"
        try:
            for row in self.store.runs(parent=parent):
                if row.status in FINAL:
                    continue
                if self.drives(row.run_id):
                    self.cancel(row.run_id, by)
                else:
                    self.store.post(f"run:{row.run_id}:cancel", None, by, self.clock.now_us() // 1000)
        except StoreError as error:
            self.in_trouble(error)

    async def sleep_until(self, at_us: int, owner: RunId) -> None:
        """Sleep on the clock."""
        future: asyncio.Future[None] = self.loop.create_future()
        off = self.alarms.at(at_us, lambda: None if future.done() else future.set_result(None), owner=owner)
        try:
            await future
        finally:
            off()


def _passes(error: AetherError) -> TypeGuard[StoreError]:
    """Whether the store as a whole is to blame, and what it refuses may be tried again."""
    return isinstance(error, StoreError) and not isinstance(error, (StoreTooNew, LogDamaged))


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Make many objects that all stay: to look for garbage among them again and again takes half of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if gc.get_count()[0] > _MANY_MADE and not gc.get_freeze_count():
            gc.freeze()  # frozen and let go again they count as old, and are not gone through all at once now
            gc.unfreeze()
        if was:
            gc.enable()


async def _for_ever() -> None:
    await asyncio.Event().wait()
