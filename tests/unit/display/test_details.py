"""One node close up, from events."""

from __future__ import annotations

from typing import Any

from unit.display.samples import BOOM, CHAIN, START_US, Story

from aether_nb import events as ev
from aether_nb.display.details import SOURCE_CHARS, VALUE_CHARS, Details
from aether_nb.display.shapes import DetailShape, TimesShape

TIMES = TimesShape(queued=0, computing=0, waiting=0)


def detail(story: Story, node: str = "a", inputs: Any = None, source: str = "") -> DetailShape:
    details = Details()
    details.apply(*story.events)
    return details.of(node, inputs=inputs or {}, source=source, times=TIMES, log=[])


def attempts(story: Story, node: str = "a") -> list[tuple[int, str]]:
    return [(a["number"], a["status"]) for a in detail(story, node)["attempts"]]


def test_each_attempt_says_when_it_was_and_what_went_wrong_in_it() -> None:
    story = Story(CHAIN).start("a").fail("a", retry_at_us=START_US + 5_000_000).start("a", 2)
    story.tell(ev.NodeFinished, node="a", outputs={"n": 1})
    first, second = detail(story)["attempts"]
    assert first["error"] == "ConnectionError: no such host"
    assert first["frames"] == ["cell 3:12 in check: get(url)"]
    assert first["retry_ms"] == START_US // 1000 + 5_000
    assert (first["status"], second["status"]) == ("failed", "succeeded")
    assert "error" not in second
    assert second["started_ms"] > (first["ended_ms"] or 0)


def test_an_error_in_colours_stands_on_the_page_without_them() -> None:
    red = ev.ErrorInfo(
        message="\x1b[1;31mno such host\x1b[0m\x1b[K: a\x1b[38;5;12mb", error_type="ConnectionError"
    )
    story = Story(CHAIN).start("a").tell(ev.NodeFailed, node="a", error=red)
    assert detail(story)["attempts"][0]["error"] == "ConnectionError: no such host: ab"
    assert story.view.peek()["nodes"][0]["error"] == "ConnectionError: no such host: ab"
    story.tell(ev.RunFailedEvent, node="a", error=red)
    error = story.view.peek()["error"]
    assert error is not None
    assert error["message"] == "ConnectionError: no such host: ab"


def test_a_question_is_one_attempt_from_asking_to_the_end() -> None:
    story = Story(CHAIN).ask("a", "t")
    assert attempts(story) == [(1, "waiting")]
    story.answer("a", "t", "x")
    assert attempts(story) == [(1, "running")]
    story.tell(ev.ReplyRejected, node="a", token="t", problems={"": "no"})
    assert attempts(story) == [(1, "waiting")]
    story.answer("a", "t", "y").tell(ev.NodeFinished, node="a")
    assert attempts(story) == [(1, "succeeded")]


def test_an_attempt_without_outcome_was_lost_when_the_next_begins() -> None:
    story = Story(CHAIN).start("a").tell(ev.RunResumed)
    assert attempts(story) == [(1, "running")]
    story.start("a", 2)
    assert attempts(story) == [(1, "lost"), (2, "running")]


def test_a_graph_that_goes_on_in_the_next_kernel_is_one_attempt() -> None:
    story = Story(CHAIN).start("a").tell(ev.RunResumed).tell(ev.NodeFinished, node="a")
    assert attempts(story) == [(1, "succeeded")]


def test_the_end_of_the_run_cuts_off_what_is_at_work_and_touches_nothing_else() -> None:
    story = Story(CHAIN).finish("a").start("d").tell(ev.RunFailedEvent, error=BOOM)
    assert attempts(story, "a") == [(1, "succeeded")]
    assert attempts(story, "d") == [(1, "cancelled")]


def test_a_call_that_began_at_once_is_an_attempt() -> None:
    assert attempts(Story(None).add("a", started=True)) == [(1, "running")]


def test_of_a_node_that_never_began_there_is_nothing_to_tell() -> None:
    assert detail(Story(CHAIN), "b")["attempts"] == []


def test_a_large_text_is_cut_and_says_how_much_there_is() -> None:
    (shown,) = detail(Story(CHAIN), inputs={"x": "y" * 5_000})["inputs"]
    assert len(shown["text"]) == VALUE_CHARS
    assert shown["cut"] == "the first 2,000 of 5,000 characters"


def test_a_large_value_says_that_it_is_shortened_and_a_small_one_does_not() -> None:
    large, small = detail(Story(CHAIN), inputs={"x": list(range(5_000)), "y": [1, 2]})["inputs"]
    assert large["cut"] == "shortened"
    assert small == {"name": "y", "text": "[1, 2]"}


def test_outputs_are_those_of_the_last_success() -> None:
    story = Story(CHAIN).start("a").tell(ev.NodeFinished, node="a", outputs={"n": 1})
    story.tell(ev.NodeRetried, node="a").start("a").tell(ev.NodeFinished, node="a", outputs={"n": 2})
    assert detail(story)["outputs"] == [{"name": "n", "text": "2"}]


def test_an_object_of_a_class_is_named_and_not_made() -> None:
    stored = {"$": "model", "t": "os:system", "v": {"command": "rm"}}
    (shown,) = detail(Story(CHAIN), inputs={"x": stored})["inputs"]
    assert "model" in shown["text"] or "system" in shown["text"]


def test_code_has_an_end() -> None:
    assert len(detail(Story(CHAIN), source="x" * 10 * SOURCE_CHARS)["source"]) == SOURCE_CHARS
