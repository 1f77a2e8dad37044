"""Pages of lists: the sqlite side of `engine.pages`, where each function is described."""
# ruff: noqa: D103 - told in the port

from __future__ import annotations

import string
from collections.abc import Callable, Collection, Mapping
from typing import Any

from aether_nb.engine.pages import Asked, Pulse, Tally
from aether_nb.engine.ports import RunRow, WaitRow
from aether_nb.ids import RunId, Token
from aether_nb.store.cleaning import KernelLife
from aether_nb.store.codec import dumps
from aether_nb.store.rows import Wait

Read = Callable[..., list[tuple[Any, ...]]]
_SMALL = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def small(text: str) -> str:
    """A text as searches compare it: SQLite's `lower` knows ASCII alone."""
    return text.translate(_SMALL)


def find_runs(
    read: Read, status: str | None, search: str, offset: int, limit: int
) -> tuple[int, list[RunRow]]:
    wanted = {"status": status, "search": small(search)}
    total = read("count_found_runs", **wanted)[0][0]
    return total, [RunRow(*row) for row in read("find_runs", **wanted, offset=offset, limit=limit)]


def find_waits(
    read: Read, search: str, homes: Collection[str] | None, offset: int, limit: int
) -> tuple[int, list[WaitRow]]:
    wanted = {"search": small(search), "homes": None if homes is None else dumps(list(homes))}
    keys = [key for (key,) in read("found_waits", **wanted)]
    page = read("waits_by_key", keys=dumps(keys[offset : offset + limit]))
    return len(keys), [Wait(*row).row() for row in page]


def open_homes(read: Read) -> Mapping[str, int]:
    return dict(read("open_homes"))


def tallies(read: Read, runs: Collection[RunId]) -> Mapping[RunId, Tally]:
    return {RunId(run_id): Tally(*counts) for run_id, *counts in read("tallies", runs=dumps(list(runs)))}


def asked(read: Read, tokens: Collection[Token]) -> Mapping[Token, Asked]:
    rows = read("asked", tokens=dumps(list(tokens)))
    return {Token(token): Asked(at_us // 1000, seq) for token, at_us, seq in rows}


def alive_drivers(read: Read, lives: Callable[[KernelLife], bool]) -> frozenset[str]:
    found = [KernelLife(*row) for row in read("driving_kernels")]
    return frozenset(life.uid for life in found if lives(life))


def pulse(read: Read) -> Pulse:
    return Pulse(*read("pulse")[0])


def tokens(read: Read, beginning: str) -> list[Token]:
    return [Token(token) for (token,) in read("tokens", beginning=beginning)]
