"""Polling: the tools of a run's open waits are asked for the reply, now and then.

Part of a driver, used by `questions.py`. Every pause is in the log before it begins, so that a run that
comes back asks at the recorded time, once, however many times were missed. What a poll finds goes into
the wait's row like any other reply, so that it and a person cannot both be first.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from aether_nb.calling import PENDING, DualStageTarget
from aether_nb.engine.activation import Activation
from aether_nb.engine.alarms import AGAIN_US
from aether_nb.engine.failures import asked_to_stop, in_words
from aether_nb.engine.records import NodeState, WaitState
from aether_nb.engine.waits import ResumedWait
from aether_nb.errors import RunSuspended, StoreError
from aether_nb.events import WaitPolled
from aether_nb.ids import Token
from aether_nb.prompts import Poll, Reply, check_reply

if TYPE_CHECKING:
    from aether_nb.engine.driver import Driver

_LOG = logging.getLogger("aether_nb.run")
_FAILURES = 10  # looks in a row that raise, after which the node fails
_JITTER = 0.1  # the most that is added to a pause, as a part of it
_LONGEST_S = 30 * 86_400.0  # pauses that grow without a bound stop growing here


class Polls:
    """See the module.

    Args:
        driver: the run.
    """

    __slots__ = ("_alarms", "_driver", "_looking")

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._alarms: dict[Token, Callable[[], None]] = {}
        self._looking: dict[Token, asyncio.Task[Any]] = {}

    def attach(self, node: NodeState) -> None:
        """Ask for the reply of an open wait from now on, if it wants that."""
        wait = node.wait
        assert wait is not None
        opened = wait.opened
        if opened.poll is not None and opened.token not in self._looking:
            first_us = opened.at_us + pause_us(opened.poll, opened.token, 1)
            self._ring_at(wait.next_poll_us or first_us, node, wait)

    def call_off(self, token: Token) -> None:
        """Ask no more: the wait is closed. A look that is under way is cut short."""
        alarm = self._alarms.pop(token, None)
        if alarm is not None:
            alarm()
        task = self._looking.pop(token, None)
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    def call_off_all(self) -> None:
        """Call every alarm off; the looks that are under way end with the driver's tasks."""
        for alarm in self._alarms.values():
            alarm()
        self._alarms.clear()

    def _ring_at(self, at_us: int, node: NodeState, wait: WaitState) -> None:
        driver = self._driver
        ring = partial(self._ring, node, wait)
        self._alarms[wait.opened.token] = driver.engine.alarms.at(at_us, ring, owner=driver.run_id)

    def _ring(self, node: NodeState, wait: WaitState) -> None:
        token = wait.opened.token
        self._alarms.pop(token, None)
        if self._wanted(node, wait):
            self._looking[token] = self._driver.spawn(node.id, self._look(node, wait))

    def _wanted(self, node: NodeState, wait: WaitState) -> bool:
        driver = self._driver
        return wait.status == "open" and not driver.halted and node.id not in driver.cancelling.given_up

    async def _look(self, node: NodeState, wait: WaitState) -> None:
        token = wait.opened.token
        try:
            await self._look_once(node, wait)
        except asyncio.CancelledError:
            if wait.status == "open":
                raise
        finally:
            if self._looking.get(token) is asyncio.current_task():
                del self._looking[token]

    async def _look_once(self, node: NodeState, wait: WaitState) -> None:
        driver, prompt = self._driver, wait.opened.prompt
        target: Any = driver.target_of(node)
        inputs = await driver.bodies.inputs(node, None)
        resumed = ResumedWait.of(wait.opened, inputs, driver.engine.services.artifacts)
        problem: BaseException | None = None
        found: Any = PENDING
        async with driver.slot():
            if wait.wary:
                await self._record_begun(node, wait)
            try:
                found = await self._ask(node, wait, target, resumed)
                if isinstance(found, Reply):
                    found = found.model_copy(update={"value": check_reply(prompt, found.value)})
                elif found is not None and found is not PENDING:
                    found = Reply(value=check_reply(prompt, found))
            except BaseException as error:
                if isinstance(error, RunSuspended):
                    raise
                if asked_to_stop():  # what it says to that is nobody's failure
                    raise asyncio.CancelledError from error
                problem = error  # whatever it is, it is the user's
        if not self._wanted(node, wait):
            return
        if isinstance(found, Reply):
            await self._answer(node, wait, found)
        elif problem is not None and wait.failed_polls + 1 >= _FAILURES:
            driver.questions.fail(node.id, problem)
        else:
            await self._pause(node, wait, problem)

    async def _record_begun(self, node: NodeState, wait: WaitState) -> None:
        """Have it in the log that a look begins, so that a kernel that dies of it is counted."""
        driver = self._driver
        driver.emit(
            WaitPolled(
                **driver.head(), node=node.id, token=wait.opened.token, n=wait.polls + 1,
                next_at_us=driver.engine.clock.now_us(), begun=True,
            )
        )  # fmt: skip
        await driver.barrier(full=False)

    async def _ask(
        self, node: NodeState, wait: WaitState, target: DualStageTarget, resumed: ResumedWait
    ) -> Any:
        stage = f"poll-{wait.polls + 1}"  # each look has a journal of its own
        activation = Activation(
            self._driver, node.id, "tool", attempt=max(node.attempt, 1), stage=stage,
            token=wait.opened.token,
        )  # fmt: skip
        with activation:
            context = {"context": activation.context} if "poll" in target.with_context else {}
            return await target.poll(resumed, **context)

    async def _pause(self, node: NodeState, wait: WaitState, problem: BaseException | None) -> None:
        driver, opened, n = self._driver, wait.opened, wait.polls + 1
        assert opened.poll is not None
        what = "" if problem is None else in_words(problem)
        if problem is not None:
            _LOG.warning("[%s %s] poll %s failed: %s", driver.run_id, node.id, n, what)
        next_at_us = driver.engine.clock.now_us() + pause_us(opened.poll, opened.token, n + 1)
        driver.emit(
            WaitPolled(
                **driver.head(), node=node.id, token=opened.token, n=n, next_at_us=next_at_us, problem=what
            )
        )
        await driver.barrier(full=False)
        if self._wanted(node, wait):
            self._ring_at(next_at_us, node, wait)

    async def _answer(self, node: NodeState, wait: WaitState, reply: Reply) -> None:
        """Offer what was found; whoever came first has the wait."""
        engine = self._driver.engine
        now_us = engine.clock.now_us()
        offered = reply.model_copy(update={"door": "poll", "at_ms": now_us // 1000})
        try:
            done = await asyncio.to_thread(
                engine.store.answer, wait.opened.token, offered, now_ms=now_us // 1000
            )
        except StoreError as error:
            engine.in_trouble(error)
            self._ring_at(now_us + AGAIN_US, node, wait)
            return
        if done is not None and done.wait.reply is not None:
            self._driver.questions.take(wait.opened.token, done.wait.reply)


def pause_us(poll: Poll, token: Token, n: int) -> int:
    """Microseconds before the n-th look at a wait, counted from 1: never less than `poll` says, and always the same."""
    share = int.from_bytes(hashlib.blake2b(f"{token}/{n}".encode(), digest_size=4).digest()) / 2**32
    return round(min(poll.pause(n), _LONGEST_S) * (1 + _JITTER * share) * 1e6)
