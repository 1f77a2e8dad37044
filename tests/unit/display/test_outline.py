"""From a GraphSpec to nodes and edges."""

from __future__ import annotations

from unit.display.samples import CRAWL, NEWSLETTER, choice, node, ref

from aether_nb.display.outline import graph_shape, outline
from aether_nb.graph.model import DictOf, GraphSpec, Guard, InputRef, ListOf, Lit
from aether_nb.graph.topology import leaves
from aether_nb.ids import NodeId


def test_the_leaves_of_an_expression_are_found_at_any_depth_in_order_of_writing() -> None:
    tree = ListOf(
        items=(ref("a"), DictOf(items={"k": ListOf(items=(InputRef(name="i"), Lit(value=1), ref("b")))}))
    )
    assert [getattr(leaf, "node", "i") for leaf in leaves(tree)] == ["a", "i", "b"]


def test_sub_graphs_open_all_the_way_down_with_their_parents_before_their_names() -> None:
    inner = GraphSpec(name="inner", kind="static", nodes=(node("x"), node("y", "x")))
    middle = GraphSpec(
        name="middle",
        kind="static",
        nodes=(node("in", name="inner", kind="graph"),),
        subgraphs={"inner": inner},
    )
    outer = GraphSpec(
        name="outer",
        kind="static",
        nodes=(node("mid", name="middle", kind="graph"),),
        subgraphs={"middle": middle},
    )
    drawn = outline(outer)
    assert [(n["id"], n["parent"]) for n in drawn.nodes] == [
        ("mid", ""),
        ("mid/in", "mid"),
        ("mid/in/x", "mid/in"),
        ("mid/in/y", "mid/in"),
    ]
    assert drawn.edges == [("mid/in/x", "mid/in/y")]


def test_a_tool_named_like_a_sub_graph_does_not_open() -> None:
    spec = GraphSpec(name="g", kind="static", nodes=(node("review"),), subgraphs=NEWSLETTER.subgraphs)
    assert [n["id"] for n in outline(spec).nodes] == ["review"]


def test_a_graph_by_itself_is_a_run_that_has_not_begun() -> None:
    shape = graph_shape(NEWSLETTER)
    assert (shape["graph"], shape["run_id"], shape["seq"]) == ("newsletter", "", 0)
    assert {n["status"] for n in shape["nodes"]} == {"pending"}


def test_what_takes_the_outputs_of_a_choice_is_drawn_after_what_gives_them() -> None:
    drawn = outline(CRAWL)
    assert drawn.edges == [
        ("find", "pages"),
        ("pages", "ok"),
        ("ok", "w"),
        ("w", "publish"),
        ("w", "outline"),
        ("outline", "rework"),
        ("publish", "mail"),
        ("rework", "mail"),
        ("mail", "v"),
        ("v", "log"),
    ]
    assert drawn.joins == [("publish", "w", "then"), ("rework", "w", "otherwise")]


def test_a_choice_that_gives_nothing_one_way_leads_straight_on() -> None:
    spec = GraphSpec(
        name="g",
        kind="static",
        nodes=(
            choice("w", InputRef(name="x"), then="a"),
            node("a", guard=Guard(when=NodeId("w"), branch="then")),
            node("b", "w"),
        ),
    )
    assert outline(spec).edges == [("w", "a"), ("a", "b"), ("w", "b")]


def test_what_a_map_does_for_each_item_is_one_node() -> None:
    shape = graph_shape(CRAWL)
    assert [n["kind"] for n in shape["nodes"] if n["id"].startswith("pages")] == ["map"]
