"""The fold from events to what a page shows."""

from __future__ import annotations

import json
from typing import Any

import pytest
from unit.display.samples import (
    BOOM,
    CALL,
    CHAIN,
    CRAWL,
    NEWSLETTER,
    REVIEW,
    START_US,
    Files,
    Story,
    crawl_reworked,
    newsletter_done,
    newsletter_failed,
    newsletter_waiting,
    node,
)

from aether_nb import events as ev
from aether_nb.display.progress import said
from aether_nb.display.talk import FILE_BYTES
from aether_nb.display.view import RunView
from aether_nb.graph.model import replace
from aether_nb.messages import Bar, Message
from aether_nb.prompts import (
    ApprovalPrompt,
    CallbackPrompt,
    ChoicePrompt,
    DatePrompt,
    FilesPrompt,
    FormPrompt,
    NumberPrompt,
    Option,
    Reply,
    TextOrFilesPrompt,
    TextPrompt,
)


def merged(shape: Any, patch: Any) -> Any:
    """What a page makes of a patch."""
    shape = {**shape, "seq": patch["seq"]}
    for name, key in (("nodes", "id"), ("prompts", "token"), ("messages", "id")):
        items = {item[key]: item for item in shape[name]}
        items |= {item[key]: item for item in patch.get(name, [])}
        shape[name] = list(items.values())
    nodes = {node["id"]: node for node in shape["nodes"]}
    for node_id, *mark in patch.get("marks", []):
        names = ("status", "attempt", "started_ms", "ended_ms")
        nodes[node_id] = nodes[node_id] | dict(zip(names, mark, strict=True))
    shape["nodes"] = list(nodes.values())
    for more in patch.get("grown", []):
        (known,) = (m for m in shape["messages"] if m["id"] == more["id"])
        assert len(known["text"].encode("utf-16-le")) == 2 * more["at"]
        grown = {**known, "text": known["text"] + more["text"], "state": more["state"]}
        shape["messages"] = [grown if m is known else m for m in shape["messages"]]
    shape["edges"] = [*shape["edges"], *patch.get("edges", [])]
    return shape | {k: patch[k] for k in ("status", "ended_ms", "note", "outputs", "error") if k in patch}


def test_a_static_graph_is_all_there_before_anything_happens() -> None:
    shape = Story(NEWSLETTER).view.peek()
    assert {n["status"] for n in shape["nodes"]} == {"pending"}
    assert [n["id"] for n in shape["nodes"] if n["parent"] == "rev"] == [
        "rev/spelling",
        "rev/facts",
        "rev/ok",
    ]
    assert ("rev/facts", "rev/ok") in shape["edges"]
    assert ("rev", "publish") in shape["edges"]


def test_an_edge_stands_once_though_data_and_order_both_ask_for_it() -> None:
    edges = Story(NEWSLETTER).view.peek()["edges"]
    assert len(edges) == len(set(edges))


def test_the_graph_is_found_by_its_key_when_it_was_not_given() -> None:
    story = Story(None)
    story.specs["abc"] = CHAIN
    story.view.apply(ev.RunStarted(run="r", seq=2, at_us=START_US, graph="chain", spec="abc"))
    assert list(story.statuses()) == ["a", "b", "c", "d"]


def test_nodes_of_a_graph_function_come_as_it_runs_with_the_edges_they_name() -> None:
    story = Story(None).add("ask", kind="ask").add("shout", after=("ask",))
    story.add("inner", parent="shout", label="Look inside")
    shape = story.view.peek()
    assert shape["edges"] == [("ask", "shout")]
    assert [(n["parent"], n["label"]) for n in shape["nodes"]] == [
        ("", "ask"),
        ("", "shout"),
        ("shout", "Look inside"),
    ]


def test_a_call_that_began_at_once_is_shown_as_running() -> None:
    story = Story(None).add("a", started=True)
    node = story.view.peek()["nodes"][0]
    assert (node["status"], node["attempt"]) == ("running", 1)
    assert node["started_ms"] == story.events[-1].at_us // 1000


