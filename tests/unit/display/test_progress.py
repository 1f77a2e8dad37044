"""A run in words."""

from __future__ import annotations

from typing import Any

import pytest
from unit.display.samples import (
    NEWSLETTER,
    Story,
    golden,
    newsletter_done,
    newsletter_failed,
    newsletter_waiting,
    node,
)

from aether_nb.display.outline import graph_shape
from aether_nb.display.progress import MANY, SAID, html_table, rows, seconds, text_graph, text_table
from aether_nb.graph.model import GraphSpec


@pytest.mark.parametrize(
    ("name", "tell"),
    [("waiting", newsletter_waiting), ("done", newsletter_done), ("failed", newsletter_failed)],
)
def test_a_run_as_text(name: str, tell: Any) -> None:
    shape = tell().view.peek()
    golden(f"{name}_plain.txt", text_table(shape, plain=True) + "\n")
    golden(f"{name}.txt", text_table(shape) + "\n")


def test_a_graph_as_text() -> None:
    golden("newsletter_graph.txt", text_graph(graph_shape(NEWSLETTER)) + "\n")


def test_plain_text_is_the_same_for_two_runs_at_different_times() -> None:
    one, two = newsletter_done().view.peek(), newsletter_done().view.peek()
    two["run_id"] = "another"
    two["created_ms"] += 5
    two["ended_ms"] = 10**13
    for n in two["nodes"]:
        n["ended_ms"] = 10**13
    assert text_table(one, plain=True) == text_table(two, plain=True)
    assert html_table(one, plain=True) == html_table(two, plain=True)
    assert text_table(one) != text_table(two)


def test_nodes_with_the_same_label_are_numbered_in_the_picture() -> None:
    shape = Story(None).add("a", label="double").add("b", label="double", after=("a",)).view.peek()
    assert text_graph(shape).splitlines() == ["demo", "  ○ double (1)", "  ○ double (2)  ← double (1)"]


def test_a_graph_function_that_has_not_run_says_so() -> None:
    assert (
        text_graph(graph_shape(GraphSpec(name="demo", kind="function")))
        == "demo: its nodes appear as it runs"
    )


def test_each_node_comes_after_those_it_needs_and_under_its_parent() -> None:
    spec = GraphSpec(
        name="x", kind="static", nodes=(node("late", "early"), node("early"), node("cycle", "cycle"))
    )
    assert [row.label for row in rows(graph_shape(spec))] == ["early", "late", "cycle"]
    shape = newsletter_waiting().view.peek()
    assert [(row.depth, row.label) for row in rows(shape)][3:5] == [(0, "review"), (1, "check_spelling")]


def test_a_second_attempt_and_an_error_are_told() -> None:
    shape = Story().start("a").fail("a", retry_at_us=1).start("a", attempt=2).fail("a").view.peek()
    shape["nodes"][0]["attempt"] = 2
    assert rows(shape)[0].detail == "attempt 2; ConnectionError: no such host"


def test_a_run_of_very_many_nodes_is_summed_up() -> None:
    spec = GraphSpec(name="many", kind="static", nodes=tuple(node(f"n{i}") for i in range(MANY + 1)))
    shape = Story(spec).finish("n0").view.peek()
    summary = f"{MANY + 1} nodes: {MANY} pending, 1 succeeded"
    assert text_table(shape, plain=True) == f"many: running\n  {summary}"
    assert text_graph(shape) == f"many: {summary}"
    assert html_table(shape) == f"<p>{summary}</p>"


def test_of_many_messages_the_last_are_shown_and_every_open_question() -> None:
    story = Story().ask("a", "t1")
    for i in range(SAID + 5):
        story.say(f"message {i}")
    text = text_table(story.view.peek(), plain=True)
    assert "… 5 earlier" in text
    assert "? Your name?" in text
    assert "message 4\n" not in text
    assert "message 5\n" in text


def test_no_control_character_of_a_user_reaches_the_terminal() -> None:
    story = Story().say("\x1b[31mred\x07").ask("a", "t1").answer("a", "t1", "\x1b]0;title\x07")
    assert "\x1b" not in text_table(story.view.peek())


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (None, ""),
        (0, "0 ms"),
        (999, "999 ms"),
        (1500, "1.5 s"),
        (90_000, "1 min 30 s"),
        (7_500_000, "2 h 5 min"),
    ],
)
def test_a_duration_is_told_in_the_unit_that_fits(ms: int | None, text: str) -> None:
    assert seconds(ms) == text
