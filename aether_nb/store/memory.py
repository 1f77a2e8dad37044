"""The store that lies nowhere: for tests, throw-away runs, and to keep the port honest.

Logs, prompts and replies are kept as the same JSON that the file would hold, so nothing that a file
would refuse or change survives here. Implements `engine.ports.Store`, where every method is described.
"""
# ruff: noqa: D102 - told in the port

from __future__ import annotations

import tempfile
import threading
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from aether_nb.engine.ports import Answered, Append, KernelRow, Mail, NewRun, RunRow, Store, WaitRow
from aether_nb.errors import StoreError
from aether_nb.events import FINAL, AnyEvent, RunStatus
from aether_nb.ids import RunId, Token, new_uid
from aether_nb.prompts import Reply
from aether_nb.store.codec import VERSION, Packed, dump_prompt, dumps, loads, pack, unpack, with_prompt
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


@dataclass(slots=True)
class _Letter:
    address: str
    value: str
    by: str
    at_ms: int
    taken_by: str | None = None


class MemoryStore(Store):
    """A store in memory, of one process. Its kernels live until it is closed."""

    path = ":memory:"

    def __init__(self) -> None:
        self.uid = new_uid()
        self.artifacts_dir = str(Path(tempfile.gettempdir(), f"aether_nb-{self.uid}"))
        self._lock = threading.RLock()
        self._open = True
        self._kernels: dict[str, KernelRow] = {}
        self._specs: dict[str, str] = {}
        self._runs: dict[RunId, RunRow] = {}
        self._logs: dict[RunId, list[Packed]] = {}
        self._waits: dict[Token, Wait] = {}
        self._letters: list[_Letter] = []
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
            for letter in self._letters:
                if mailed_run(letter.address) == run_id and letter.taken_by is None:
                    letter.taken_by = "archived"
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

    def events(self, run_id: RunId, after: int = 0) -> list[AnyEvent]:
        with self._reading():
            log = self._logs.get(run_id, [])[after:]
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

    def due_ms(self, kernel: str) -> int | None:
        with self._reading():
            deadlines = (
                wait.deadline_ms
                for wait in self._waits.values()
                if wait.status == "open"
                and wait.deadline_ms is not None
                and self._drives(kernel, wait.run_id)
            )
            return min(deadlines, default=None)

    def promised(self, token: Token) -> bool:
        with self._reading():
            unfinished = [run_id for run_id, row in self._runs.items() if row.status not in FINAL]
            started = (e for run_id in unfinished for e in self._logs[run_id] if e.type == "NodeStarted")
            return any(loads(e.body).get("token") == token for e in started)

    def post(self, address: str, value: Any, by: str, now_ms: int) -> int:
        letter = _Letter(address, dumps(value), by, now_ms)
        with self._writing():
            # A wait may have opened since the sender looked: mail left beside it would never be read.
            reached = [w for w in self._waits.values() if w.is_open(now_ms) and address in addresses(w)]
            answered = [wait for wait in reached if wait.accept(value, by, now_ms)]
            letter.taken_by = f"token:{answered[0].token}" if answered else None
            self._letters.append(letter)
            return len(answered)

    def mail(self, kernel: str) -> list[Mail]:
        with self._reading():
            return [
                mail
                for mail in self._mail()
                if (run := self._runs.get(RunId(mailed_run(mail.address) or ""))) and run.kernel == kernel
            ]

    def take_mail(self, mail_id: int, taken_by: str) -> bool:
        with self._writing():
            waiting = any(mail.id == mail_id for mail in self._mail())
            if waiting:
                self._letters[mail_id - 1].taken_by = taken_by
            return waiting

    # -- its life --------------------------------------------------------------------------------

    def changed(self) -> bool:
        changed, self._seen = self._version != self._seen, self._version
        return changed

    def close(self) -> None:
        self._open = False

    def _reading(self) -> threading.RLock:
        """The lock, to be used as a context; refused when the store is closed."""
        if not self._open:
            raise StoreError("The store is closed.")
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
        for mail_id, taken_by in deliver(touched.values(), self._mail() if touched else []).items():
            self._letters[mail_id - 1].taken_by = taken_by

    def _mail(self) -> list[Mail]:
        """Mail not taken yet, oldest first; its id is its place, from 1."""
        return [
            Mail(id=n, address=letter.address, value=loads(letter.value), by=letter.by, at_ms=letter.at_ms)
            for n, letter in enumerate(self._letters, 1)
            if letter.taken_by is None
        ]
