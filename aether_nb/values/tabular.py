"""A table out of what people have: lists of rows, mappings, pandas. Its cells are plain, for any page and any store.

`context.channel().send_table` uses it. pandas is not imported here: who has a DataFrame has imported it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from math import isfinite, isnan
from numbers import Integral, Real
from pathlib import PurePath
from typing import Any, NamedTuple
from uuid import UUID

from aether_nb.errors import BadInputs
from aether_nb.values.secrets import hidden
from aether_nb.values.text import show, written

ROWS, COLUMNS = 200, 40
"""A table shows at most so many: it is to be read, a file is to be worked with."""

_CELL = 500  # characters
_LARGEST = 1 << 53  # beyond it a page knows a number no more exactly
_TEXTS = (str, datetime, date, time, timedelta, UUID, PurePath)  # what `str` shows as people write it


class Table(NamedTuple):
    """A table as it is shown."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    """Text, whole numbers, finite floats, booleans and None, as many in each row."""
    right: tuple[int, ...]
    """Columns of nothing but numbers."""
    more_rows: int
    """How many are not shown."""
    more_columns: int


def tabulate(data: Any, columns: Iterable[Any] = ()) -> Table:
    """Make a table.

    Args:
        data: rows (each a sequence, or a mapping by column), a mapping from column to its cells, or a pandas
            DataFrame or Series.
        columns: the heading; for mappings also which of their entries, and in which order.

    Raises:
        BadInputs: it is nothing of that.
    """
    if isinstance(columns, str) or not isinstance(columns, Iterable):
        raise BadInputs(f"columns={written(columns)}: give the names of the columns as a list.")
    heading = list(columns)
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(data, (pandas.DataFrame, pandas.Series)):
        return _of_pandas(pandas, data, heading)
    if isinstance(data, Mapping):
        return _of_columns(data, heading)
    if isinstance(data, (str, bytes)) or not isinstance(data, Iterable):
        raise BadInputs(
            f"A table of {written(data)}: give a list of rows, a mapping from each column to its cells, or a DataFrame."
        )
    return _of_rows(data, heading)


def _of_rows(data: Iterable[Any], heading: list[Any]) -> Table:
    shown: list[Any] = []
    more = 0
    for row in data:
        if len(shown) == ROWS:
            more += 1
            continue
        if isinstance(row, (str, bytes)) or not isinstance(row, (Mapping, Iterable)):
            raise BadInputs(
                f"Row {len(shown)} of a table is {written(row)}: a row is a list of cells, or a mapping by column."
            )
        shown.append(row)
    if not heading:
        mapped = dict.fromkeys(k for row in shown if isinstance(row, Mapping) for k in row)
        heading = list(mapped) or list(getattr(shown[0], "_fields", ()) if shown else ())
    rows = [[row.get(k) for k in heading] if isinstance(row, Mapping) else list(row) for row in shown]
    return _table(heading, rows, more, max(map(len, rows), default=0))


def _of_columns(data: Mapping[Any, Any], heading: list[Any]) -> Table:
    heading = heading or list(data)
    cells: list[Sequence[Any]] = []
    for name in heading:
        column = data.get(name, ())
        if isinstance(column, (str, bytes)) or not isinstance(column, Iterable):
            raise BadInputs(
                f"Column {written(name)} of a table is {written(column)}: give its cells as a list; rows are given "
                "as a list of mappings."
            )
        cells.append(list(column))
    length = max(map(len, cells), default=0)
    rows = [[column[i] if i < len(column) else None for column in cells] for i in range(min(length, ROWS))]
    return _table(heading, rows, length - len(rows), len(heading))


def _of_pandas(pandas: Any, data: Any, heading: list[Any]) -> Table:
    frame = data.to_frame() if isinstance(data, pandas.Series) else data
    if heading:
        try:
            frame = frame[heading]
        except KeyError as error:
            raise BadInputs(
                f"columns={written(heading)}: the DataFrame has not all of them; {error}."
            ) from None
    part = frame.iloc[:ROWS, :COLUMNS]
    names = [" / ".join(map(str, c)) if isinstance(c, tuple) else c for c in part.columns]
    rows = [list(row) for row in part.itertuples(index=False, name=None)]
    index = part.index
    if not isinstance(index, pandas.RangeIndex) or index.name is not None:  # else it only counts the rows
        names = ["" if name is None else name for name in index.names] + names
        keys = [list(key) if isinstance(key, tuple) else [key] for key in index]
        rows = [key + row for key, row in zip(keys, rows, strict=True)]
    beside = frame.shape[1] - part.shape[1]
    return _table(names, rows, len(frame) - len(rows), len(names) + beside)


def _table(heading: list[Any], rows: list[list[Any]], more_rows: int, width: int) -> Table:
    width = max(width, len(heading))
    shown = min(width, COLUMNS)
    padded = [[*row[:shown], *[None] * (shown - len(row))] for row in rows]
    columns = [str(name) for name in heading[:shown]]
    if columns:
        columns += [""] * (shown - len(columns))
    right = tuple(i for i in range(shown) if _is_of_numbers([row[i] for row in padded]))
    cells = tuple(tuple(map(_cell, row)) for row in padded)
    return Table(tuple(columns), cells, right, more_rows, width - shown)


def _is_of_numbers(cells: list[Any]) -> bool:
    there = [c for c in map(_bare, cells) if c is not None]
    return bool(there) and all(isinstance(c, (Real, Decimal)) and not isinstance(c, bool) for c in there)


def _bare(value: Any) -> Any:
    """A cell without what numpy puts around it; None for what stands for nothing."""
    if hasattr(value, "dtype") and hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        value = value.item()
    if type(value).__name__ in {"NAType", "NaTType"} or (isinstance(value, float) and isnan(value)):
        return None
    return value


def _cell(value: Any) -> Any:
    value = _bare(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Integral):
        whole = int(value)
        return whole if -_LARGEST <= whole <= _LARGEST else str(whole)
    if isinstance(value, float):
        return float(value) if isfinite(value) else str(value)
    if isinstance(value, (*_TEXTS, Decimal, Fraction)):
        text = hidden(str(value))
        return text if len(text) <= _CELL else text[: _CELL - 1] + "…"
    return show(value, _CELL)
