"""`context.memory()`: facts that runs leave behind, an append-only list in a file of its own.

Called by the engine, which journals `record` and hands in ids and the time.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from aether_nb.ids import new_uid
from aether_nb.services.files import connect, translated
from aether_nb.values import encode, recalled

_SCHEMA = """
CREATE TABLE IF NOT EXISTS items(
  id INTEGER PRIMARY KEY, item_id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, data TEXT NOT NULL,
  run_id TEXT NOT NULL, node_id TEXT NOT NULL, at_ms INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS items_by_kind ON items(kind, id);
CREATE INDEX IF NOT EXISTS items_by_run ON items(run_id, id);
"""


@dataclass(frozen=True, slots=True)
class MemoryItem:
    """One fact."""

    kind: str
    data: Any
    run_id: str
    node_id: str
    at_ms: int
    """When it was recorded, milliseconds since 1970, UTC."""
    item_id: str


class Memory:
    """Facts of all runs of a store, oldest first. Any thread may call.

    Args:
        path: the file, made when first needed; `":memory:"` keeps the facts as long as this object.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None

    def record(
        self,
        kind: str,
        data: Any,
        *,
        at_ms: int,
        run_id: str = "",
        node_id: str = "",
        item_id: str | None = None,
    ) -> MemoryItem:
        """Keep a fact, fsynced. An `item_id` that is there already is left as it is and given back.

        Raises:
            NotStorable: the data cannot be stored.
            StoreError: the file refuses.
        """
        item_id = item_id or new_uid()
        text = json.dumps(encode(data, name="data"), ensure_ascii=False, separators=(",", ":"))
        row = (item_id, kind, text, run_id, node_id, at_ms)
        insert = "INSERT OR IGNORE INTO items(item_id, kind, data, run_id, node_id, at_ms) VALUES "
        with self._lock, translated(self.path):
            db = self._opened()
            db.execute(insert + "(?, ?, ?, ?, ?, ?)", row)
            found = db.execute(_SELECT + "WHERE item_id = ?", (item_id,)).fetchone()
        return _item(found)

    def query(
        self,
        kind: str | None = None,
        since: datetime | int | None = None,
        limit: int | None = None,
        run_id: str | None = None,
        item_id: str | None = None,
    ) -> list[MemoryItem]:
        """Facts that meet all conditions, oldest first.

        Args:
            kind: only of this kind.
            since: not before this time; a number is milliseconds since 1970, UTC.
            limit: at most that many, the newest.
            run_id: only from this run.
            item_id: only this one.

        Raises:
            NotRestorable: a fact holds an instance of a class that is not defined here.
            StoreError: the file refuses.
        """
        since_ms = round(since.timestamp() * 1000) if isinstance(since, datetime) else since
        conditions = {"kind = ?": kind, "at_ms >= ?": since_ms, "run_id = ?": run_id, "item_id = ?": item_id}
        given = {sql: v for sql, v in conditions.items() if v is not None}
        where = f"WHERE {' AND '.join(given)} " if given else ""
        sql, most = f"{_SELECT}{where}ORDER BY id DESC LIMIT ?", -1 if limit is None else max(limit, 0)
        with self._lock, translated(self.path):
            rows = self._opened().execute(sql, (*given.values(), most)).fetchall()
        return [_item(row) for row in reversed(rows)]

    def texts(self) -> list[str]:
        """The data of all facts, as it is stored."""
        if self.path != ":memory:" and not Path(self.path).exists():
            return []
        with self._lock, translated(self.path):
            return [text for (text,) in self._opened().execute("SELECT data FROM items")]

    def close(self) -> None:
        """Let go of the file; the next call opens it again. Facts in `":memory:"` are gone."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    def _opened(self) -> sqlite3.Connection:
        if self._db is None:
            db = connect(self.path)
            try:
                db.execute("PRAGMA synchronous=FULL")
                db.executescript(_SCHEMA)
            except BaseException:
                db.close()
                raise
            self._db = db
        return self._db


_SELECT = "SELECT kind, data, run_id, node_id, at_ms, item_id FROM items "


def _item(row: tuple[Any, ...]) -> MemoryItem:
    kind, data, *rest = row
    return MemoryItem(kind, recalled(json.loads(data)), *rest)
