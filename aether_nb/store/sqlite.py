"""The store on disk: runs, their logs, waits and mail in one SQLite file.

What each query does is in `sql/queries.sql`, the rules of waits are in `rows.py`, files and
transactions in `database.py`. Implements `engine.ports.Store`, where every method is described.
"""
# ruff: noqa: D102 - told in the port

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from aether_nb.engine.pages import Asked, Pulse, Tally
from aether_nb.engine.ports import Answered, Append, KernelRow, Mail, NewRun, RunRow, Store, WaitRow
from aether_nb.engine.upkeep import KEPT_MS, Discarded, Figures
from aether_nb.errors import StoreError
from aether_nb.events import AnyEvent, Event, RunStatus, WaitOpened
from aether_nb.ids import RunId, Token
from aether_nb.prompts import Reply
from aether_nb.store import cleaning, locks, paging
from aether_nb.store.cleaning import KernelLife
from aether_nb.store.codec import (
    NAME_SPECS,
    VERSION,
    Packed,
    dump_outside,
    dump_prompt,
    dumps,
    loads,
    pack,
    unpack,
    with_prompt,
)
from aether_nb.store.database import BUSY_S, Database, Run
from aether_nb.store.moves import load, mail_of, move, name_artifacts, save
from aether_nb.store.naming import SHA_LENGTH, named
from aether_nb.store.rows import (
    BEAT_MS,
    Wait,
    WaitEvent,
    addresses,
    check_sequence,
    ends,
    mailed_run,
    no_run,
    put_aside,
)


