"""A graph as the store keeps it."""

import pytest

from aether_nb.graph.model import (
    DictOf,
    Each,
    GraphSpec,
    Guard,
    InputRef,
    ListOf,
    Lit,
    NodeSpec,
    ParamSpec,
    Ref,
    spec_from_json,
    spec_to_json,
)

INNER = GraphSpec(name="page", kind="function", inputs=(ParamSpec(name="url", type="str"),))
SPEC = GraphSpec(
    name="crawl",
    kind="static",
    inputs=(
        ParamSpec(name="urls", type="list"),
        ParamSpec(name="deep", required=False, default={"n": [1, None]}),
    ),
    outputs=("text",),
    nodes=(
        NodeSpec(
            id="a",
            name="page",
            kind="map",
            each=Each(kind="graph", over="url", outputs=("text",), max_concurrency=4),
        ),
        NodeSpec(
            id="b",
            name="join",
            label="join all",
            inputs={"parts": ListOf(items=(Ref(node="a", output="text"), Lit(value="é")))},
        ),
        NodeSpec(
            id="c",
            name="when",
            kind="when",
            inputs={"condition": InputRef(name="deep")},
            branches={"then": {"x": Ref(node="d")}, "otherwise": {"x": DictOf(items={"k": Lit(value=None)})}},
        ),
        NodeSpec(
            id="d", name="shout", after=("a", "b"), on_failure="skip", guard=Guard(when="c", branch="then")
        ),
    ),
    result={"text": Ref(node="c", output="x")},
    subgraphs={"page": INNER},
    doc="Crawls.",
    fingerprints={"join": "abc", "shout": ""},
)


def test_a_graph_comes_back_from_json_as_it_was():
    assert spec_from_json(spec_to_json(SPEC)) == SPEC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"name": "g"}',
        '{"name": "g", "kind": "dynamic"}',
        '{"name": "g", "kind": "static", "colour": 1}',
    ],
)
def test_what_is_no_graph_or_more_than_this_version_knows_is_refused(text):
    with pytest.raises(ValueError, match=r"JSON|truncated|required|invalid|unknown|Expected|enum"):
        spec_from_json(text)
