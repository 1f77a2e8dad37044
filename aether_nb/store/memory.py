"""The store that lies nowhere: for tests, throw-away runs, and to keep the port honest.

Logs, prompts and replies are kept as the same JSON that the file would hold, so nothing that a file
would refuse or change survives here. Implements `engine.ports.Store`, where every method is described.
"""
# ruff: noqa: D102 - told in the port

from __future__ import annotations

import shutil
import tempfile
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from aether_nb.engine.pages import Asked, Pulse, Tally
from aether_nb.engine.ports import Answered, Append, KernelRow, Mail, NewRun, RunRow, Store, WaitRow
from aether_nb.engine.upkeep import KEPT_MS, Discarded, Figures
from aether_nb.errors import StoreError
from aether_nb.events import FINAL, AnyEvent, Event, RunStatus
from aether_nb.ids import RunId, Token, new_uid
from aether_nb.prompts import Reply
from aether_nb.store.codec import (
    VERSION,
    Packed,
    dump_outside,
    dump_prompt,
    loads,
    pack,
    unpack,
    with_prompt,
)
from aether_nb.store.letters import Letters
from aether_nb.store.naming import named
from aether_nb.store.paging import small
from aether_nb.store.rows import (
    Wait,
    WaitEvent,
    addresses,
    apply,
    check_sequence,
    deliver,
    ends,
    mailed_run,
    no_run,
    put_aside,
)


