"""One SQLite file: opening it safely, bringing its schema up to date, transactions, errors in words.

Used by `store/sqlite.py` alone. Three connections: one writes, one reads, and one only asks whether
somebody has written, so that a long write never delays a look.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

from aether_nb.errors import NotStorable, StoreBusy, StoreError, StoreTooNew
from aether_nb.ids import new_uid
from aether_nb.store import place
from aether_nb.store.sql import MIGRATIONS, QUERIES, statements

BUSY_S = 30.0
"""How long another process may hold the file before `StoreBusy`, seconds."""

_APPLICATION = 1095061058  # "AENB", as in schema.sql
_SOME = 64  # rows at a time

DAMAGED = "the file is damaged; put a backup in its place, or move it away to begin anew"

_MEANING = {
    sqlite3.SQLITE_FULL: "the disk is full; nothing of this was written. Make room and it goes on",
    sqlite3.SQLITE_READONLY: "it may not be written; check the rights of the file and its folder",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check that its folder exists and may be written",
    sqlite3.SQLITE_IOERR: "the disk reports an error",
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_NOTADB: (
        "the file is not a database; choose another path with ae.configure(store=...), or put a backup in its place"
    ),
}


@contextlib.contextmanager
def give_way() -> Iterator[None]:
    """Around each piece of long work: others, who look for the lock only now and then, get twice as much time as we."""
    began = time.monotonic()
    yield
    time.sleep(min(2 * (time.monotonic() - began), 0.05))


class Run(Protocol):
    """Runs a named query inside a transaction."""

    def __call__(self, query: str, /, **parameters: Any) -> sqlite3.Cursor:
        """Execute it."""


class Database:
    """The file. Every method may be called from any thread.

    Attributes:
        notice: one sentence when the place forced a slower journal; else empty.
        uid: which store it is, wherever the file lies.
    """

    def __init__(
        self, path: Path, *, busy_s: float = BUSY_S, migrations: Sequence[str] = MIGRATIONS, create: bool = True
    ) -> None:  # fmt: skip
        self.path = path
        self._create = create
        self.notice = ""
        self._closed = False
        self._busy_s = busy_s
        self._writing, self._reading, self._watching = (threading.Lock() for _ in range(3))
        self._full: bool | None = None
        with contextlib.ExitStack() as connections, self._translated():
            if create:
                place.prepare(path)
            self._writer = connections.enter_context(contextlib.closing(self._connect()))
            self._bring_up(migrations)
            self._choose_journal()
            self._reader = connections.enter_context(contextlib.closing(self._connect()))
            self._reader.execute(QUERIES["questions"])
            self._watcher = connections.enter_context(contextlib.closing(self._connect()))
            self._opened = self._there()
            self._version = self._data_version()
            self.uid = str(self.read("meta", key="uid")[0][0])
            connections.pop_all()  # what is refused is let go of; what is open now is closed by `close`

    @contextlib.contextmanager
    def transaction(self, *, full: bool = False, undo: bool = False) -> Iterator[Run]:
        """Write, all or nothing, as the only writer.

        Args:
            full: force the commit, and all before it, to the disk.
            undo: roll it back at the end: to see what it would have done.

        Raises:
            StoreBusy, StoreError: nothing of it was written.
        """
        with self._writing, self._translated():
            self._check_in_place()
            if full is not self._full:
                self._writer.execute(QUERIES["synchronous_full" if full else "synchronous_normal"])
                self._full = full
            with self._atomic("rollback" if undo else "commit"):
                yield self._run

    def read(self, query: str, /, **parameters: Any) -> list[tuple[Any, ...]]:
        """Run a named query on its own snapshot, fetched whole so that no snapshot stays open."""
        with self._reading, self._translated():
            return self._reader.execute(QUERIES[query], parameters).fetchall()

    @contextlib.contextmanager
    def stream(self, query: str, /, **parameters: Any) -> Iterator[Iterator[tuple[Any, ...]]]:
        """The same for what may be long: the rows come as they are taken, so that it is not in memory twice.

        All other reads wait until this one is left.
        """
        with (
            self._reading,
            self._translated(),
            contextlib.closing(self._reader.execute(QUERIES[query], parameters)) as rows,
        ):
            yield chain.from_iterable(iter(partial(rows.fetchmany, _SOME), []))

    def changed(self) -> bool:
        """Whether anything was committed since the last call; microseconds.

        Raises:
            StoreError: among others, the file is not at its path any more, so that nobody else could find it.
        """
        version = self._data_version()
        changed, self._version = version != self._version, version
        return changed

    def give_back(self) -> None:
        """Give free pages back to the disk, half a megabyte at a time, so that others write in between.

        Whoever works just now goes first: then what is left is given back the next time, or written on.
        """
        with contextlib.suppress(StoreBusy), self._translated():
            while self._free_pages() > 0:
                before = self._free_pages()
                with give_way(), self._writing:
                    self._check_in_place()
                    self._writer.executescript(QUERIES["incremental_vacuum"])  # `execute` gives one page back
                if self._free_pages() >= before:
                    break
            # The file shrinks when the journal is brought in.
            with contextlib.closing(self._connect(busy_s=0)) as other:
                other.execute(QUERIES["checkpoint"]).fetchall()

    def size(self) -> int:
        """Bytes on disk, with the journal."""
        size = 0
        for file in (self.path, self.path.with_name(f"{self.path.name}-wal")):
            with contextlib.suppress(FileNotFoundError):
                size += file.stat().st_size
        return size

    def close(self) -> None:
        """Close the file. Idempotent."""
        with self._writing, self._reading, self._watching, self._translated():
            self._closed = True
            for connection in (self._watcher, self._reader, self._writer):
                connection.close()

    def _free_pages(self) -> int:
        return int(self.read("free_pages")[0][0])

    def _there(self) -> tuple[int, int] | None:
        """Which file lies at the path now; None when there is none."""
        try:
            found = self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return found.st_dev, found.st_ino

    def _check_in_place(self) -> None:
        """SQLite would go on writing into a file without a name, which goes with this process."""
        if self._there() != self._opened:
            raise StoreError(
                f"The store's file was moved or deleted while it was in use: {self.path}. Nothing of this was "
                "written. Put it back and it goes on, or restart this kernel or script to begin a new one."
            )

    @contextlib.contextmanager
    def _atomic(self, end: str = "commit") -> Iterator[None]:
        try:
            self._writer.execute(QUERIES["begin"])
            yield
            self._writer.execute(QUERIES[end])
        except BaseException:
            with contextlib.suppress(sqlite3.Error):  # the first error is the one to tell
                if self._writer.in_transaction:
                    self._writer.execute(QUERIES["rollback"])
            raise

    def _run(self, query: str, /, **parameters: Any) -> sqlite3.Cursor:
        return self._writer.execute(QUERIES[query], parameters)

    def _data_version(self) -> int:
        with self._watching, self._translated():
            self._check_in_place()
            ((version,),) = self._watcher.execute(QUERIES["data_version"]).fetchall()
        return int(version)

    def _connect(self, busy_s: float | None = None) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path if self._create else f"{self.path.as_uri()}?mode=rw",
            uri=not self._create,
            timeout=self._busy_s if busy_s is None else busy_s,
            isolation_level=None,
            check_same_thread=False,
        )
        for pragma in ("trusted_schema", "temp_store", "fullfsync", "cache_size"):
            connection.execute(QUERIES[pragma])
        return connection

    def _bring_up(self, migrations: Sequence[str]) -> None:
        """Make the schema, or migrate it; refuse files that are newer, or not ours, untouched."""
        newest = len(migrations)
        there = self._checked_version(newest)
        if there == newest:
            return
        if there == 0 and not self._create:
            raise StoreError(f"There is no store at {self.path} (any more).")
        self._writer.execute(QUERIES["auto_vacuum"])  # of a file that has tables it changes nothing
        with self._atomic():
            version = self._checked_version(newest)  # another process may have been at it meanwhile
            if 0 < version < newest:
                self._back_up(version)
            for script in migrations[version:]:
                for statement in statements(script):
                    self._writer.execute(statement)
            if version == 0:
                self._run("put_meta", key="uid", value=new_uid())

    def _checked_version(self, newest: int) -> int:
        version, application, objects = self._writer.execute(QUERIES["identity"]).fetchone()
        if application != _APPLICATION and (version or objects):
            raise StoreError(
                f"{self.path} is a database of some other program. Choose another path with "
                "ae.configure(store=...) or AETHER_NB_STORE."
            )
        if version > newest:
            raise StoreTooNew(
                f"The store {self.path} was written by a newer aether_nb (its version is {version}, this one "
                f"knows {newest}). Install the newer one, or choose another path."
            )
        return int(version)

    def _back_up(self, version: int) -> None:
        # A connection of its own sees what is committed; nobody else can write now.
        with (
            contextlib.closing(self._connect()) as source,
            contextlib.closing(sqlite3.connect(f"{self.path}.v{version}")) as target,
        ):
            source.backup(target)

    def _choose_journal(self) -> None:
        problem = place.wal_problem(self.path)
        wanted = "delete" if problem else "wal"
        (mode,) = self._writer.execute(QUERIES["journal_mode"]).fetchone()
        if mode != wanted:
            mode = self._switch_journal(f"journal_{wanted}")
        if mode != "wal":
            self.notice = (
                f"The store {self.path} lies in {problem or 'a place that has no shared memory'}: it works "
                "there more slowly. ae.configure(store=...) or AETHER_NB_STORE can name a local path."
            )

    def _switch_journal(self, query: str) -> str:
        """Switch, with patience of our own: SQLite does not ask its busy handler here."""
        give_up = time.monotonic() + self._busy_s
        while True:
            try:
                return str(self._writer.execute(QUERIES[query]).fetchone()[0])
            except sqlite3.OperationalError as e:
                if e.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                    raise
            time.sleep(0.01)

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn errors of SQLite and the file system into ours, in one sentence."""
        try:
            yield
        except sqlite3.Error as e:
            if self._closed:
                raise StoreError(
                    f"The store {self.path} was let go of here, as ae.configure() does. When it is the one that is "
                    "open now, ae.resume_all() goes on with its runs, and ae.answer() answers them."
                ) from e
            code = getattr(e, "sqlite_errorcode", 0) & 0xFF
            if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                raise StoreBusy(
                    f"Another process has held the store {self.path} for more than {self._busy_s:g} s; "
                    "nothing of this was written. It works again when that process is done."
                ) from e
            # What we ask is always the same: when SQLite does not understand it, what it finds is not ours any more.
            raise StoreError(f"The store {self.path}: {_MEANING.get(code, DAMAGED)} ({e}).") from e
        except UnicodeEncodeError as e:
            raise NotStorable("A text with half of a surrogate pair cannot be stored or looked for.") from e
        except OSError as e:
            raise StoreError(
                f"The store {self.path} cannot be used there ({e.strerror or e}: {e.filename}); choose another path "
                "with ae.configure(store=...) or AETHER_NB_STORE."
            ) from e
