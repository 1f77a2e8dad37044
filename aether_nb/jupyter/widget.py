"""The run's widget: one anywidget with one module from `jupyter_extension/`, and its messages.

`live.py` makes it and feeds it; what the page sends is handed to a `Desk`. A message may come on the
main thread or on a subshell's (ipykernel 7.0-7.3), so a desk enters the loop only by `call_soon_threadsafe`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import anywidget
import msgspec
import traitlets

from aether_nb.display.built import built

CHUNKS = frozenset({"viz.js", "forms.js", "closeup.js", "markdown.js"})
"""Files that the page may ask for, once per page."""


class Desk(Protocol):
    """Where the page's messages go."""

    def snapshot(self) -> Mapping[str, Any]:
        """The run as it is now."""

    def on_page(self, content: Mapping[str, Any], buffers: Sequence[Any]) -> None:
        """One message of the page, from any thread."""


class RunWidget(anywidget.AnyWidget):
    """One run on the page. Created in the launching cell, fed by `live.LiveRun`."""

    _esm = built("widget.js")
    _css = built("widget.css")
    view = traitlets.Dict().tag(sync=True)
    life = traitlets.Unicode().tag(sync=True)
    door = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    run_id = traitlets.Unicode().tag(sync=True)

    def __init__(self, desk: Desk, **state: Any) -> None:
        self._desk = desk
        super().__init__(**state)
        self.on_msg(self._on_page)

    def _on_page(self, _widget: Any, content: Any, buffers: Sequence[Any]) -> None:
        if isinstance(content, dict):
            self._desk.on_page(content, buffers)

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> Any:
        """What a page gets that loads this widget anew: the run as it is now, not as it began."""
        if key is None or key == "view" or (not isinstance(key, str) and "view" in key):
            self._trait_values["view"] = dict(self._desk.snapshot())
        return super().get_state(key=key, drop_defaults=drop_defaults)

    def say(self, content: Mapping[str, Any], buffers: Sequence[bytes] | None = None) -> None:
        """Send the page a message."""
        self.send(dict(content), buffers)

    def show(self, kind: Literal["welcome", "patch"], shape: Mapping[str, Any]) -> None:
        """Send the page a run, or what changed of it. As bytes: Jupyter's own JSON takes six times as long."""
        try:
            data = msgspec.json.encode(shape)
        except UnicodeEncodeError:  # half of a surrogate pair, in somebody's error text
            data = json.dumps(shape).encode()
        self.send({"type": kind}, [data])

    def bundle(self) -> dict[str, Any]:
        """What stands in the cell's output; `text/plain` is empty because the static twin says it all."""
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        return {"application/vnd.jupyter.widget-view+json": view, "text/plain": ""}

    def __repr__(self) -> str:
        return "RunWidget()"
