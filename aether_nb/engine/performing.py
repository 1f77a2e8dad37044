"""What the state's commands ask for, done: nodes begin, replies go to Stage B, static graphs end.

Part of a driver, which has the state fold every event and gives what that makes due in here; those who take a
run up again do the same. How a node is carried out once it begins is in `bodies.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from aether_nb.engine.commands import (
    AttachWait,
    Command,
    FailFrame,
    FinishFrame,
    RetryNode,
    RunStageB,
    Settle,
    StartNode,
    TakeSecret,
    TimeOut,
)
from aether_nb.engine.failures import error_info
from aether_nb.engine.records import DONE, NodeState
from aether_nb.engine.scheduler import Slot
from aether_nb.errors import BadOutputs, RunBlocked
from aether_nb.events import ErrorInfo, NodeFailed, NodeFinished, RunFailedEvent, RunFinished
from aether_nb.ids import ROOT, NodeId
from aether_nb.values import boxed

if TYPE_CHECKING:
    from aether_nb.engine.driver import Driver


class Performing:
    """See the module.

    Args:
        driver: the run.
    """

    __slots__ = ("_callers", "_driver")

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._callers: dict[NodeId, asyncio.Future[None]] = {}

    def do(self, commands: Iterable[Command]) -> None:
        """Do what the state asks for; of a run that is halted only who awaits a node is told."""
        driver = self._driver
        for command in commands:
            if isinstance(command, Settle):
                if "secrets" in driver.made:
                    driver.secrets.settled(command.node)
                caller = self._callers.pop(command.node, None)
                if caller is not None and not caller.done():
                    caller.set_result(None)
                continue
            if driver.halted:
                continue
            match command:
                case StartNode(node):
                    self._start(driver.state.nodes[node])
                case RetryNode(node, at_us):
                    driver.pauses.begin(driver.state.nodes[node], at_us)
                case AttachWait(node):
                    driver.engine.loop.call_soon(driver.questions.attach, driver.state.nodes[node])
                case RunStageB(node, reply):
                    driver.spawn(node, driver.bodies.stage_b(driver.state.nodes[node], reply))
                case TakeSecret(node):
                    driver.secrets.take(driver.state.nodes[node])
                case TimeOut(node):
                    driver.questions.time_out(driver.state.nodes[node])
                case FinishFrame(node):
                    self._finish_frame(node)
                case FailFrame(node, failed, error):
                    self._fail_frame(node, failed, error)

    def outcome_of(self, node: NodeId) -> asyncio.Future[None]:
        """A future that is done when the node is."""
        future = self._callers[node] = asyncio.get_running_loop().create_future()
        return future

    # -- nodes of static graphs ------------------------------------------------------------------

    def _start(self, node: NodeState) -> None:
        """Begin an attempt of a node; a plain tool's stands in line, as data, for a place."""
        driver = self._driver
        if driver.halted or node.status in DONE:
            return
        if node.kind != "tool":
            driver.spawn(node.id, driver.bodies.static(node, None))
            return
        if driver.pauses.held_up(node, partial(self._start, node)):
            return
        try:
            target: Any = driver.target_of(node)
        except RunBlocked as gone:
            driver.block(str(gone))
            return
        slot = driver.slot(node.id, target)
        if slot.take_nowait():
            driver.spawn(node.id, driver.bodies.static(node, slot), slot)
        else:
            slot.when_free(partial(self._start_in, slot, node))

    def _start_in(self, slot: Slot, node: NodeState) -> None:
        """There is a place for a node that stood in line."""
        driver = self._driver
        if driver.halted or node.status in DONE:
            slot.give_back()
        else:
            driver.spawn(node.id, driver.bodies.static(node, slot), slot)

    # -- static graphs, maps and choices ---------------------------------------------------------

    def _finish_frame(self, at: NodeId) -> None:
        driver = self._driver
        try:
            outputs = driver.state.frames.outputs(at)
            each = None if at == ROOT else driver.state.nodes[at].each
            if each is not None:
                missing = [name for name in each.outputs if name not in outputs]
                if missing:
                    raise KeyError(missing[0])  # noqa: TRY301 - as the others
        except KeyError as missing:
            what = f"The output {missing} is not there: the tool has been edited since it ran."
            self._fail_frame(at, at, error_info(BadOutputs(what)))
            return
        if at == ROOT:
            blobs = driver.engine.services.artifacts
            outputs = {name: boxed(value, blobs) for name, value in outputs.items()}
            driver.conclude(RunFinished(**driver.head(), outputs=outputs))
        elif each is not None:
            driver.maps.end(at)
            driver.emit(NodeFinished(**driver.head(), node=at))
        else:
            driver.emit(NodeFinished(**driver.head(), node=at, outputs=outputs))

    def _fail_frame(self, at: NodeId, failed: NodeId, error: ErrorInfo) -> None:
        driver = self._driver
        if at == ROOT:
            driver.conclude(RunFailedEvent(**driver.head(), error=error, node=failed))
        else:
            driver.maps.end(at)
            attempt = driver.state.nodes[at].attempt
            driver.emit(NodeFailed(**driver.head(), node=at, attempt=attempt, error=error))
