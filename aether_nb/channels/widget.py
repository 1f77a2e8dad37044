"""The channel of a notebook: the run's own widget shows prompts and messages, so nothing is left to do here.

Replies come from the page by the comm or by HTTP, both of which end in `runtime.answer`.
"""

from __future__ import annotations

from aether_nb.engine.ports import Shown, WaitRow
from aether_nb.ids import RunId
from aether_nb.messages import Message, Telling


class WidgetChannel:
    """Shows nothing by itself: the widget of a run follows the run's events."""

    name = "widget"

    def attach(self, answer: object, give_up: object) -> None:
        """Called by the runtime; the widget answers by itself."""

    def show(self, shown: Shown) -> None:
        """The widget draws it from `WaitOpened`."""

    def close(self, wait: WaitRow) -> None:
        """The widget draws it from the log."""

    def say(self, run_id: RunId, message: Message) -> None:
        """The widget draws it from `MessageSent`."""

    def follow(self, run_id: RunId, telling: Telling) -> None:
        """The widget is told by itself, and has the end from `MessageSent`."""
