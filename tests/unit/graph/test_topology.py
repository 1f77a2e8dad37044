from __future__ import annotations

from aether_nb.graph.model import DictOf, GraphSpec, Guard, InputRef, ListOf, Lit, NodeSpec, Ref, replace
from aether_nb.graph.topology import data_parents, edges, guards, order, parents, refs, results


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


def choice(name, condition, then=(), otherwise=(), **more):
    branches = {
        branch: {f"o{i}": Ref(node=n, output="result") for i, n in enumerate(nodes)}
        for branch, nodes in (("then", then), ("otherwise", otherwise))
    }
    made = node(name, condition)
    return replace(made, kind="when", branches=branches, **more)


def inside(made, when, branch="then"):
    return replace(made, guard=Guard(when=when, branch=branch))


def test_a_choice_comes_before_its_branches_and_they_before_what_takes_its_outputs():
    spec = graph(
        node("d", "w"),
        inside(node("yes", "a"), "w"),
        choice("w", "a", then=("yes",)),
        node("a"),
        node("e", "d"),
    )
    assert order(spec) == ("a", "w", "yes", "d", "e")
    assert results(spec.nodes[2], "then") == ("yes",)
    assert results(spec.nodes[2], "otherwise") == ()


def test_a_branch_that_needs_what_its_choice_gives_has_no_place_in_the_order():
    spec = graph(node("a"), choice("w", "a"), node("d", "w"), inside(node("x", "d"), "w"))
    assert order(spec) == ("a", "w")


def test_the_branches_around_a_node_are_named_from_the_inside_out():
    nodes = graph(
        choice("w", "a"),
        inside(choice("v", "a"), "w", "otherwise"),
        inside(node("x"), "v"),
        inside(node("l"), "l"),
    ).nodes
    by_id = {n.id: n for n in nodes}
    assert [(g.when, g.branch) for g in guards(by_id["x"], by_id)] == [("v", "then"), ("w", "otherwise")]
    assert [g.when for g in guards(by_id["l"], by_id)] == ["l"]
