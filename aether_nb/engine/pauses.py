"""The pauses between the attempts of one run's nodes, in this kernel.

Part of a driver. When the next attempt comes stands in the log; here it is decided, and waited for: by an
alarm and nothing else, or, where the user's own code awaits the node, in that code's task. A pause begins
when its failure is committed, and does not end before a thread that the last attempt left behind.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from aether_nb.engine.failures import is_worth_a_retry
from aether_nb.engine.records import NodeState
from aether_nb.graph.retry_policy import RetryPolicy
from aether_nb.ids import NodeId

if TYPE_CHECKING:
    from aether_nb.engine.driver import Driver


class Pauses:
    """See the module.

    Args:
        driver: the run.
    """

    __slots__ = ("_alarms", "_driver", "_held_up")

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._alarms: dict[NodeId, Callable[[], None]] = {}
        self._held_up: dict[NodeId, None] = {}

    @property
    def pending(self) -> bool:
        """Whether a node is tried again by itself, sooner or later."""
        return bool(self._alarms)

    @property
    def settled(self) -> bool:
        """Whether nothing but an alarm is missing for any node that is to be tried again."""
        return not self._held_up

    def until(self, node: NodeState, policy: RetryPolicy, error: BaseException) -> int | None:
        """When the next attempt of a node comes whose body just failed, microseconds since 1970; None for never."""
        if node.failures >= policy.retries or not is_worth_a_retry(error, policy):
            return None
        pause_s = policy.pause(node.failures + 1, random.random())  # noqa: S311 - no secret
        return self._driver.engine.clock.now_us() + round(pause_s * 1e6)

    def begin(self, node: NodeState, at_us: int) -> None:
        """Have the state go on with a node at that time."""
        self._held_up[node.id] = None
        committed = self._driver.engine.writer.barrier(self._driver.lane, full=False)
        committed.add_done_callback(partial(self._committed, node, at_us))

    async def over(self, node: NodeState) -> None:
        """Wait, in the task that will make it, until the next attempt may begin; at once when it may."""
        engine = self._driver.engine
        if node.retry_at_us is not None:
            await self._driver.barrier(full=False)
            await engine.sleep_until(node.retry_at_us, owner=self._driver.run_id)
        if (thread := engine.left_behind(self._driver.run_id, node.id)) is not None:
            await asyncio.shield(thread)

    def held_up(self, node: NodeState, go_on: Callable[[], None]) -> bool:
        """Whether a thread that an earlier attempt left behind still runs; then `go_on` is called after it."""
        thread = self._driver.engine.left_behind(self._driver.run_id, node.id)
        if thread is None:
            return False
        self._held_up[node.id] = None
        driver = self._driver  # held until the thread has ended, which the run may not outlive

        def ended(_: asyncio.Future[None]) -> None:
            self._held_up.pop(node.id, None)
            if not driver.halted:
                go_on()

        thread.add_done_callback(ended)
        return True

    def call_off(self, node: NodeId) -> None:
        """No further attempt."""
        alarm = self._alarms.pop(node, None)
        if alarm is not None:
            alarm()

    def call_off_all(self) -> None:
        """The run is over here."""
        for node in list(self._alarms):
            self.call_off(node)

    def _committed(self, node: NodeState, at_us: int, committed: asyncio.Future[None]) -> None:
        self._held_up.pop(node.id, None)
        if committed.cancelled() or committed.exception() is not None or not self._is_due(node):
            return  # who lost the run has been told
        self.call_off(node.id)
        ring = partial(self._ring, node)
        self._alarms[node.id] = self._driver.engine.alarms.at(at_us, ring, owner=self._driver.run_id)

    def _ring(self, node: NodeState) -> None:
        self._alarms.pop(node.id, None)
        if self._is_due(node):
            self._driver.performing.do(self._driver.state.next_attempt(node))

    def _is_due(self, node: NodeState) -> bool:
        return not self._driver.halted and node.retry_at_us is not None and node.status == "pending"
