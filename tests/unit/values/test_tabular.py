"""Tables out of what people have."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest

from aether_nb.errors import BadInputs
from aether_nb.values.tabular import COLUMNS, ROWS, tabulate


class Point(NamedTuple):
    x: int
    y: int


ADA, BOB = {"name": "Ada", "age": 36}, {"name": "Bob", "city": "Oslo"}


@pytest.mark.parametrize(
    ("data", "columns", "heading", "rows"),
    [
        ([(1, "a"), (2, "b")], (), (), ((1, "a"), (2, "b"))),
        ([(1, "a")], ("n", "s"), ("n", "s"), ((1, "a"),)),
        ([[1], [1, 2, 3]], ("a", "b"), ("a", "b", ""), ((1, None, None), (1, 2, 3))),
        ([ADA, BOB], (), ("name", "age", "city"), (("Ada", 36, None), ("Bob", None, "Oslo"))),
        ([ADA, BOB], ("city", "name"), ("city", "name"), ((None, "Ada"), ("Oslo", "Bob"))),
        ([ADA, ("Cy", 5)], (), ("name", "age"), (("Ada", 36), ("Cy", 5))),
        ({"a": [1, 2], "b": "xy"[:0] or ["x"]}, (), ("a", "b"), ((1, "x"), (2, None))),
        ({"a": [1], "b": [2]}, ("b",), ("b",), ((2,),)),
        ([Point(1, 2)], (), ("x", "y"), ((1, 2),)),
        ((row for row in [(1,), (2,)]), (), (), ((1,), (2,))),
        ([], ("a",), ("a",), ()),
        ([], (), (), ()),
        ([()], (), (), ((),)),
        ([{3: "x"}], (), ("3",), (("x",),)),
    ],
)
def test_rows_mappings_and_columns_become_a_table(data, columns, heading, rows):
    table = tabulate(data, columns)
    assert (table.columns, table.rows) == (heading, rows)
    assert (table.more_rows, table.more_columns) == (0, 0)


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (True, True),
        (None, None),
        (float("nan"), None),
        (float("-inf"), "-inf"),
        (1 << 60, str(1 << 60)),
        (Decimal("1.50"), "1.50"),
        (date(2026, 11, 27), "2026-11-27"),
        (datetime(2026, 11, 27, 14, 2), "2026-11-27 14:02:00"),
        (Path("a/b"), "a/b"),
        ("x" * 600, "x" * 499 + "…"),
        ([1, 2], "[1, 2]"),
    ],
)
def test_a_cell_is_a_plain_value(value, cell):
    assert tabulate([(value,)]).rows == ((cell,),)


def test_a_cell_that_cannot_say_what_it_is_harms_nothing():
    class Bad:
        def __repr__(self):
            raise ValueError("no")

        __str__ = __repr__

    ((cell,),) = tabulate([[Bad()]]).rows
    assert cell.startswith("<Bad")


def test_numbers_stand_to_the_right_where_there_is_nothing_else_in_the_column():
    rows = [(1, "a", True, Decimal(1), None), (2.5, "1", False, None, None)]
    assert tabulate(rows).right == (0, 3)


def test_a_large_table_is_cut_and_says_by_how_much():
    table = tabulate([range(COLUMNS + 2)] * (ROWS + 3))
    assert (len(table.rows), len(table.rows[0])) == (ROWS, COLUMNS)
    assert (table.more_rows, table.more_columns) == (3, 2)
    assert tabulate({"a": range(ROWS + 1)}).more_rows == 1


@pytest.mark.parametrize(
    ("data", "columns", "said"),
    [
        ("text", (), "A table of 'text': give a list of rows"),
        (5, (), "A table of 5"),
        ([1, 2], (), "Row 0 of a table is 1: a row is a list of cells, or a mapping by column"),
        (["ab"], (), "Row 0 of a table is 'ab'"),
        ({"a": 1}, (), "Column 'a' of a table is 1: give its cells as a list"),
        ([], "ab", "columns='ab': give the names of the columns as a list"),
        ([], 3, "columns=3"),
    ],
)
def test_what_is_no_table_gets_one_sentence(data, columns, said):
    with pytest.raises(BadInputs, match=said):
        tabulate(data, columns)


def test_a_dataframe_is_shown_with_its_index_when_that_says_something():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {"n": [1, 2], "x": [0.5, None], "when": pandas.to_datetime(["2026-01-01", None])}
    )
    table = tabulate(frame)
    assert table.columns == ("n", "x", "when")
    assert table.rows == ((1, 0.5, "2026-01-01 00:00:00"), (2, None, None))
    assert table.right == (0, 1)
    grouped = tabulate(frame.set_index("n"))
    assert grouped.columns == ("n", "x", "when")
    assert tabulate(frame.n).rows == ((1,), (2,))
    assert tabulate(frame, ["x"]).columns == ("x",)
    deep = pandas.DataFrame([[1]], columns=pandas.MultiIndex.from_tuples([("a", "b")]))
    assert tabulate(deep).columns == ("a / b",)
    wide = pandas.DataFrame([[0] * (COLUMNS + 1)] * (ROWS + 5))
    assert tabulate(wide)[3:] == (5, 1)
    with pytest.raises(BadInputs, match="has not all of them"):
        tabulate(frame, ["none"])


def test_numbers_of_numpy_are_numbers():
    numpy = pytest.importorskip("numpy")
    table = tabulate(numpy.array([[1.5, 2.0], [3.0, numpy.nan]]))
    assert table.rows == ((1.5, 2.0), (3.0, None))
    assert table.right == (0, 1)
    assert tabulate([[numpy.int64(3), numpy.bool_(True)]]).rows == ((3, True),)