def test_a_graph_added_by_a_function_opens_to_its_nodes() -> None:
    story = Story(None)
    story.specs["abc"] = REVIEW
    story.add("review", kind="graph", spec="abc")
    assert list(story.statuses()) == ["review", "review/spelling", "review/facts", "review/ok"]


def test_a_node_added_again_on_replay_is_the_same_node() -> None:
    story = Story(None).add("a").finish("a").add("a")
    assert story.statuses() == {"a": "succeeded"}


def test_a_node_goes_from_pending_to_succeeded_with_its_times() -> None:
    story = Story().start("a")
    assert story.statuses()["a"] == "running"
    story.tell(ev.NodeFinished, node="a")
    done = story.view.peek()["nodes"][0]
    assert (done["status"], done["attempt"]) == ("succeeded", 1)
    assert done["ended_ms"] - done["started_ms"] == 700  # type: ignore[operator]


def test_an_open_wait_makes_its_node_and_run_wait_and_the_reply_lets_them_go_on() -> None:
    story = Story().ask("a", "t1", deadline_ms=9)
    shape = story.view.peek()
    assert (shape["status"], story.statuses()["a"]) == ("waiting", "waiting")
    assert shape["nodes"][0]["started_ms"] is not None
    assert shape["prompts"][0]["state"] == "open"
    assert shape["prompts"][0]["prompt"]["prompt"] == "Your name?"
    shape = story.answer("a", "t1", "Ada").view.peek()
    assert (shape["status"], story.statuses()["a"]) == ("running", "running")
    assert shape["prompts"][0]["state"] == "answered"
    assert shape["prompts"][0]["reply"] == {
        "text": "Ada",
        "by": "ana",
        "door": "inbox",
        "at_ms": START_US // 1000,
    }


def test_a_run_is_running_as_long_as_another_node_computes() -> None:
    story = Story().start("d").ask("a", "t1")
    assert story.view.peek()["status"] == "running"
    assert story.tell(ev.NodeFinished, node="d").view.peek()["status"] == "waiting"


def test_a_tool_that_asks_in_its_body_does_not_count_as_computing() -> None:
    story = Story(None).add("tool").start("tool").add("ask", kind="ask", parent="tool").ask("ask", "t1")
    assert story.view.peek()["status"] == "waiting"


def test_a_graph_as_a_node_does_not_count_as_computing() -> None:
    assert newsletter_waiting().view.peek()["status"] == "waiting"


COLOURS = ChoicePrompt(
    prompt="?",
    options=tuple(
        Option(value=v, label=label) for v, label in ((1, "Red"), (True, "Yes"), (None, "Nothing"))
    ),
)
FORM = FormPrompt(
    prompt="?",
    fields={
        "type": "object",
        "properties": {
            "name": {"title": "Name", "type": "string"},
            "age": {"type": "integer"},
            "home": {"title": "Home", "type": "object", "properties": {"street": {"type": "string"}}},
        },
    },
)


@pytest.mark.parametrize(
    ("prompt", "value", "text"),
    [
        (TextPrompt(prompt="?"), "Ada\nLovelace", "Ada\nLovelace"),
        (ApprovalPrompt(prompt="?"), {"choice": "Approve", "approved": True}, "Approve"),
        (
            FilesPrompt(prompt="?"),
            {"files": [{"name": "a.csv"}, {"path": "/x/b.csv"}], "text": ""},
            "a.csv, b.csv",
        ),
        (
            FilesPrompt(prompt="?"),
            {"files": [{"name": "a.csv"}], "text": "the new one"},
            "a.csv: the new one",
        ),
        (CallbackPrompt(prompt="?"), {"url": "x"}, "{'url': 'x'}"),
        (TextPrompt(prompt="?", secret=True), {"$": "secret", "v": "a", "id": "x"}, "••••"),
        (
            ApprovalPrompt(prompt="?", reason="optional"),
            {"choice": "Reject", "approved": False, "reason": "too long"},
            "Reject: too long",
        ),
        (COLOURS, 1, "Red"),
        (COLOURS, True, "Yes"),
        (COLOURS.model_copy(update={"multiple": True}), [1, None], "Red, Nothing"),
        (COLOURS.model_copy(update={"multiple": True}), [], "none"),
        (NumberPrompt(prompt="?", unit="kg"), 3.5, "3.5 kg"),
        (DatePrompt(prompt="?", time=True), "2026-11-27T14:00:00+01:00", "2026-11-27 14:00:00+01:00"),
        (TextOrFilesPrompt(prompt="?"), {"files": [], "text": "a word"}, "a word"),
        (
            FORM,
            {"name": "Ada", "age": None, "tags": [], "ok": False, "home": {"street": "<Here>"}},
            "Name: Ada; ok: no; Home: (street: <Here>)",
        ),
    ],
)
def test_an_answer_is_shown_in_the_way_of_its_kind(prompt: Any, value: Any, text: str) -> None:
    shape = Story().ask("a", "t1", prompt).answer("a", "t1", value).view.peek()
    assert shape["prompts"][0]["reply"]["text"] == text  # type: ignore[index]


