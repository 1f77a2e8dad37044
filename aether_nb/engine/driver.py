"""One run in memory: its log, and its life from begin to end.

Lives on the loop's thread. The only writer of the run's log: every event goes through `emit`, which
applies it to the state, queues it for the store and has what it makes due done by `performing.py`. How a
node is carried out is in `bodies.py`, what becomes of its question in `questions.py`.
"""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypedDict, cast

from aether_nb.calling import GraphTarget, Target, ToolTarget
from aether_nb.engine import crashing, outcome
from aether_nb.engine.bodies import Bodies
from aether_nb.engine.cancelling import Cancelling
from aether_nb.engine.commands import Command
from aether_nb.engine.failures import cause_of, error_info
from aether_nb.engine.maps import Maps
from aether_nb.engine.partings import Partings
from aether_nb.engine.parts import Part
from aether_nb.engine.pauses import Pauses
from aether_nb.engine.performing import Performing
from aether_nb.engine.polls import Polls
from aether_nb.engine.questions import Questions
from aether_nb.engine.races import Races
from aether_nb.engine.records import DONE, NodeState
from aether_nb.engine.scheduler import Slot
from aether_nb.engine.secrets import Secrets
from aether_nb.engine.state import RunState
from aether_nb.engine.tasks import Task, Tasks
from aether_nb.engine.telling import Tellings
from aether_nb.errors import AetherError, FencedOut, NotRestorable, RunBlocked, RunOver, RunSuspended
from aether_nb.events import (
    FINAL,
    AnyEvent,
    Call,
    NodeFailed,
    NodeRetried,
    RunBlockedEvent,
    RunFailedEvent,
    RunStatus,
)
from aether_nb.facts import replace
from aether_nb.ids import ROOT, NodeId, RunId, Token
from aether_nb.values import Outputs, decode

if TYPE_CHECKING:
    from aether_nb.engine.engine import Engine
    from aether_nb.engine.writer import Lane

_LOG = logging.getLogger("aether_nb")


class Head(TypedDict):
    """What every event begins with."""

    run: RunId
    seq: int
    at_us: int


