"""Small tables that read well in a terminal and in a notebook: what `ae.runs()`, `ae.waits()`, `run.events` give.

A table holds all there is and shows the beginning and the end of it; `to_pandas` hands it on.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, TypeVar, overload

from aether_nb.display.looks import signed
from aether_nb.errors import DisplayError
from aether_nb.markup import Head, Showable, cut, table

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")
_WIDTH = 48  # characters a cell may have in text
_FIRST, _LAST = 40, 10  # of more rows than both together, so many are shown of the beginning and the end

Kind = Literal["text", "number", "time", "instant", "status"]
"""What a column holds. time: a datetime, shown to the second. instant: the same to the millisecond."""


class Column(NamedTuple):
    """One column: its heading, how to read it off a thing (None where there is nothing), and what it holds."""

    name: str
    read: Callable[[Any], Any]
    kind: Kind = "text"


class Table(Showable, Sequence[T], Generic[T]):
    """A sequence of things that shows itself as a table.

    Args:
        items: the things.
        columns: what is shown of each.
        empty: what is said when there is none.
    """

    def __init__(self, items: Sequence[T], columns: Sequence[Column], empty: str) -> None:
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

    def to_pandas(self) -> pd.DataFrame:
        """All of it as a DataFrame: times in UTC, numbers as numbers, missing ones as pandas has them.

        Raises:
            DisplayError: pandas is not installed here.
        """
        try:
            import pandas as pd  # noqa: PLC0415 - who does not ask for it need not have it
        except ImportError:
            raise DisplayError(
                "pandas is not installed here: `pip install pandas`, or read the table as it is, it is a sequence."
            ) from None
        return pd.DataFrame(
            {c.name: _series(pd, [c.read(item) for item in self._items], c.kind) for c in self._columns}
        )

    def text(self, *, whole: bool = False) -> str:
        """As text, aligned; with `whole` every row of it, for pipes and files."""
        if not self._items:
            return self._empty
        rows = list(self._rows(len(self) if whole else _FIRST))
        told = [row for row in rows if not isinstance(row, str)]
        used = [i for i in range(len(self._columns)) if any(row[i] for row in told)]
        columns = [self._columns[i] for i in used]
        widths = [
            max(len(c.name), *(min(len(row[i]), _WIDTH) for row in told))
            for i, c in zip(used, columns, strict=True)
        ]

        def line(cells: Sequence[str]) -> str:
            sized = zip(cells, widths, columns, strict=True)
            return "  ".join(
                cut(cell, _WIDTH).rjust(width) if c.kind == "number" else cut(cell, _WIDTH).ljust(width)
                for cell, width, c in sized
            ).rstrip()

        return "\n".join(
            [
                line([c.name for c in columns]),
                *(row if isinstance(row, str) else line([row[i] for i in used]) for row in rows),
            ]
        )

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        if not self._items:
            return f"<p>{escape(self._empty)}</p>"
        heads = [Head(c.name, "right" if c.kind == "number" else "left") for c in self._columns]
        return table(heads, self._rows(_FIRST))

    def _rows(self, first: int) -> Iterator[list[str] | str]:
        """The rows that are shown, and in their midst how many are not."""
        left_out = len(self) - first - _LAST
        if left_out <= 0:
            yield from map(self._cells, self._items)
            return
        yield from map(self._cells, itertools.islice(self._items, first))
        yield f"… {left_out:,} more"
        yield from map(self._cells, self._items[-_LAST:])

    def _cells(self, item: T) -> list[str]:
        return [_text(column.read(item), column.kind) for column in self._columns]


def _text(value: Any, kind: Kind) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        local = value.astimezone()
        return local.strftime("%Y-%m-%d %H:%M:%S") + (
            f".{local.microsecond // 1000:03}" if kind == "instant" else ""
        )
    text = "".join(c if c.isprintable() else " " for c in str(value))
    return signed(text) if kind == "status" else text


def _series(pd: Any, values: list[Any], kind: Kind) -> Any:
    """A column for pandas, of a type that does not depend on whether something is missing."""
    if kind in {"time", "instant"}:
        return pd.to_datetime(pd.Series(values, dtype="object"), utc=True)
    if kind == "number":
        whole = all(isinstance(value, int) for value in values if value is not None)
        return pd.Series(values, dtype="Int64" if whole else "Float64")
    return pd.Series([None if value is None else str(value) for value in values], dtype="string")
