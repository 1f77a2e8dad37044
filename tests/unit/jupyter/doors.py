"""A real Jupyter server beside a real store with a run in it: what the tests of the HTTP door share."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from aether_nb.engine.ports import Append
from aether_nb.events import WaitOpened
from aether_nb.ids import NodeId, RunId, Token, new_token, new_uid
from aether_nb.prompts import Prompt
from aether_nb.store.sqlite import SqliteStore

RUN = RunId("greet-1")
KERNEL = new_uid()
Call = Callable[..., tuple[int, Any]]
Fetch = Callable[..., Awaitable[tuple[int, Any]]]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def ask(store: SqliteStore, prompt: Prompt, deadline_ms: int | None = None) -> Token:
    """Open a wait."""
    row = store.run(RUN)
    assert row is not None
    token = new_token()
    opened = WaitOpened(
        run=RUN, seq=row.last_seq + 1, at_us=1, node=NodeId(token), token=token, kind=prompt.kind,
        prompt=prompt, deadline_ms=deadline_ms,
    )  # fmt: skip
    batch = Append(
        run_id=RUN, kernel=KERNEL, fence=1, prev_seq=row.last_seq, events=[opened], status="waiting"
    )
    assert not store.append([batch], full=True, now_ms=now_ms())
    return token
