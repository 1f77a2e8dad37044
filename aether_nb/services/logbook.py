"""What nodes wrote to `context.logger()`, the last lines of each, for the page's close look at a node.

In memory, on purpose: a line is written while a body runs, and a body that runs again writes it again. In the log of
the run it would cost a row and have to be told apart on every replay; who wants lines to last gives the logger
`aether_nb.run` a file. May be used from any thread.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from typing import NamedTuple

LINES = 200
"""Of a node, the last ones."""
NODES = 2_000
"""Of a process, those that wrote last."""
LINE_CHARS = 2_000


class Line(NamedTuple):
    """One line."""

    at_ms: int
    level: str
    text: str


class Logbook:
    """See the module."""

    def __init__(self) -> None:
        self._lines: OrderedDict[tuple[str, str], deque[Line]] = OrderedDict()
        self._lock = threading.Lock()

    def write(self, run_id: str, node_id: str, at_ms: int, level: str, text: str) -> None:
        """Keep a line of a node."""
        with self._lock:
            lines = self._lines.setdefault((run_id, node_id), deque(maxlen=LINES))
            lines.append(Line(at_ms, level, text[:LINE_CHARS]))
            self._lines.move_to_end((run_id, node_id))
            if len(self._lines) > NODES:
                self._lines.popitem(last=False)

    def read(self, run_id: str, node_id: str) -> list[Line]:
        """The lines of a node, oldest first."""
        with self._lock:
            return list(self._lines.get((run_id, node_id), ()))

    def forget(self, run_id: str) -> None:
        """A run begins anew: what was written under its id is another's."""
        with self._lock:
            for key in [key for key in self._lines if key[0] == run_id]:
                del self._lines[key]
