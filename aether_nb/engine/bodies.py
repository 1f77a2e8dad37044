"""How a node is carried out: which code of the user's is entered when, how often, and what it came to.

Part of a driver. Every body ends in `_carry_out`, which records its outcome; how the code itself is entered is in
`usercode.py`.

Trap: a body runs in the task of whoever awaits it, so a cancellation may be the user's own
(`asyncio.timeout`, a `TaskGroup`), the run's, or the loop's; only what nobody asked for is a failure.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any, cast

from aether_nb.calling import DualStageTarget, Target, ToolTarget
from aether_nb.engine import usercode
from aether_nb.engine.failures import asked_to_stop
from aether_nb.engine.records import DONE, NodeState
from aether_nb.engine.scheduler import Slot, queued_ms
from aether_nb.engine.waits import ResumedWait
from aether_nb.errors import NotRestorable, ReplyInvalid, RunBlocked, RunSuspended, SecretGone
from aether_nb.events import AnyEvent, BranchTaken, NodeStarted, ReplyRejected
from aether_nb.graph.model import Branch
from aether_nb.graph.retry_policy import ONCE, RetryPolicy
from aether_nb.ids import ROOT, NodeId, Token, new_token
from aether_nb.prompts import Reply

if TYPE_CHECKING:
    from aether_nb.engine.driver import Driver

Body = Coroutine[Any, Any, AnyEvent]
"""User code around which the rules are kept; gives the event that tells of its success."""


class Bodies:
    """See the module.

    Args:
        driver: the run.
    """

    __slots__ = ("_driver",)

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    async def main(self) -> None:
        """The run's own graph function, from start to end."""
        driver = self._driver
        inputs = _given(driver)
        await self._carry_out(ROOT, inputs, usercode.function(driver, ROOT, driver.graph, inputs, 1))

    async def static(self, node: NodeState, slot: Slot | None) -> None:
        """A node of a static graph whose inputs are all there: one attempt.

        Args:
            node: the node.
            slot: for a plain tool: its place, held.
        """
        inputs = await self.inputs(node, slot)
        if node.kind == "when":
            self._choose(node, inputs)
            return
        target: Any = self._driver.target_of(node)
        if slot is not None:
            await self._tool(node, target, inputs, slot)
        elif node.kind in {"ask", "wait"}:
            await self._stage_a(node, target, inputs)
        else:
            await self.execute(node, target, inputs, None, settle=False)

    async def inputs(self, node: NodeState, slot: Slot | None) -> dict[str, Any]:
        """A node's inputs, decoded; secrets in them that are gone are asked for again, without the slot."""
        while True:
            try:
                return self._driver.inputs_of(node)
            except SecretGone as gone:
                await self._driver.secrets.regained(gone, slot)

    def place_for(self, target: Target) -> Slot | None:
        """A place for the body of a plain tool that is called, held, when one is free now.

        None also when a thread of this run was left behind: it may be one of the same node, and is waited for.
        """
        if target.kind != "tool" or self._driver.engine.has_left_behind(self._driver.run_id):
            return None
        slot = self._driver.slot(ROOT, cast("ToolTarget", target))
        return slot if slot.take_nowait() else None

    async def execute(
        self, node: NodeState, target: Any, inputs: Mapping[str, Any], slot: Slot | None, *,
        place: Slot | None = None, settle: bool = True,
    ) -> None:  # fmt: skip
        """Carry a node out, with every attempt that it takes. Failures are events, not exceptions.

        Args:
            node: the node, not done yet.
            target: what it stands for.
            inputs: its decoded inputs.
            slot: the slot of the body that called it, lent while it waits.
            place: for a plain tool whose first attempt is recorded as begun: its place, held.
            settle: whether to return only when the node is done.
        """
        if node.kind == "tool":
            if place is not None:
                place.node = node.id
                await self._tool(node, target, inputs, place, begun=True)
            if place is None or node.retry_at_us is not None:
                await self._attempts(node, target, inputs)
        elif node.kind == "fn":
            attempt = self._start(node)
            body = usercode.function(self._driver, node.id, target, inputs, attempt)
            await self._carry_out(node.id, inputs, body)
        else:
            if node.kind == "graph":
                self._start(node, item=self._driver.maps.item_of(node))
            elif node.kind == "map":
                self._driver.maps.begin(node, inputs)
            else:
                await self._attempts(node, target, inputs)
            if settle and node.status not in DONE:
                await self.stand(self._driver.performing.outcome_of(node.id), slot)

    async def reattach(
        self, node: NodeState, target: Any, inputs: Mapping[str, Any], slot: Slot | None
    ) -> None:
        """Go on with a node of the journal that has no outcome yet."""
        asked = node.wait is not None and node.wait.status != "withdrawn"
        if asked or (node.kind == "graph" and node.id in self._driver.state.frames):
            self._driver.performing.do(self._driver.state.resume_node(node))
            if node.status not in DONE:
                await self.stand(self._driver.performing.outcome_of(node.id), slot)
        else:
            await self.execute(node, target, inputs, slot)

    async def stage_b(self, node: NodeState, reply: Reply) -> None:
        """The second half of a dual-stage tool; a reply that it refuses opens the same question again."""
        driver = self._driver
        assert node.wait is not None
        try:
            reply = driver.secrets.unsealed(node, reply)
        except SecretGone:
            driver.secrets.ask(node)
            return
        opened, inputs = node.wait.opened, await self.inputs(node, None)
        target: Any = driver.target_of(node)
        wait = ResumedWait.of(opened, inputs, driver.engine.services.artifacts)
        refusal = ReplyInvalid if node.wait.status == "answered" else ()  # a default cannot be asked again
        slot = driver.slot(node.id)
        await slot.take(back=True)
        try:
            async with slot:
                if node.status == "pending":  # it is tried again, or sent back; the reply it had is reused
                    self._start(node, slot=slot)
                if not target.pure_setup or driver.state.may_have_crashed_here:
                    # a crash in it, or in the function that goes on with it, is counted by what is in the log
                    await driver.barrier(full=False)
                body = usercode.on_resume(driver, node, target, reply, wait, slot)
                await self._carry_out(node.id, inputs, body, let=refusal, policy=target.policy)
        except ReplyInvalid as invalid:
            driver.emit(
                ReplyRejected(**driver.head(), node=node.id, token=opened.token, problems=invalid.problems)
            )
            await driver.barrier(full=True)
            driver.questions.opened(node, told=True)

    def _choose(self, node: NodeState, inputs: Mapping[str, Any]) -> None:
        """Look at the condition of a choice, and go one way."""
        driver = self._driver
        try:
            branch: Branch = "then" if inputs["condition"] else "otherwise"
        except Exception as error:  # noqa: BLE001 - the truth of a user's value
            driver.emit(NodeStarted(**driver.head(), node=node.id, attempt=node.attempt + 1))
            driver.fail(node.id, error, inputs)
        else:
            driver.emit(BranchTaken(**driver.head(), node=node.id, branch=branch))

    # -- kinds of bodies -------------------------------------------------------------------------

    async def _attempts(self, node: NodeState, target: Any, inputs: Mapping[str, Any]) -> None:
        """A node whose caller awaits it: attempts and pauses, in the caller's task, until it has got somewhere."""
        driver = self._driver
        while True:
            if node.attempt or node.retry_at_us is not None or driver.engine.has_left_behind(driver.run_id):
                await driver.pauses.over(node)
            if node.kind == "tool":
                slot = driver.slot(node.id, target)
                if not slot.take_nowait():
                    await slot.take()
                await self._tool(node, target, inputs, slot)
            else:
                await self._stage_a(node, target, inputs)
            if node.retry_at_us is None:
                return

    async def _tool(
        self, node: NodeState, target: ToolTarget, inputs: Mapping[str, Any], slot: Slot, *, begun: bool = False
    ) -> None:  # fmt: skip
        """One attempt of a plain tool, whose place is held and given back; `begun` when that is recorded."""
        try:
            if not begun:
                self._start(node, slot=slot)
            if target.effects or self._driver.state.may_have_crashed_here:  # else its crashes are not counted
                await self._driver.barrier(full=target.effects)
            enter = usercode.on_loop if target.is_async else usercode.in_thread
            body = enter(self._driver, node, target, inputs, slot)
            await self._carry_out(node.id, inputs, body, policy=target.policy, slot=slot)
        finally:
            slot.give_back()

    async def _stage_a(self, node: NodeState, target: DualStageTarget, inputs: Mapping[str, Any]) -> None:
        driver = self._driver
        if not target.pure_setup:
            self._start(node, token=node.token or new_token())  # the same one after a crash in here
            await driver.barrier(full=True)
        body = usercode.setup(driver, node, target, inputs)
        await self._carry_out(node.id, inputs, body, policy=target.policy)
        if node.status == "waiting":
            await driver.barrier(full=True)
            driver.questions.opened(node, told=not target.pure_setup)

    # -- what they share -------------------------------------------------------------------------

    def _start(
        self, node: NodeState, *, token: Token | None = None, slot: Slot | None = None,
        item: dict[str, Any] | None = None,
    ) -> int:  # fmt: skip
        driver, attempt = self._driver, node.attempt + 1
        driver.emit(
            NodeStarted(
                **driver.head(),
                node=node.id,
                attempt=attempt,
                token=token,
                queued_ms=queued_ms(slot),
                item=item,
            )
        )
        return attempt

    async def _carry_out(
        self, at: NodeId, inputs: Mapping[str, Any], body: Body, *, let: type[Exception] | tuple[()] = (),
        policy: RetryPolicy = ONCE, slot: Slot | None = None,
    ) -> None:  # fmt: skip
        """Run a body and record what it came to.

        Args:
            at: its node; `""` for the run's own function.
            inputs: shown with a failure.
            body: the body.
            let: an exception that is for the caller.
            policy: whether another attempt follows when it fails.
            slot: its place.

        Raises:
            asyncio.CancelledError: it came to nothing that counts: the run is asleep, cancelled or blocked,
                or whoever awaits the body has given it up.
        """
        driver = self._driver
        try:
            event = await body
        except BaseException as error:
            if isinstance(error, GeneratorExit):
                raise
            if driver.halted or self._is_over(at) or isinstance(error, RunSuspended):
                raise asyncio.CancelledError from None
            if isinstance(error, let) or (isinstance(error, asyncio.CancelledError) and asked_to_stop()):
                raise
            if isinstance(error, (RunBlocked, NotRestorable)):
                driver.block(str(error))
                raise asyncio.CancelledError from None
            retry_at_us = (
                driver.pauses.until(driver.state.nodes[at], policy, error) if policy.retries else None
            )
            driver.fail(at, error, inputs, retry_at_us=retry_at_us, queued_ms=queued_ms(slot))
        else:
            if driver.halted or self._is_over(at):
                raise asyncio.CancelledError
            if at == ROOT:
                driver.conclude(event)
            else:
                driver.emit(event)

    def _is_over(self, at: NodeId) -> bool:
        """Whether nobody wants the outcome any more: the node was cancelled, and its body did not listen."""
        driver = self._driver
        return at != ROOT and (at in driver.cancelling.given_up or driver.state.nodes[at].status in DONE)

    async def stand(self, outcome: asyncio.Future[None], slot: Slot | None) -> None:
        """Wait for what comes of a node, and do nothing else; without the caller's slot meanwhile."""
        task = asyncio.current_task()
        assert task is not None
        self._driver.tasks.standing.add(task)
        try:
            if slot is None:
                await outcome
            else:
                async with slot.lent(asking=True):
                    await outcome
        finally:
            self._driver.tasks.standing.discard(task)
            del task  # a cancelled task keeps this frame: with itself in it, it would never be freed


def _given(driver: Driver) -> dict[str, Any]:
    """What a run was started with, but for what an edit has dropped."""
    given = driver.state.inputs
    return {p.name: driver.decoded(given[p.name]) for p in driver.graph.params if p.name in given}
