"""How a run's shape leaves the kernel: as JSON in a buffer, whatever texts stand in it."""

from __future__ import annotations

import json
from typing import Any

from aether_nb.jupyter.widget import RunWidget


class Outbox(RunWidget):
    """Keeps what would be sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[Any, Any]] = []
        super().__init__(self, view={}, life="", door=None, run_id="r")  # type: ignore[arg-type]

    def snapshot(self) -> dict[str, Any]:
        return {}

    def send(self, content: Any, buffers: Any = None) -> None:
        self.sent.append((content, buffers))


def test_a_shape_travels_as_json_in_one_buffer():
    box = Outbox()
    shape = {"seq": 3, "nodes": [{"id": "é", "started_ms": None}], "edges": [("a", "b")]}
    box.show("welcome", shape)
    ((content, (data,)),) = box.sent
    assert content == {"type": "welcome"}
    assert json.loads(data) == {**shape, "edges": [["a", "b"]]}


def test_half_a_surrogate_pair_in_a_path_or_an_error_does_not_keep_the_run_from_the_page():
    box = Outbox()
    box.show("patch", {"note": "stands still: /data/\udcff.db"})
    ((_, (data,)),) = box.sent
    assert json.loads(data) == {"note": "stands still: /data/\udcff.db"}
    data.decode("ascii")
