"""The ways into the user's code: a tool on the loop or in a thread, a graph function, the two stages of a wait.

Called by `bodies.py`, which says when, how often, and what a failure means. Each gives the event that tells of the
success, with the outputs encoded; what the user's code raises comes through as it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from aether_nb.calling import CALLER, DualStageTarget, GraphTarget, Target, ToolTarget
from aether_nb.engine.activation import Activation
from aether_nb.engine.journal import SCOPE
from aether_nb.engine.records import NodeState
from aether_nb.engine.scheduler import Slot, queued_ms
from aether_nb.engine.timelimit import TimeLimit
from aether_nb.engine.waits import ResumedWait, open_wait
from aether_nb.events import AnyEvent, NodeFinished, RunFinished
from aether_nb.ids import ROOT, NodeId
from aether_nb.prompts import Reply, schemas
from aether_nb.values import encode

if TYPE_CHECKING:
    from aether_nb.engine.driver import Driver


async def on_loop(
    driver: Driver, node: NodeState, target: ToolTarget, inputs: Mapping[str, Any], slot: Slot
) -> AnyEvent:
    """The body of an async tool, in its place."""
    changed = _changed(driver, node.id, target)
    activation = Activation(driver, node.id, "tool", attempt=node.attempt, changed=changed, slot=slot)
    with activation:
        if target.policy.timeout is None:
            value = await target.fn(**_with_context(inputs, target.wants_context, activation))
        else:
            async with _limited(driver, target, slot):
                value = await target.fn(**_with_context(inputs, target.wants_context, activation))
    return _finished(driver, node.id, target, value, slot)


async def in_thread(
    driver: Driver, node: NodeState, target: ToolTarget, inputs: Mapping[str, Any], slot: Slot
) -> AnyEvent:
    """The body of a sync tool, in its place. A thread cannot be ended: it is left behind, and keeps the place."""
    engine = driver.engine
    activation = Activation(driver, node.id, "tool", attempt=node.attempt, threaded=True)
    cancelled = activation.context.cancelled  # there before the thread, which must not make another
    context = contextvars.copy_context()
    context.run(CALLER.set, activation)
    context.run(SCOPE.set, None)
    call = partial(target.fn, **_with_context(inputs, target.wants_context, activation))
    future = engine.pool.submit(context.run, _called, call)
    future.add_done_callback(activation.drop_context)
    async with _limited(driver, target, slot) as limit:
        if limit is not None:
            limit.threaded = True
        try:
            with activation.hushed():
                value = await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            cancelled.set()
            engine.leave_behind(driver.run_id, node.id, future, slot.hand_over())
            raise
    return _finished(driver, node.id, target, value, slot)


async def function(
    driver: Driver, at: NodeId, graph: GraphTarget, inputs: Mapping[str, Any], attempt: int
) -> AnyEvent:
    """A graph function: the run's own, or one that stands as a node."""
    if driver.state.may_have_crashed_here:  # else its crashes are not counted
        await driver.barrier(full=False)
    activation = Activation(driver, at, "fn", attempt=attempt, changed=_changed(driver, at, graph))
    with activation:
        value = await graph.fn(**_with_context(inputs, graph.wants_context, activation))
    return _finished(driver, at, graph, value)


async def setup(
    driver: Driver, node: NodeState, target: DualStageTarget, inputs: Mapping[str, Any]
) -> AnyEvent:
    """Stage A of a dual-stage tool."""
    if target is driver.engine.asks.get(target.name):  # ours: it calls nothing, so it needs no journal
        wait = await target.setup(**inputs)
    else:
        activation = Activation(
            driver, node.id, "tool", attempt=max(node.attempt, 1), stage="setup", token=node.token
        )
        with activation:
            async with _limited(driver, target, None):
                context = _with_context(inputs, "setup" in target.with_context, activation)
                wait = await target.setup(**context)
        if getattr(wait, "schema", None) is not None and not schemas.can_check():
            await asyncio.to_thread(schemas.load)
    return open_wait(driver.head(), node, target, wait, driver.engine.services.artifacts)


async def on_resume(
    driver: Driver, node: NodeState, target: DualStageTarget, reply: Reply, wait: ResumedWait, slot: Slot
) -> AnyEvent:
    """Stage B, in its place."""
    activation = Activation(
        driver, node.id, "tool", attempt=node.attempt, stage="on_resume", token=wait.token, slot=slot
    )
    with activation:
        context = _with_context({}, "on_resume" in target.with_context, activation)
        async with _limited(driver, target, slot):
            value = await target.on_resume(reply, wait, **context)
    return _finished(driver, node.id, target, value, slot)


_NO_LIMIT: contextlib.AbstractAsyncContextManager[None] = contextlib.nullcontext()


def _limited(
    driver: Driver, target: Target, slot: Slot | None
) -> contextlib.AbstractAsyncContextManager[TimeLimit | None]:
    """The time that one attempt may take; it stands still while the slot is lent for an ask."""
    seconds = target.policy.timeout
    if seconds is None:
        return _NO_LIMIT
    engine = driver.engine
    limit = TimeLimit(
        target.name, seconds, engine.clock.now_us, partial(engine.alarms.at, owner=driver.run_id)
    )
    if slot is not None:
        slot.time_limit = limit
    return limit


def _changed(driver: Driver, at: NodeId, target: Target) -> bool:
    """Whether the body's code differs from the code that made its journal."""
    state = driver.state
    if at not in state.journals:
        return False
    node = state.nodes.get(at)
    then = node.added.code if node is not None and node.added is not None else ""
    return target.name in state.changed or bool(then and target.fingerprint and then != target.fingerprint)


def _finished(driver: Driver, at: NodeId, target: Any, value: Any, slot: Slot | None = None) -> AnyEvent:
    blobs = driver.engine.services.artifacts
    outputs = {k: encode(v, blobs, name=k) for k, v in target.pack(value).items()}
    if at == ROOT:
        return RunFinished(**driver.head(), outputs=outputs)
    return NodeFinished(**driver.head(), node=at, outputs=outputs, queued_ms=queued_ms(slot))


def _with_context(inputs: Mapping[str, Any], wanted: bool, activation: Activation) -> Mapping[str, Any]:
    return {**inputs, "context": activation.context} if wanted else inputs


def _called(call: Callable[[], Any]) -> Any:
    """Call a sync tool, in its thread."""
    try:
        return call()
    except StopIteration as error:  # as in a coroutine: it would end whatever iterates over us
        raise RuntimeError("the tool raised StopIteration") from error