def test_a_refused_reply_opens_the_prompt_again_and_says_why() -> None:
    story = Story().ask("a", "t1").answer("a", "t1", "x")
    story.tell(ev.ReplyRejected, node="a", token="t1", problems={"": "too short"})
    shape = story.view.peek()
    assert (shape["status"], story.statuses()["a"]) == ("waiting", "waiting")
    assert shape["prompts"][0]["state"] == "open"
    assert shape["prompts"][0]["reply"] is None
    assert shape["prompts"][0]["problems"] == {"": "too short"}


def test_an_answer_from_another_door_shows_before_the_log_has_it() -> None:
    story = Story().ask("a", "t1")
    story.view.snapshot()
    story.view.wait_answered("t1", Reply(value="Ada", by="ben", door="cli"))
    patch = story.view.patch()
    assert patch is not None
    assert patch["prompts"][0]["reply"]["text"] == "Ada"  # type: ignore[index]
    story.view.wait_answered("t1", Reply(value="Bob"))
    assert story.view.patch() is None


def test_an_expired_wait_closes_and_its_node_goes_on() -> None:
    story = Story().ask("a", "t1").tell(ev.WaitExpired, node="a", token="t1")
    assert story.view.peek()["prompts"][0]["state"] == "expired"
    assert story.statuses()["a"] == "running"


def test_a_withdrawn_wait_closes_and_its_node_is_cancelled() -> None:
    story = Story().ask("a", "t1").tell(ev.WaitWithdrawn, node="a", token="t1")
    assert story.view.peek()["prompts"][0]["state"] == "withdrawn"
    assert story.statuses()["a"] == "cancelled"


def test_what_a_poll_raised_stands_at_the_node_until_one_does_not_raise() -> None:
    story = Story().ask("a", "t1")
    story.view.snapshot()
    story.tell(ev.WaitPolled, node="a", token="t1", n=1, next_at_us=1, problem="OSError: no route\nat all")
    patch = story.view.patch()
    assert patch is not None
    assert [(n["id"], n["status"], n["error"]) for n in patch["nodes"]] == [
        ("a", "waiting", "OSError: no route")
    ]
    story.tell(ev.WaitPolled, node="a", token="t1", n=2, next_at_us=1)
    assert story.view.peek()["nodes"][0]["error"] == ""
    story.view.snapshot()
    story.tell(ev.WaitPolled, node="a", token="t1", n=3, next_at_us=1)
    assert story.view.patch() is None


def test_what_an_on_cancel_raised_stands_at_the_node_and_hides_no_failure() -> None:
    told = {"node": "a", "token": "t1"}
    story = (
        Story()
        .ask("a", "t1")
        .tell(ev.WaitWithdrawn, **told)
        .tell(ev.WithdrawalTold, problem="OSError: no", **told)
    )
    assert story.view.peek()["nodes"][0]["error"] == "on_cancel: OSError: no"
    story = Story().ask("a", "t1").tell(ev.WaitWithdrawn, **told).fail("a")
    story.tell(ev.WithdrawalTold, problem="OSError: no", **told).tell(ev.WithdrawalTold, **told)
    assert story.view.peek()["nodes"][0]["error"] == "ConnectionError: no such host"


