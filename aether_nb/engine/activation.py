"""A running body: the graph function of a run, one that stands as a node, or an async tool's body.

It is the `Caller` of `calling.py` (tools and graphs called in the body come here) and the `Body` of
`context.py` (what `context` does comes here). Both make durable calls: identified when called,
looked up in the journal, and either handed their recorded outcome or carried out by the driver.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Callable, Coroutine, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from aether_nb.calling import CALLER, MISSING, DualStageTarget, Target, label_of, on_failure_of, user_line
from aether_nb.engine import divergence, outcome
from aether_nb.engine.context import NodeContext
from aether_nb.engine.failures import writable
from aether_nb.engine.journal import SCOPE, Journal, Scope
from aether_nb.engine.races import Race, outcome_of, stopped
from aether_nb.engine.records import DONE, Entry, NodeState, child_id, identity
from aether_nb.engine.speaking import Speaks
from aether_nb.engine.unawaited import Unawaited
from aether_nb.errors import NotStorable, OutsideRun, RunOver, RunSuspended, SecretGone
from aether_nb.events import Call, CallRecorded, NodeAdded
from aether_nb.ids import NodeId, Token, letters_of
from aether_nb.values import decode, digest, encode, show

if TYPE_CHECKING:
    from aether_nb.engine.driver import Driver
    from aether_nb.engine.ports import Services
    from aether_nb.engine.scheduler import Slot

_EDGES = 100  # a picture with more edges to one node shows nothing, and the log would grow with their square
_NOT_IDENTITY = frozenset({"timeout", "default"})  # arguments that do not make another call (rule 4)


class Activation(Speaks):
    """One life of one body.

    Args:
        driver: the run.
        node: whose body it is; `""` for the run's own graph function.
        kind: fn for a graph function, tool for a tool's body.
        attempt: counted from 1.
        changed: whether the code differs from the code that made the journal.
        slot: the slot that the body computes in; given back while it asks. None for graph functions.
        stage: for a dual-stage tool, which of its methods this is: each has a journal of its own.
        threaded: a sync tool, in a thread: nothing in it is journalled.
        token: for a dual-stage tool, what its wait is called, or will be.

    Attributes:
        again: an earlier attempt of the tool failed.
    """

    def __init__(
        self, driver: Driver, node: NodeId, kind: Literal["fn", "tool"], *, attempt: int,
        changed: bool = False, slot: Slot | None = None, stage: str = "", threaded: bool = False,
        token: Token | None = None,
    ) -> None:  # fmt: skip
        self.kind = kind
        self.run_id: str = driver.run_id
        self.node_id: str = node
        self.attempt = attempt
        state = driver.state.nodes[node] if node else None
        self.generation = 0 if state is None else state.generation
        self.wait_token: str | None = token
        self.services: Services = driver.engine.services
        self._driver = driver
        self._node = node
        self._slot = slot
        self._threaded = threaded
        self.again = kind == "tool" and state is not None and state.failures + state.generation > 0
        self._scope = Scope(stage, living=driver.tasks.living)
        self._journal = Journal(
            driver.state.journals.get(node), changed=changed, keys=driver.keys, stage=stage, again=self.again
        )
        self._unawaited = Unawaited()
        self._racing: dict[int, Race] = {}
        self._cancelled: tuple[NodeState, ...] = ()

    @functools.cached_property
    def context(self) -> NodeContext:
        """The `NodeContext` of this body."""
        return NodeContext(self)

    def drop_context(self, *_: object) -> None:
        """The body is over: they point at each other, and would wait for a collection of cycles."""
        vars(self).pop("context", None)

    @property
    def asleep(self) -> bool:
        """Whether the run sleeps here; see `context.Body`."""
        return self._driver.asleep

    def __enter__(self) -> None:
        """Make this the body around the code that runs in here."""
        self._caller, self._around = CALLER.set(self), SCOPE.set(self._scope)

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Check what the code left behind."""
        try:
            if error is None:
                self._returned()
            elif isinstance(error, (Exception, asyncio.CancelledError)):
                self._hush(error)
                if isinstance(error, Exception):  # else whether it counts is for whoever cancelled to say
                    self._check_end(error)
        finally:
            self._scope.over = True
            self._journal.close()
            self._unawaited.drop()
            self.drop_context()
            with contextlib.suppress(ValueError):  # entered and left in different contexts: nothing to undo
                CALLER.reset(self._caller)
                SCOPE.reset(self._around)

    def _returned(self) -> None:
        try:
            self._hush()
        except Exception as error:
            self._hush(error)
            self._check_end(error)
            raise
        self._check_end()
        self._check_return()
        self._driver.cancelling.stop_inside(self._node)

    # -- Caller ----------------------------------------------------------------------------------

    def call(
        self, target: Target, bound: Mapping[str, Any], *, key: str | None, label: str, pick: str | None = None,
    ) -> Coroutine[Any, Any, Any]:  # fmt: skip
        """Identify a call; the coroutine carries it out. See `calling.Caller`.

        With `pick` it gives that output alone.

        Raises:
            DuplicateKey: the key is in use.
            RunOver: the body has returned.
        """
        scope = self._enter_call()
        inputs = {k: v for k, v in bound.items() if v is not MISSING}
        counted = _counted(inputs)
        entry = self._journal.foresee(scope.path, target.name, counted) if key is None else None
        if entry is not None:
            call = entry.call
        else:
            call, entry = self._journal.identify(scope.path, target.name, digest(counted), key, user_line())
        coro = self._perform(target, inputs, call, entry, scope, label, pick)
        coro.__qualname__ = target.name  # type: ignore[attr-defined]  # the scope of a task made of it
        line = user_line() if entry is not None and self._journal.changed else call.line
        self._unawaited[id(call)] = (coro, call, target, line)
        return coro

    async def _perform(
        self,
        target: Target,
        inputs: Mapping[str, Any],
        call: Call,
        entry: Entry | None,
        scope: Scope,
        label: str,
        pick: str | None,
    ) -> Any:
        self._unawaited.pop(id(call), None)
        self._check_alive()
        self._flush_cancelled()
        before = tuple(scope.frontier)
        race = self._racing.pop(id(call), None) if self._racing else None
        if entry is None:
            entry = self._check_new(call, inputs, target)
        if entry is None:
            place = self._driver.bodies.place_for(target)
            try:
                node = self._add_node(target, inputs, call, before, label, started=place is not None)
                if race is not None:
                    self._driver.races.join(race, node.id)
                work = self._driver.bodies.execute(node, target, inputs, self._slot, place=place)
                await self._guarded(node, work)
            finally:
                if place is not None:
                    place.give_back()
        else:
            assert entry.node is not None
            node = self._driver.state.nodes[entry.node]
            self._driver.targets[node.id] = target
            if race is not None:
                self._driver.races.join(race, node.id)
            if entry.outcome == "cancelled":
                await asyncio.Event().wait()  # the code that cancelled it will do so again
            elif entry.outcome is not None:
                if not self._journal.replay.turn_nowait(entry):
                    await self._journal.replay.turn(entry)
            else:
                await self._guarded(node, self._driver.bodies.reattach(node, target, inputs, self._slot))
        if node.status not in DONE:  # it only asks again for a secret that is gone
            await self._driver.secrets.again(node, self._slot)
        if node.status == "cancelled" and node.error is None:
            raise asyncio.CancelledError
        scope.done(node.id, before)
        while True:
            try:
                outputs = outcome.of_node(self._driver.state, node, target.outputs, self.services.artifacts)
            except SecretGone as gone:
                await self._driver.secrets.regained(gone, self._slot)
            else:
                return outputs if pick is None else outputs[pick]

    async def together(self, calls: Sequence[Any], *, first: bool, what: str) -> tuple[int, list[Any]]:
        """Await calls of dual-stage tools at once; see `calling.Caller`."""
        race = Race(first)
        for call in self._unawaited.waits(calls, what):
            self._racing[id(call)] = race
        driver, me = self._driver, asyncio.current_task()
        assert me is not None
        tasks = [asyncio.get_running_loop().create_task(one) for one in calls]
        driver.tasks.living.difference_update(tasks)  # they and who awaits them only wait: nothing is lost
        driver.tasks.standing.add(me)
        try:
            return await outcome_of(tasks, first=first)
        finally:
            driver.tasks.standing.discard(me)
            await stopped(tasks)
            driver.races.over(race)
            del me  # see `Bodies.stand`

    async def _guarded(self, node: NodeState, work: Coroutine[Any, Any, None]) -> None:
        task = self._driver.tasks.join(node.id)
        self._driver.cancelling.given_up.pop(node.id, None)
        try:
            await work
        except asyncio.CancelledError:
            if self._driver.cancelling.forgive(node.id, task):
                return  # who awaits it gets that as a failure
            if node.status not in DONE:
                self._cancelled = (*self._cancelled, node)
                self._driver.cancelling.give_up(node)
            raise
        finally:
            self._driver.part(node.id, task)
            del task  # see `Bodies.stand`

    def _add_node(
        self, target: Any, inputs: Mapping[str, Any], call: Call, before: tuple[NodeId, ...], label: str, *,
        started: bool,
    ) -> NodeState:  # fmt: skip
        driver, step, each = self._driver, target, None
        label = writable(label or label_of(target.kind, inputs))
        if target.kind == "map":
            step, each = target.step, target.each
        node = self._id_for(call)
        driver.emit(
            NodeAdded(
                **driver.head(), node=node, name=step.name, kind=target.kind, parent=self._node,
                call=call, after=tuple(sorted(before)[:_EDGES]), label=label,
                spec=driver.engine.specs.keep(step.spec) if step.kind == "graph" else "", each=each,
                on_failure=on_failure_of(step),
                code=target.fingerprint if target.wants_context else "", started=started,
                inputs=self._stored(inputs),
            )
        )  # fmt: skip
        driver.targets[node] = target
        return driver.state.nodes[node]

    def _id_for(self, call: Call) -> NodeId:
        """The id of a new node; the one that is made of its call may be that of one which took another call's place."""
        made = node = child_id(self._node, call.key or f"{call.name}-{letters_of(*identity(call))}")
        known, n = self._driver.state.by_call, 1
        while node in known and identity(known[node].call) != identity(call):
            n += 1
            node = NodeId(f"{made}-{n}")
        return node

    def _stored(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments for the log."""
        return {k: self._encoded(v) for k, v in _counted(inputs).items()}

    def _encoded(self, value: Any) -> Any:
        """An argument for the log; what cannot be stored is only shown (it counts as its type name)."""
        try:
            return encode(value, self.services.artifacts)
        except NotStorable:
            return f"<{show(value)}>"

    # -- Body ------------------------------------------------------------------------------------

    def ask(
        self, tool: str, inputs: dict[str, Any], key: str | None, *, pick: str | None = None
    ) -> Coroutine[Any, Any, Any]:
        """Ask a person by a built-in dual-stage tool; see `context.Body`."""
        target: DualStageTarget = self._driver.engine.asks[tool]
        return self.call(target, inputs, key=key, label="", pick=pick)

    def recorded(self, name: str, make: Callable[[], Any]) -> Any:
        """A small value, made once; in a thread made anew, because a sync body runs again as a whole."""
        if self._threaded:
            return make()
        scope = self._enter_call()
        self._flush_cancelled()
        call, entry = self._journal.identify(scope.path, name, "", None, user_line())
        if entry is not None:
            self._journal.replay.turn_nowait(entry)
            return decode(entry.value)
        self._check_new(call, {})
        value = encode(make())
        self._driver.emit(CallRecorded(**self._driver.head(), node=self._node, call=call, value=value))
        return decode(value)

    async def remember(self, kind: str, data: Any) -> Any:
        """Record a fact in the memory, once."""
        scope = self._enter_call()
        self._flush_cancelled()
        line = user_line()
        call, entry = self._journal.identify(scope.path, "memory.record", digest([kind, data]), None, line)
        memory = self.services.memory
        if entry is not None:
            if not self._journal.replay.turn_nowait(entry):
                await self._journal.replay.turn(entry)
            found = memory.query(item_id=entry.value)
            return found[0] if found else None
        self._check_new(call, {"kind": kind, "data": data})
        item_id = f"{self.run_id}/{self._node}/{letters_of(*identity(call))}"
        at_ms = self.now_us() // 1000
        item = await asyncio.to_thread(
            memory.record, kind, data, run_id=self.run_id, node_id=self._node, at_ms=at_ms, item_id=item_id
        )
        self._driver.emit(CallRecorded(**self._driver.head(), node=self._node, call=call, value=item_id))
        return item

    async def sleep_until(self, at_us: int) -> None:
        """Sleep on the engine's clock; whoever sleeps does not compute, so the slot is lent."""
        self._check_alive()
        if self._slot is None:
            await self._driver.engine.sleep_until(at_us, self._driver.run_id)
        else:
            async with self._slot.lent():
                await self._driver.engine.sleep_until(at_us, self._driver.run_id)

    def now_us(self) -> int:
        """The clock."""
        return self._driver.engine.clock.now_us()

    # -- the rules of a call ---------------------------------------------------------------------

    def _enter_call(self) -> Scope:
        if self._threaded:
            raise OutsideRun(
                f"{self._node!r} is a plain `def` and runs in a thread, where nothing can be asked or awaited; "
                "make it an `async def`."
            )
        self._check_alive()
        return SCOPE.get() or self._scope

    def _check_alive(self) -> None:
        if self._driver.asleep:
            raise RunSuspended
        if self._scope.over:
            raise RunOver(
                f"Run {self.run_id!r}: this task outlived the function that started it, so its call is not made. "
                "Await your tasks before you return (gather, TaskGroup)."
            )
        if self._driver.state.cancel_requested:
            raise RunSuspended  # not to be caught: the run is over

    def _check_new(self, call: Call, inputs: Mapping[str, Any], target: Any = None) -> Entry | None:
        """Whether a call that is not recorded may be made now.

        Returns:
            The recorded call that it is all the same: a map, over a list that was edited.

        Raises:
            ReplayDiverged: the journal has something else here.
        """
        expected = self._journal.replay.expected(call)
        if expected is None:
            return None
        changed, maps = self._journal.changed, self._driver.maps
        if changed and expected.call.name == call.name and getattr(target, "kind", "") == "map":
            counted = _counted(inputs)
            if maps.is_same(expected, counted):
                self._journal.replay.give_up(expected)
                maps.take_back_called(self._node, expected, call, self._stored(counted))
                return expected
        divergence.check(self._driver, self._node, call, inputs, expected, changed=changed)
        return None

    def _flush_cancelled(self, because: BaseException | None = None) -> None:
        """Record calls that the user's own code cancelled, now that it goes on, or has ended `because` (rule 11)."""
        if self.untold:
            untold, self.untold = self.untold, ()
            for teller in untold:
                teller.record(because)
        if not self._cancelled:
            return
        cancelled, self._cancelled = self._cancelled, ()
        for node in cancelled:
            if node.status not in DONE:
                self._driver.cancelling.cancel(node)

    def _check_end(self, because: BaseException | None = None) -> None:
        if self._driver.asleep:
            raise RunSuspended
        self._flush_cancelled(because)

    def _check_return(self) -> None:
        self._unawaited.check()
        left = self._journal.replay.leftover()
        if left:
            divergence.leave(self._driver, self._node, left, changed=self._journal.changed)


def _counted(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """The arguments that make a call what it is."""
    if _NOT_IDENTITY.isdisjoint(inputs):
        return inputs
    return {k: v for k, v in inputs.items() if k not in _NOT_IDENTITY}
