"""The bars of a Gantt chart, from events."""

from __future__ import annotations

from typing import Any

from unit.display.samples import (
    BOOM,
    CHAIN,
    NEWSLETTER,
    START_US,
    STEP_US,
    Story,
    crawl_reworked,
    golden,
    newsletter_done,
)

from aether_nb import events as ev
from aether_nb.display.timeline import Timeline
from aether_nb.graph.model import Each, GraphSpec
from aether_nb.prompts import CallbackPrompt

STEP = STEP_US // 1000


def at(seq: int) -> int:
    """When the event of that number happened."""
    return (START_US + seq * STEP_US) // 1000


def line_of(story: Story, graph: GraphSpec | None = None) -> Timeline:
    line = Timeline("run-1", story.specs.get, graph)
    line.apply(*story.events)
    return line


def bars(story: Story, node: str, graph: GraphSpec | None = None) -> Any:
    return next(r["bars"] for r in line_of(story, graph).since()["rows"] if r["id"] == node)


def told(line: Timeline) -> str:
    """A timeline as text: a row a line, times counted in steps from its beginning."""
    shape = line.since()
    rows = []
    for row in shape["rows"]:
        parts = []
        for kind, begin, end in row["bars"]:
            times = [f"{(t - shape['from_ms']) / STEP:g}" if t else "..." for t in (begin, end)]
            parts.append(f"{kind} {times[0]}-{times[1]}")
        mark = "+" if row["group"] else "-"
        rows.append(
            f"{mark} {row['id']} in {row['parent'] or 'the run'}, {row['status']}: {'; '.join(parts)}"
        )
    return "\n".join([*rows, ""])


def test_the_timelines_are_as_they_were_when_somebody_looked_at_them() -> None:
    golden("timeline_done.txt", told(line_of(newsletter_done(), NEWSLETTER)))
    from unit.display.samples import CRAWL

    golden("timeline_crawl.txt", told(line_of(crawl_reworked(), CRAWL)))


def test_a_place_that_was_waited_for_stands_before_the_work() -> None:
    story = Story(CHAIN).tell(ev.NodeStarted, node="a", queued_ms=500).tell(ev.NodeFinished, node="a")
    assert bars(story, "a", CHAIN) == [("queued", at(2) - 500, at(2)), ("computing", at(2), at(3))]


def test_after_an_answer_the_place_is_waited_for_again() -> None:
    story = Story(CHAIN).ask("a", "t").answer("a", "t", "x").tell(ev.NodeFinished, node="a", queued_ms=200)
    waited, queued, computed = bars(story, "a", CHAIN)
    assert waited[0] == "waiting"
    assert queued == ("queued", at(3), at(3) + 200)
    assert computed == ("computing", at(3) + 200, at(4))


def test_an_answer_ends_the_wait_when_it_was_given_and_not_when_it_was_taken() -> None:
    story = Story(CHAIN).ask("a", "t")
    reply = ev.Reply(value="x", by="", door="", at_ms=at(2) + 5)
    story.tell(ev.ReplyTaken, node="a", token="t", reply=reply)
    assert bars(story, "a", CHAIN)[0] == ("waiting", at(2), at(2) + 5)


def test_people_are_told_apart_from_other_things_that_are_waited_for() -> None:
    story = Story(CHAIN).ask("a", "t", CallbackPrompt(prompt="the cluster", job="j1"))
    assert bars(story, "a", CHAIN) == [("outside", at(2), None)]


def test_each_attempt_has_its_own_bar() -> None:
    story = Story(CHAIN).start("a").fail("a", retry_at_us=START_US).start("a", 2)
    assert bars(story, "a", CHAIN) == [("computing", at(2), at(3)), ("computing", at(4), None)]


def test_a_refused_answer_leaves_the_question_open() -> None:
    story = Story(CHAIN).ask("a", "t").answer("a", "t", "x")
    story.tell(ev.ReplyRejected, node="a", token="t", problems={"": "no"})
    assert bars(story, "a", CHAIN)[-1] == ("waiting", at(4), None)


def test_what_a_dead_kernel_computed_ends_with_its_last_event_and_questions_go_on() -> None:
    story = Story(CHAIN).start("a").ask("d", "t").tell(ev.RunResumed)
    assert bars(story, "a", CHAIN) == [("computing", at(2), at(3))]
    assert bars(story, "d", CHAIN) == [("waiting", at(3), None)]


def test_the_second_half_of_an_ask_begins_again_in_the_next_kernel_by_itself() -> None:
    story = (
        Story(CHAIN).ask("a", "t").answer("a", "t", "x").tell(ev.RunResumed).tell(ev.NodeFinished, node="a")
    )
    assert bars(story, "a", CHAIN)[-1] == ("computing", at(4), at(5))


def test_the_end_of_a_run_ends_every_bar() -> None:
    story = Story(CHAIN).start("a").ask("d", "t").tell(ev.RunFailedEvent, error=BOOM)
    assert [row["bars"][-1][2] for row in line_of(story, CHAIN).since()["rows"]] == [at(4), at(4)]


def test_what_calls_others_is_a_group() -> None:
    story = Story(None).add("a", started=True)
    line = line_of(story)
    seq = line.since()["seq"]
    assert not line.since()["rows"][0]["group"]
    story.add("a/b", parent="a", started=True)
    line.apply(story.events[-1])
    assert [(r["id"], r["group"]) for r in line.since(seq)["rows"]] == [("a", True), ("a/b", False)]


def test_only_rows_that_changed_are_told_again() -> None:
    story = Story(CHAIN).finish("a").start("b")
    line = line_of(story, CHAIN)
    seq = line.since()["seq"]
    assert line.since(seq)["rows"] == []
    story.tell(ev.NodeFinished, node="b")
    line.apply(story.events[-1])
    assert [row["id"] for row in line.since(seq)["rows"]] == ["b"]


def test_the_items_of_a_map_have_rows_of_their_own_under_it() -> None:
    each = Each(kind="tool", over="x", outputs=("y",))
    story = Story(None).add("m", name="load", kind="map", each=each).start("m", items=("i0", "i1"))
    story.start("m/i0")
    rows = line_of(story).since()["rows"]
    assert [(r["label"], r["parent"], r["group"]) for r in rows] == [
        ("load", "", True),
        ("load[0]", "m", False),
    ]