def test_a_node_that_a_person_cancelled_says_who_and_what_depends_on_it_is_skipped() -> None:
    story = Story().start("a").tell(ev.NodeCancelled, node="a", by="ana")
    assert story.statuses() == {"a": "cancelled", "b": "skipped", "c": "skipped", "d": "pending"}
    assert story.view.peek()["nodes"][0]["error"] == "cancelled by ana"


def test_a_failure_with_a_retry_to_come_is_pending_with_its_error() -> None:
    story = Story().start("a").fail("a", retry_at_us=START_US * 2)
    first = story.view.peek()["nodes"][0]
    assert (first["status"], first["error"]) == ("pending", "ConnectionError: no such host")
    assert story.statuses()["b"] == "pending"
    again = story.start("a", attempt=2).view.peek()["nodes"][0]
    assert (again["status"], again["attempt"], again["error"]) == ("running", 2, "")


def test_a_final_failure_skips_what_follows_and_nothing_else() -> None:
    story = Story().start("a").fail("a")
    assert story.statuses() == {"a": "failed", "b": "skipped", "c": "skipped", "d": "pending"}


def test_a_skipped_sub_graph_is_skipped_with_all_that_is_inside() -> None:
    story = Story(NEWSLETTER).start("fetch").fail("fetch")
    assert {i for i, s in story.statuses().items() if s == "pending"} == {"who"}


def test_a_retried_node_brings_back_what_hung_on_it_and_on_no_other_failure() -> None:
    spec = replace(CHAIN, nodes=(*CHAIN.nodes, node("e", "c", "d")))
    story = (
        Story(spec).start("a").fail("a").start("d").fail("d").tell(ev.RunFailedEvent, error=BOOM, node="a")
    )
    shape = story.start("a", attempt=2).view.peek()
    assert (shape["status"], shape["error"], shape["ended_ms"]) == ("running", None, None)
    assert story.statuses() == {"a": "running", "b": "pending", "c": "pending", "d": "failed", "e": "skipped"}


def test_what_stands_around_a_node_goes_on_with_it_when_it_was_cancelled_and_is_retried() -> None:
    story = Story(None)
    story.specs["abc"] = REVIEW
    story.add("outer", kind="fn").start("outer").add("outer/review", kind="graph", spec="abc", parent="outer")
    story.start("outer/review").start("outer/review/facts")
    for node_id in ("outer/review", "outer/review/facts"):
        story.tell(ev.NodeCancelled, node=node_id)
    story.fail("outer").tell(ev.RunFailedEvent, error=BOOM, node="outer").tell(ev.NodeRetried, node="outer")
    story.start("outer", attempt=2).ask("outer/review/facts", "t1")
    found = story.statuses()
    assert (found["outer"], found["outer/review"], found["outer/review/facts"]) == (
        "running",
        "running",
        "waiting",
    )


def test_a_cancelled_run_leaves_nothing_unfinished_and_no_question_open() -> None:
    story = Story().finish("d").ask("a", "t1").tell(ev.RunCancelledEvent)
    shape = story.view.peek()
    assert shape["status"] == "cancelled"
    assert story.statuses() == {"a": "cancelled", "b": "cancelled", "c": "cancelled", "d": "succeeded"}
    assert shape["prompts"][0]["state"] == "withdrawn"


def test_a_finished_run_shows_its_outputs_as_text() -> None:
    shape = newsletter_done().view.peek()
    assert shape["status"] == "succeeded"
    assert shape["outputs"] == [{"name": "url", "text": "https://example.org/bees"}]
    assert shape["ended_ms"] > shape["created_ms"]  # type: ignore[operator]


def test_an_output_whose_class_is_not_here_is_shown_all_the_same() -> None:
    story = Story().tell(ev.RunFinished, outputs={"x": {"$": "model", "c": "m:Gone", "v": {"a": 1}}})
    assert story.view.peek()["outputs"][0]["text"]


