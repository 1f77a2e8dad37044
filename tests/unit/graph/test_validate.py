from __future__ import annotations

from aether_nb.graph.model import Each, GraphSpec, Guard, InputRef, NodeSpec, ParamSpec, Ref, replace
from aether_nb.graph.validate import problems


def node(name, *parents, after=(), kind="tool"):
    inputs = {f"x{i}": Ref(node=p, output="text") for i, p in enumerate(parents)}
    return NodeSpec(id=name, name=name, kind=kind, inputs=inputs, after=after, outputs=("text",))


def graph(*nodes, **rest):
    return GraphSpec(name="g", kind="static", nodes=nodes, **rest)


def test_a_sound_graph_has_no_problems():
    result = {"out": Ref(node="b", output="text")}
    assert problems(graph(node("a"), node("b", "a", after=("a",)), outputs=("out",), result=result)) == []


def test_a_cycle_is_shown_the_way_round():
    (found,) = problems(graph(node("a", "c"), node("b", "a"), node("c", "b"), node("behind", "c")))
    assert "a -> b -> c -> a" in found or "b -> c -> a -> b" in found or "c -> a -> b -> c" in found


def test_a_node_that_waits_for_itself_is_a_cycle():
    (found,) = problems(graph(node("a", after=("a",))))
    assert "a -> a" in found


def test_everything_wrong_is_told_at_once():
    spec = graph(
        node("fetch"),
        node("fetch"),
        node("b", "fetsh"),
        NodeSpec(
            id="c", name="c", inputs={"x": Ref(node="fetch", output="txt"), "y": InputRef(name="quary")}
        ),
        node("d", after=("ghost",)),
        node("e", kind="graph"),
        inputs=(ParamSpec(name="query"), ParamSpec(name="query")),
        outputs=("msg",),
        result={"mgs": Ref(node="b", output="text")},
    )
    found = problems(spec)
    assert len(found) == 9
    for part in (
        "two nodes have the key `fetch`",
        "the input `query` is there twice",
        "comes from `fetsh`, and there is no such node (did you mean `fetch`?)",
        "`fetch` has no output `txt`; it has `text` (did you mean `text`?)",
        "takes the graph's input `quary`, and there is none (did you mean `query`?)",
        "`d` comes after `ghost`",
        "`e` stands for the graph `e`",
        "`msg` is declared and not returned",
        "`mgs` is returned and not declared (did you mean `msg`?)",
    ):
        assert any(part in sentence for sentence in found), part


def test_a_graph_function_has_its_outputs_from_no_node():
    assert problems(GraphSpec(name="g", kind="function", outputs=("msg",))) == []


def choice(name, *parents, then=(), guard=None):
    taken = {"then": {n: Ref(node=n, output="text") for n in then}, "otherwise": {}}
    return replace(node(name, *parents), kind="when", branches=taken, guard=guard)


def inside(made, when, branch="then"):
    return replace(made, guard=Guard(when=when, branch=branch))


def test_a_choice_with_branches_in_branches_has_no_problems():
    nodes = (
        node("a"),
        choice("w", "a", then=("x", "v")),
        inside(node("x", "a"), "w"),
        choice("v", "x", then=("y",), guard=Guard(when="w", branch="then")),
        inside(node("y", "x", "a"), "v"),
        node("d", "w"),
    )
    assert problems(graph(*nodes)) == []


def test_a_node_in_a_branch_is_not_taken_from_outside_of_it():
    x, y = inside(node("x"), "w"), inside(node("y", "x"), "w", "otherwise")
    result = {"o": Ref(node="x", output="text")}
    found = problems(graph(choice("w"), x, y, node("d", "x"), outputs=("o",), result=result))
    assert [sentence.split(";")[0] for sentence in found] == [
        "`y` needs `x`, which runs only in the branch `then` of `w`",
        "`d` needs `x`, which runs only in the branch `then` of `w`",
        "the output `o` needs `x`, which runs only in the branch `then` of `w`",
    ]


def test_a_branch_of_nothing_is_told():
    (found,) = problems(graph(node("a"), inside(node("x"), "a")))
    assert "`x` is in a branch of `a`, and there is no such choice" in found


def test_a_branch_that_waits_for_what_comes_after_its_choice_is_a_cycle():
    (found,) = problems(graph(choice("w"), inside(node("x", "d"), "w"), node("d", "w")))
    assert "w -> d -> x -> w" in found or "d -> x -> w -> d" in found or "x -> w -> d -> x" in found


def test_a_choice_between_what_it_gives_itself_is_a_cycle():
    (looks, waits) = problems(graph(choice("w", "x", then=("x",)), inside(node("x"), "w")))
    assert "`w` needs `x`" in looks
    assert "w -> x -> w" in waits or "x -> w -> x" in waits


def test_a_map_over_a_graph_needs_its_spec():
    over = replace(node("m"), kind="map", each=Each(kind="graph", over="x", outputs=("text",)))
    (found,) = problems(graph(over))
    assert "`m` stands for the graph `m`, and its spec is missing" in found
