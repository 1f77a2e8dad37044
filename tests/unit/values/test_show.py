"""Any value in one harmless line."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aether_nb.values import show


@dataclass
class Point:
    x: int


class Broken:
    def __repr__(self):
        raise RuntimeError("no")


class Liar:
    def __repr__(self):
        return 5

    def __getattribute__(self, name):
        raise RuntimeError(name)


class Multi:
    def __repr__(self):
        return "a\n\x1b[31mb\u202ec"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Ada", "Ada"), ("a\nb\tc", "a b c"), (["Ada"], "['Ada']"), (1, "1"), (None, "None"), (Point(1), "Point(x=1)"),
        (Broken(), "<Broken instance at"), ([Broken()], "[<Broken instance at"), (Liar(), "<Liar"),
        (Multi(), "a \ufffd[31mb\ufffdc"), (b"ab", "b'ab'"), (b"x" * 3_000_000, "<3,000,000 bytes>"),
        ({"b": 1, "a": {2}}, "{'b': 1, 'a': {2}}"), (10**5000, "<int>"), ("👩\u200d👧", "👩\u200d👧"), ("\ud800", "\ufffd"),
    ],
    ids=list(range(16)),
)  # fmt: skip
def test_a_value_is_shown_in_a_few_words(value, text):
    assert show(value).startswith(text)


def test_what_is_long_is_cut():
    for value in (
        "x" * 1000,
        list(range(10**6)),
        dict.fromkeys(range(1000), "y" * 1000),
        [[[[[[1]]]]]] * 100,
    ):
        assert len(show(value)) <= 80
        assert len(show(value, 20)) <= 20
    assert show("x" * 100, 10) == "x" * 9 + "…"


@given(st.text() | st.binary() | st.lists(st.text()), st.integers(1, 200))
@settings(deadline=None)
def test_it_is_one_printable_line_within_the_limit(value, limit):
    line = show(value, limit)
    assert len(line) <= limit
    assert "\n" not in line
    assert line.replace("\u200d", "").isprintable()
