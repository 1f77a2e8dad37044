"""Small tables that read well in a terminal and in a notebook: what `ae.runs()`, `ae.waits()`, `run.events` give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from html import escape
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")
_WIDTH = 48  # characters a cell may have in text


class Table(Sequence[T], Generic[T]):
    """A sequence of things that shows itself as a table.

    Args:
        items: the things.
        columns: heading and how to read it off a thing.
        empty: what is said when there is none.
    """

    def __init__(
        self, items: Sequence[T], columns: Sequence[tuple[str, Callable[[T], Any]]], empty: str
    ) -> None:
        self._items = list(items)
        self._columns = list(columns)
        self._empty = empty

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        """One thing, or some."""
        return self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    def rows(self) -> list[list[str]]:
        """The cells as text, without the heading."""
        return [[_text(read(item)) for _, read in self._columns] for item in self._items]

    def __repr__(self) -> str:
        if not self._items:
            return self._empty
        cells = self.rows()
        used = [i for i in range(len(self._columns)) if any(row[i] for row in cells)]
        rows = [[row[i] for i in used] for row in [[h for h, _ in self._columns], *cells]]
        rows = [[c if len(c) <= _WIDTH else c[: _WIDTH - 1] + "…" for c in row] for row in rows]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows
        )

    def _repr_html_(self) -> str:
        if not self._items:
            return f"<p>{escape(self._empty)}</p>"
        head = "".join(f"<th>{escape(h)}</th>" for h, _ in self._columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>" for row in self.rows()
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return "".join(c if c.isprintable() else " " for c in str(value))
