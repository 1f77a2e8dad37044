from __future__ import annotations

import builtins
import sys
from datetime import UTC, datetime

import pandas as pd
import pytest

from aether_nb.errors import DisplayError
from aether_nb.tables import Column, Table

COLUMNS = [
    Column("name", lambda x: x[0]),
    Column("n", lambda x: x[1], "number"),
    Column("note", lambda x: x[2]),
]
AT = datetime(2026, 11, 22, 14, 2, 0, 123_456, tzinfo=UTC)
LOCAL = AT.astimezone().strftime("%Y-%m-%d %H:%M:%S")
EVIL = "<img src=x onerror=alert(1)>"


def table(*rows):
    return Table(rows, COLUMNS, "Nothing here.")


def one(value, kind):
    return Table([value], [Column("x", lambda x: x, kind)], "")


def test_it_is_a_sequence_of_the_things_themselves():
    rows = table(("a", 1, ""), ("b", 2, ""))
    assert (len(rows), rows[0], rows[-1][0], rows[:1]) == (2, ("a", 1, ""), "b", [("a", 1, "")])
    assert [x[0] for x in rows] == ["a", "b"]


def test_it_prints_aligned_with_a_heading_and_numbers_to_the_right():
    assert repr(table(("Ada", 1, "x"), ("B", 22, "y"))) == "name   n  note\nAda    1  x\nB     22  y"


def test_a_column_without_anything_in_it_is_left_out_of_the_text():
    assert repr(table(("Ada", None, ""), ("B", None, ""))) == "name\nAda\nB"
    assert ">note</th>" in table(("Ada", None, ""))._repr_html_()


def test_empty_it_says_so():
    assert repr(table()) == "Nothing here."
    assert table()._repr_html_() == "<p>Nothing here.</p>"


def test_what_is_long_or_has_lines_stays_in_its_row():
    text = repr(table(("a" * 100, 1, "two\nlines\x1b[31m")))
    assert "…" in text
    assert len(text.splitlines()) == 2
    assert "\x1b" not in text


def test_on_the_page_a_long_cell_is_cut_and_its_tooltip_has_more():
    html = table(("a" * 500, 1, ""))._repr_html_()
    assert f">{'a' * 119}…</td>" in html
    assert f'title="{"a" * 500}"' in html


def test_html_is_escaped_in_cells_tooltips_and_headings():
    html = Table([EVIL, EVIL * 20], [Column(EVIL, lambda x: x)], "")._repr_html_()
    assert "<img" not in html
    assert html.count("&lt;img src=x onerror=alert(1)&gt;</th>") == 1
    assert Table([], COLUMNS, EVIL)._repr_html_() == "<p>&lt;img src=x onerror=alert(1)&gt;</p>"


def test_times_are_local_and_readable():
    assert repr(one(AT, "time")) == f"x\n{LOCAL}"
    assert repr(one(AT, "instant")) == f"x\n{LOCAL}.123"


@pytest.mark.parametrize(
    "status", ["succeeded", "failed", "waiting", "open", "answered", "withdrawn", "of another version"]
)
def test_a_status_has_its_sign_before_it(status):
    signs = {
        "succeeded": "✓ ",
        "failed": "✕ ",
        "waiting": "? ",
        "open": "? ",
        "answered": "✓ ",
        "withdrawn": "⊘ ",
    }
    assert repr(one(status, "status")) == f"x\n{signs.get(status, '')}{status}"


def test_of_very_many_rows_the_beginning_and_the_end_are_shown_and_all_are_there():
    many = table(*((f"r{i}", i, "") for i in range(1000)))
    lines = repr(many).splitlines()
    assert (len(lines), lines[1], lines[40], lines[41], lines[42], lines[-1]) == (
        *(52, "r0      0", "r39    39", "… 950 more", "r990  990", "r999  999"),
    )
    html = many._repr_html_()
    assert html.count("<tr>") == 52
    assert "… 950 more</td>" in html
    assert len(many) == 1000
    assert len(many.text(whole=True).splitlines()) == 1001


def test_only_what_is_shown_is_read():
    read = []
    rows = Table(range(100_000), [Column("n", lambda n: read.append(n) or n, "number")], "")
    repr(rows)
    assert len(read) == 50


def test_its_colours_are_the_hosts():
    html = table(*((f"r{i}", i, "") for i in range(1000)))._repr_html_()
    assert "color" not in html.replace("colspan", "")
    assert "background" not in html


def test_both_forms_come_in_one_bundle():
    rows = table(("a", 1, ""))
    assert rows._repr_mimebundle_() == {"text/plain": repr(rows), "text/html": rows._repr_html_()}


def test_pandas_gets_all_of_it_with_types_that_do_not_depend_on_what_is_missing():
    columns = [
        Column("name", lambda x: x[0]), Column("n", lambda x: x[1], "number"), Column("at", lambda x: x[2], "instant"),
        Column("status", lambda x: x[3], "status"),
    ]  # fmt: skip
    full = Table([("a", 1, AT, "failed")] * 200, columns, "").to_pandas()
    gaps = Table([("a", 1, AT, "failed"), (None, None, None, None)], columns, "").to_pandas()
    assert [str(t) for t in full.dtypes] == [str(t) for t in gaps.dtypes]
    assert (str(full.dtypes["n"]), full.dtypes["name"], full.dtypes["status"]) == (
        "Int64",
        "string",
        "string",
    )
    assert (len(full), full["status"][0], full["at"][0]) == (200, "failed", pd.Timestamp(AT))
    assert str(full["at"].dt.tz) == "UTC"
    assert gaps.isna().to_numpy().tolist() == [[False] * 4, [True] * 4]


def test_an_empty_table_has_its_columns_in_pandas_too():
    frame = Table([], [Column("n", lambda n: n, "number"), Column("at", lambda n: n, "time")], "").to_pandas()
    assert list(frame.columns) == ["n", "at"]
    assert str(frame["at"].dt.tz) == "UTC"


def test_without_pandas_one_sentence_says_so(monkeypatch):
    real = builtins.__import__

    def without(name, *more):
        if name == "pandas":
            raise ImportError(name)
        return real(name, *more)

    monkeypatch.delitem(sys.modules, "pandas")
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(DisplayError, match=r"^pandas is not installed here: `pip install pandas`, or read"):
        table(("a", 1, "")).to_pandas()
