"""A real Jupyter server beside a real store with a run in it: what the tests of the HTTP door share."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aether_nb.engine.ports import Append, NewRun
from aether_nb.events import AnyEvent, RunStarted, RunStatus, WaitOpened
from aether_nb.ids import NodeId, RunId, Token, new_token, new_uid
from aether_nb.prompts import Prompt
from aether_nb.store.sqlite import SqliteStore

RUN = RunId("greet-1")
KERNEL = new_uid()
Call = Callable[..., tuple[int, Any]]
Fetch = Callable[..., Awaitable[tuple[int, Any]]]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@contextlib.contextmanager
def made(path: Path) -> Iterator[SqliteStore]:
    """A store with a run in it that a kernel drives, which lives while this is open."""
    store = SqliteStore(path)
    store.register_kernel(KERNEL, "lesson.ipynb", now_ms())
    new_run(store, RUN, created_ms=1)
    yield store
    store.close()


def new_run(store: SqliteStore, run_id: str, **changes: Any) -> RunId:
    """Begin a run."""
    fields = {
        "run_id": run_id, "graph": "greet", "home": "../lesson.ipynb", "cell": "", "spec": "", "input_hash": "",
        "kernel": KERNEL, "created_ms": now_ms(),
    }  # fmt: skip
    new = NewRun(**fields | changes)
    begun = RunStarted(run=new.run_id, seq=1, at_us=new.created_ms * 1000, graph=new.graph)
    assert store.create_run(new, [begun], status="running")
    return new.run_id


def write(store: SqliteStore, run_id: str, *events: AnyEvent, status: RunStatus = "running") -> None:
    """Go on with a run as its kernel does."""
    row = store.run(RunId(run_id))
    assert row is not None
    batch = Append(row.run_id, KERNEL, row.fence, row.last_seq, events, status)
    assert not store.append([batch], full=True, now_ms=now_ms())


def ask(
    store: SqliteStore, prompt: Prompt, deadline_ms: int | None = None, run_id: RunId = RUN, **more: Any
) -> Token:
    """Open a wait."""
    row = store.run(run_id)
    assert row is not None
    token = new_token()
    fields = {
        "run": run_id, "seq": row.last_seq + 1, "at_us": now_ms() * 1000, "node": NodeId(token), "token": token,
        "kind": prompt.kind, "prompt": prompt, "deadline_ms": deadline_ms,
    }  # fmt: skip
    write(store, run_id, WaitOpened(**fields | more), status="waiting")
    return token


class Stream:
    """A page that follows the server's events, by a socket of its own."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.status = 0

    @classmethod
    async def open(cls, url: str, headers: Mapping[str, str]) -> Stream:
        """Connect, and read the head of the answer."""
        at = urlsplit(url)
        stream = cls(*await asyncio.open_connection(at.hostname, at.port))
        lines = [f"GET {at.path} HTTP/1.1", f"Host: {at.netloc}", *(f"{k}: {v}" for k, v in headers.items())]
        stream._writer.write("\r\n".join([*lines, "", ""]).encode())
        head = await asyncio.wait_for(stream._reader.readuntil(b"\r\n\r\n"), 10)
        stream.status = int(head.split()[1])
        return stream

    async def next(self, event: str = "news", timeout_s: float = 10) -> Any:
        """The data of the next event of this name; each comes in a chunk of its own."""
        async with asyncio.timeout(timeout_s):
            while True:
                size = int(await self._reader.readline(), 16)
                said = (await self._reader.readexactly(size + 2)).decode()
                if said.startswith(f"event: {event}\n"):
                    return json.loads(said.partition("data: ")[2])

    def close(self) -> None:
        """Go away."""
        self._writer.close()
