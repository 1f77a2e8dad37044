"""Keeping house in the file: what there is, and parting with what nobody needs. The sqlite side of `engine.upkeep`.

Called by `store/sqlite.py` alone. Everything is done in pieces, each a short transaction of its own that holds
whatever it deletes against what the file says then, so that others write in between and a crash loses no more
than the rest of the work.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from aether_nb.engine.upkeep import KEPT_MS, Discarded, Figures
from aether_nb.ids import RunId
from aether_nb.store.codec import dumps
from aether_nb.store.database import Database, give_way
from aether_nb.store.naming import named

_PIECE = 2_500
"""Events that one transaction deletes, about 5 ms; a single longer run is deleted in one all the same."""
_HELD_S = 0.01
"""For so long one transaction deletes files."""
_HASH = re.compile(r"[0-9a-f]{32}")

Family = Sequence[tuple[RunId, int]]


class Query(Protocol):
    """Runs a named query, inside a transaction or on a snapshot of its own."""

    def __call__(self, query: str, /, **parameters: Any) -> Any:
        """The rows."""


class KernelLife(NamedTuple):
    """What tells whether a kernel lives."""

    kernel: int
    uid: str
    host: str
    lock_path: str
    beat_ms: int


def figures(database: Database, lives: Callable[[KernelLife], bool]) -> Figures:
    """See `Upkeep.figures`. The log of a run has no gaps: its end is its length."""
    read = database.read
    runs = read("count_runs")
    waits = read("count_waits")
    return Figures(
        runs={status: n for status, n, *_ in runs},
        events=sum(events for _, _, events, _, _ in runs),
        waits={status: n for status, n, _ in waits},
        untaken=sum(untaken for _, _, untaken in waits),
        mail=read("count_mail")[0][0],
        kernels=sum(lives(KernelLife(*row)) for row in read("kernel_lives")),
        oldest_ms=min((oldest for *_, oldest, _ in runs), default=None),
        newest_ms=max((newest for *_, newest in runs), default=None),
        file_bytes=database.size(),
    )


def discard(
    database: Database, families: Sequence[Family], dead: Collection[str], now_ms: int, *, dry_run: bool
) -> Discarded:
    """See `Upkeep.discard`; `dead` are the kernels that live no more."""
    found = _finished(database.read, [run for family in families for run in family])
    gone: dict[RunId, int] = {}
    events = waits = mail = 0
    for piece in _pieces(families, {run_id: last_seq for run_id, (_, last_seq) in found.items()}):
        with give_way(), database.transaction(undo=dry_run) as run:
            now = _finished(run, [one for family in piece for one in family])
            whole = [family for family in piece if all(run_id in now for run_id, _ in family)]
            keys = {run_id: now[run_id][0] for family in whole for run_id, _ in family}
            text = dumps(list(keys.values()))
            mail += run("discard_mail", keys=text).rowcount
            waits += run("discard_waits", keys=text).rowcount
            run("discard_artifacts", keys=text)
            events += run("discard_events", keys=text).rowcount
            run("discard_runs", keys=text)
            gone |= keys
    without = set(gone.values()) if dry_run else set()
    with database.transaction(undo=dry_run) as run:
        mail += run("discard_old_mail", before_ms=now_ms - KEPT_MS).rowcount
        left = dumps(list(without))
        kernels = run("discard_kernels", uids=dumps(list(dead)), without=left).rowcount
    specs = _discard_specs(database, without, dry_run=dry_run)
    return Discarded(tuple(gone), events, waits, mail, specs, kernels)


def named_artifacts(query: Query, without: Collection[RunId]) -> Mapping[str, str]:
    """See `Upkeep.named_artifacts`; inside a transaction nothing can be named meanwhile."""
    found: dict[str, str] = {}
    for (text,) in query("mail_values"):
        found |= {one.sha: one.media for one in named(text)}
    return found | dict(query("artifacts_named", without=dumps(list(without))))


def drop_unnamed(database: Database, shas: Collection[str], drop: Callable[[str], object]) -> None:
    """See `Upkeep.drop_unnamed`. A disk may take its time over a file, so a piece is what fits into a moment."""
    rest = sorted(shas, reverse=True)
    while rest:
        with give_way(), database.transaction() as run:
            known = named_artifacts(run, ())
            rest = [sha for sha in rest if sha not in known]
            until = time.monotonic() + _HELD_S
            while rest:
                drop(rest.pop())
                if time.monotonic() >= until:
                    break


def _finished(query: Query, wanted: Sequence[tuple[RunId, int]]) -> dict[RunId, tuple[int, int]]:
    """Key and end of those runs that are finished and still have this fence."""
    return {
        run_id: (key, last_seq) for run_id, key, last_seq in query("finished_runs", rows=dumps(list(wanted)))
    }


def _pieces(families: Sequence[Family], lengths: Mapping[RunId, int]) -> Iterator[list[Family]]:
    piece: list[Family] = []
    events = 0
    for family in families:
        more = sum(lengths.get(run_id, 0) for run_id, _ in family)
        if piece and events + more > _PIECE:
            yield piece
            piece, events = [], 0
        piece.append(family)
        events += more
    if piece:
        yield piece


def _discard_specs(database: Database, without: set[int], *, dry_run: bool) -> int:
    """Delete specs that no run, wait, event or other spec names. The long look is on a snapshot, without the lock."""
    ends = {key: last_seq for key, last_seq in database.read("ends") if key not in without}
    unused = _unused(database.read, without) - _spec_names(database.read, [(key, 0) for key in ends])
    if not unused:
        return 0
    with database.transaction(undo=dry_run) as run:
        now = {key: last_seq for key, last_seq in run("ends") if key not in without}
        fresh = [(key, ends.get(key, 0)) for key, last_seq in now.items() if last_seq != ends.get(key)]
        unused = (unused - _spec_names(run, fresh)) & _unused(run, without)
        bodies: dict[str, str] = dict(run("spec_bodies"))
        unused -= _reached(bodies, bodies.keys() - unused)
        run("discard_specs", hashes=dumps(list(unused)))
    return len(unused)


def _unused(query: Query, without: set[int]) -> set[str]:
    return {key for (key,) in query("unused_specs", without=dumps(list(without)))}


def _spec_names(query: Query, logs: Sequence[tuple[int, int]]) -> set[str]:
    """The specs that events name, of these runs, from these places on."""
    return {key for row in query("spec_names", rows=dumps(list(logs))) for key in row if key}


def _reached(bodies: Mapping[str, str], kept: Collection[str]) -> set[str]:
    """The specs that kept ones name, and those that these name, and so on."""
    reached = set(kept)
    rest = list(kept)
    while rest:
        new = {key for key in _HASH.findall(bodies[rest.pop()]) if key in bodies} - reached
        reached |= new
        rest += new
    return reached
