"""`ae.store()`: the store as a person looks at it, and what throws away what nobody needs any more.

Decides which runs and files go; `engine.upkeep` is what a store does for it, `services.sweep` what the folder of
artifacts does. Made by `api.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from aether_nb.engine.ports import RunRow
from aether_nb.errors import BadInputs, NoLoop
from aether_nb.events import FINAL
from aether_nb.ids import RunId, Token
from aether_nb.markup import Showable
from aether_nb.services import sweep
from aether_nb.store.naming import named
from aether_nb.tables import Column, Table
from aether_nb.values import NAMING

if TYPE_CHECKING:
    from aether_nb.runtime import Runtime

_DAY_MS = 86_400_000
_FIGURES = [Column("what", lambda row: row[0]), Column("how much", lambda row: row[1])]


@dataclass(frozen=True, slots=True, repr=False)
class StoreStats(Showable):
    """What is in a store.

    Attributes:
        runs: how many, by status.
        events: in all logs.
        open_waits: questions, and what waits for a job or an event.
        closed_waits: those that were answered, expired, or are not asked any more.
        untaken_replies: accepted, and not yet with their run.
        mail: early replies and posted events that are kept for who comes.
        artifacts: files.
        artifact_bytes: their size.
        file_bytes: size of the store's own file.
        bytes_per_wait: of that file, None without waits.
        oldest_run: when it began, UTC; None without runs.
        newest_run: the same of the newest.
        kernels_alive: kernels and scripts that have the store open for runs.
    """

    runs: Mapping[str, int]
    events: int
    open_waits: int
    closed_waits: int
    untaken_replies: int
    mail: int
    artifacts: int
    artifact_bytes: int
    file_bytes: int
    bytes_per_wait: float | None
    oldest_run: datetime | None
    newest_run: datetime | None
    kernels_alive: int

    def __repr__(self) -> str:
        return repr(self._table())

    def _repr_html_(self) -> str:
        return self._table()._repr_html_()

    def _table(self) -> Table[tuple[str, object]]:
        each = None if self.bytes_per_wait is None else size_text(self.bytes_per_wait)
        rows = [
            ("runs", _by_status(self.runs)), ("oldest run", self.oldest_run), ("newest run", self.newest_run),
            ("events", self.events), ("open waits", self.open_waits), ("closed waits", self.closed_waits),
            ("replies not taken yet", self.untaken_replies), ("mail kept", self.mail),
            ("artifacts", f"{self.artifacts}, {size_text(self.artifact_bytes)}"),
            ("file", size_text(self.file_bytes)), ("file per wait", each),
            ("kernels alive", self.kernels_alive),
        ]  # fmt: skip
        known = [row for row in rows if row[1] is not None]
        return Table(known, _FIGURES, "")


@dataclass(frozen=True, slots=True, repr=False)
class Collected:
    """What `gc` threw away, or, with `dry_run`, would throw away.

    Attributes:
        runs: ids of the runs.
        events: of their logs.
        waits: their questions, with the answers.
        mail: pieces of mail.
        specs: graphs, their code, and schemas of replies, that nothing refers to any more.
        kernels: records of kernels that are dead.
        artifacts: files.
        artifact_bytes: their size.
        jobs: folders that programs left.
        freed_bytes: by how much the store's own file became smaller.
        dry_run: whether all of it is still there.
    """

    runs: tuple[RunId, ...]
    events: int
    waits: int
    mail: int
    specs: int
    kernels: int
    artifacts: int
    artifact_bytes: int
    jobs: int
    freed_bytes: int
    dry_run: bool

    def __repr__(self) -> str:
        said = [
            _count(len(self.runs), "run") + f" ({_count(self.events, 'event')}, {_count(self.waits, 'question')})"
            if self.runs else "",
            _count(self.artifacts, "artifact") + f" ({size_text(self.artifact_bytes)})" if self.artifacts else "",
            _count(self.jobs, "folder of a program", "folders of programs") if self.jobs else "",
            _count(self.mail, "piece of mail", "pieces of mail") if self.mail else "",
            _count(self.specs, "definition") if self.specs else "",
            _count(self.kernels, "dead kernel") if self.kernels else "",
        ]  # fmt: skip
        listed = ", ".join(part for part in said if part)
        if not listed:
            return "Nothing to remove."
        freed = f"; the file is {size_text(self.freed_bytes)} smaller" if self.freed_bytes > 0 else ""
        return f"{'Would remove' if self.dry_run else 'Removed'} {listed}{freed}."


class StoreHandle(Showable):
    """The store of this process: what it holds, and how to make it smaller."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @property
    def path(self) -> str:
        """Where its file lies.

        It is `":memory:"` when there is none.
        """
        return self._runtime.store.path

    def stats(self) -> StoreStats:
        """Count what there is; a few milliseconds for thousands of runs."""
        found = self._runtime.store.figures(self._runtime.now_ms())
        files = list(sweep.kept(self._runtime.services.artifacts))
        waits = sum(found.waits.values())
        opened = found.waits.get("open", 0)
        return StoreStats(
            runs=found.runs,
            events=found.events,
            open_waits=opened,
            closed_waits=waits - opened,
            untaken_replies=found.untaken,
            mail=found.mail,
            artifacts=len(files),
            artifact_bytes=sum(file.size for file in files),
            file_bytes=found.file_bytes,
            bytes_per_wait=found.file_bytes / waits if waits else None,
            oldest_run=_moment(found.oldest_ms),
            newest_run=_moment(found.newest_ms),
            kernels_alive=found.kernels,
        )

    def gc(
        self, keep_days: float | None = None, keep_last: int | None = None, *, dry_run: bool = False
    ) -> Collected:
        """Throw away old finished runs with all that is theirs, and what nobody needs any more.

        A run goes when it is finished, older than `keep_days`, and not among the `keep_last` newest of its graph;
        what is not given does not hold it back, and without both no run goes. A run and those that it started
        stay together: they go when all of them are finished and old. With its run goes the folder that a program
        wrote into; with the last run that names it an artifact, unless memory, kv or mail names it. Besides go
        posted events that nobody came for in seven days, definitions of graphs that nothing refers to, records of
        dead kernels, and uploads that were never finished.

        Other kernels and scripts may work on the store meanwhile: it is locked for some 10 ms at a time, and
        free space is given back in small pieces. So may this one: in a notebook the runs, widgets and timers of the
        kernel go on while the cell waits, elsewhere `await asyncio.to_thread(ae.store().gc, keep_days=30)` keeps the
        loop free. A file that was written or used within a day stays. After a crash, or Ctrl-C, the next call does
        the rest.

        Args:
            keep_days: age of a run since its last event, in days, up to which it stays.
            keep_last: how many finished runs of each graph stay.
            dry_run: only say what would go.

        Raises:
            BadInputs: a number that makes no sense.
        """
        _check(keep_days, keep_last)
        work = partial(self._collect, keep_days, keep_last, dry_run=dry_run)
        if self._runtime.host is not None:
            with contextlib.suppress(NoLoop):  # in a thread, or on a loop that cannot be re-entered
                done: Collected = self._runtime.host.run_sync(asyncio.to_thread(work))
                return done
        return work()

    def _collect(self, keep_days: float | None, keep_last: int | None, *, dry_run: bool) -> Collected:
        """The work of `gc`, in whatever thread."""
        store, artifacts = self._runtime.store, self._runtime.services.artifacts
        now_ms = self._runtime.now_ms()
        before = store.figures(now_ms).file_bytes
        families = old_families(store.runs(), now_ms, keep_days, keep_last)
        wanted = [[(row.run_id, row.fence) for row in family] for family in families]
        done = store.discard(wanted, now_ms, dry_run=dry_run)
        if not dry_run:
            sweep.tidy(artifacts)
        unnamed = self._unnamed(done.runs if dry_run else ())
        freed: dict[str, int] = unnamed if dry_run else {}
        shas = () if dry_run else unnamed

        def drop(sha: str) -> None:
            size = sweep.drop(artifacts, sha)
            if size is not None:
                freed[sha] = size

        store.drop_unnamed(shas, drop)
        left = self._jobs_of_nobody(done.runs if dry_run else ())
        if not dry_run:
            for folder in left:
                shutil.rmtree(folder, ignore_errors=True)
            store.give_back()
        return Collected(
            runs=done.runs,
            events=done.events,
            waits=done.waits,
            mail=done.mail,
            specs=done.specs,
            kernels=done.kernels,
            artifacts=len(freed),
            artifact_bytes=sum(freed.values()),
            jobs=len(left),
            freed_bytes=0 if dry_run else before - store.figures(now_ms).file_bytes,
            dry_run=dry_run,
        )

    def _unnamed(self, without: Sequence[RunId]) -> dict[str, int]:
        """Artifacts, and their size, that are not young and that nothing names but these runs."""
        services = self._runtime.services
        files = {file.sha: file.size for file in sweep.kept(services.artifacts) if not file.young}
        if not files:
            return {}
        known = dict(self._runtime.store.named_artifacts(without=without))
        for text in services.texts():
            known |= {one.sha: one.media for one in named(text)}
        rest = list(known)
        while rest:  # what a large value consists of is named in its own artifact
            sha = rest.pop()
            if known[sha].endswith(NAMING) and sha in files:
                inner = named(sweep.text(services.artifacts, sha))
                new = {one.sha: one.media for one in inner if one.sha not in known}
                known |= new
                rest += new
        return {sha: size for sha, size in files.items() if sha not in known}

    def _jobs_of_nobody(self, without: Sequence[RunId]) -> list[Path]:
        """Folders of programs whose wait is gone, or goes with these runs."""
        store = self._runtime.store
        going = {wait.token for wait in store.waits(status=None, runs=without)}

        def needed(token: Token) -> bool:
            return token not in going and (store.wait(token) is not None or store.promised(token))

        folders = sweep.jobs(self._runtime.services.work_dir)
        return [folder for folder in folders if not needed(Token(folder.name))]

    def __repr__(self) -> str:
        stats = self.stats()
        return (
            f"<store {self.path}: {_count(sum(stats.runs.values()), 'run')}"
            f"{f' ({_by_status(stats.runs)})' if stats.runs else ''}, {_count(stats.open_waits, 'open wait')}, "
            f"{_count(stats.artifacts, 'artifact')} ({size_text(stats.artifact_bytes)}), "
            f"file {size_text(stats.file_bytes)}>"
        )

    def _repr_html_(self) -> str:
        rows: list[tuple[str, object]] = [("store", self.path), *self.stats()._table()]
        return Table(rows, _FIGURES, "")._repr_html_()