def test_a_failed_run_says_where_and_with_what_inputs() -> None:
    error = newsletter_failed().view.peek()["error"]
    assert error == {
        "message": "ConnectionError: no such host",
        "node": "rev/facts",
        "frames": ["cell 3:12 in check: get(url)"],
        "inputs": {"url": "'api.example'"},
    }


def test_our_own_errors_are_shown_without_their_class() -> None:
    error = ev.ErrorInfo(message="Nobody answered in time.", error_type="WaitTimeout")
    shape = Story().tell(ev.RunFailedEvent, error=error).view.peek()
    assert shape["error"]["message"] == "Nobody answered in time."  # type: ignore[index]


def test_a_blocked_run_keeps_its_questions_open_and_a_resume_unblocks_it() -> None:
    story = Story().ask("a", "t1").tell(ev.RunBlockedEvent, reason="The journal disagrees.")
    shape = story.view.peek()
    assert (shape["status"], shape["prompts"][0]["state"]) == ("blocked", "open")
    assert shape["error"]["message"] == "The journal disagrees."  # type: ignore[index]
    shape = story.tell(ev.RunResumed).view.peek()
    assert (shape["status"], shape["error"]) == ("waiting", None)


def test_after_a_restart_what_was_running_is_back_in_the_queue() -> None:
    story = Story().start("a").ask("d", "t1").tell(ev.RunResumed)
    assert story.statuses() == {"a": "pending", "b": "pending", "c": "pending", "d": "waiting"}


def test_an_edited_graph_takes_the_place_of_what_had_not_begun() -> None:
    story = Story().finish("a")
    story.specs["new"] = replace(CHAIN, nodes=(node("a"), node("z", "a")))
    story.view.snapshot()
    story.tell(ev.RunResumed, spec="new")
    shape = story.view.peek()
    assert story.statuses() == {"a": "succeeded", "z": "pending"}
    assert shape["edges"] == [("a", "z")]
    patch = story.view.patch()
    assert patch is not None
    assert patch["base"] == -1  # no page has this, so every page asks for the whole


def test_a_node_that_only_an_old_log_knows_is_shown_by_the_end_of_its_id() -> None:
    story = Story().finish("gone/old_step")
    last = story.view.peek()["nodes"][-1]
    assert (last["label"], last["parent"], last["status"]) == ("old_step", "", "succeeded")


def test_messages_keep_their_place_in_the_log_and_cells_are_as_people_read_them() -> None:
    rows = ((1, None), (0.1 + 0.2, "x"))
    story = Story().say("hello").say(kind="table", columns=("a", "b"), rows=rows, right=(0,), more_rows=7)
    first, second = story.view.peek()["messages"]
    assert (first["text"], first["seq"], first["id"]) == ("hello", 2, "2")
    assert second["table"] == {
        "columns": ["a", "b"],
        "rows": [["1", None], ["0.3", "x"]],
        "right": [0],
        "more_rows": 7,
        "more_columns": 0,
    }


def test_an_image_comes_as_a_data_url_and_only_if_it_is_one() -> None:
    story = Story(files=Files(aa=b"\x89PNG"))
    story.say(kind="image", sha256="a" * 64, media_type="image/png")
    story.say(kind="image", sha256="b" * 64, media_type="image/png", size=3)
    story.say(kind="image", sha256="a" * 64, media_type='image/png" onerror="x')
    shown, gone, bad = story.view.peek()["messages"]
    assert shown.get("src") == "data:image/png;base64,iVBORw=="
    assert "src" not in gone
    assert gone.get("file") == {"size": 3, "path": "/artifacts/bb", "href": ""}
    assert "src" not in bad


def test_a_small_file_comes_with_its_bytes_and_a_large_one_with_its_place() -> None:
    story = Story(files=Files(aa=b"abc", bb=b"not read"))
    story.say(kind="file", name="a.html", sha256="a" * 64, media_type="text/html", size=3)
    story.say(kind="file", name="b.bin", sha256="b" * 64, size=FILE_BYTES + 1)
    story.say(kind="file", name="c", sha256="../../etc/passwd", size=1)
    small, large, strange = (m.get("file") for m in story.view.peek()["messages"])
    assert small == {
        "size": 3,
        "path": "/artifacts/aa",
        "href": "data:application/octet-stream;base64,YWJj",  # never as a page
    }
    assert large == {"size": FILE_BYTES + 1, "path": "/artifacts/bb", "href": ""}
    assert strange == {"size": 1, "path": "", "href": ""}


