"""One run in memory: appends its events, performs the state's commands, runs its bodies.

Lives on the loop's thread. The only writer of the run's log: every event goes through `emit`, which
applies it to the state, queues it for the store and performs what it makes due.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Coroutine, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypedDict

from aether_nb.calling import DualStageTarget, GraphTarget, Target, ToolTarget
from aether_nb.engine.activation import Activation
from aether_nb.engine.commands import (
    AttachWait,
    Command,
    FailFrame,
    FinishFrame,
    RunStageB,
    Settle,
    StartNode,
    TimeOut,
)
from aether_nb.engine.failures import error_info, node_failed
from aether_nb.engine.journal import SCOPE
from aether_nb.engine.slots import Slot
from aether_nb.engine.state import DONE, NodeState, RunState
from aether_nb.engine.waits import ResumedWait, open_wait, spoken_deadline
from aether_nb.errors import (
    FencedOut,
    NodeFailed,
    ReplyInvalid,
    RunBlocked,
    RunCancelled,
    RunFailed,
    RunSuspended,
)
from aether_nb.events import (
    AnyEvent,
    CancelRequested,
    ErrorInfo,
    NodeCancelled,
    NodeFinished,
    NodeStarted,
    ReplyRejected,
    ReplyTaken,
    RunBlockedEvent,
    RunCancelledEvent,
    RunFailedEvent,
    RunFinished,
    WaitExpired,
    WaitWithdrawn,
)
from aether_nb.events import (
    NodeFailed as NodeFailedEvent,
)
from aether_nb.ids import ROOT, NodeId, RunId, Token
from aether_nb.prompts import Reply
from aether_nb.values import Outputs, decode, encode

if TYPE_CHECKING:
    from aether_nb.engine.engine import Engine
    from aether_nb.engine.writer import Lane

_LOG = logging.getLogger("aether_nb")
_CRASHES = 3  # a node whose body died with the kernel this often is not tried again by itself


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
        done: set when the run has come to an end here: finished, failed, cancelled, blocked or lost.
        suspended: the run is being put to sleep; nothing more is recorded.
    """

    def __init__(self, engine: Engine, run_id: RunId, graph: GraphTarget, state: RunState) -> None:
        self.engine = engine
        self.run_id = run_id
        self.graph = graph
        self.state = state
        self.lane: Lane
        self.keys: set[str] = set()
        self.targets: dict[NodeId, Target] = {}
        self.done = asyncio.Event()
        self.suspended = False
        self.lost: FencedOut | None = None
        self._base = contextvars.copy_context()
        self._base.run(SCOPE.set, None)
        self._tasks: dict[NodeId, set[asyncio.Task[None]]] = {}
        self._callers: dict[NodeId, asyncio.Future[None]] = {}
        self._early: dict[Token, Reply] = {}
        self._alarms: dict[Token, Any] = {}

    # -- the log ---------------------------------------------------------------------------------

    def head(self) -> Head:
        """What the next event begins with."""
        return {"run": self.run_id, "seq": self.state.seq + 1, "at_us": self.engine.clock.now_us()}

    def emit(self, event: AnyEvent) -> None:
        """Apply an event, queue it for the store, perform what it makes due."""
        commands = self.state.apply(event)
        self.engine.writer.put(self.lane, event, self.state.status)
        for command in commands:
            self._perform(command)

    async def barrier(self, *, full: bool) -> None:
        """Wait until all that was emitted is durable."""
        await self.engine.writer.barrier(self.lane, full=full)

    def keep_spec(self, target: Target) -> str:
        """Put the spec of a graph that a body calls into the store; its hex key."""
        return self.engine.keep_spec(target.spec)  # type: ignore[attr-defined]  # kind "graph" has one

    # -- begin and end ---------------------------------------------------------------------------

    def begin(self, commands: list[Command]) -> None:
        """Set the run going: fresh, or from where its log ends."""
        for node in self.state.nodes.values():
            if node.crashes >= _CRASHES and node.status == "running":
                self._block(
                    f"{node.label!r} was running when the kernel died, {node.crashes} times. It is not tried "
                    "again by itself: mend it, then ae.resume(run_id), or start over with run.start_over()."
                )
                return
        if self.state.spec.kind == "function":
            self._spawn(ROOT, self._main())
        for command in commands:
            self._perform(command)

    async def _main(self) -> None:
        """The run's own graph function."""
        inputs = {k: decode(v, self.engine.services.artifacts) for k, v in self.state.inputs.items()}
        try:
            outputs = await self._body(ROOT, self.graph, inputs, 1)
        except (RunSuspended, RunCancelled):
            return
        except RunBlocked as blocked:
            self._block(str(blocked))
        except Exception as error:  # noqa: BLE001 - user code fails: that is an event
            node = NodeId(error.node) if isinstance(error, NodeFailed) else ROOT
            self.emit(RunFailedEvent(**self.head(), error=error_info(error, inputs), node=node))
            self._end()
        else:
            self.emit(RunFinished(**self.head(), outputs=outputs))
            self._end()

    def _block(self, reason: str) -> None:
        self.emit(RunBlockedEvent(**self.head(), reason=reason))
        self._end()

    def _end(self) -> None:
        self._spawn(ROOT, self._settle_end())

    async def _settle_end(self) -> None:
        await self.barrier(full=True)
        self._release()

    def _release(self) -> None:
        for alarm in self._alarms.values():
            alarm()
        self._alarms.clear()
        self.done.set()
        self.engine.ended(self)

    def fence_out(self) -> None:
        """Another kernel has the run: stop, say so."""
        self.lost = FencedOut(
            f"Run {self.run_id!r} was taken over by another kernel; this one does not drive it any more."
        )
        self.leave()

    def leave(self) -> None:
        """Stop driving, without a word in the log; what is not written yet is dropped."""
        self.suspend()
        self.lane.lost = True
        self._release()

    def suspend(self) -> None:
        """Stop all work of this run in this process; the log is what it was."""
        self.suspended = True
        for node in list(self._tasks):
            for task in self._tasks_of(node):
                task.cancel()

    def request_cancel(self, by: str) -> None:
        """Cancel the run. Blocks until the request is durable; `done` follows when its tasks have ended."""
        if self.state.final or self.state.cancel_requested:
            return
        self.emit(CancelRequested(**self.head(), by=by))
        self.engine.writer.sync(self.lane, full=True)
        working = [t for node in self._tasks for t in self._tasks_of(node)]
        for task in working:
            task.cancel()
        self._spawn(ROOT, self._finish_cancel(working))

    async def _finish_cancel(self, working: list[asyncio.Task[None]]) -> None:
        if working:
            await asyncio.wait(working, timeout=5)
        for node in list(self.state.nodes.values()):
            if node.status not in DONE:
                self._withdraw(node)
                self.emit(NodeCancelled(**self.head(), node=node.id))
        if not self.state.final:
            self.emit(RunCancelledEvent(**self.head()))
        await self._settle_end()

    # -- commands --------------------------------------------------------------------------------

    def _perform(self, command: Command) -> None:
        if self.state.cancel_requested and not isinstance(command, Settle):
            return
        match command:
            case StartNode(node):
                self._spawn(node, self._run_static(self.state.nodes[node]))
            case AttachWait(node):
                self._attach_wait(self.state.nodes[node])
            case RunStageB(node, reply):
                self._spawn(node, self._stage_b(self.state.nodes[node], reply))
            case TimeOut(node):
                self._time_out(self.state.nodes[node])
            case FinishFrame(node):
                self._finish_frame(node)
            case FailFrame(node, failed, error):
                self._fail_frame(node, failed, error)
            case Settle(node):
                caller = self._callers.pop(node, None)
                if caller is not None and not caller.done():
                    caller.set_result(None)

    def _spawn(self, node: NodeId, work: Coroutine[Any, Any, None]) -> None:
        token = SCOPE.set(None)  # the engine's own tasks stand in nobody's scope
        try:
            task = asyncio.get_running_loop().create_task(work, context=self._base.copy())
        finally:
            SCOPE.reset(token)
        self._tasks.setdefault(node, set()).add(task)
        task.add_done_callback(partial(self._task_done, node))

    def _tasks_of(self, node: NodeId) -> list[asyncio.Task[None]]:
        me = asyncio.current_task() if asyncio._get_running_loop() is not None else None
        return [t for t in self._tasks.get(node, ()) if t is not me]

    def _task_done(self, node: NodeId, task: asyncio.Task[None]) -> None:
        tasks = self._tasks[node]
        tasks.discard(task)
        if not tasks:
            del self._tasks[node]
        if task.cancelled():
            return
        error = task.exception()
        if error is None or isinstance(error, (RunSuspended, FencedOut)):
            return
        _LOG.error("Run %s: an internal error stops it here", self.run_id, exc_info=error)
        if not self.state.final and not self.suspended and not self.done.is_set():
            self._block(f"An internal error of aether_nb stopped it: {type(error).__name__}: {error}")

    def _finish_frame(self, at: NodeId) -> None:
        frame = self.state.frames[at]
        try:
            outputs = {name: self.state.resolve(frame, e) for name, e in frame.spec.result.items()}
        except KeyError as missing:
            error = ErrorInfo(message=f"the output {missing} is not there", error_type="BadOutputs")
            self._fail_frame(at, at, error)
            return
        if at == ROOT:
            self.emit(RunFinished(**self.head(), outputs=outputs))
            self._end()
        else:
            self.emit(NodeFinished(**self.head(), node=at, outputs=outputs))

    def _fail_frame(self, at: NodeId, failed: NodeId, error: ErrorInfo) -> None:
        if at == ROOT:
            label = self.state.nodes[failed].label if failed in self.state.nodes else self.state.spec.name
            said = str(node_failed(failed, label, 1, error))
            self.emit(
                RunFailedEvent(**self.head(), error=error.model_copy(update={"message": said}), node=failed)
            )
            self._end()
        else:
            self.emit(NodeFailedEvent(**self.head(), node=at, error=error))

    # -- running nodes ---------------------------------------------------------------------------

    def target_of(self, node: NodeState) -> Target:
        """What a node stands for, in the code as it is now."""
        target = self.targets.get(node.id)
        if target is None:
            graph = self.graph if node.parent == ROOT else self.target_of(self.state.nodes[node.parent])
            target = self.targets[node.id] = graph.callables[node.name]  # type: ignore[attr-defined]  # a frame's node is a graph
        return target

    async def _run_static(self, node: NodeState) -> None:
        inputs = {k: decode(v, self.engine.services.artifacts) for k, v in self.state.inputs_of(node).items()}
        await self.execute(node, self.target_of(node), inputs, None, wait=False)

    async def execute(
        self, node: NodeState, target: Any, inputs: Mapping[str, Any], slot: Slot | None, *, wait: bool = True
    ) -> None:
        """Carry a node out; with `wait`, until it has its outcome. Failures are events, not exceptions.

        Args:
            node: the node, not done yet.
            target: what it stands for.
            inputs: its decoded inputs.
            slot: the slot of the body that called it, lent meanwhile.
            wait: whether to return only when the node is done.
        """
        if node.kind == "tool":
            await self._run_tool(node, target, inputs)
        elif node.kind == "fn":
            await self._run_fn(node, target, inputs)
        else:
            if node.kind == "graph":
                self.emit(NodeStarted(**self.head(), node=node.id, attempt=node.attempt + 1))
            else:
                await self._stage_a(node, target, inputs)
            if wait:
                await self._settled(node, slot)

    async def reattach(
        self, node: NodeState, target: Any, inputs: Mapping[str, Any], slot: Slot | None
    ) -> None:
        """Go on with a node of the journal that has no outcome yet."""
        if node.wait is None and node.id not in self.state.frames:
            await self.execute(node, target, inputs, slot)
            return
        for command in self.state.resume_node(node):
            self._perform(command)
        await self._settled(node, slot)

    async def _settled(self, node: NodeState, slot: Slot | None) -> None:
        if node.status in DONE:
            return
        future = self._callers[node.id] = asyncio.get_running_loop().create_future()
        if slot is None:
            await future
        else:
            async with slot.lent():
                await future

    async def _run_tool(self, node: NodeState, target: ToolTarget, inputs: Mapping[str, Any]) -> None:
        async with self.engine.slots.slot() as slot:
            attempt = node.attempt + 1
            self.emit(NodeStarted(**self.head(), node=node.id, attempt=attempt))
            if target.effects:
                await self.barrier(full=True)
            try:
                value = await self._call_tool(node, target, inputs, slot, attempt)
                outputs = {k: self._stored(v) for k, v in target.pack(value).items()}
            except (RunSuspended, RunCancelled):
                raise asyncio.CancelledError from None
            except RunBlocked as blocked:
                self._block(str(blocked))
                raise asyncio.CancelledError from None
            except Exception as error:  # noqa: BLE001 - user code fails: that is an event
                self._node_failed(node, error, inputs)
            else:
                self.emit(NodeFinished(**self.head(), node=node.id, outputs=outputs))

    async def _call_tool(
        self, node: NodeState, target: ToolTarget, inputs: Mapping[str, Any], slot: Slot, attempt: int
    ) -> Any:
        activation = Activation(
            self, node.id, "tool", attempt=attempt, changed=target.name in self.state.changed, slot=slot
        )
        kwargs = {**inputs, "context": activation.context} if target.wants_context else inputs
        if target.is_async:
            with activation.entered():
                return await target.fn(**kwargs)
        with activation.entered():
            context = contextvars.copy_context()
        call = partial(context.run, partial(target.fn, **kwargs))
        try:
            return await asyncio.get_running_loop().run_in_executor(self.engine.pool, call)
        except asyncio.CancelledError:
            activation.context.cancelled.set()
            raise

    async def _run_fn(self, node: NodeState, target: GraphTarget, inputs: Mapping[str, Any]) -> None:
        attempt = node.attempt + 1
        self.emit(NodeStarted(**self.head(), node=node.id, attempt=attempt))
        try:
            outputs = await self._body(node.id, target, inputs, attempt)
        except (RunSuspended, RunCancelled):
            raise asyncio.CancelledError from None
        except RunBlocked as blocked:
            self._block(str(blocked))
            raise asyncio.CancelledError from None
        except Exception as error:  # noqa: BLE001 - user code fails: that is an event
            self._node_failed(node, error, inputs)
        else:
            self.emit(NodeFinished(**self.head(), node=node.id, outputs=outputs))

    async def _body(
        self, node: NodeId, graph: GraphTarget, inputs: Mapping[str, Any], attempt: int
    ) -> dict[str, Any]:
        """Run a graph function against its journal; its encoded outputs."""
        activation = Activation(
            self, node, "fn", attempt=attempt, changed=graph.name in self.state.changed, slot=None
        )
        kwargs = {**inputs, "context": activation.context} if graph.wants_context else inputs
        with activation.entered():
            value = await graph.fn(**kwargs)
        return {k: self._stored(v) for k, v in graph.pack(value).items()}

    def _stored(self, value: Any) -> Any:
        return encode(value, self.engine.services.artifacts)

    def _node_failed(self, node: NodeState, error: Exception, inputs: Mapping[str, Any]) -> None:
        self.withdraw_below(node)
        info = error_info(error, inputs)
        self.emit(NodeFailedEvent(**self.head(), node=node.id, attempt=node.attempt, error=info))

    # -- waits -----------------------------------------------------------------------------------

    async def _stage_a(self, node: NodeState, target: DualStageTarget, inputs: Mapping[str, Any]) -> None:
        activation = Activation(self, node.id, "tool", attempt=node.attempt + 1, changed=False, slot=None)
        if not target.pure_setup:
            self.emit(NodeStarted(**self.head(), node=node.id, attempt=node.attempt + 1))
            await self.barrier(full=True)
        try:
            with activation.entered():
                wait = await target.setup(**inputs, **given("setup", target, activation))
            opened = open_wait(self.head(), node, wait, self.engine.services.artifacts)
        except (RunSuspended, RunCancelled):
            raise asyncio.CancelledError from None
        except Exception as error:  # noqa: BLE001 - user code fails: that is an event
            self._node_failed(node, error, inputs)
            return
        self.emit(opened)
        await self.barrier(full=True)
        self._attach_wait(node)

    def _attach_wait(self, node: NodeState) -> None:
        """Show an open wait of the log in this kernel, set its alarm, take a reply that came early."""
        assert node.wait is not None
        opened = node.wait.opened
        early = self._early.pop(opened.token, None)
        if early is not None:
            self.take_reply(opened.token, early)
            return
        if opened.deadline_ms is not None and opened.token not in self._alarms:
            ring = partial(self._expire, node)
            self._alarms[opened.token] = self.engine.clock.call_at(opened.deadline_ms * 1000, ring)
        self.engine.show(self, node)

    def take_reply(self, token: Token, reply: Reply) -> None:
        """An accepted reply is in the store: record it and go on."""
        wait = self.state.waits.get(token)
        if wait is None or wait.status != "open" or self.suspended or self.state.cancel_requested:
            return
        node = self.state.nodes[wait.opened.node]
        if node.spec is None and node.id not in self.targets:
            self._early[token] = reply  # its body has not come back to this call yet
            return
        self._close_alarm(token)
        self.emit(ReplyTaken(**self.head(), node=node.id, token=token, reply=reply))

    async def _stage_b(self, node: NodeState, reply: Reply) -> None:
        assert node.wait is not None
        target: Any = self.target_of(node)
        opened = node.wait.opened
        inputs = {k: decode(v, self.engine.services.artifacts) for k, v in self.state.inputs_of(node).items()}
        wait = ResumedWait.of(opened, inputs, self.engine.services.artifacts)
        activation = Activation(self, node.id, "tool", attempt=node.attempt, changed=False, slot=None)
        async with self.engine.slots.slot():
            try:
                with activation.entered():
                    value = await target.on_resume(reply, wait, **given("on_resume", target, activation))
                outputs = {k: self._stored(v) for k, v in target.pack(value).items()}
            except (RunSuspended, RunCancelled):
                return
            except ReplyInvalid as invalid:
                rejected = ReplyRejected(
                    **self.head(), node=node.id, token=opened.token, problems=invalid.problems
                )
                self.emit(rejected)
                await self.barrier(full=True)
                self._attach_wait(node)
            except Exception as error:  # noqa: BLE001 - user code fails: that is an event
                self._node_failed(node, error, inputs)
            else:
                self.emit(NodeFinished(**self.head(), node=node.id, outputs=outputs))

    def fail_wait(self, at: NodeId, error: Exception) -> None:
        """The question of a node cannot be answered: withdraw it and fail the node."""
        node = self.state.nodes[at]
        if node.status not in DONE and not self.suspended:
            self._withdraw(node)
            self._node_failed(node, error, {})

    def _expire(self, node: NodeState) -> None:
        """The alarm of a deadline rang."""
        wait = node.wait
        if wait is None or wait.status != "open" or self.suspended:
            return
        token = wait.opened.token
        self._alarms.pop(token, None)
        if self.engine.store.expire(token, self.engine.clock.now_us() // 1000):
            self.emit(WaitExpired(**self.head(), node=node.id, token=token))
            self.engine.closed(self, node)

    def _time_out(self, node: NodeState) -> None:
        assert node.wait is not None
        opened = node.wait.opened
        error = ErrorInfo(
            message=f"Nobody answered {opened.prompt.prompt!r} by {spoken_deadline(opened.deadline_ms)}; "
            "give timeout= more time, or default= an answer.",
            error_type="WaitTimeout",
            builtin="TimeoutError",
        )
        self.emit(NodeFailedEvent(**self.head(), node=node.id, attempt=max(node.attempt, 1), error=error))

    def withdraw_below(self, node: NodeState) -> None:
        """Stop what stands inside a node that was cancelled or failed, and take its questions back."""
        self._withdraw(node)
        for child in self.state.below(node.id):
            if child.status in DONE:
                continue
            for task in self._tasks_of(child.id):
                task.cancel()
            self._withdraw(child)
            self.emit(NodeCancelled(**self.head(), node=child.id))

    def _withdraw(self, node: NodeState) -> None:
        if node.wait is not None and node.wait.status == "open":
            self._close_alarm(node.wait.opened.token)
            self.emit(WaitWithdrawn(**self.head(), node=node.id, token=node.wait.opened.token))
            self.engine.closed(self, node)

    def _close_alarm(self, token: Token) -> None:
        alarm = self._alarms.pop(token, None)
        if alarm is not None:
            alarm()

    # -- outcome ---------------------------------------------------------------------------------

    async def result(self) -> Outputs:
        """Wait for the end; cancelling the wait leaves the run alone.

        Raises:
            RunFailed, RunCancelled, RunBlocked, FencedOut: as it ended.
        """
        await self.done.wait()
        if self.lost is not None:
            raise self.lost
        return outcome(self.run_id, self.state, self.engine.services.artifacts)


def given(stage: str, target: DualStageTarget, activation: Activation) -> dict[str, Any]:
    """The context, for a stage that asks for it."""
    return {"context": activation.context} if stage in target.with_context else {}


def outcome(run_id: RunId, state: RunState, blobs: Any) -> Outputs:
    """The outputs of a run that is over, or its failure as an exception."""
    if state.status == "succeeded":
        return Outputs({k: decode(v, blobs) for k, v in (state.outputs or {}).items()})
    if state.status == "cancelled":
        raise RunCancelled(f"Run {run_id!r} was cancelled.")
    if state.blocked:
        raise RunBlocked(f"Run {run_id!r} is blocked. {state.blocked}")
    if state.error is None:
        raise RunFailed(f"Run {run_id!r} is {state.status}.")
    node = state.nodes.get(state.failed_node)
    if node is None:
        raise node_failed(ROOT, state.spec.name, 1, state.error)
    raise node_failed(node.id, node.label, node.attempt, state.error)
