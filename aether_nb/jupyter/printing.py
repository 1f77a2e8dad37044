"""What a node prints stands in its log, too, beside the output of the cell where it goes as always.

`print` asks `sys.stdout` for its `write`, in the context of whoever prints, and that names the node; also in the
thread of a sync tool. The kernel's stream stays what it is, for `%%capture` and whoever else looks at it: only its
`write` is listened to, as IPython does for its own history. Called by `host.py`; what is kept is the business of
`services/logbook.py`.

Trap: IPython puts another `write` there for the time of a cell, and afterwards the one that it found, so that who
begins to listen in a cell does it again when the cell is over, before anything else has its turn; and for that time
there may be two that hear.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from typing import Any

from aether_nb.calling import CALLER
from aether_nb.engine.activation import Activation
from aether_nb.values.secrets import hidden


class _Heard:
    """A stream's `write`, listened to."""

    def __init__(self, write: Any) -> None:
        self._write = write

    def __call__(self, text: str) -> Any:
        if getattr(_hearing, "on", False):
            return self._write(text)
        _hearing.on = True
        try:
            written = self._write(text)
        finally:
            _hearing.on = False
        body = CALLER.get()
        if isinstance(body, Activation):
            with contextlib.suppress(Exception):  # whoever prints has nothing to do with it
                book = body.services.logbook
                book.printed(body.run_id, body.node_id, body.now_us() // 1000, hidden(text))
        return written


_hearing = threading.local()


def listen_from_a_cell() -> None:
    """Listen to what is printed from now on, in this cell and after it."""
    listen(sys.stdout)
    with contextlib.suppress(RuntimeError):  # no loop: a thread of somebody's
        asyncio.get_running_loop().call_soon(lambda: listen(sys.stdout))


def listen(stream: Any) -> None:
    """Listen to a stream from now on; one that cannot be listened to, or is already, is left alone."""
    write = getattr(stream, "write", None)
    if write is None or isinstance(write, _Heard):
        return
    with contextlib.suppress(AttributeError, TypeError):
        stream.write = _Heard(write)
