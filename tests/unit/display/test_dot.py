"""DOT text, held to golden files, and what hostile names do to it."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from unit.display.samples import (
    CHAIN,
    CRAWL,
    HOSTILE_NAMES,
    NEWSLETTER,
    Story,
    crawl_reworked,
    golden,
    newsletter_failed,
    newsletter_waiting,
    node,
)

from aether_nb.display.dot import LABEL_CHARS, to_dot
from aether_nb.display.graph_dot import graph_dot
from aether_nb.display.outline import graph_shape
from aether_nb.display.render import svg
from aether_nb.graph.model import GraphSpec


def drawn(dot: str) -> dict[str, tuple[str, list[str]]]:
    """Class and lines of text of all that has an id of ours, as a browser reads the SVG."""
    picture = svg(dot)
    assert picture is not None
    found = {}
    for group in ET.fromstring(picture).iter("{http://www.w3.org/2000/svg}g"):
        if group.get("id", "")[:2] in {"n:", "c:"}:
            texts = [t.text or "" for t in group.iter("{http://www.w3.org/2000/svg}text")]
            found[group.attrib["id"]] = (group.attrib["class"], texts)
    return found


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("chain", lambda: to_dot(graph_shape(CHAIN))),
        ("newsletter", lambda: to_dot(graph_shape(NEWSLETTER))),
        ("newsletter_graph", lambda: graph_dot(NEWSLETTER)),
        ("newsletter_waiting", lambda: to_dot(newsletter_waiting().view.peek(), status=True)),
        ("newsletter_failed", lambda: to_dot(newsletter_failed().view.peek(), status=True)),
        ("crawl", lambda: to_dot(graph_shape(CRAWL))),
        ("crawl_reworked", lambda: to_dot(crawl_reworked().view.peek(), status=True)),
        ("empty", lambda: to_dot(Story(None).view.peek())),
    ],
)
def test_the_text_is_as_it_was_when_somebody_looked_at_the_picture(name: str, make: Any) -> None:
    golden(f"{name}.dot", make())
    assert svg(make()) is not None


def test_the_live_picture_does_not_change_when_a_status_does() -> None:
    assert to_dot(newsletter_waiting().view.peek()) == to_dot(graph_shape(NEWSLETTER))


def test_the_live_picture_of_a_map_keeps_its_size_while_items_come_and_go() -> None:
    assert to_dot(crawl_reworked().view.peek()) == to_dot(graph_shape(CRAWL))


def test_nodes_and_the_frames_around_them_bear_their_ids() -> None:
    found = drawn(to_dot(graph_shape(NEWSLETTER)))
    assert found["c:rev"][0] == "cluster"
    assert found["n:rev/ok"] == ("node", ["Proceed?"])
    assert len(found) == 9


def test_hostile_names_come_out_as_themselves() -> None:
    names = [name for name in HOSTILE_NAMES if name]
    spec = GraphSpec(name="x", kind="static", nodes=tuple(node(n) for n in names))
    found = drawn(to_dot(graph_shape(spec)))
    said = {" ".join(texts).replace("\xa0", " ") for _, texts in found.values()}
    assert said == {name.replace("\n", " ") for name in names}
    assert found.keys() == {f"n:{name}".replace("\n", " ") for name in names}


def test_hostile_names_do_no_harm_on_frames_edges_and_inputs() -> None:
    for name in HOSTILE_NAMES:
        inner = GraphSpec(name=name, kind="static", nodes=(node("i" + name), node("j", "i" + name)))
        outer = GraphSpec(
            name=name,
            kind="static",
            nodes=(
                node("a" + name),
                node("g" + name, "a" + name, name=name, kind="graph"),
                node("z", "g" + name),
            ),
            subgraphs={name: inner},
        )
        assert len(drawn(graph_dot(outer))) == 5


def test_what_xml_cannot_hold_is_shown_as_a_mark() -> None:
    spec = GraphSpec(name="x", kind="static", nodes=(node("bad\x00\x1b\ud800"),))
    assert drawn(to_dot(graph_shape(spec))) == {
        "n:bad\ufffd\ufffd\ufffd": ("node", ["bad\ufffd\ufffd\ufffd"])
    }


def test_a_long_label_is_cut_and_stands_in_full_as_its_title() -> None:
    label = "Would you please be so kind and tell us your name?"
    dot = to_dot(graph_shape(GraphSpec(name="x", kind="static", nodes=(node("a", label=label),))))
    cut = re.search(r' label="([^"]*)"', dot)
    assert cut is not None
    assert len(cut[1]) == LABEL_CHARS
    assert cut[1].endswith("…")
    assert f'tooltip="{label}"' in dot


def test_a_graph_that_fits_lies_on_its_side_and_a_long_one_stands() -> None:
    def chain(n: int) -> str:
        return to_dot(
            graph_shape(
                GraphSpec(
                    name="x",
                    kind="static",
                    nodes=tuple(node(f"step {i}", *([f"step {i - 1}"] if i else [])) for i in range(n)),
                )
            )
        )

    assert "rankdir=LR" in chain(6)
    assert "rankdir=TB" in chain(30)


def test_a_graph_function_inside_is_a_frame_once_it_has_nodes() -> None:
    story = Story(None).add("sub", kind="fn").add("after", after=("sub",))
    assert drawn(to_dot(story.view.peek())).keys() == {"n:sub", "n:after"}
    story.add("sub/ask", parent="sub", kind="ask")
    assert drawn(to_dot(story.view.peek())).keys() == {"c:sub", "n:sub/ask", "n:after"}


def test_an_edge_between_a_frame_and_what_it_holds_is_left_out() -> None:
    story = Story(None).add("sub", kind="fn").add("sub/a", parent="sub", after=("sub",))
    assert "->" not in to_dot(story.view.peek())


def test_a_cycle_is_drawn_too() -> None:
    spec = GraphSpec(name="x", kind="static", nodes=(node("a", "b"), node("b", "a")))
    assert len(drawn(to_dot(graph_shape(spec)))) == 2
