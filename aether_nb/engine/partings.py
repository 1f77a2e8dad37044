"""Telling tools that nobody waits for what they submitted: `on_cancel`, after the withdrawal is durable.

Part of a driver. A withdrawn wait is told about at least once: that it was is an event, and a run that comes
back tells those again that have none. The run's last event waits for these calls, and they have not long.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from aether_nb.calling import CALLER, DUAL_STAGE
from aether_nb.engine.context import NodeContext
from aether_nb.engine.failures import in_words
from aether_nb.engine.records import NodeState, WaitState
from aether_nb.engine.waits import ResumedWait
from aether_nb.errors import AetherError, OutsideRun, RunSuspended
from aether_nb.events import WithdrawalTold
from aether_nb.values import digest, written

if TYPE_CHECKING:
    from aether_nb.engine.driver import Driver

_LOG = logging.getLogger("aether_nb.run")
_PATIENCE_S = 10  # how long one `on_cancel` may take, by the real clock


class Partings:
    """See the module.

    Args:
        driver: the run.
    """

    __slots__ = ("_driver", "_tasks")

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def pending(self) -> bool:
        """Whether a tool is still being told."""
        return bool(self._tasks)

    def begin(self, node: NodeState, wait: WaitState) -> None:
        """Tell the tool of a wait that was just withdrawn, if it wants to know."""
        if wait.opened.on_cancel and not wait.told:
            task = self._driver.tasks.new(self._tell(node, wait))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def resume(self) -> None:
        """Tell the tools that an earlier life may not have told."""
        state = self._driver.state
        for wait in state.to_be_told:
            if wait.status == "withdrawn":
                self.begin(state.nodes[wait.opened.node], wait)

    def farewell(self) -> None:
        """Tell all tools of open waits, without a word in the log: the run was put aside and is not ours any more."""
        for token in self._driver.state.half_begun:
            self._driver.engine.abandon(token)
        for wait in self._driver.state.to_be_told:
            self._driver.tasks.new(self._call_logged(self._driver.state.nodes[wait.opened.node], wait))

    async def settled(self) -> None:
        """Wait until all have been told, or have had their time."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def call_off(self) -> None:
        """The run leaves this process; who was not told yet is told when it comes back."""
        for task in self._tasks:
            task.cancel()

    async def _tell(self, node: NodeState, wait: WaitState) -> None:
        driver = self._driver
        with contextlib.suppress(AetherError, RunSuspended):  # the log is not ours any more, or not now
            await driver.barrier(full=True)
            problem = await self._call_logged(node, wait)
            told = WithdrawalTold(**driver.head(), node=node.id, token=wait.opened.token, problem=problem)
            driver.emit(told)

    async def _call_logged(self, node: NodeState, wait: WaitState) -> str:
        try:
            problem = await self._call(node, wait)
        except AetherError as error:  # its tool or its inputs are not to be had
            problem = str(error)
        if problem:
            _LOG.warning("[%s %s] on_cancel: %s", self._driver.run_id, node.id, problem)
        return problem

    async def _call(self, node: NodeState, wait: WaitState) -> str:
        """Call `on_cancel`; what went wrong, in words."""
        driver = self._driver
        CALLER.set(None)  # this task's own context: what is called in there is nobody's durable call
        target = self._target(node)
        resumed = ResumedWait.of(wait.opened, driver.inputs_of(node), driver.engine.services.artifacts)
        wanted = "on_cancel" in target.with_context
        context = {"context": NodeContext(_Parting(driver, node, wait))} if wanted else {}
        call = asyncio.ensure_future(_outcome(target.on_cancel(resumed, **context)))
        try:
            await asyncio.wait({call}, timeout=_PATIENCE_S)
            if not call.done():
                return f"it was still at work after {_PATIENCE_S} s, and was cut short"
            if call.cancelled():
                return "it was cancelled"
            return call.result()
        finally:
            call.cancel()

    def _target(self, node: NodeState) -> Any:
        """The node's tool; of one whose code does not run any more, the latest of its name."""
        driver = self._driver
        if node.id not in driver.targets and node.spec is None:
            target = DUAL_STAGE.get(node.name)
            if target is None:
                raise AetherError(f"no tool {node.name!r} is defined here, so it was not called")
            return target
        return driver.target_of(node)


async def _outcome(call: Coroutine[Any, Any, None]) -> str:
    """What went wrong in a call, in words."""
    try:
        await call
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # noqa: BLE001 - a SystemExit in a task would end the loop of everybody
        return in_words(error)
    return ""


class _Parting:
    """The `context.Body` of an `on_cancel`: the services work, nothing is asked, said or journalled."""

    asleep = False

    def __init__(self, driver: Driver, node: NodeState, wait: WaitState) -> None:
        self.run_id: str = driver.run_id
        self.node_id: str = node.id
        self.attempt = max(node.attempt, 1)
        self.generation = node.generation
        self.services = driver.engine.services
        self.wait_token: str | None = wait.opened.token
        self._engine = driver.engine

    def ask(self, tool: str, inputs: dict[str, Any], key: str | None, *, pick: str | None = None) -> NoReturn:  # noqa: ARG002 - refused
        """Nobody is asked."""
        raise OutsideRun(f"on_cancel of {self.node_id!r} cannot ask {inputs['prompt']!r}: its wait is over.")

    async def send(self, name: str, inputs: Mapping[str, Any], message: Any) -> None:  # noqa: ARG002 - refused
        """Nothing is said."""
        self.tell(name, inputs, None)

    def tell(self, name: str, inputs: Mapping[str, Any], source: object, **how: bool) -> NoReturn:  # noqa: ARG002 - refused
        """Nothing is told."""
        given = ", ".join(f"{k}={written(v)}" for k, v in inputs.items())
        raise OutsideRun(
            f"on_cancel of {self.node_id!r} cannot {name}({given}): its wait is over; use context.logger()."
        )

    def recorded(self, name: str, make: Callable[[], Any]) -> Any:  # noqa: ARG002 - no journal here
        """Made anew each time."""
        return make()

    async def remember(self, kind: str, data: Any) -> Any:
        """Record a fact, once for the same data."""
        item_id = f"{self.run_id}/{self.node_id}/on_cancel/{digest([kind, data])}"
        return await asyncio.to_thread(
            self.services.memory.record, kind, data, run_id=self.run_id, node_id=self.node_id,
            at_ms=self.now_us() // 1000, item_id=item_id,
        )  # fmt: skip

    async def sleep_until(self, at_us: int) -> None:
        """Sleep by the real clock, as its time is counted."""
        await asyncio.sleep(max(0.0, (at_us - self.now_us()) / 1e6))

    def now_us(self) -> int:
        """The clock."""
        return self._engine.clock.now_us()
