"""What a killed script left behind, at each death and at the end. `crash.py` makes these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aether_nb.engine.ports import WaitRow
from aether_nb.events import AnyEvent, NodeEvent, RunFinished
from aether_nb.ids import RunId
from aether_nb.store.sqlite import SqliteStore
from aether_nb.testing.ledger import Ledger, Note

_NAMED = 5  # runs that are told one by one


@dataclass(frozen=True, slots=True, repr=False)
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

    @property
    def summary(self) -> str:
        """How far the runs are, what is open, and how much was noted: one line."""
        told = [f"run {run!r} at {_standing(log)}" for run, log in list(self.logs.items())[:_NAMED]]
        more = len(self.logs) - len(told)
        asked = [f"{wait.prompt.prompt!r:.60}" for wait in self.waits if wait.status == "open"]
        return "; ".join(
            [
                ", ".join([*told, *([f"and {more} more"] if more else [])]) or "no run",
                f"open: {', '.join(asked[:_NAMED])}" + (", ..." if len(asked) > _NAMED else "")
                if asked
                else "no open wait",
                f"{len(self.ledger)} noted",
            ]
        )

    def __repr__(self) -> str:
        return f"<snapshot: {self.summary}>"


def _standing(log: Sequence[AnyEvent]) -> str:
    last = log[-1]
    where = f" of {last.node}" if isinstance(last, NodeEvent) and last.node else ""
    return f"{last.type}{where} (event {last.seq})"


@dataclass(frozen=True, slots=True, repr=False)
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

    def __repr__(self) -> str:
        killed = f"killed {', then '.join(map(repr, self.at))}" if self.at else "never killed"
        lives = f"{self.lives} {'life' if self.lives == 1 else 'lives'}"
        return (
            f"<report: {killed}; {lives}, the last with exit code {self.code}; at the end {self.end.summary}>"
        )
