"""`context.kv()`: a dict that lasts, on sqlitedict, with JSON where sqlitedict would pickle.

Traps: a `SqliteDict` has a thread and a connection of its own, so all `Kv` of one file share one, opened
when first needed; after a fork that thread is missing in the child, which opens its own; and when
opening fails in that thread the next call would wait forever, so the file is tried out before.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import weakref
from collections.abc import Iterator, MutableMapping
from contextlib import closing
from pathlib import Path
from typing import Any

from aether_nb.services.files import BUSY_S, connect, translated
from aether_nb.values import decode, encode, show


class Kv(MutableMapping[Any, Any]):
    """A dict that lasts, over all runs of a store; safe for several threads and processes.

    Every change is committed on return. Keys and values are whatever can be stored; what is read is a
    copy, so assign it again after changing it. Single operations are atomic, pairs of them
    (`kv["n"] = kv["n"] + 1`, `setdefault`, `pop`) are not, when two processes do them at once.

    Args:
        path: the file, made when first needed; `":memory:"` shares nothing with other objects, except
            those from `space`.
        namespace: dicts of different namespaces know nothing of each other.

    Raises (every operation):
        NotStorable: the key or value cannot be stored.
        StoreBusy, StoreError: the file refuses.
    """

    def __init__(self, path: str, namespace: str = "default") -> None:
        self._file = _file(path)
        self._enter(namespace)

    def space(self, namespace: str) -> Kv:
        """The dict of another namespace in the same file."""
        other = Kv.__new__(Kv)
        other._file = self._file
        other._enter(namespace)
        return other

    def _enter(self, namespace: str) -> None:
        self.namespace = namespace
        # all keys of the namespace lie between these two: "!" comes after " "
        self._first = json.dumps(namespace) + " "
        self._beyond = json.dumps(namespace) + "!"

    def __getitem__(self, key: Any) -> Any:
        text = self._text(key)
        with translated(self._file.path):
            try:
                stored = self._file.opened()[text]
            except KeyError:
                raise KeyError(key) from None
        return decode(json.loads(stored))

    def __setitem__(self, key: Any, value: Any) -> None:
        text = self._text(key)
        tree = encode(value, name=f"kv[{show(key) if type(key) is not str else repr(key)}]")
        stored = json.dumps(tree, ensure_ascii=False, separators=(",", ":"))
        with translated(self._file.path):
            self._file.opened()[text] = stored

    def __delitem__(self, key: Any) -> None:
        text = self._text(key)
        with translated(self._file.path):
            try:
                del self._file.opened()[text]
            except KeyError:
                raise KeyError(key) from None

    def __contains__(self, key: object) -> bool:
        text = self._text(key)
        with translated(self._file.path):
            return text in self._file.opened()

    def __iter__(self) -> Iterator[Any]:
        """Keys, the one written last comes last; as they are now, changes meanwhile do not show."""
        rows = self._select("SELECT key FROM kv WHERE key >= ? AND key < ? ORDER BY rowid")
        return iter([decode(json.loads(key[len(self._first) :])) for (key,) in rows])

    def __len__(self) -> int:
        rows = self._select("SELECT COUNT(*) FROM kv WHERE key >= ? AND key < ?")
        return int(rows[0][0])

    def clear(self) -> None:
        """Remove all keys of this namespace."""
        with translated(self._file.path):
            conn = self._file.opened().conn
            conn.execute("DELETE FROM kv WHERE key >= ? AND key < ?", (self._first, self._beyond))
            conn.commit()

    def texts(self) -> list[str]:
        """All keys and values of all namespaces, as they are stored."""
        if self._file.path != ":memory:" and not Path(self._file.path).exists():
            return []
        with translated(self._file.path):
            rows = self._file.opened().conn.select("SELECT key, value FROM kv")
            return [text for row in rows for text in row]

    def close(self) -> None:
        """Let go of the file and its thread, for all that share it; the next use opens it again."""
        self._file.close()

    def __repr__(self) -> str:
        return f"Kv({self._file.path!r}, {self.namespace!r})"

    def _text(self, key: Any) -> str:
        return self._first + json.dumps(encode(key, name="The key"), sort_keys=True, separators=(",", ":"))

    def _select(self, sql: str) -> list[tuple[Any, ...]]:
        with translated(self._file.path):
            return list(self._file.opened().conn.select(sql, (self._first, self._beyond)))


class _File:
    """One file and the one `SqliteDict` on it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._held: list[tuple[int, Any]] = []  # at most one: process id and SqliteDict
        weakref.finalize(self, _let_go, self._held)  # also runs when the interpreter ends

    def opened(self) -> Any:
        with self._lock:
            if not self._held or self._held[0][0] != os.getpid():
                self._held[:] = [(os.getpid(), _open(self.path))]
            return self._held[0][1]

    def close(self) -> None:
        with self._lock, translated(self.path):
            _let_go(self._held)


def _open(path: str) -> Any:
    from sqlitedict import SqliteDict  # noqa: PLC0415 - costs 5 ms of import time, most runs need no kv

    with closing(connect(path)) as trial:
        trial.execute("SELECT name FROM sqlite_master").fetchall()
    log = logging.getLogger("sqlitedict.SqliteMultithread")
    if log.level == logging.NOTSET:  # it prints stacks of what it also raises
        log.setLevel(logging.CRITICAL)
    opened = SqliteDict(
        path, "kv", autocommit=True, journal_mode="DELETE", encode=str, decode=str, outer_stack=False
    )
    opened.conn.execute(f"PRAGMA busy_timeout={BUSY_S * 1000:.0f}")
    opened.conn.execute(
        "PRAGMA synchronous=NORMAL"
    )  # sqlitedict turns it off: a power cut could break the file
    return opened


def _let_go(held: list[tuple[int, Any]]) -> None:
    while held:
        pid, opened = held.pop()
        if pid == os.getpid():
            opened.close()


_FILES: weakref.WeakValueDictionary[str, _File] = weakref.WeakValueDictionary()
_FILES_LOCK = threading.Lock()


def _file(path: str) -> _File:
    if path == ":memory:":
        return _File(path)
    real = os.path.realpath(path)
    with _FILES_LOCK:
        found = _FILES.get(real)
        if found is None:
            found = _FILES[real] = _File(real)
        return found
