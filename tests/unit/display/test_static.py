"""The static twin: complete, escaped, and hidden by its neighbour."""

from __future__ import annotations

import base64
import re
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest
from unit.display.samples import (
    BOOM,
    NEWSLETTER,
    Files,
    Story,
    newsletter_done,
    newsletter_failed,
    newsletter_waiting,
    node,
)

from aether_nb.display.dot import to_dot
from aether_nb.display.progress import MANY
from aether_nb.display.render import svg
from aether_nb.display.shapes import RunShape
from aether_nb.display.static import TABLE_ROWS, graph_bundle, twin
from aether_nb.graph.model import GraphSpec
from aether_nb.messages import Bar, Message
from aether_nb.prompts import ApprovalPrompt, ChoicePrompt, FormPrompt, NumberPrompt, Option


class Page(HTMLParser):
    """The tags, with their attributes, and the words of a piece of HTML; checks that tags close."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "img":
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] != ["style"]:
            self.words += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def page(shape: RunShape, **more: Any) -> Page:
    return Page(twin(shape, svg(to_dot(shape, status=True)), **more)["text/html"])


def test_a_waiting_run_shows_its_questions_answers_and_picture() -> None:
    seen = page(newsletter_waiting().view.peek(), as_of="14:02")
    root = seen.all("div")[0]
    assert root["data-aether-run"] == "run-1"
    assert root["data-status"] == "waiting"
    assert "aether-static" in (root["class"] or "")
    for words in (
        "Who is it **for**?",
        "✓ Gardeners <3 · ana",
        "Collecting sources …",
        "Yes",
        "waits for an answer",
        "as of 14:02",
        "Bees & co",
    ):
        assert words in seen.words
    picture = seen.all("img")[0]
    assert (picture["src"] or "").startswith("data:image/svg+xml;base64,")
    assert picture["alt"] == "newsletter, 9 nodes: 2 pending, 1 running, 1 waiting, 5 succeeded"


def test_questions_are_marked_with_their_kind_and_state() -> None:
    marks = [
        (d["data-kind"], d["data-state"])
        for d in page(newsletter_waiting().view.peek()).all("div")
        if "data-kind" in d
    ]
    assert marks == [("text", "answered"), ("approval", "open")]


def test_a_finished_run_shows_its_outputs_and_a_failed_one_its_error() -> None:
    done = page(newsletter_done().view.peek()).words
    assert "url = https://example.org/bees" in done
    failed = page(newsletter_failed().view.peek()).words
    assert "✕ ConnectionError: no such host" in failed
    assert "cell 3:12 in check: get(url)" in failed
    assert "url = 'api.example'" in failed


def test_the_bundle_has_the_picture_and_a_text_without_ids() -> None:
    shape = newsletter_done().view.peek()
    picture = svg(to_dot(shape, status=True))
    bundle = twin(shape, picture)
    assert bundle["image/svg+xml"] == picture
    assert bundle["text/plain"].startswith("newsletter: succeeded\n")
    assert "run-1" not in bundle["text/plain"]


def test_without_a_picture_the_graph_is_told_in_text() -> None:
    bundle = twin(newsletter_waiting().view.peek(), None)
    assert "image/svg+xml" not in bundle
    assert "? Proceed?" in Page(bundle["text/html"]).words


def test_a_run_of_very_many_nodes_is_folded_into_numbers_and_what_needs_a_look() -> None:
    spec = GraphSpec(name="many", kind="static", nodes=tuple(node(f"n{i}") for i in range(MANY + 1)))
    shape = Story(spec).start("n0").fail("n0").start("n7").view.peek()
    bundle = twin(shape, "<svg/>")
    seen = Page(bundle["text/html"])
    assert not seen.all("img")
    assert "image/svg+xml" not in bundle
    assert "151 nodes: 149 pending, 1 running, 1 failed" in seen.words
    assert "2 that run, wait or failed" in seen.words
    assert len(bundle["text/html"]) < 8_000


EVIL = '"><script>alert(1)</script><img src=x onerror=alert(1)>&lt;'


def evil_run() -> Story:
    spec = GraphSpec(name=EVIL, kind="static", nodes=(node("a", label=EVIL), node("b", label=EVIL)))
    story = Story(spec).ask("a", "t1", ApprovalPrompt(prompt=EVIL, options=(EVIL,), approve=EVIL))
    story.ask("b", "t2").answer("b", "t2", EVIL).say(EVIL)
    story.say(EVIL, kind="table", name=EVIL, columns=(EVIL,), rows=((EVIL,),))
    story.say(EVIL, kind="image", name=EVIL).fail("b")
    story.view.note(EVIL)
    return story


def test_nothing_that_a_user_wrote_becomes_markup() -> None:
    shape = evil_run().view.peek()
    shape["run_id"] = EVIL
    shape["outputs"] = [{"name": EVIL, "text": EVIL}]
    shape["error"] = {"message": EVIL, "node": EVIL, "frames": [EVIL], "inputs": {EVIL: EVIL}}
    seen = page(shape, as_of=EVIL)
    assert not seen.all("script")
    assert not any("onerror" in attrs for _, attrs in seen.tags)
    assert len(seen.all("img")) == 1
    assert seen.words.count(EVIL) > 12
    assert seen.all("div")[0]["data-aether-run"] == EVIL


def test_the_picture_stands_where_nothing_in_it_can_run() -> None:
    src = page(evil_run().view.peek()).all("img")[0]["src"] or ""
    drawing = base64.b64decode(src.partition(",")[2]).decode()
    assert "<script" not in drawing


def test_an_image_of_a_message_is_shown_only_from_a_data_url() -> None:
    shape = (
        Story(files=Files(aa=b"PNG"))
        .say("A bee", kind="image", sha256="a" * 64, media_type="image/png")
        .view.peek()
    )
    assert page(shape).all("img")[1] == {"alt": "A bee", "src": "data:image/png;base64,UE5H"}
    shape["messages"][0]["src"] = "https://example.org/track.png"
    assert len(page(shape).all("img")) == 1


def test_a_long_table_is_cut_and_says_by_how_much() -> None:
    rows = tuple((i,) for i in range(TABLE_ROWS + 3))
    seen = page(Story().say(kind="table", columns=("n",), rows=rows).view.peek())
    assert "… 3 more rows" in seen.words


def test_a_table_says_what_the_message_itself_left_out() -> None:
    rows = tuple((i, "x") for i in range(TABLE_ROWS + 3))
    story = Story().say(
        kind="table", columns=("n", "s"), rows=rows, right=(0,), more_rows=1000, more_columns=1
    )
    seen = page(story.view.peek())
    assert "… 1,003 more rows, 1 more column" in seen.words
    assert seen.all("th")[0] == {"style": "text-align:right"}


def test_what_goes_on_stands_as_it_is_just_now() -> None:
    bar = Message(kind="progress", text="Reading", bar=Bar(done=40, total=100))
    story = Story().live("b", "", message=bar).live("s", "Once upon", place=(1, 2))
    seen = page(story.view.peek())
    assert "Reading: 40/100 …" in seen.words
    assert "Once upon …" in seen.words
    assert {"style": "width:40.0%"} in seen.all("div")
    assert "Reading: 40/100 …" in twin(story.view.peek(), None)["text/plain"]
    story.end("b", bar, (1, 1), error=BOOM)
    assert "Reading: 40/100, broken off" in page(story.view.peek()).words


def test_a_file_is_named_with_its_size_and_place() -> None:
    story = Story(files=Files()).say(
        "All of it", kind="file", name="<b>.csv", sha256="a" * 64, size=1_400_000
    )
    words = page(story.view.peek()).words
    assert "<b>.csv" in words
    assert "1.4 MB · /artifacts/aa" in words


def test_the_twin_asks_nothing_of_any_server() -> None:
    html = twin(newsletter_done().view.peek(), svg("digraph { a }"))["text/html"]
    assert not re.findall(r"url\(|@import|<link|<script", html)


def test_the_two_rules_that_hide_one_of_two_neighbours_come_with_the_twin() -> None:
    html = twin(newsletter_done().view.peek(), None)["text/html"]
    assert ":has(+ .jp-OutputArea-child .aether-static) { display: none; }" in html
    assert ".jp-OutputArea-child:has(.aether-live) + .jp-OutputArea-child:has(.aether-static)" in html


def test_a_graph_by_itself_shows_its_signature_and_picture_and_hides_no_neighbour() -> None:
    bundle = graph_bundle(NEWSLETTER, {}, "newsletter(topic: str, tone = …) → url")
    seen = Page(bundle["text/html"])
    assert "newsletter(topic: str, tone = …) → url" in seen.words
    assert "Write, review and publish a newsletter." in seen.words
    assert len(seen.all("img")) == 1
    assert bundle.keys() == {"text/html", "text/plain", "image/svg+xml"}
    assert not any("aether-static" in (attrs.get("class") or "") for _, attrs in seen.tags)


def test_a_graph_function_by_itself_says_that_its_nodes_come_as_it_runs() -> None:
    bundle = graph_bundle(GraphSpec(name="demo", kind="function", outputs=("msg",)), {}, "demo() → msg")
    assert "Its nodes appear as it runs." in Page(bundle["text/html"]).words
    assert bundle["text/plain"] == "demo() → msg\ndemo: its nodes appear as it runs"


@pytest.mark.parametrize("tell", [newsletter_waiting, newsletter_done, newsletter_failed])
def test_the_same_run_gives_the_same_twin(tell: Any) -> None:
    assert twin(tell().view.peek(), None) == twin(tell().view.peek(), None)


HOSTILE = "<script>alert(1)</script>"


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        (ApprovalPrompt(prompt="?", options=("Yes", HOSTILE), approve="Yes"), ["Yes", HOSTILE]),
        (
            ChoicePrompt(
                prompt="?", options=tuple(Option(value=n, label=f"{n}{HOSTILE}") for n in range(15))
            ),
            [f"0{HOSTILE}", f"11{HOSTILE}", "… 3 more"],
        ),
        (
            FormPrompt(prompt="?", fields={"properties": {"a": {"title": HOSTILE}, "b": {"type": "string"}}}),
            [HOSTILE, "b"],
        ),
        (NumberPrompt(prompt="?"), ["? waits for an answer"]),
    ],
)
def test_an_open_question_says_what_there_is_to_choose_or_fill_in(prompt: Any, said: list[str]) -> None:
    html = twin(Story().ask("a", "t1", prompt).view.peek(), None)["text/html"]
    assert "<script>" not in html
    shown = unescape(html)
    assert all(one in shown for one in said)