# -- what is being told ------------------------------------------------------------------------------


def test_of_a_stream_a_page_is_sent_only_what_is_new() -> None:
    story = Story().live("s", "Once ")
    page = story.view.snapshot()
    story.live("s", "upon 😀 ", start=5).live("s", "a", start=12)
    patch = story.view.patch()
    assert patch is not None
    assert patch.get("grown") == [{"id": "s", "at": 5, "text": "upon 😀 a", "state": "live"}]
    assert "messages" not in patch
    page = merged(page, patch)
    place = (1, 1)
    story.live("s", " time", start=13).end("s", Message(text="Once upon 😀 a time."), place)
    patch = story.view.patch()
    assert patch is not None
    assert patch.get("grown") == [{"id": "s", "at": 14, "text": " time.", "state": "said"}]
    assert merged(page, patch)["messages"] == story.view.peek()["messages"]
    assert story.view.peek()["messages"][0]["text"] == "Once upon 😀 a time."


def test_who_comes_late_to_a_stream_is_told_nothing_twice() -> None:
    story = Story().live("s", "Once upon a t")
    story.live("s", " time", start=11)  # two letters of which were in what it began with
    assert story.view.peek()["messages"][0]["text"] == "Once upon a time"


def test_what_began_again_stands_in_place_of_the_old_one() -> None:
    story = Story().live("s", "Once upon").say("between")
    story.view.snapshot()
    story.live("s", "Twice", place=(5, 1))
    patch = story.view.patch()
    assert patch is not None
    assert [(m["id"], m["text"]) for m in patch.get("messages", [])] == [("s", "Twice")]
    assert [m["id"] for m in story.view.peek()["messages"]] == ["s", "2"]


def test_a_bar_stands_where_it_began_also_in_a_log_that_tells_of_it_last() -> None:
    bar = Message(kind="progress", text="Reading", bar=Bar(done=3, total=3))
    live = Story().say("before").live("b", "", message=bar, place=(2, 1)).say("within")
    told = Story().say("before").say("within").end("b", bar, (2, 1))
    for story in (live, told):
        _, order = said(story.view.peek(), lambda _: "", lambda m: m["text"])
        assert order == ["before", "Reading", "within"]


def test_a_bar_says_how_far_and_how_fast_and_at_its_end_how_long_it_took() -> None:
    bar = Bar(done=40, total=100, rate=3.14159, took_us=13_000_000)
    story = Story().live("b", "", message=Message(kind="progress", text="Reading", bar=bar))
    assert story.view.peek()["messages"][0].get("bar") == {
        "done": 40,
        "total": 100,
        "count": "40/100",
        "pace": "3.1/s, 19 s left",
    }
    ended = Message(kind="progress", text="Reading", bar=Bar(done=100, total=100, took_us=32_000_000))
    story.end("b", ended, (1, 1))
    assert story.view.peek()["messages"][0].get("bar") == {
        "done": 100,
        "total": 100,
        "count": "100/100",
        "pace": "32.0 s, 3.1/s",
    }


def test_what_goes_on_when_the_run_ends_is_broken_off() -> None:
    story = Story().live("s", "Once").say("said")
    story.tell(ev.RunCancelledEvent)
    assert [m["state"] for m in story.view.peek()["messages"]] == ["stopped", "said"]


def test_an_end_that_comes_with_an_error_was_broken_off_and_a_later_one_takes_its_place() -> None:
    story = Story().end("s", Message(text="Once"), (1, 1), error=BOOM)
    assert [m["state"] for m in story.view.peek()["messages"]] == ["stopped"]
    story.end("s", Message(text="Once upon"), (1, 1))
    assert [(m["text"], m["state"]) for m in story.view.peek()["messages"]] == [("Once upon", "said")]


