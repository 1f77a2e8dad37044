"""The SQL of the store as text: queries by name, and the migrations. Read by `store/database.py`.

`queries.sql` holds each query under a line `-- name --` and a comment that says what it is for.
`schema.sql` is the database as the migrations leave it, to be read in one piece.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from importlib import resources

_NAME = re.compile(r"^-- (\w+) --$", re.MULTILINE)


def parse_queries(text: str) -> dict[str, str]:
    """The queries of a file by name, comments and closing semicolon left out."""
    pieces = _NAME.split(text)[1:]
    bodies = (re.sub(r"^--.*\n", "", body.strip(), flags=re.MULTILINE) for body in pieces[1::2])
    return {name: body.rstrip(";") for name, body in zip(pieces[::2], bodies, strict=True)}


def statements(script: str) -> Iterator[str]:
    """The statements of a script one by one, so that they can run inside one transaction."""
    lines: list[str] = []
    for line in script.splitlines():
        lines.append(line)
        if line.partition("--")[0].rstrip().endswith(";") and sqlite3.complete_statement("\n".join(lines)):
            yield "\n".join(lines)
            lines.clear()


def _read(*path: str) -> str:
    return resources.files(__name__).joinpath(*path).read_text(encoding="utf-8")


QUERIES = parse_queries(_read("queries.sql"))
"""By name."""

MIGRATIONS: tuple[str, ...] = tuple(
    _read("migrations", name)
    for name in sorted(file.name for file in resources.files(__name__).joinpath("migrations").iterdir())
    if name.endswith(".sql")
)
"""The n-th (from 1) brings a database of version n - 1 to version n."""
