from __future__ import annotations

from datetime import UTC, datetime

from aether_nb.tables import Table

COLUMNS = [("name", lambda x: x[0]), ("n", lambda x: x[1]), ("note", lambda x: x[2])]


def table(*rows):
    return Table(rows, COLUMNS, "Nothing here.")


def test_it_is_a_sequence_of_the_things_themselves():
    rows = table(("a", 1, ""), ("b", 2, ""))
    assert (len(rows), rows[0], rows[-1][0], rows[:1]) == (2, ("a", 1, ""), "b", [("a", 1, "")])
    assert [x[0] for x in rows] == ["a", "b"]


def test_it_prints_aligned_with_a_heading():
    assert repr(table(("Ada", 1, "x"), ("B", 22, "y"))) == "name  n   note\nAda   1   x\nB     22  y"


def test_a_column_without_anything_in_it_is_left_out_of_the_text():
    assert repr(table(("Ada", None, ""), ("B", None, ""))) == "name\nAda\nB"
    assert "<th>note</th>" in table(("Ada", None, ""))._repr_html_()


def test_empty_it_says_so():
    assert repr(table()) == "Nothing here."
    assert table()._repr_html_() == "<p>Nothing here.</p>"


def test_what_is_long_or_has_lines_stays_in_its_row():
    text = repr(table(("a" * 100, 1, "two\nlines\x1b[31m")))
    assert "…" in text
    assert len(text.splitlines()) == 2
    assert "\x1b" not in text


def test_html_is_escaped():
    assert "<td>&lt;b&gt;</td>" in table(("<b>", 1, "x"))._repr_html_()


def test_times_are_local_and_readable():
    at = datetime(2026, 11, 22, 14, 2, tzinfo=UTC)
    assert at.astimezone().strftime("%Y-%m-%d %H:%M:%S") in repr(table(("a", at, "")))
