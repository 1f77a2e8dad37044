from __future__ import annotations

from aether_nb.graph.model import DictOf, GraphSpec, InputRef, ListOf, Lit, NodeSpec, Ref
from aether_nb.graph.topology import data_parents, dependents, edges, order, parents, refs


def node(name, *parents, after=()):
    inputs = {f"x{i}": Ref(node=p, output="result") for i, p in enumerate(parents)}
    return NodeSpec(id=name, name=name, inputs=inputs, after=after, outputs=("result",))


def graph(*nodes):
    return GraphSpec(name="g", kind="static", nodes=nodes)


def test_references_are_found_at_any_depth():
    expr = DictOf(
        items={"a": ListOf(items=(Ref(node="n", output="x"), Lit(value=1))), "b": InputRef(name="i")}
    )
    assert refs(expr) == {"n"}
    assert refs(Lit(value={"x": "ref", "node": "no"})) == set()


def test_parents_are_named_once_data_before_after():
    both = node("c", "a", "a", after=("b", "a"))
    assert parents(both) == ("a", "b")
    assert data_parents(both) == ("a",)


def test_edges_are_data_and_after_each_once():
    spec = graph(node("a"), node("b"), node("c", "a", after=("b", "a")))
    assert edges(spec) == (("a", "c"), ("b", "c"))


def test_dependents_of_every_node_are_listed():
    spec = graph(node("a"), node("b", "a"), node("c", "a", "b"))
    assert dependents(spec) == {"a": ("b", "c"), "b": ("c",), "c": ()}


def test_parents_come_first_and_else_the_order_of_the_spec_is_kept():
    spec = graph(node("c", "a"), node("b"), node("a"))
    assert order(spec) == ("b", "a", "c")


def test_nodes_on_a_cycle_and_behind_it_have_no_place_in_the_order():
    spec = graph(node("a", "b"), node("b", "a"), node("c", "b"), node("d"))
    assert order(spec) == ("d",)


def test_an_id_that_names_no_node_is_no_parent():
    spec = graph(node("a", "ghost"))
    assert order(spec) == ("a",)
    assert edges(spec) == ()
