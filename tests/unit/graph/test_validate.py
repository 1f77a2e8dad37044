from __future__ import annotations

from aether_nb.graph.model import GraphSpec, InputRef, NodeSpec, ParamSpec, Ref
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