def test_an_event_that_is_in_already_changes_nothing() -> None:
    story = Story().finish("a")
    story.view.snapshot()
    story.view.apply(ev.NodeStarted(run="run-1", seq=2, at_us=START_US, node="a"))
    assert story.view.patch() is None


def test_an_event_that_no_page_shows_makes_no_patch() -> None:
    story = Story()
    story.view.snapshot()
    story.tell(ev.CallRecorded, node="", call=CALL)
    assert story.view.patch() is None
    patch = story.start("a").view.patch()
    assert patch is not None
    assert (patch["base"], patch["seq"]) == (1, 3)


def test_a_node_travels_whole_when_it_is_new_or_has_an_error_and_once_more_when_it_is_well_again() -> None:
    def whole(story: Story) -> list[str]:
        patch = story.view.patch()
        assert patch is not None
        return [n["id"] for n in patch.get("nodes", [])]

    story = Story(None)
    story.view.snapshot()
    assert whole(story.add("a")) == ["a"]
    assert whole(story.start("a")) == []
    assert whole(story.fail("a", retry_at_us=START_US)) == ["a"]
    assert whole(story.start("a", 2)) == ["a"]
    assert whole(story.tell(ev.NodeFinished, node="a")) == []


def test_a_page_that_takes_all_patches_knows_what_the_kernel_knows() -> None:
    tales = ((newsletter_done, NEWSLETTER), (newsletter_failed, NEWSLETTER), (crawl_reworked, CRAWL))
    for made, graph in tales:
        story = made()
        view = RunView("run-1", graph, {}.get)
        shape: Any = view.snapshot()
        for event in story.events:
            view.apply(event)
            patch = view.patch()
            shape = shape if patch is None else merged(shape, patch)
        assert shape["nodes"] == view.peek()["nodes"]
        assert shape["edges"] == view.peek()["edges"]


def test_a_patch_has_each_changed_node_once_and_only_those() -> None:
    story = Story()
    story.view.snapshot()
    patch = story.finish("a").start("b").view.patch()
    assert patch is not None
    assert [mark[:2] for mark in patch["marks"]] == [("a", "succeeded"), ("b", "running")]
    assert patch.keys() == {"base", "seq", "marks"}
    assert story.view.patch() is None


def test_a_note_travels_without_an_event() -> None:
    story = Story()
    story.view.snapshot()
    story.view.note("stored result of 14:02")
    assert story.view.patch() == {"base": 1, "seq": 1, "note": "stored result of 14:02"}
    story.view.note("stored result of 14:02")
    assert story.view.patch() is None


def test_peeking_takes_nothing_from_the_next_patch() -> None:
    story = Story()
    story.view.snapshot()
    story.start("a").view.peek()
    assert story.view.patch() is not None


def test_what_was_handed_out_does_not_change_any_more() -> None:
    story = Story().ask("a", "t1")
    before = story.view.snapshot()
    kept = json.dumps(before)
    story.answer("a", "t1", "Ada").tell(ev.NodeFinished, node="a").tell(ev.RunFinished)
    assert json.dumps(before) == kept


def test_the_layout_is_new_only_when_nodes_or_edges_come() -> None:
    story = Story(None).add("a")
    drawn = story.view.structure
    story.start("a").say("hi").tell(ev.NodeFinished, node="a")
    assert story.view.structure == drawn
    assert story.add("b", after=("a",)).view.structure > drawn


@pytest.mark.parametrize("tell", [newsletter_waiting, newsletter_done, newsletter_failed])
def test_patches_event_by_event_add_up_to_the_whole(tell: Any) -> None:
    story = tell()
    view = RunView("run-1", NEWSLETTER, story.specs.get)
    view.apply(story.events[0])
    page: Any = view.snapshot()
    for event in story.events[1:]:
        view.apply(event)
        if patch := view.patch():
            page = merged(page, patch)
    assert page == story.view.peek()


# -- maps and choices ----------------------------------------------------------------------------


