"""Whatever a person may show in a cell is HTML in a notebook and reads well in a terminal."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, TypedDict

import pandas as pd
import pytest

import aether_nb as ae
from aether_nb import Outputs, graph_fn, graphify, tool
from aether_nb.display import render
from aether_nb.errors import DisplayError
from aether_nb.tools import ask_text

EVIL = "<img src=x onerror=alert(1)>"


class Draft(TypedDict):
    text: str
    words: int


@dataclass
class Page:
    html: str


@tool(outputs=["text", "words"])
async def write(topic: str, sources: list[str], tone: str = "dry") -> Draft:
    """Write a text."""
    return {"text": topic, "words": 1}


@tool
async def count(text: str) -> int:
    return len(text)


@tool(outputs=["html"])
async def page(text: str) -> Page: ...  # type: ignore[empty-body]


@tool(outputs=["x"])
async def vague(text: str) -> dict[str, Any]: ...  # type: ignore[empty-body]


@tool
async def unknown(x: Nowhere) -> Nowhere: ...  # type: ignore[name-defined] # noqa: F821 - a hint that nobody can resolve


@graphify(outputs=["n", "text", "topic"])
def story(topic: str):
    draft = write(topic, [])
    return {"n": count(draft.text), "text": draft.text, "topic": topic}


@graph_fn(outputs=["line"])
async def greet(*, context) -> dict[str, str]:
    name = await context.channel().ask_text("Your name?")
    return {"line": f"Hello, {name}!"}


def both(shown: Any) -> tuple[str, str]:
    bundle = shown._repr_mimebundle_()
    assert "<script" not in bundle["text/html"]
    assert "<img" not in bundle["text/html"]
    return bundle["text/plain"], re.sub(r"<[^>]+>", "|", bundle["text/html"])


@pytest.mark.parametrize(
    ("step", "types"),
    [
        (write, {"text": "str", "words": "int"}),
        (count, {"result": "int"}),
        (page, {"html": "str"}),
        (vague, {}),
        (unknown, {}),
        (story, {"n": "int", "text": "str", "topic": "str"}),
        (greet, {"line": "str"}),
    ],
)
def test_types_of_outputs_are_what_the_hints_tell(step: Any, types: dict[str, str]) -> None:
    assert step.types().outputs == types


def test_a_tool_shows_what_it_takes_and_gives_and_what_it_is_for() -> None:
    text, html = both(write)
    assert (
        text == "write(topic: str, sources: list[str], tone: str = …) → text: str, words: int\nWrite a text."
    )
    assert "|write| |tool|" in html
    assert repr(write) == "<tool write(topic, sources, tone=) -> text, words>"


def test_a_dual_stage_tool_shows_the_same() -> None:
    text, html = both(ask_text)
    assert text.startswith("ask_text(prompt: str, ")
    assert "Ask a person for text." in text
    assert "|ask_text| |dual-stage tool|" in html


def test_a_graph_comes_as_dot_mermaid_and_svg() -> None:
    assert "text: str" in story.to_dot()
    assert story.to_mermaid().startswith("flowchart LR\n")
    assert story.to_svg().startswith("<svg ")


async def test_so_does_a_run_with_its_statuses(ours: Any) -> None:
    run = greet.start()
    await run.next_wait()
    assert "? Your name?" in run.to_dot()
    assert "  class n0 waiting" in run.to_mermaid()
    assert "? Your name?" in run.to_svg().replace("&#160;", " ")
    run.answer("Ada")
    await run
    assert "  class n0 succeeded" in run.to_mermaid()


async def test_without_graphviz_a_picture_says_how_to_get_it(
    ours: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(render, "have_dot", lambda: False)
    run = greet.start()
    await run.next_wait()
    for graph in (story, greet, run):
        with pytest.raises(DisplayError, match=r"install Graphviz \(`apt install graphviz`"):
            graph.to_svg()
        assert graph.to_dot()
        assert graph.to_mermaid()
    run.cancel()


async def test_waits_answers_nodes_and_events_show_themselves(ours: Any) -> None:
    run = greet.start(run_id=EVIL)
    wait = await run.next_wait()
    assert both(wait)[0] == repr(wait)
    assert "|Your name?|" in both(wait)[1]
    assert both(run.answer(EVIL))[1].strip("|") == "✓ accepted"
    assert "✕ already answered by " in both(run.answer("Bo", to="Your name?"))[1]
    await run
    node = run.nodes["Your name?"]
    assert both(node)[0] == f"<node {node.id}: succeeded -> {{'text': '{EVIL}'}}>"
    assert "✓ succeeded" in both(node)[1]
    for shown in (run.events[0], run.events[-1], run.metrics, ae.store(), ae.store().stats(), run.changes):
        assert both(shown)[0] == repr(shown)
    for table in (run.nodes, run.waits, run.events, ae.runs(), ae.waits(status=None)):
        assert both(table)[0] == repr(table)
        assert len(table.to_pandas()) == len(table)
    assert "at_us=" in repr(run.events[0])
    assert "forked_from" not in repr(run.events[0])


async def test_a_table_of_waits_has_the_questions_without_their_marks(ours: Any) -> None:
    @graph_fn(outputs=[])
    async def asks(*, context: Any) -> dict[str, Any]:
        await context.channel().ask_text("Go **now**?\n\nThere is `time`.")
        return {}

    run = asks.start()
    await run.next_wait()
    assert "Go now? " in repr(ae.waits())
    assert run.waits[0].prompt.startswith("Go **now**?")
    run.cancel()


async def test_times_of_events_go_to_pandas_in_utc(ours: Any) -> None:
    run = greet.start()
    await run.next_wait()
    frame = run.events.to_pandas()
    assert str(frame["at"].dt.tz) == "UTC"
    assert frame["at"][0] == pd.Timestamp(run.events[0].at_us, unit="us", tz="UTC")
    assert str(ae.runs().to_pandas()["started"].dt.tz) == "UTC"
    run.cancel()


def test_outputs_are_listed_by_name_and_a_single_one_shows_itself() -> None:
    text, html = both(Outputs({"a": EVIL, "b": [1, 2]}))
    assert text == f"Outputs(a={EVIL!r}, b=[1, 2])"
    assert "|b||[1, 2]|" in html
    assert Outputs({"a": "x"})._repr_mimebundle_() == {"text/plain": "'x'"}
    frame = pd.DataFrame({"n": [1]})
    assert "<th>n</th>" in Outputs({"a": frame})._repr_mimebundle_()["text/html"]
    assert "<th>n</th>" in Outputs({"a": frame, "b": 1})._repr_mimebundle_()["text/html"]


def test_an_output_that_cannot_show_itself_breaks_nothing() -> None:
    class Broken:
        def __repr__(self) -> str:
            raise ValueError

        def _repr_html_(self) -> str:
            raise ValueError

    alone = Outputs({"a": Broken()})._repr_mimebundle_()
    assert list(alone) == ["text/plain"]
    assert alone["text/plain"].startswith("<Broken ")
