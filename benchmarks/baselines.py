"""What the parts cost by themselves on this machine: a commit, a task, and a loop that writes the rows we write."""

from __future__ import annotations

import asyncio
import json
import queue
import sqlite3
import statistics
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.harness import Case, case, folder, say

LINGER_S = 0.003  # how long the bare loop's writer waits for company, as the engine's does
_INSERT = "INSERT INTO events VALUES (1, ?, ?, 1, 1, ?, ?, ?)"
_TABLE = """CREATE TABLE events (run INTEGER, seq INTEGER, at_us INTEGER, fence INTEGER, v INTEGER, type TEXT,
node TEXT, body TEXT, PRIMARY KEY (run, seq)) WITHOUT ROWID"""

Row = tuple[int, int, str, str, str]
"""Number, time, type, node, body."""


def _opened(where: Path, synchronous: str) -> sqlite3.Connection:
    connection = sqlite3.connect(where / "plain.db", isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL").fetchone()
    connection.execute(f"PRAGMA synchronous={synchronous}")
    connection.execute(_TABLE)
    return connection


def commit(task: Case, where: Path) -> None:
    """One row per commit, with and without fsync."""
    for name, level in (("commit_synced", "FULL"), ("commit_unsynced", "NORMAL")):
        (where / name).mkdir()
        connection = _opened(where / name, level)
        took = []
        for seq in range(task.many(500)):
            began = time.perf_counter()
            connection.execute(_INSERT, (seq, 0, "NodeFinished", "step", "{}"))
            took.append(time.perf_counter() - began)
        connection.close()
        say(name, statistics.median(took) * 1e3)


async def nothing() -> None:
    """Do nothing."""


async def tasks(task: Case) -> None:
    """One task after the other."""
    many = task.many(10_000)
    began = time.perf_counter()
    for _ in range(many):
        await asyncio.create_task(nothing())
    say("bare_task", (time.perf_counter() - began) / many * 1e3)


class GroupCommits:
    """A thread that writes what comes, many rows in one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._coming: queue.SimpleQueue[Row | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def put(self, seq: int, kind: str, node: str, body: object) -> None:
        """Queue a row, its body as text."""
        self._coming.put((seq, time.time_ns() // 1000, kind, node, json.dumps(body)))

    def close(self) -> None:
        """Write the rest, fsynced."""
        self._coming.put(None)
        self._thread.join()

    def _work(self) -> None:
        over = False
        while not over:
            coming = [self._coming.get()]
            time.sleep(LINGER_S)
            while not self._coming.empty():
                coming.append(self._coming.get())
            over = coming[-1] is None
            self._write([row for row in coming if row is not None], full=over)

    def _write(self, rows: Sequence[Row], *, full: bool) -> None:
        if full:
            self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(_INSERT, rows)
        self._connection.execute("UPDATE runs SET last_seq = last_seq + ?", (len(rows),))
        self._connection.execute("COMMIT")


async def loop(task: Case, where: Path) -> None:
    """A task per node, and for each the two rows that a node of ours leaves."""
    connection = _opened(where, "NORMAL")
    connection.execute("CREATE TABLE runs (run INTEGER PRIMARY KEY, last_seq INTEGER)")
    connection.execute("INSERT INTO runs VALUES (1, 0)")
    nodes = task.many(1000)
    writer = GroupCommits(connection)
    began = time.perf_counter()
    for n in range(nodes):
        writer.put(2 * n, "NodeStarted", f"step_{n}", {"attempt": 1})
        await asyncio.create_task(nothing())
        writer.put(2 * n + 1, "NodeFinished", f"step_{n}", {"outputs": {"n": n}})
    writer.close()
    say("bare_loop", (time.perf_counter() - began) / nodes * 1e3)
    connection.close()


def main() -> None:
    """Measure one case."""
    task = case("commit", "task", "loop")
    with folder() as where:
        if task.name == "commit":
            commit(task, where)
        else:
            asyncio.run(tasks(task) if task.name == "task" else loop(task, where))


if __name__ == "__main__":
    main()
