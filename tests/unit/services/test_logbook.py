"""The last lines of each node."""

from __future__ import annotations

from aether_nb.services.logbook import LINE_CHARS, LINES, NODES, Logbook


def test_a_node_keeps_its_last_lines() -> None:
    book = Logbook()
    for n in range(LINES + 5):
        book.write("r", "a", n, "INFO", str(n))
    assert [line.text for line in book.read("r", "a")] == [str(n) for n in range(5, LINES + 5)]


def test_nodes_and_runs_are_kept_apart() -> None:
    book = Logbook()
    book.write("r", "a", 1, "INFO", "here")
    book.write("other", "a", 1, "INFO", "there")
    assert [line.text for line in book.read("r", "a")] == ["here"]
    assert book.read("r", "b") == []


def test_of_very_many_nodes_those_are_kept_that_wrote_last() -> None:
    book = Logbook()
    for n in range(NODES):
        book.write("r", str(n), 0, "INFO", "x")
    book.write("r", "0", 0, "INFO", "again")
    book.write("r", "new", 0, "INFO", "x")
    assert book.read("r", "0")
    assert not book.read("r", "1")


def test_a_line_has_an_end() -> None:
    book = Logbook()
    book.write("r", "a", 1, "INFO", "x" * 10 * LINE_CHARS)
    assert len(book.read("r", "a")[0].text) == LINE_CHARS


def test_a_run_that_begins_anew_has_no_lines() -> None:
    book = Logbook()
    book.write("r", "a", 1, "INFO", "x")
    book.forget("r")
    assert book.read("r", "a") == []


def test_what_is_printed_comes_in_pieces_and_stands_there_in_lines() -> None:
    book = Logbook()
    for piece in ("one", " ", "1", "\n", "two\n\nthr", "ee", "\n", "\x1b[31mred\x1b[0m"):
        book.printed("r", "a", 1, piece)
    assert [(line.level, line.text) for line in book.read("r", "a")] == [
        ("", "one 1"), ("", "two"), ("", ""), ("", "three"), ("", "red"),
    ]  # fmt: skip
    book.write("r", "a", 2, "INFO", "between")
    book.printed("r", "a", 3, "after")
    assert [line.text for line in book.read("r", "a")][-3:] == ["red", "between", "after"]


def test_a_line_that_is_printed_over_is_one_line() -> None:
    book = Logbook()
    for piece in ("10 %\r", "20 %\r", "\r30 %", "\r", "done\r\n", "next\n"):
        book.printed("r", "a", 1, piece)
    assert [line.text for line in book.read("r", "a")] == ["done", "next"]