class MemoryStore(Store):
    """A store in memory, of one process. Its kernels live until it is closed."""

    path = ":memory:"

    def __init__(self) -> None:
        self.uid = new_uid()
        self.artifacts_dir = str(Path(tempfile.gettempdir(), f"aether_nb-{self.uid}"))
        weakref.finalize(
            self, shutil.rmtree, self.artifacts_dir, ignore_errors=True
        )  # also when the process ends
        self._lock = threading.RLock()
        self._open = True
        self._kernels: dict[str, KernelRow] = {}
        self._specs: dict[str, str] = {}
        self._runs: dict[RunId, RunRow] = {}
        self._logs: dict[RunId, list[Packed]] = {}
        self._waits: dict[Token, Wait] = {}
        self._letters = Letters()
        self._settings: dict[str, str] = {}
        self._version = self._seen = 0

    # -- kernels and specs -----------------------------------------------------------------------

    def register_kernel(self, uid: str, home: str, now_ms: int) -> None:
        with self._writing():
            self._kernels[uid] = KernelRow(
                uid=uid, host="", lock_path="", home=home, beat_ms=now_ms, alive=True
            )

    def beat(self, uid: str, now_ms: int) -> None:
        with self._writing():
            if uid in self._kernels:
                self._kernels[uid] = replace(self._kernels[uid], beat_ms=now_ms)

    def kernel(self, uid: str, now_ms: int) -> KernelRow | None:  # noqa: ARG002 - nothing here goes by the beat
        with self._reading():
            return self._kernels.get(uid)

    def put_spec(self, kind: Literal["graph", "schema", "code"], key: str, body: str) -> None:  # noqa: ARG002 - for people
        with self._writing():
            self._specs.setdefault(key, body)

    def spec(self, key: str) -> str | None:
        with self._reading():
            return self._specs.get(key)

    # -- runs and their logs ---------------------------------------------------------------------

    def create_run(
        self,
        new: NewRun,
        events: Sequence[AnyEvent],
        *,
        status: RunStatus,
        full: bool = False,  # noqa: ARG002 - no disk
    ) -> bool:
        check_sequence(new.run_id, 0, events)
        packed = [pack(event) for event in events]
        with self._writing():
            if new.run_id in self._runs:
                return False
            self._mention(new.kernel)
            self._runs[new.run_id] = RunRow(
                run_id=new.run_id,
                graph=new.graph,
                home=new.home,
                cell=new.cell,
                spec=new.spec,
                input_hash=new.input_hash,
                status=status,
                kernel=new.kernel,
                fence=1,
                last_seq=len(events),
                created_ms=new.created_ms,
                updated_ms=new.created_ms,
                parent=new.parent,
            )
            self._logs[new.run_id] = []
            self._write([(new.run_id, events, packed)])
            return True

    def claim_runs(self, wanted: Sequence[tuple[RunId, int]], kernel: str, now_ms: int) -> list[RunRow]:
        claimed = []
        with self._writing():
            for run_id, fence in wanted:
                row = self._runs.get(run_id)
                if row is None or row.fence != fence:
                    continue
                self._mention(kernel)
                self._runs[run_id] = replace(row, kernel=kernel, fence=row.fence + 1, updated_ms=now_ms)
                claimed.append(self._runs[run_id])
        return claimed

    def archive(self, run_id: RunId, now_ms: int) -> RunId:
        with self._writing():
            row = self._runs.get(run_id)
            if row is None:
                raise no_run(run_id, self.path)
            waits = [wait for wait in self._waits.values() if wait.run_id == run_id]
            open_waits = [wait for wait in waits if wait.status == "open"]
            new_id, events, status = put_aside(row, open_waits, self._runs, now_ms)
            self._write([(run_id, events, [pack(event) for event in events])])
            self._runs[run_id] = replace(
                row,
                run_id=new_id,
                status=status,
                fence=row.fence + 1,
                last_seq=row.last_seq + len(events),
                updated_ms=now_ms,
            )
            moved = (
                replace(one, parent=new_id) if one.parent == run_id else one for one in self._runs.values()
            )
            self._runs = {one.run_id: one for one in moved}
            self._logs[new_id] = self._logs.pop(run_id)
            for wait in waits:
                wait.run_id = new_id
            for mail in self._letters.waiting():
                if mailed_run(mail.address) == run_id:
                    self._letters.take(mail.id, "archived")
            return new_id

    def append(self, batch: Sequence[Append], *, full: bool, now_ms: int) -> frozenset[RunId]:  # noqa: ARG002 - no disk
        by_run = ends(batch)
        packed = {entry.run_id: [pack(event) for event in entry.events] for entry in batch}
        with self._writing():
            ours = {run_id: entry for run_id, entry in by_run.items() if self._holds(entry)}
            for run_id, entry in ours.items():
                self._runs[run_id] = replace(
                    self._runs[run_id],
                    status=entry.status,
                    last_seq=entry.prev_seq + len(entry.events),
                    updated_ms=now_ms,
                )
            self._write([(run_id, entry.events, packed[run_id]) for run_id, entry in ours.items()])
            return frozenset(by_run.keys() - ours.keys())

    def run(self, run_id: RunId) -> RunRow | None:
        with self._reading():
            return self._runs.get(run_id)

    def runs(
        self,
        *,
        status: str | None = None,
        graph: str | None = None,
        home: str | None = None,
        parent: RunId | None = None,
        limit: int | None = None,
    ) -> list[RunRow]:
        with self._reading():
            rows = [
                row
                for row in reversed(self._runs.values())
                if status in {None, row.status}
                and graph in {None, row.graph}
                and home in {None, row.home}
                and parent in {None, row.parent}
            ]
        return rows[:limit]

    def events(
        self, run_id: RunId, after: int = 0, *, of: Collection[type[Event]] | None = None
    ) -> list[AnyEvent]:
        types = None if of is None else {cls.type for cls in of}
        with self._reading():
            log = [e for e in self._logs.get(run_id, [])[after:] if types is None or e.type in types]
        return unpack(run_id, [(e.seq, e.at_us, VERSION, e.type, e.node, e.body, None) for e in log])

    # -- waits and mail --------------------------------------------------------------------------

    def wait(self, token: Token) -> WaitRow | None:
        with self._reading():
            wait = self._waits.get(token)
            return None if wait is None else wait.row()

    def waits(self, *, status: str | None = "open", runs: Collection[RunId] | None = None) -> list[WaitRow]:
        of = None if runs is None else frozenset(runs)
        with self._reading():
            found = [
                wait
                for wait in self._waits.values()
                if status in {None, wait.status} and (of is None or wait.run_id in of)
            ]
            found.sort(key=lambda wait: (wait.deadline_ms is None, wait.deadline_ms or 0))
            return [wait.row() for wait in found]

    def answer(self, token: Token, reply: Reply, *, now_ms: int) -> Answered | None:
        dated = reply.model_copy(update={"at_ms": reply.at_ms or now_ms})
        with self._writing():
            wait = self._waits.get(token)
            if wait is None:
                return None
            accepted = wait.is_open(now_ms)
            if accepted:
                wait.answer(dated)
            return Answered(accepted=accepted, wait=wait.row())

    def expire(self, token: Token, now_ms: int) -> bool:
        with self._writing():
            wait = self._waits.get(token)
            if wait is None or wait.status != "open" or wait.is_open(now_ms):
                return False
            wait.status = "expired"
            return True

    def untaken(self, kernel: str) -> list[WaitRow]:
        with self._reading():
            found = [
                wait
                for wait in self._waits.values()
                if wait.status == "answered" and not wait.taken and self._drives(kernel, wait.run_id)
            ]
            found.sort(key=lambda wait: wait.replied_ms or 0)
            return [wait.row() for wait in found]

    def promised(self, token: Token) -> bool:
        with self._reading():
            unfinished = [run_id for run_id, row in self._runs.items() if row.status not in FINAL]
            started = (e for run_id in unfinished for e in self._logs[run_id] if e.type == "NodeStarted")
            return any(loads(e.body).get("token") == token for e in started)

    def post(self, address: str, value: Any, by: str, now_ms: int) -> int:
        text = dump_outside(value)
        with self._writing():
            # A wait may have opened since the sender looked: mail left beside it would never be read.
            reached = [w for w in self._waits.values() if w.is_open(now_ms) and address in addresses(w)]
            answered = [wait for wait in reached if wait.accept(value, by, now_ms)]
            taken_by = f"token:{answered[0].token}" if answered else None
            self._letters.post(address, text, by, now_ms, taken_by)
            return len(answered)

    def mail(self, kernel: str) -> list[Mail]:
        with self._reading():
            return [
                mail
                for mail in self._letters.waiting()
                if (run := self._runs.get(RunId(mailed_run(mail.address) or ""))) and run.kernel == kernel
            ]

    def take_mail(self, mail_id: int, taken_by: str) -> bool:
        with self._writing():
            return self._letters.take(mail_id, taken_by)

    # -- pages -----------------------------------------------------------------------------------

    def find_runs(
        self, *, status: str | None = None, search: str = "", offset: int = 0, limit: int
    ) -> tuple[int, list[RunRow]]:
        rows = [row for row in self.runs(status=status) if small(search) in _described(row)]
        return len(rows), rows[offset : offset + limit]

    def find_waits(
        self, *, search: str = "", homes: Collection[str] | None = None, offset: int = 0, limit: int
    ) -> tuple[int, list[WaitRow]]:
        with self._reading():
            rows = [
                row
                for row in self.waits()
                if small(search) in f"{small(row.prompt.prompt)}\n{_described(self._runs[row.run_id])}"
                and (homes is None or self._runs[row.run_id].home in homes)
            ]
        rows.sort(key=lambda row: not row.is_question)
        return len(rows), rows[offset : offset + limit]

    def open_homes(self) -> Mapping[str, int]:
        with self._reading():
            return Counter(self._runs[row.run_id].home for row in self.waits() if row.is_question)

    def tallies(self, runs: Collection[RunId]) -> Mapping[RunId, Tally]:
        with self._reading():
            return {run_id: self._tally(run_id) for run_id in runs if run_id in self._runs}

    def _tally(self, run_id: RunId) -> Tally:
        own = [event for event in self._logs[run_id] if "/" not in event.node]
        return Tally(
            open=sum(row.is_question for row in self.waits(runs=[run_id])),
            done=len({event.node for event in own if event.type == "NodeFinished"}),
            added=len({event.node for event in own if event.type == "NodeAdded"}),
        )

    def asked(self, tokens: Collection[Token]) -> Mapping[Token, Asked]:
        found = {}
        with self._reading():
            for run_id in {self._waits[token].run_id for token in tokens if token in self._waits}:
                for event in self._logs[run_id]:
                    token = Token(loads(event.body)["token"] if event.type == "WaitOpened" else "")
                    if token in tokens:
                        found[token] = Asked(event.at_us // 1000, event.seq)
        return found

    def alive_drivers(self, now_ms: int) -> frozenset[str]:  # noqa: ARG002 - nothing here goes by the beat
        with self._reading():
            driving = {row.kernel for row in self._runs.values() if row.status not in FINAL}
            return frozenset(uid for uid, kernel in self._kernels.items() if kernel.alive and uid in driving)

    def pulse(self) -> Pulse:
        with self._reading():
            rows = self._runs.values()
            still = [row.is_question for row in self.waits()]
            written, claimed = sum(row.last_seq for row in rows), sum(row.fence for row in rows)
            return Pulse(sum(still), len(still), len(rows), written, claimed)

    def tokens(self, beginning: str) -> list[Token]:
        with self._reading():
            promised = {
                Token(loads(e.body).get("token") or "")
                for run_id, row in self._runs.items()
                if row.status not in FINAL
                for e in self._logs[run_id]
                if e.type == "NodeStarted"
            }
            return sorted(token for token in promised | self._waits.keys() if token.startswith(beginning))

    def setting(self, name: str) -> str:
        with self._reading():
            return self._settings.get(name, "")

    def put_setting(self, name: str, value: str) -> None:
        with self._writing():
            self._settings[name] = value

    # -- keeping house ---------------------------------------------------------------------------

    def figures(self, now_ms: int) -> Figures:  # noqa: ARG002 - nothing here goes by the beat
        with self._reading():
            rows, waits = list(self._runs.values()), list(self._waits.values())
            began = [row.created_ms for row in rows]
            return Figures(
                runs=Counter(row.status for row in rows),
                events=sum(row.last_seq for row in rows),
                waits=Counter(wait.status for wait in waits),
                untaken=sum(
                    wait.status == "answered"
                    and not wait.taken
                    and self._runs[wait.run_id].status not in FINAL
                    for wait in waits
                ),
                mail=len(self._letters.waiting()),
                kernels=sum(kernel.alive for kernel in self._kernels.values()),
                oldest_ms=min(began, default=None),
                newest_ms=max(began, default=None),
                file_bytes=0,
            )

    def discard(
        self, families: Sequence[Sequence[tuple[RunId, int]]], now_ms: int, *, dry_run: bool = False
    ) -> Discarded:
        """As in the port; specs are kept, they go with the process."""
        with self._writing():
            gone = [run_id for family in families if all(map(self._finished, family)) for run_id, _ in family]
            events = sum(self._runs[run_id].last_seq for run_id in gone)
            of = set(gone)
            waits = [token for token, wait in self._waits.items() if wait.run_id in of]
            opening = {
                f"{kind}:{token}"
                for run_id in gone
                for token in self._tokens(run_id)
                for kind in ("token", "hook")
            }
            mail = self._letters.useless(now_ms - KEPT_MS, of | opening, self._runs)
            driving = {row.kernel for run_id, row in self._runs.items() if run_id not in of}
            kernels = [
                uid for uid, kernel in self._kernels.items() if not kernel.alive and uid not in driving
            ]
            if not dry_run:
                for run_id in gone:
                    del self._runs[run_id], self._logs[run_id]
                for token in waits:
                    del self._waits[token]
                self._letters.drop(mail)
                for uid in kernels:
                    del self._kernels[uid]
            return Discarded(tuple(gone), events, len(waits), len(mail), 0, len(kernels))

    def named_artifacts(self, *, without: Collection[RunId] = ()) -> Mapping[str, str]:
        with self._reading():
            texts = [e.body for run_id, log in self._logs.items() if run_id not in without for e in log]
            texts += [wait.reply or "" for wait in self._waits.values() if wait.run_id not in without]
            texts += self._letters.texts()
            return {one.sha: one.media for text in texts for one in named(text)}

    def drop_unnamed(self, shas: Collection[str], drop: Callable[[str], object]) -> None:
        with self._writing():
            for sha in set(shas) - self.named_artifacts().keys():
                drop(sha)

    def give_back(self) -> None:
        pass

    # -- its life --------------------------------------------------------------------------------

    def changed(self) -> bool:
        changed, self._seen = self._version != self._seen, self._version
        return changed

    def close(self) -> None:
        self._open = False

    def _reading(self) -> threading.RLock:
        """The lock, to be used as a context; refused when the store is closed."""
        if not self._open:
            raise StoreError(
                "The store in memory was let go of here, as ae.configure() does, with all that was in it."
            )
        return self._lock

    def _writing(self) -> threading.RLock:
        lock = self._reading()
        with lock:
            self._version += 1
        return lock

    def _mention(self, kernel: str) -> None:
        if kernel and kernel not in self._kernels:
            self._kernels[kernel] = KernelRow(
                uid=kernel, host="", lock_path="", home="", beat_ms=0, alive=False
            )

    def _finished(self, run: tuple[RunId, int]) -> bool:
        row = self._runs.get(run[0])
        return row is not None and row.fence == run[1] and row.status in FINAL

    def _tokens(self, run_id: RunId) -> list[str]:
        """Those that a run's waits have, or were to have."""
        rows = [row for row in self._logs[run_id] if row.type in {"NodeStarted", "WaitOpened"}]
        return [token for row in rows if (token := loads(row.body).get("token"))]

    def _drives(self, kernel: str, run_id: RunId) -> bool:
        """Whether the kernel has this run in its hands, and the run is not over."""
        row = self._runs[run_id]
        return row.kernel == kernel and row.status not in FINAL

    def _holds(self, entry: Append) -> bool:
        row = self._runs.get(entry.run_id)
        return row is not None and (row.kernel, row.fence, row.last_seq) == (
            entry.kernel,
            entry.fence,
            entry.prev_seq,
        )

    def _write(self, logs: Iterable[tuple[RunId, Sequence[AnyEvent], Sequence[Packed]]]) -> None:
        touched: dict[Token, Wait] = {}
        for run_id, events, packed in logs:
            for event, row in zip(events, packed, strict=True):
                self._logs[run_id].append(
                    with_prompt(row, dump_prompt(event.prompt)) if event.type == "WaitOpened" else row
                )
                if isinstance(event, WaitEvent) and (wait := apply(event, self._waits)):
                    self._specs.setdefault(wait.schema, wait.schema_body)
                    touched[wait.token] = wait
        letters = self._letters.waiting() if touched else []
        for mail_id, taken_by in deliver(touched.values(), letters).items():
            self._letters.take(mail_id, taken_by)


def _described(row: RunRow) -> str:
    """What of a run is searched."""
    return small(f"{row.run_id}\n{row.graph}\n{row.home}")
