"""How a run, or a node of it, is cancelled: by a person, by the code that awaited it, by what it stands in.

Part of a driver. A node's task is cancelled first; what that means shows when its body makes its next
durable call or ends, unless a person wanted it, or the run is over: then it is recorded at once.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aether_nb.engine.commands import Command
from aether_nb.engine.records import DONE, NodeState
from aether_nb.engine.tasks import Task
from aether_nb.events import CancelRequested, NodeCancelled, RunCancelledEvent
from aether_nb.ids import ROOT, NodeId

if TYPE_CHECKING:
    from aether_nb.engine.driver import Driver

_PATIENCE_S = 5  # how long a cancelled run waits for its bodies to unwind


class Cancelling:
    """See the module.

    Args:
        driver: the run.

    Attributes:
        given_up: nodes that nobody awaits any more, although their outcome is not recorded yet.
    """

    __slots__ = ("_driver", "_put_off", "_struck", "given_up")

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self.given_up: dict[NodeId, None] = {}
        self._put_off: list[Command] | None = None
        self._struck: dict[tuple[NodeId, Task], int] = {}
        """Tasks that were cancelled because a person cancelled the node, with how often they had been before."""

    # -- by a person -----------------------------------------------------------------------------

    def request(self, by: str, node: NodeId | None = None) -> None:
        """Cancel the run, or one node of it and what stands inside, from any thread.

        Blocks until that is durable; `done` of a cancelled run follows when its bodies have unwound. A node
        that is not there, or done, is left alone.

        Raises:
            StoreError: the store refuses just now; the run is cancelled all the same, as soon as it can be written.
        """
        if node is None:
            self._driver.engine.on_loop(self._run, by)
        else:
            self._driver.engine.on_loop(self._one, by, node)

    def _one(self, by: str, at: NodeId) -> None:
        driver = self._driver
        node = driver.state.nodes.get(at)
        if not driver.halted and node is not None and node.status not in DONE:
            self.cancel(node, by or "somebody")
            driver.engine.writer.sync(driver.lane, full=True)

    def _run(self, by: str) -> None:
        driver = self._driver
        if driver.halted:
            return
        driver.emit(CancelRequested(**driver.head(), by=by))
        try:
            driver.engine.writer.sync(driver.lane, full=True)
        finally:
            driver.engine.scheduler.drop(driver.share)
            working = driver.tasks.working()
            for task in working:
                task.cancel()
            driver.spawn(ROOT, self.finish(working))

    async def finish(self, working: set[Task]) -> None:
        """End a run that is to be cancelled, when these tasks have unwound."""
        driver = self._driver
        if working:
            await asyncio.wait(working, timeout=_PATIENCE_S)
        driver.engine.cancel_started_by(driver.run_id)  # now: until it had unwound, a body could start one
        for node in list(driver.state.nodes.values()):
            if node.status not in DONE:
                self.cancel(node)
        await driver.partings.settled()
        driver.emit(RunCancelledEvent(**driver.head()))
        await driver.settle_end()

    # -- by code ---------------------------------------------------------------------------------

    def give_up(self, node: NodeState) -> None:
        """Whoever awaited a node does not any more: it stops, and takes no reply.

        What that means, the user's cancellation or the end of the kernel, shows when the body makes its next
        durable call or ends; then it is recorded.
        """
        for one in (node, *self._driver.state.below(node.id)):
            self.given_up[one.id] = None
            for task in self._driver.tasks.others(one.id):
                task.cancel()

    def cancel(self, node: NodeState, by: str = "") -> None:
        """Cancel a node that is not done, what stands inside it, and their questions.

        Args:
            node: the node.
            by: the person who wants that; then who awaits the node gets a failure, and goes on.
        """
        driver = self._driver
        inside = (node, *driver.state.below(node.id))
        tasks = {task for one in inside for task in driver.tasks.others(one.id)}
        if by:
            self._struck |= {(node.id, task): task.cancelling() for task in tasks & driver.tasks.of(node.id)}
        for task in tasks:
            task.cancel()
        if self._put_off is not None:
            self._record(node, by)
            return
        due = self._put_off = []  # the end of a graph is not told before that of what stands inside it
        try:
            self._record(node, by)
        finally:
            self._put_off = None
        driver.performing.do(due)

    def puts_off(self, commands: list[Command]) -> bool:
        """Take what an event makes due, if it must wait until all that is being cancelled is recorded."""
        if self._put_off is None:
            return False
        self._put_off += commands
        return True

    def _record(self, node: NodeState, by: str = "") -> None:
        driver = self._driver
        driver.pauses.call_off(node.id)
        if node.token is not None:
            driver.engine.abandon(node.token)
        with driver.engine.writer.as_one():  # a question without its node's end would be asked again
            withdrawn = driver.questions.withdraw(node)
            driver.emit(NodeCancelled(**driver.head(), node=node.id, by=by))
        if withdrawn:
            self.is_withdrawn(node)
        for child in driver.state.below(node.id):
            if child.status not in DONE:
                self._record(child)

    def is_withdrawn(self, node: NodeState) -> None:
        """Tell the channel and the tool that nobody waits for an answer any more."""
        assert node.wait is not None
        self._driver.engine.audience.closed(self._driver, node)
        self._driver.partings.begin(node, node.wait)

    def stop_inside(self, at: NodeId) -> None:
        """Cancel what is not done inside a body that is over."""
        for child in self._driver.state.below(at):
            if child.status not in DONE:
                self.cancel(child)

    # -- what the tasks of cancelled nodes do ----------------------------------------------------

    def forgive(self, node: NodeId, task: Task) -> bool:
        """Take back the cancellation of a task that awaits a node which a person cancelled.

        Returns:
            Whether that was all there was: the task goes on.
        """
        before = self._struck.pop((node, task), None)
        return before is not None and task.uncancel() <= before

    def part(self, node: NodeId, task: Task) -> None:
        """A task does not work for a node any more."""
        self._struck.pop((node, task), None)
