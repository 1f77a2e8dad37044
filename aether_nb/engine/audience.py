"""Who is told what happens in the runs of an engine: the channel, the views of a run, and who waits for a commit.

Told is what is committed, in the order of the log, on the loop's thread. A broken channel or view harms nobody.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from aether_nb.engine.ports import Channel, Observer, Shown, WaitRow
from aether_nb.engine.records import NodeState
from aether_nb.events import AnyEvent, MessageSent, RunStatus
from aether_nb.ids import RunId
from aether_nb.messages import Telling
from aether_nb.prompts import reply_schema

if TYPE_CHECKING:
    from aether_nb.engine.driver import Driver

_LOG = logging.getLogger("aether_nb")


class Audience:
    """See the module.

    Args:
        channel: where prompts and messages go.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.listener: Callable[[RunId, Sequence[AnyEvent]], None] | None = None
        """Hears of every run."""
        self._observers: dict[RunId, list[Observer]] = {}
        self._watchers: dict[RunId, list[asyncio.Future[None]]] = {}

    def observe(self, run_id: RunId, observer: Observer) -> None:
        """Follow a run from now on; the log so far is for the caller to read."""
        self._observers.setdefault(run_id, []).append(observer)

    def of(self, run_id: RunId) -> list[Observer]:
        """The views of a run."""
        return self._observers.get(run_id, [])

    def seat(self, run_id: RunId, observers: Sequence[Observer]) -> None:
        """These views, and no others, follow a run from now on."""
        self._observers.pop(run_id, None)
        if observers:  # most of many runs have none
            self._observers[run_id] = list(observers)

    def dismiss(self, run_id: RunId) -> None:
        """A run has nothing more to tell its views."""
        self._observers.pop(run_id, None)

    def next_commit(self, run_id: RunId) -> asyncio.Future[None]:
        """Done when something more of a run was committed, counted from this call on, or it has ended."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._watchers.setdefault(run_id, []).append(future)
        return future

    def is_watched(self, run_id: RunId) -> bool:
        """Whether somebody waits for its next commit."""
        return any(not future.done() for future in self._watchers.get(run_id, ()))

    def wake(self, run_id: RunId) -> None:
        """Have those go on who wait for a run's next commit."""
        for future in self._watchers.pop(run_id, ()):
            if not future.done():
                future.set_result(None)

    def committed(self, run_id: RunId, events: Sequence[AnyEvent], status: RunStatus) -> None:
        """Tell of these events, which are in the store."""
        for event in events:
            if isinstance(event, MessageSent) and event.place is None:
                self._guard(self._channel.say, run_id, event.message)
            elif isinstance(event, MessageSent):
                self._guard(self._channel.follow, run_id, _end_of(event))
        if self.listener is not None:
            self._guard(self.listener, run_id, events)
        for observer in self.of(run_id):
            self._guard(observer.on_events, run_id, events, status)
        self.wake(run_id)

    def tell(self, run_id: RunId, tellings: Sequence[Telling]) -> None:
        """Show how far these are; what is not live any more is for the channel to hear of from the log."""
        for telling in tellings:
            if telling.state == "live":
                self._guard(self._channel.follow, run_id, telling)
        for observer in self.of(run_id):
            self._guard(observer.on_tellings, run_id, tellings)

    def in_trouble(self, trouble: str) -> None:
        """Tell every view that the store refuses, and why; with an empty text, that it is well again."""
        for observer in {id(o): o for of_run in self._observers.values() for o in of_run}.values():
            self._guard(observer.on_trouble, trouble)

    def show(self, driver: Driver, node: NodeState) -> None:
        """Show the open prompt of a node, which is committed."""
        self._guard(self._channel.show, Shown(_row(driver, node), driver.graph.name, node.label))

    def closed(self, driver: Driver, node: NodeState) -> None:
        """The prompt of a node is not open any more."""
        self._guard(self._channel.close, _row(driver, node))

    def _guard(self, call: Callable[..., None], *args: Any) -> None:
        try:
            call(*args)
        except Exception:  # noqa: BLE001 - whatever it was, it is theirs
            _LOG.exception("A channel or view failed; the run goes on without it")


def _end_of(event: MessageSent) -> Telling:
    return Telling(
        id=event.telling, node=event.node, place=event.place or (0, 0), message=event.message,
        state="done" if event.error is None else "stopped",
    )  # fmt: skip


def _row(driver: Driver, node: NodeState) -> WaitRow:
    wait = node.wait
    assert wait is not None
    opened = wait.opened
    return WaitRow(
        token=opened.token, run_id=driver.run_id, node_id=node.id, kind=opened.kind, prompt=opened.prompt,
        schema=reply_schema(opened.prompt), deadline_ms=opened.deadline_ms, status=wait.status,
        reply=wait.reply, correlator=opened.correlator,
    )  # fmt: skip