def old_families(
    rows: Sequence[RunRow], now_ms: int, keep_days: float | None, keep_last: int | None
) -> list[list[RunRow]]:
    """Runs to part with, each with those that it started, by the rules of `StoreHandle.gc`.

    Args:
        rows: all runs, newest first.
        now_ms: age is measured from here.
        keep_days: see there.
        keep_last: see there; runs that another run started do not count.
    """
    if keep_days is None and keep_last is None:
        return []
    roots: dict[RunId | None, RunId] = {}
    families: dict[RunId, list[RunRow]] = defaultdict(list)
    for row in reversed(rows):  # whoever starts a run is older
        root = roots[row.run_id] = roots.get(row.parent, row.run_id)
        families[root].append(row)
    before_ms = now_ms - (keep_days or 0) * _DAY_MS
    kept: dict[str, int] = defaultdict(int)
    old = []
    for row in rows:
        family = families.get(row.run_id, [])
        if not family or any(member.status not in FINAL for member in family):
            continue
        kept[row.graph] += 1
        if kept[row.graph] > (keep_last or 0) and all(m.updated_ms <= before_ms for m in family):
            old.append(family)
    return old


def size_text(size: float) -> str:
    """A number of bytes for people."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 9.95 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def _check(keep_days: object, keep_last: object) -> None:
    number = isinstance(keep_days, (int, float)) and not isinstance(keep_days, bool) and keep_days >= 0
    if keep_days is not None and not number:
        raise BadInputs(f"keep_days={keep_days!r}: it is a number of days from 0 up, such as 30.")
    whole = isinstance(keep_last, int) and not isinstance(keep_last, bool) and keep_last >= 0
    if keep_last is not None and not whole:
        raise BadInputs(f"keep_last={keep_last!r}: it is a number of runs from 0 up, such as 10.")


def _moment(at_ms: int | None) -> datetime | None:
    return None if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC)


def _by_status(runs: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {status}" for status, n in sorted(runs.items())) or "none"


def _count(n: int, one: str, many: str = "") -> str:
    return f"{n:,} {one if n == 1 else many or one + 's'}"
