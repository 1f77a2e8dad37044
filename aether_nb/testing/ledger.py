"""The ledger of side effects: what tools really did, beside what the log says that they did.

Tools under test write it (`Ledger.note`), `CrashKit` hands it to the processes that it runs and reads it
after each. A line is on the disk before `note` returns, so it outlives the kill that comes next.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

LEDGER = "AETHER_NB_LEDGER"
"""Names the ledger's file, in a process that the crash kit runs."""
LIFE = "AETHER_NB_LIFE"
"""Which life of the script this process is, counted from 1."""


@dataclass(frozen=True, slots=True)
class Note:
    """One line of a ledger."""

    what: str
    """What was done, in the words of the tool."""
    key: str
    """`context.idempotency_key` of the node that did it; empty when it was not given."""
    life: int
    """Which life of the script did it, counted from 1."""
    at: float
    """When, seconds since 1970."""


class Ledger:
    """A list of side effects in a file, shared by all processes that append to it.

    Iterating reads it: its notes, oldest first.

    Args:
        path: the file; None is the one that the crash kit names. Without either nothing is noted, so that
            a script with a ledger can also be run by hand.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self._path = None if path is None else Path(path)

    @property
    def path(self) -> Path | None:
        """The file; None when there is none."""
        named = os.environ.get(LEDGER)
        return self._path or (Path(named) if named else None)

    def note(self, what: str, key: str = "") -> None:
        """Note that something is done; durable on return, and whole whenever the process dies.

        From any thread of any process.

        Args:
            what: the effect.
            key: `context.idempotency_key`, which tells the kit whose effect it is.
        """
        path = self.path
        if path is None:
            return
        note = Note(what, key, int(os.environ.get(LIFE, "1")), time.time())
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(fd, f"{json.dumps(asdict(note))}\n".encode())
            os.fsync(fd)
        finally:
            os.close(fd)

    def __iter__(self) -> Iterator[Note]:
        path = self.path
        if path is not None and path.exists():
            yield from (Note(**json.loads(line)) for line in path.read_text("utf-8").splitlines())
