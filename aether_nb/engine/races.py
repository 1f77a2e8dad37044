"""Waits that stand together: with the outcome of one, the others are withdrawn in the same transaction.

Part of a driver; `activation.together` makes the groups. They are not in the log: a body that comes back
makes the same calls again, and the log has either the outcome and the withdrawals or none of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aether_nb.engine.records import DONE
from aether_nb.events import AnyEvent, NodeFailed, NodeFinished, ReplyTaken, WaitExpired
from aether_nb.ids import NodeId

if TYPE_CHECKING:
    from aether_nb.engine.driver import Driver


@dataclass(eq=False, slots=True)
class Race:
    """One group."""

    first: bool
    """Whether one outcome decides; else only a failure does."""
    nodes: list[NodeId] = field(default_factory=list)
    decided: bool = False


class Races:
    """See the module.

    Args:
        driver: the run.
    """

    __slots__ = ("_driver", "_of")

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._of: dict[NodeId, Race] = {}

    def __bool__(self) -> bool:
        return bool(self._of)

    def join(self, race: Race, node: NodeId) -> None:
        """A node takes part."""
        race.nodes.append(node)
        self._of[node] = race

    def over(self, race: Race) -> None:
        """Nobody awaits the group any more."""
        for node in race.nodes:
            self._of.pop(node, None)

    def follow(self, event: AnyEvent) -> None:
        """Withdraw the others when this event decides; called in the transaction of the event."""
        if not isinstance(event, (ReplyTaken, WaitExpired, NodeFinished, NodeFailed)):
            return
        race = self._of.get(event.node)
        if race is None or race.decided or not self._decides(race, event):
            return
        race.decided = True
        nodes = self._driver.state.nodes
        for other in race.nodes:
            if other != event.node and nodes[other].status not in DONE:
                self._driver.cancelling.cancel(nodes[other])

    def _decides(self, race: Race, event: AnyEvent) -> bool:
        if isinstance(event, NodeFailed):
            return event.retry_at_us is None
        if isinstance(event, WaitExpired):
            wait = self._driver.state.waits[event.token]
            return race.first and wait.opened.has_default
        return race.first


async def outcome_of(tasks: Sequence[asyncio.Task[Any]], *, first: bool) -> tuple[int, list[Any]]:
    """Which task was first, and its result; or 0 and all results. A failure comes before either."""
    left = set(tasks)
    while left:
        done, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
        for i, task in enumerate(tasks):
            if task in done and not task.cancelled() and (first or task.exception() is not None):
                return i, [task.result()]
    return 0, [task.result() for task in tasks]


async def stopped(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel what still runs and wait until it has unwound."""
    left = [task for task in tasks if not task.done()]
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # seen; of several failures the first was raised