def test_what_is_inside_a_map_is_counted_and_not_listed() -> None:
    story = crawl_reworked()
    shape = story.view.peek()
    assert [n["id"] for n in shape["nodes"]] == [n.id for n in CRAWL.nodes]
    pages = next(n for n in shape["nodes"] if n["id"] == "pages")
    assert pages["count"] == {"done": 2, "failed": 1, "total": 3}
    assert shape["edges"] == Story(CRAWL).view.peek()["edges"]


def test_a_patch_has_the_map_whose_count_changed_and_the_snapshot_before_it_has_not() -> None:
    story = Story(CRAWL).start("pages", items=("a", "b"))
    before = story.view.snapshot()
    story.start("pages/a").tell(ev.NodeFinished, node="pages/a")
    patch = story.view.patch()
    assert patch is not None
    assert [(n["id"], n["count"]["done"]) for n in patch["nodes"]] == [("pages", 1)]
    assert merged(before, patch) == story.view.peek()
    assert next(n for n in before["nodes"] if n["id"] == "pages")["count"]["done"] == 0


def test_a_run_waits_when_all_that_is_open_inside_a_map_waits() -> None:
    story = Story(CRAWL).finish("find").start("pages", items=("a", "b"))
    story.start("pages/a").ask("pages/a/q", "t1")
    assert story.view.status == "waiting"
    story.start("pages/b")
    assert story.view.status == "running"
    story.ask("pages/b/q", "t2")
    assert story.view.status == "waiting"
    assert [p["node"] for p in story.view.peek()["prompts"]] == ["pages/a/q", "pages/b/q"]
    story.answer("pages/a/q", "t1", "x")
    assert story.view.status == "running"


def test_a_list_that_was_edited_keeps_the_counts_of_what_stays_in_it() -> None:
    story = Story(CRAWL).start("pages", items=("a", "b"))
    story.finish("pages/a").start("pages/b").fail("pages/b").start("pages", items=("c", "a"))
    pages = next(n for n in story.view.peek()["nodes"] if n["id"] == "pages")
    assert pages["count"] == {"done": 1, "failed": 0, "total": 2}


def test_an_item_that_is_tried_again_is_no_failure_any_more_and_its_map_runs() -> None:
    story = Story(CRAWL).start("pages", items=("a",)).start("pages/a").fail("pages/a").fail("pages")
    assert story.statuses()["ok"] == "skipped"
    story.tell(ev.RunFailedEvent, error=BOOM, node="pages/a").tell(ev.NodeRetried, node="pages/a")
    pages = next(n for n in story.view.peek()["nodes"] if n["id"] == "pages")
    assert (pages["status"], pages["error"], pages["count"]["failed"]) == ("running", "", 0)
    assert story.statuses()["ok"] == "pending"


def test_the_branch_that_is_not_taken_is_skipped_and_nothing_after_it() -> None:
    statuses = Story(CRAWL).finish("ok").tell(ev.BranchTaken, node="w", branch="then").statuses()
    assert {statuses[n] for n in ("outline", "rework")} == {"skipped"}
    assert {statuses[n] for n in ("publish", "mail")} == {"pending"}
    assert statuses["w"] == "running"


def test_a_failure_in_a_branch_skips_the_choice_and_what_comes_after_it() -> None:
    story = Story(CRAWL).finish("ok").tell(ev.BranchTaken, node="w", branch="then")
    statuses = story.start("publish").fail("publish").statuses()
    assert {statuses[n] for n in ("w", "mail", "v", "log", "rework")} == {"skipped"}


def test_what_comes_after_a_node_that_is_let_go_is_not_skipped() -> None:
    spec = replace(CHAIN, nodes=(node("a", on_failure="continue"), node("b", "a")))
    statuses = Story(spec).start("a").fail("a").statuses()
    assert statuses == {"a": "failed", "b": "pending"}


def test_a_run_that_succeeded_and_is_sent_back_has_no_outputs_meanwhile() -> None:
    story = Story(CHAIN).start("a").fail("a").tell(ev.RunFinished, outputs={"x": 1})
    story.tell(ev.NodeRetried, node="a")
    shape = story.view.peek()
    assert (shape["status"], shape["outputs"], shape["ended_ms"]) == ("running", [], None)