class Driver:
    """One run that this kernel drives.

    Args:
        engine: the runtime's engine.
        run_id: the run.
        graph: its graph, with the code as it is now.
        state: the fold, with the log applied so far.

    Attributes:
        done: when the run has come to an end here: finished, failed, cancelled, blocked or lost.
        awaited: how many wait for its end here.
        suspended: the run sleeps here, or is blocked; nothing more is recorded.
        lost: why the run is not driven here any more, when that is not in its log.
        shown: questions that this kernel has shown in an earlier load of the run.
        tasks: those that work for it.
        cancelling: how it, or a node of it, is cancelled.
        keys: those in use, by whatever body.
        made: its parts that were needed so far, by their names.
    """

    maps = Part(Maps)
    partings = Part(Partings)
    pauses = Part(Pauses)
    polls = Part(Polls)
    races = Part(Races)
    secrets = Part(Secrets)
    tellings = Part(Tellings)

    def __init__(self, engine: Engine, run_id: RunId, graph: GraphTarget, state: RunState) -> None:
        self.engine = engine
        self.run_id = run_id
        self.graph = graph
        self.state = state
        self.lane: Lane
        self.keys: dict[str, None] = {}
        self.made: dict[str, Any] = {}
        self.targets: dict[NodeId, Target] = {}
        self.performing = Performing(self)
        self.bodies = Bodies(self)
        self.questions = Questions(self)
        self.share = engine.scheduler.share(state.priority)
        self.done: asyncio.Future[None] = engine.loop.create_future()
        self.suspended = False
        self.lost: AetherError | None = None
        self.tasks = Tasks(engine.loop, engine.standing)
        self.cancelling = Cancelling(self)
        self.shown: dict[Token, None] = {}
        self.awaited = 0
        self._left = False

    # -- the log ---------------------------------------------------------------------------------

    @property
    def asleep(self) -> bool:
        """Whether nothing more may be recorded here; the run goes on from its log later."""
        return self.suspended or self.engine.closing

    @property
    def halted(self) -> bool:
        """Whether what bodies come to does not count any more."""
        return self.asleep or self.state.cancel_requested or self.state.final

    def head(self) -> Head:
        """What the next event begins with."""
        return {"run": self.run_id, "seq": self.state.seq + 1, "at_us": self.engine.clock.now_us()}

    def emit(self, event: AnyEvent) -> None:
        """Apply an event, queue it for the store, do what it makes due.

        Raises:
            RunSuspended: the run sleeps here.
            RunOver: it has ended.
        """
        if self.asleep:
            raise RunSuspended
        if self.state.final and not isinstance(event, NodeRetried):
            raise RunOver(f"Run {self.run_id!r} is {self.state.status}; nothing can be added to it.")
        if "races" in self.made:
            with self.engine.writer.as_one():
                self._add(event)
                self.races.follow(event)
        else:
            self._add(event)

    def _add(self, event: AnyEvent) -> None:
        commands = self.state.apply(event)
        self.engine.writer.put(self.lane, event, self.state.status)
        if commands and not self.cancelling.puts_off(commands):
            self.performing.do(commands)

    async def barrier(self, *, full: bool) -> None:
        """Wait until all that was emitted is durable."""
        await self.engine.writer.barrier(self.lane, full=full)

    # -- begin and end ---------------------------------------------------------------------------

    def begin(self, commands: Iterable[Command]) -> None:
        """Set the run going: fresh, or from where its log ends."""
        if self._is_fatal():
            return
        if self.state.waits:
            self.partings.resume()
        if self.state.cancel_requested:  # in an earlier life, which died before it was done
            self.spawn(ROOT, self.cancelling.finish(set()))
            return
        if lacking := [
            p.name for p in self.state.spec.inputs if p.required and p.name not in self.state.inputs
        ]:
            self.block(
                f"{self.graph.name!r} takes {' and '.join(map(repr, lacking))} now, which this run was started "
                "without. Give it a default, or undo the edit, and ae.resume(run_id); or start another run."
            )
            return
        for node in list(self.state.nodes.values()):
            if self.state.is_gone(node) and node.status not in DONE:
                self.cancelling.cancel(node)
        if self.state.spec.kind == "function":
            self.spawn(ROOT, self.bodies.main())
        self.performing.do(commands)

    def _is_fatal(self) -> bool:
        """Block the run when the kernel dies of it again and again."""
        fatal = crashing.fatal(self.state)
        if fatal is None or (fatal.is_body and self._may_await_a_run()):
            return False
        otherwise = "" if fatal.is_parting else ", or start over with run.start_over()"
        self.block(
            f"{fatal.what} was running when the kernel died, {fatal.times} times. It is not tried again by "
            f"itself: mend it, then ae.resume({self.run_id!r}){otherwise}.",
            crashed=fatal.node,
            crashes=fatal.times,
        )
        return True

    def _may_await_a_run(self) -> bool:
        """Whether a run that this one started is not over: its function may do nothing but wait for that."""
        return any(row.status not in FINAL for row in self.engine.store.runs(parent=self.run_id))

    def block(
        self, reason: str, *, body: NodeId = ROOT, call: Call | None = None, expected: Call | None = None,
        crashed: NodeId = ROOT, crashes: int = 0,
    ) -> None:  # fmt: skip
        """The run needs a decision: nothing of it goes on here, its questions stay open.

        Args:
            reason: said to whoever awaits the run.
            body: the node whose code and journal disagree.
            call: what its code does, when a person may decide that it is what the journal has.
            expected: what the journal has.
            crashed: the node in which the kernel died again and again.
            crashes: how often.
        """
        self.emit(
            RunBlockedEvent(
                **self.head(), reason=reason, body=body, call=call, expected=expected, crashed=crashed,
                crashes=crashes,
            )
        )  # fmt: skip
        self.suspend()
        self.end()

    def fail(
        self, at: NodeId, error: BaseException, inputs: Mapping[str, Any], *, retry_at_us: int | None = None,
        queued_ms: int = 0,
    ) -> None:  # fmt: skip
        """Record that a body, or the question of a node, failed.

        Args:
            at: the node; `""` for the run's own function.
            error: what it raised.
            inputs: shown with it.
            retry_at_us: when the next attempt comes; None when none does.
            queued_ms: how long the body stood in line.
        """
        info = error_info(error, inputs)
        self.cancelling.stop_inside(at)
        if at != ROOT:
            node = self.state.nodes[at]
            with self.engine.writer.as_one():
                withdrawn = self.questions.withdraw(node)
                self.emit(
                    NodeFailed(
                        **self.head(), node=at, attempt=max(node.attempt, 1), error=info,
                        retry_at_us=retry_at_us, queued_ms=queued_ms,
                    )
                )  # fmt: skip
            if withdrawn:
                self.cancelling.is_withdrawn(node)
            return
        cause = self.state.nodes.get(getattr(cause_of(error), "node", ROOT))
        where = cause.id if cause is not None and cause.error == info else ROOT
        self.conclude(RunFailedEvent(**self.head(), error=info, node=where))

    def conclude(self, last: AnyEvent) -> None:
        """Emit the last event and end, once every tool has been told of its withdrawn waits."""
        if self.secrets.give_up():
            last = replace(last, **self.head())
        if self.partings.pending:
            self.spawn(ROOT, self._conclude(last))
        else:
            self.emit(last)
            self.end()

    async def _conclude(self, last: AnyEvent) -> None:
        await self.partings.settled()
        if not self.halted:
            self.emit(replace(last, **self.head()))
            self.end()

    def end(self) -> None:
        """The last event is emitted: when it is durable, whoever awaits the run is told."""
        self.spawn(ROOT, self.settle_end())

    async def settle_end(self) -> None:
        """When the last event is durable: nothing of the run is left here."""
        await self.barrier(full=True)
        if self.state.blocked:  # whoever has mended it may go on with it, here or elsewhere
            self.engine.give_back(self.run_id, self.lane.fence)
        self._left = True
        self._release()

    def committed(self, events: Sequence[AnyEvent], status: RunStatus) -> None:
        """These events are in the store."""
        self.engine.audience.committed(self.run_id, events, status)

    def _release(self) -> None:
        self.questions.call_off_all()
        self.partings.call_off()
        self.pauses.call_off_all()
        self._hush()
        self.engine.scheduler.drop(self.share)
        if not self.done.done():
            self.done.set_result(None)
        self.engine.ended(self)

    def lose(self, error: AetherError) -> None:
        """Stop driving, and say why to who awaits the run."""
        self.lost = self.engine.lost[self.run_id] = error
        self.leave()

    def leave(self) -> None:
        """Stop driving, without a word in the log; what is not written yet is dropped."""
        self.suspend()
        self.lane.lost = True
        self._release()

    def let_go(self) -> None:
        """Drop the run from memory; its log is whole, and whoever needs the run loads it."""
        self.suspend()
        self.lane.lost = self._left = True
        if not self.tasks:
            self._loosen()

    def _loosen(self) -> None:
        """Have the parts hold the driver no more: freed now, and not by a collection of cycles much later.

        Nothing comes back to them by itself: no task works for the run, and none of the user's, no thread.
        """
        if self.tasks.living or self.engine.has_left_behind(self.run_id):
            return
        itself = self.lane.owner = cast("Driver", weakref.proxy(self))
        for part in (self.performing, self.bodies, self.questions, self.cancelling, *self.made.values()):
            part._driver = itself

    def _hush(self) -> None:
        if "tellings" in self.made:
            self.tellings.close()

    def suspend(self) -> None:
        """Stop all work of this run in this process; the log is what it was."""
        self.suspended = True
        self._hush()
        self.engine.scheduler.drop(self.share)
        if not self.engine.loop.is_closed():  # else its tasks are dead already
            for task in self.tasks.working():
                task.cancel()
            self.partings.call_off()

    # -- tasks -----------------------------------------------------------------------------------

    def spawn(self, node: NodeId, work: Coroutine[Any, Any, None], slot: Slot | None = None) -> Task:
        """Have a task work for a node; it ends with the run here, and with the node."""
        return self.tasks.spawn(node, work, partial(self._task_done, node, slot))

    def part(self, node: NodeId, task: Task) -> None:
        """Note that a task does not work for a node any more."""
        self.cancelling.part(node, task)
        self.tasks.part(node, task)

    def _task_done(self, node: NodeId, slot: Slot | None, task: Task) -> None:
        if slot is not None:
            slot.give_back()  # a task that is cancelled before it began has not come to that
        self.part(node, task)
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if self._left:
            if not self.tasks:
                self._loosen()
            return
        if error is None or self.halted or isinstance(error, (RunSuspended, FencedOut)):
            return
        if isinstance(error, asyncio.CancelledError):
            if node == ROOT or (
                node not in self.cancelling.given_up and self.state.nodes[node].status not in DONE
            ):
                self.lose(
                    RunBlocked(
                        f"Run {self.run_id!r} sleeps: its task was cancelled from outside. "
                        f"ae.resume({self.run_id!r}) goes on with it."
                    )
                )
        elif isinstance(error, (RunBlocked, NotRestorable)):
            self.block(str(error))
        else:
            _LOG.error("Run %s: an internal error stops it here", self.run_id, exc_info=error)
            self.block(f"An internal error of aether_nb stopped it: {type(error).__name__}: {error}")

    # -- what bodies need ------------------------------------------------------------------------

    def slot(self, node: NodeId = ROOT, target: ToolTarget | None = None) -> Slot:
        """A place for one body of this run, not taken yet; of a tool, or of the second half of one."""
        if target is None:
            return self.engine.scheduler.slot(self.share, node=node)
        return self.engine.scheduler.slot(self.share, target.name, target.max_concurrency, node=node)

    def in_line(self) -> dict[NodeId, int]:
        """How long bodies of its nodes stand in line now, or did in what is not over; microseconds."""
        nodes = self.state.nodes
        stood = self.engine.scheduler.stood(self.share)
        return {node: us for node, us in stood if node in nodes and nodes[node].status not in DONE}

    def target_of(self, node: NodeState) -> Target:
        """What a node stands for, in the code as it is now.

        Raises:
            RunBlocked: the code does not have it any more.
        """
        target = self.targets.get(node.id)
        if target is None:
            parent = None if node.parent == ROOT else self.state.nodes[node.parent]
            graph: Any = self.graph if parent is None else self.target_of(parent)
            if parent is not None and parent.kind == "map":
                target = getattr(graph, "step", graph)  # in a static graph a map goes by the name of its step
            else:
                target = graph.callables.get(node.name)
            if target is None:
                raise RunBlocked(
                    f"{graph.name!r} has no {node.name!r} any more, and this run still needs it. Undo the edit "
                    "and ae.resume(run_id), or start over with run.start_over()."
                )
            self.targets[node.id] = target
        return target

    def inputs_of(self, node: NodeState, *, strict: bool = True) -> dict[str, Any]:
        """A node's inputs, decoded; when not strict, what cannot be decoded is shown as it is stored.

        Raises:
            NotRestorable: a class in them is not defined here.
        """
        if node.parent != ROOT and node.parent in self.maps:
            return self.maps.inputs_of(node)
        return {k: self.decoded(v, strict=strict) for k, v in self.state.inputs_of(node).items()}

    def decoded(self, value: Any, *, strict: bool = True) -> Any:
        """A value of the log."""
        return decode(value, self.engine.services.artifacts, strict=strict)

    # -- outcome ---------------------------------------------------------------------------------

    async def result(self) -> Outputs:
        """Wait for the end; cancelling the wait leaves the run alone.

        Raises:
            RunFailed, RunCancelled, RunBlocked, FencedOut: as it ended.
        """
        self.awaited += 1
        try:
            await asyncio.wait({self.done})
        finally:
            self.awaited -= 1
        if self.lost is not None:
            raise self.lost
        return outcome.of_run(self.run_id, self.state, self.engine.services.artifacts)