class SqliteStore(Store):
    """A store in a file, shared by any number of processes.

    Attributes:
        notice: one sentence when the place forced a slower way of writing; else empty.
    """

    def __init__(self, path: str | os.PathLike[str], *, busy_s: float = BUSY_S, create: bool = True) -> None:
        """Open the store, or make it, folder included.

        Args:
            path: where it lies.
            busy_s: how long another process may hold the file before `StoreBusy`.
            create: make it where there is none; else that is an error.

        Raises:
            StoreTooNew: a newer version wrote it; it is untouched.
            StoreError: it cannot be opened there, or is something else.
        """
        file = _absolute(path)
        self.path = str(file)
        self.artifacts_dir = str(file.parent / "artifacts")
        self._database = Database(file, busy_s=busy_s, create=create)
        self.notice = self._database.notice
        self.uid = self._database.uid
        self._folder = file.parent
        self._locks: dict[str, Path] = {}
        self._specs: dict[str, tuple[str, str]] = {}  # kind and body of those that were given here

    # -- kernels and specs -----------------------------------------------------------------------

    def register_kernel(self, uid: str, home: str, now_ms: int) -> None:
        name = f"kernels/{uid}.lock"
        if uid not in self._locks:
            self._take_lock(uid, self._folder / name)
        with self._database.transaction() as run:
            host = socket.gethostname()
            run("register_kernel", uid=uid, host=host, lock_path=name, home=home, beat_ms=now_ms)

    def beat(self, uid: str, now_ms: int) -> None:
        with self._database.transaction() as run:
            run("beat", uid=uid, now_ms=now_ms)

    def kernel(self, uid: str, now_ms: int) -> KernelRow | None:
        for key, host, lock_path, home, beat_ms in self._database.read("kernel", uid=uid):
            alive = self._lives(KernelLife(key, uid, host, lock_path, beat_ms), now_ms)
            lock = str(self._folder / lock_path) if lock_path else ""
            return KernelRow(uid=uid, host=host, lock_path=lock, home=home, beat_ms=beat_ms, alive=alive)
        return None

    def put_spec(self, kind: Literal["graph", "schema", "code"], key: str, body: str) -> None:
        self._specs[key] = kind, body
        if self.spec(key) is None:
            with self._database.transaction() as run:
                run("put_spec", hash=key, kind=kind, body=body)

    def spec(self, key: str) -> str | None:
        rows: list[tuple[str]] = self._database.read("spec", hash=key)
        if not rows:
            return None
        loads(rows[0][0])  # who asks takes it for JSON
        return rows[0][0]

    # -- runs and their logs ---------------------------------------------------------------------

    def create_run(
        self, new: NewRun, events: Sequence[AnyEvent], *, status: RunStatus, full: bool = False
    ) -> bool:
        check_sequence(new.run_id, 0, events)
        packed = [pack(event) for event in events]
        with self._database.transaction(full=full) as run:
            self._keep_specs(run, [new.spec])
            if new.kernel:
                run("mention_kernel", uid=new.kernel)
            made = run(
                "create_run",
                run_id=new.run_id,
                parent=new.parent,
                graph=new.graph,
                home=new.home,
                cell=new.cell,
                spec=new.spec,
                input_hash=new.input_hash,
                status=status,
                kernel=new.kernel,
                last_seq=len(events),
                created_ms=new.created_ms,
            )
            if made.rowcount == 0:
                return False
            assert made.lastrowid is not None
            self._write(run, [(made.lastrowid, 1, events, packed)])
        return True

    def claim_runs(self, wanted: Sequence[tuple[RunId, int]], kernel: str, now_ms: int) -> list[RunRow]:
        with self._database.transaction() as run:
            # Nobody else can write before the commit: what can be claimed now can be claimed below.
            found = run("claimable", rows=dumps(wanted)).fetchall()
            if not found:
                return []
            keys = dumps([key for (key,) in found])
            if kernel:
                run("mention_kernel", uid=kernel)
            run("claim_runs", keys=keys, kernel=kernel, now_ms=now_ms)
            return [RunRow(*row) for row in run("runs_by_key", keys=keys)]

    def archive(self, run_id: RunId, now_ms: int) -> RunId:
        with self._database.transaction(full=True) as run:
            found = run("run", run_id=run_id).fetchone()
            if found is None:
                raise no_run(run_id, self.path)
            row = RunRow(*found)
            ((key,),) = run("run_key", run_id=run_id).fetchall()
            open_waits = [Wait(*one) for one in run("waits_of_runs", runs=dumps([run_id]), status="open")]
            taken = {name for (name,) in run("archived_names", run_id=run_id)}
            new_id, events, status = put_aside(row, open_waits, taken, now_ms)
            self._write(run, [(key, row.fence + 1, events, [pack(event) for event in events])])
            last_seq = row.last_seq + len(events)
            run("archive_run", key=key, new_id=new_id, status=status, last_seq=last_seq, now_ms=now_ms)
            run("rename_parent", run_id=run_id, new_id=new_id)
            run("drop_mail", key=key)
        return new_id

    def append(self, batch: Sequence[Append], *, full: bool, now_ms: int) -> frozenset[RunId]:
        by_run = ends(batch)
        packed = {entry.run_id: [pack(event) for event in entry.events] for entry in batch}
        guards = dumps([(entry.run_id, entry.kernel, entry.fence, entry.prev_seq) for entry in batch])
        with self._database.transaction(full=full) as run:
            # Nobody else can write before the commit, so one look at all guards does for savepoints.
            ours: dict[RunId, int] = dict(run("guard_runs", rows=guards).fetchall())
            if ours:
                rows = [
                    (key, by_run[run_id].status, by_run[run_id].prev_seq + len(by_run[run_id].events))
                    for run_id, key in ours.items()
                ]
                run("advance_runs", rows=dumps(rows), now_ms=now_ms)
                logs = [(key, by_run[r].fence, by_run[r].events, packed[r]) for r, key in ours.items()]
                self._write(run, logs)
            if full and not batch:
                run("barrier")
        return frozenset(by_run.keys() - ours.keys())

    def run(self, run_id: RunId) -> RunRow | None:
        rows = self._database.read("run", run_id=run_id)
        return RunRow(*rows[0]) if rows else None

    def runs(
        self,
        *,
        status: str | None = None,
        graph: str | None = None,
        home: str | None = None,
        parent: RunId | None = None,
        limit: int | None = None,
    ) -> list[RunRow]:
        most = -1 if limit is None else limit
        rows = self._database.read("runs", status=status, graph=graph, home=home, parent=parent, limit=most)
        return [RunRow(*row) for row in rows]

    def events(
        self, run_id: RunId, after: int = 0, *, of: Collection[type[Event]] | None = None
    ) -> list[AnyEvent]:
        if of is None:
            log = self._database.stream("events", run_id=run_id, after=after)
        else:
            types = dumps([cls.type for cls in of])
            log = self._database.stream("events_of", run_id=run_id, after=after, types=types)
        with log as rows:
            return unpack(run_id, rows)

    # -- waits and mail --------------------------------------------------------------------------

    def wait(self, token: Token) -> WaitRow | None:
        rows = self._database.read("wait", token=token)
        return Wait(*rows[0]).row() if rows else None

    def waits(self, *, status: str | None = "open", runs: Collection[RunId] | None = None) -> list[WaitRow]:
        if runs is not None:
            rows = self._database.read("waits_of_runs", runs=dumps(list(runs)), status=status)
        elif status == "open":
            rows = self._database.read("waits_open")
        else:
            rows = self._database.read("waits", status=status)
        return [Wait(*row).row() for row in rows]

    def answer(self, token: Token, reply: Reply, *, now_ms: int) -> Answered | None:
        value, at_ms = dump_outside(reply.value), reply.at_ms or now_ms
        with self._database.transaction(full=True) as run:
            done = run(
                "answer", token=token, reply=value, by=reply.by, door=reply.door, at_ms=at_ms, now_ms=now_ms
            )
            row = run("wait", token=token).fetchone()
            if done.rowcount == 1:
                name_artifacts(run, [Wait(*row)])
        return None if row is None else Answered(accepted=done.rowcount == 1, wait=Wait(*row).row())

    def expire(self, token: Token, now_ms: int) -> bool:
        with self._database.transaction(full=True) as run:
            return run("expire", token=token, now_ms=now_ms).rowcount == 1

    def untaken(self, kernel: str) -> list[WaitRow]:
        return [Wait(*row).row() for row in self._database.read("untaken", kernel=kernel)]

    def promised(self, token: Token) -> bool:
        return bool(self._database.read("promised", token=token))

    def post(self, address: str, value: Any, by: str, now_ms: int) -> int:
        text = dump_outside(value)
        kind, _, name = address.partition(":")
        with self._database.transaction(full=True) as run:
            # A wait may have opened since the sender looked: mail left beside it would never be read.
            reached: list[Wait] = []
            if kind in {"token", "hook"}:
                reached = [wait for wait in load(run, [name]) if address in addresses(wait)]
            elif kind == "correlator":
                reached = [Wait(*row) for row in run("waits_of_correlator", correlator=name)]
            answered = [wait for wait in reached if wait.is_open(now_ms) and wait.accept(value, by, now_ms)]
            save(run, answered)
            run(
                "post",
                address=address,
                run_id=mailed_run(address),
                value=text,
                sent_by=by,
                at_ms=now_ms,
                taken_by=f"token:{answered[0].token}" if answered else None,
            )
            return len(answered)

    def mail(self, kernel: str) -> list[Mail]:
        return [mail_of(row) for row in self._database.read("mail", kernel=kernel)]

    def take_mail(self, mail_id: int, taken_by: str) -> bool:
        with self._database.transaction() as run:
            return run("take_mail", id=mail_id, taken_by=taken_by).rowcount == 1

    # -- pages -----------------------------------------------------------------------------------

    def find_runs(
        self, *, status: str | None = None, search: str = "", offset: int = 0, limit: int
    ) -> tuple[int, list[RunRow]]:
        return paging.find_runs(self._database.read, status, search, offset, limit)

    def find_waits(
        self, *, search: str = "", homes: Collection[str] | None = None, offset: int = 0, limit: int
    ) -> tuple[int, list[WaitRow]]:
        return paging.find_waits(self._database.read, search, homes, offset, limit)

    def open_homes(self) -> Mapping[str, int]:
        return paging.open_homes(self._database.read)

    def tallies(self, runs: Collection[RunId]) -> Mapping[RunId, Tally]:
        return paging.tallies(self._database.read, runs)

    def asked(self, tokens: Collection[Token]) -> Mapping[Token, Asked]:
        return paging.asked(self._database.read, tokens)

    def alive_drivers(self, now_ms: int) -> frozenset[str]:
        return paging.alive_drivers(self._database.read, lambda life: self._lives(life, now_ms))

    def pulse(self) -> Pulse:
        return paging.pulse(self._database.read)

    def tokens(self, beginning: str) -> list[Token]:
        return paging.tokens(self._database.read, beginning)

    def setting(self, name: str) -> str:
        rows = self._database.read("meta", key=f"setting:{name}")
        return str(rows[0][0]) if rows else ""

    def put_setting(self, name: str, value: str) -> None:
        with self._database.transaction(full=True) as run:
            run("set_meta", key=f"setting:{name}", value=value)

    # -- the file --------------------------------------------------------------------------------

    def changed(self) -> bool:
        return self._database.changed()

    def figures(self, now_ms: int) -> Figures:
        return cleaning.figures(self._database, lambda life: self._lives(life, now_ms))

    def discard(
        self, families: Sequence[Sequence[tuple[RunId, int]]], now_ms: int, *, dry_run: bool = False
    ) -> Discarded:
        kernels = [KernelLife(*row) for row in self._database.read("kernel_lives")]
        alive = {life.uid for life in kernels if self._lives(life, now_ms, KEPT_MS)}
        dead = {life.uid for life in kernels} - alive
        done = cleaning.discard(self._database, families, dead, now_ms, dry_run=dry_run)
        if not dry_run:
            locks.sweep(self._folder / "kernels", dead, alive)
        return done

    def named_artifacts(self, *, without: Collection[RunId] = ()) -> Mapping[str, str]:
        return cleaning.named_artifacts(self._database.read, without)

    def drop_unnamed(self, shas: Collection[str], drop: Callable[[str], object]) -> None:
        cleaning.drop_unnamed(self._database, shas, drop)

    def give_back(self) -> None:
        self._database.give_back()

    def close(self) -> None:
        self._database.close()
        while self._locks:
            locks.release(self._locks.popitem()[1])

    def _write(self, run: Run, logs: Iterable[tuple[int, int, Sequence[AnyEvent], list[Packed]]]) -> None:
        """Add events to logs (run's key, fence, events, the same packed), and do what they do to other tables."""
        logs = list(logs)
        moves = [event for _, _, events, _ in logs for event in events if isinstance(event, WaitEvent)]
        copied = move(run, moves) if moves else set()
        rows, files = [], []
        specs: set[str] = set()
        for key, fence, events, packed in logs:
            for event, row in zip(events, packed, strict=True):
                if isinstance(event, WaitOpened) and event.token in copied:
                    row = with_prompt(row, dump_prompt(event.prompt))  # noqa: PLW2901 - the same row, completed
                seq, at_us, kind, node, body = row
                rows.append(f"[{key},{seq},{at_us},{fence},{VERSION},{dumps(kind)},{dumps(node)},{body}]")
                if len(body) > SHA_LENGTH and (found := named(body)):
                    files += [(key, *one) for one in found]
                if kind in NAME_SPECS:
                    specs.update(getattr(event, field) for field in NAME_SPECS[kind])
        if rows:
            run("append_events", rows=f"[{','.join(rows)}]")
        if files:
            run("name_artifacts", rows=dumps(files))
        self._keep_specs(run, specs & self._specs.keys())

    def _keep_specs(self, run: Run, keys: Iterable[str]) -> None:
        """What is named is there: another process may have found that nothing names it any more, and dropped it."""
        for key in keys:
            kind, body = self._specs.get(key, ("graph", None))
            run("put_spec", hash=key, kind=kind, body=body)

    def _lives(self, life: KernelLife, now_ms: int, silence_ms: int = BEAT_MS) -> bool:
        """Whether a kernel lives; one of another machine may be silent for so long."""
        if life.lock_path and life.host == socket.gethostname():
            with contextlib.suppress(OSError):  # not ours to open: then the heartbeat tells
                return locks.is_held(self._folder / life.lock_path)
        return now_ms - life.beat_ms < silence_ms

    def _take_lock(self, uid: str, path: Path) -> None:
        try:
            held = locks.hold(path)
        except OSError as e:
            raise StoreError(
                f"The lock file of this kernel cannot be made ({e.strerror or e}: {e.filename}); check the rights of "
                "that folder, or choose another path with ae.configure(store=...)."
            ) from e
        if not held:
            raise StoreError(f"Another process lives under this kernel's id ({path} is locked).")
        self._locks[uid] = path


def _absolute(path: str | os.PathLike[str]) -> Path:
    try:
        file = Path(path).expanduser().absolute()
        possible = b"\0" not in os.fsencode(file)
    except (ValueError, RuntimeError):  # half a character; a home of a user that there is not
        possible = False
    if not possible:
        raise StoreError(f'store={path!r} cannot be a path; give one such as "runs.db".')
    return file
