"""From a GraphSpec to nodes and edges."""

from __future__ import annotations

from unit.display.samples import NEWSLETTER, node, ref

from aether_nb.display.outline import graph_shape, leaves, outline
from aether_nb.graph.model import DictOf, GraphSpec, InputRef, ListOf, Lit


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
