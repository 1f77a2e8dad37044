"""Runs and questions by what somebody types: in full, by a beginning, or with the tab key."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from aether_nb.cli.saying import path_of
from aether_nb.errors import AetherError, AmbiguousWait, UnknownWait
from aether_nb.ids import Token, is_name
from aether_nb.prompts import headline
from aether_nb.runtime import Runtime
from aether_nb.store.sqlite import SqliteStore
from aether_nb.values import show

_SHORT = 6  # letters of a token that are enough in most stores
_OFFERED = 200
_BUSY_S = 0.3  # nobody waits longer for the tab key


def token_of(here: Runtime, beginning: str) -> Token:
    """The token that begins so.

    Raises:
        UnknownWait: none does.
        AmbiguousWait: several do.
    """
    found = here.store.tokens(beginning) if is_name(beginning) else []
    if beginning in found:
        return Token(beginning)
    if len(found) > 1:
        raise AmbiguousWait(
            f"{len(found)} questions have tokens that begin with {beginning!r}: type more of it."
        )
    if not found:
        raise UnknownWait(
            f"There is no wait {beginning!r:.200} in {here.store.path}; `aether-nb waits` lists the open ones."
        )
    return found[0]


def short(here: Runtime, token: str) -> str:
    """A beginning of the token that no other has."""
    for n in range(_SHORT, len(token)):
        if len(here.store.tokens(token[:n])) == 1:
            return token[:n]
    return token


# -- the tab key ---------------------------------------------------------------------------------


def _run_ids(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    with _quietly_opened(ctx) as stores:
        for store in stores:
            _, rows = store.find_runs(search=incomplete, limit=_OFFERED)
            return [(r.run_id, f"{r.graph}, {r.status}") for r in rows if r.run_id.startswith(incomplete)]
    return []


def _tokens(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    with _quietly_opened(ctx) as stores:
        for store in stores:
            _, rows = store.find_waits(limit=_OFFERED)
            asked = [(row.token, headline(row.prompt.prompt)) for row in rows]
            return [(token, show(text, 60)) for token, text in asked if token.startswith(incomplete)]
    return []


@contextlib.contextmanager
def _quietly_opened(ctx: typer.Context) -> Iterator[list[SqliteStore]]:
    """The store that is meant, if it is there and can be read now."""
    named = ctx.params.get("store")
    try:
        store = SqliteStore(path_of(Path(named) if named else None), create=False, busy_s=_BUSY_S)
    except AetherError:
        yield []
        return
    with contextlib.closing(store), contextlib.suppress(AetherError):
        yield [store]


RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="The run's id.", autocompletion=_run_ids)]
TokenArgument = Annotated[
    str,
    typer.Argument(metavar="TOKEN", help="Of the question; its beginning will do.", autocompletion=_tokens),
]
