"""What nodes wrote to `context.logger()` and printed, the last lines of each, for the page's close look at a node.

In memory, on purpose: a line is written while a body runs, and a body that runs again writes it again. In the log of
the run it would cost a row and have to be told apart on every replay; who wants lines to last gives the logger
`aether_nb.run` a file. May be used from any thread.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict, deque
from typing import NamedTuple

from aether_nb.markup import without_colours

LINES = 200
"""Of a node, the last ones."""
NODES = 2_000
"""Of a process, those that wrote last."""
LINE_CHARS = 2_000

_PIECES = re.compile(r"[^\n]*\n|[^\n]+")

PRINTED = ""
"""The level of what was printed."""


class Line(NamedTuple):
    """One line."""

    at_ms: int
    level: str
    text: str
    open: bool = False
    """What is printed next goes on with it."""


class Logbook:
    """See the module."""

    def __init__(self) -> None:
        self._lines: OrderedDict[tuple[str, str], deque[Line]] = OrderedDict()
        self._lock = threading.Lock()

    def write(self, run_id: str, node_id: str, at_ms: int, level: str, text: str) -> None:
        """Keep a line of a node."""
        with self._lock:
            self._of(run_id, node_id).append(Line(at_ms, level, text[:LINE_CHARS]))

    def printed(self, run_id: str, node_id: str, at_ms: int, text: str) -> None:
        """Keep what a node printed, in whatever pieces: newlines end a line, returns begin it anew."""
        with self._lock:
            lines = self._of(run_id, node_id)
            for piece in _PIECES.findall(without_colours(text)):
                begun = lines.pop().text if lines and lines[-1].open else ""
                whole = begun + piece.removesuffix("\n")
                seen = whole.rstrip("\r")
                text = seen.rpartition("\r")[2] + whole[len(seen) :][:1]
                lines.append(Line(at_ms, PRINTED, text[:LINE_CHARS], open=not piece.endswith("\n")))

    def _of(self, run_id: str, node_id: str) -> deque[Line]:
        lines = self._lines.setdefault((run_id, node_id), deque(maxlen=LINES))
        self._lines.move_to_end((run_id, node_id))
        if len(self._lines) > NODES:
            self._lines.popitem(last=False)
        return lines

    def read(self, run_id: str, node_id: str) -> list[Line]:
        """The lines of a node, oldest first."""
        with self._lock:
            lines = list(self._lines.get((run_id, node_id), ()))
        return [line._replace(text=line.text.rstrip("\r")) for line in lines]

    def forget(self, run_id: str) -> None:
        """A run begins anew: what was written under its id is another's."""
        with self._lock:
            for key in [key for key in self._lines if key[0] == run_id]:
                del self._lines[key]
