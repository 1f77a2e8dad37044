"""A graph by itself as DOT: its inputs and outputs, and the types where its edges end."""

from __future__ import annotations

import re
from typing import Any

import pytest
from unit.display.samples import CRAWL, HOSTILE_NAMES, NEWSLETTER, golden, node, ref
from unit.display.test_dot import drawn

from aether_nb.display.graph_dot import graph_dot
from aether_nb.display.render import svg
from aether_nb.graph.model import GraphSpec, InputRef, ParamSpec, StepTypes, replace

TYPES = {
    "fetch": StepTypes({"topic": "str", "x0": "Url"}, {"docs": "list[Doc]", "text": "str"}),
    "write": StepTypes({"s": "list[Doc]", "w": "str", "t": "str"}, {}),
    "ask_text": StepTypes({"prompt": "str"}, {"text": "str"}),
    "publish": StepTypes({"d": "dict[str, Any]"}, {"result": "str"}),
    "newsletter": StepTypes({"topic": "str"}, {"url": "str"}),
}


def words_of(dot: str, node_id: str) -> list[str]:
    return [text.replace("\xa0", " ") for text in drawn(dot)[f"n:{node_id}"][1]]


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("newsletter_typed", lambda: graph_dot(NEWSLETTER, TYPES)),
        ("crawl_typed", lambda: graph_dot(CRAWL, TYPES)),
        ("function", lambda: graph_dot(GraphSpec(name="agent", kind="function", outputs=("line",)), {})),
    ],
)
def test_the_text_is_as_it_was_when_somebody_looked_at_the_picture(name: str, make: Any) -> None:
    golden(f"{name}.dot", make())
    assert svg(make()) is not None


def test_types_stand_where_edges_end_and_inputs_without_an_edge_are_not_told() -> None:
    spec = GraphSpec(
        name="g",
        kind="static",
        nodes=(node("a", name="fetch"), node("b", name="write", inputs={"s": ref("a", "docs")})),
    )
    dot = graph_dot(spec, TYPES)
    assert words_of(dot, "a") == ["fetch", "docs: list[Doc]"]
    assert words_of(dot, "b") == ["s: list[Doc]", "write"]
    assert '"n:a":o0:e -> "n:b":i0:w' in dot


def test_without_hints_a_graph_looks_as_in_a_run() -> None:
    assert "TABLE" not in graph_dot(NEWSLETTER, {})


def test_a_map_takes_and_gives_lists() -> None:
    dot = graph_dot(CRAWL, {"fetch": StepTypes({"x0": "Url"}, {"text": "str"})})
    assert words_of(dot, "pages")[0] == "x0: list[Url]"


def test_the_output_of_a_choice_comes_from_the_nodes_of_its_branches() -> None:
    spec = replace(CRAWL, outputs=("text",), result={"text": ref("w", "text")})
    ends = {line.split(" -> ")[0].strip() for line in graph_dot(spec, {}).splitlines() if '-> "o:0"' in line}
    assert ends == {'"n:publish"', '"n:rework"'}


def test_a_graph_function_is_one_box_between_what_it_takes_and_gives() -> None:
    spec = GraphSpec(
        name="agent", kind="function", inputs=(ParamSpec(name="n", type="int"),), outputs=("line",)
    )
    dot = graph_dot(spec, {"agent": StepTypes({"n": "int"}, {"line": "str"})})
    assert re.findall(r'label="([^"]+)"', dot) == ["n: int", "line: str", "agent"]
    assert '"i:0" -> "n:agent"' in dot
    assert '"n:agent" -> "o:0"' in dot


def test_a_long_type_is_cut() -> None:
    types = {"fetch": StepTypes({"topic": "dict[str, list[tuple[int, int, int]]]"}, {})}
    spec = GraphSpec(
        name="g",
        kind="static",
        inputs=(ParamSpec(name="topic"),),
        nodes=(node("a", name="fetch", inputs={"topic": InputRef(name="topic")}),),
    )
    assert words_of(graph_dot(spec, types), "a")[0] == "topic: dict[str, list[tup…"


def test_hostile_types_and_names_do_no_harm_in_a_box() -> None:
    for name in filter(None, HOSTILE_NAMES):
        bad = name + "\x00\x1b\ud800"
        spec = GraphSpec(
            name="g",
            kind="static",
            inputs=(ParamSpec(name=bad, type=bad),),
            outputs=(bad,),
            nodes=(
                node("a", name=bad, label=bad, inputs={bad: InputRef(name=bad)}),
                node("b", name=bad, inputs={bad: ref("a", bad)}),
            ),
            result={bad: ref("b", bad)},
        )
        dot = graph_dot(spec, {bad: StepTypes({bad: bad}, {bad: bad})})
        shown = (
            " ".join(bad.split())
            .replace("\x00", "\ufffd")
            .replace("\x1b", "\ufffd")
            .replace("\ud800", "\ufffd")
        )
        assert words_of(dot, "a")[0].startswith(shown[:10])
        assert len(words_of(dot, "a")) == 3
