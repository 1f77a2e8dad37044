"""An observer for tests that look at what a run was seen to do."""

from __future__ import annotations

from collections.abc import Sequence

from aether_nb.events import AnyEvent, RunStatus
from aether_nb.ids import RunId
from aether_nb.messages import Telling


class EventRecorder:
    """An observer that keeps what it is told; a `engine.ports.Observer`.

    Attributes:
        events: every event, in order.
        statuses: the run's status after each batch.
        tellings: what was being told, in the order in which it was shown.
        troubles: what was said of a store that could not be written; empty texts where that was over.
    """

    def __init__(self) -> None:
        self.events: list[AnyEvent] = []
        self.statuses: list[RunStatus] = []
        self.tellings: list[Telling] = []
        self.troubles: list[str] = []

    def on_events(self, run_id: RunId, events: Sequence[AnyEvent], status: RunStatus) -> None:  # noqa: ARG002 - one run each
        """Keep them."""
        self.events += events
        self.statuses.append(status)

    def on_tellings(self, run_id: RunId, tellings: Sequence[Telling]) -> None:  # noqa: ARG002 - one run each
        """Keep them."""
        self.tellings += tellings

    def on_trouble(self, trouble: str) -> None:
        """Keep it."""
        self.troubles.append(trouble)

    @property
    def types(self) -> list[str]:
        """The events' types, in order."""
        return [event.type for event in self.events]
