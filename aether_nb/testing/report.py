"""What a killed script left behind, at each death and at the end. `crash.py` makes these."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aether_nb.engine.ports import WaitRow
from aether_nb.events import AnyEvent, RunFinished
from aether_nb.ids import RunId
from aether_nb.store.sqlite import SqliteStore
from aether_nb.testing.ledger import Ledger, Note


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is on disk at one moment, when no process drives anything.

    Attributes:
        logs: the events of every run, by run id.
        waits: every wait, open and closed.
        ledger: what tools noted.
    """

    logs: Mapping[RunId, tuple[AnyEvent, ...]]
    waits: tuple[WaitRow, ...]
    ledger: tuple[Note, ...]

    @classmethod
    def of(cls, store: Path, ledger: Path) -> Snapshot:
        """Look at a store and a ledger."""
        with closing(SqliteStore(store)) as opened:
            rows = reversed(opened.runs())
            logs = {row.run_id: tuple(opened.events(row.run_id)) for row in rows}
            return cls(logs, tuple(opened.waits(status=None)), tuple(Ledger(ledger)))

    @property
    def outputs(self) -> dict[RunId, dict[str, Any]]:
        """The outputs of the runs that succeeded, as the log has them: plain JSON is itself."""
        ends = {run: log[-1] for run, log in self.logs.items()}
        return {run: end.outputs for run, end in ends.items() if isinstance(end, RunFinished)}


@dataclass(frozen=True, slots=True)
class Report:
    """The story of a script that was killed and run again until it ended.

    Attributes:
        at: the points at which it was killed, one a life; none for the run that nobody disturbed.
        deaths: what was on disk at each death.
        end: what is on disk now.
        code: exit code of the last life.
        said: what all lives wrote to their terminals.
        store: path of the store.
    """

    at: tuple[str, ...]
    deaths: tuple[Snapshot, ...]
    end: Snapshot
    code: int
    said: str
    store: Path

    @property
    def lives(self) -> int:
        """How often the script was run."""
        return len(self.deaths) + 1
