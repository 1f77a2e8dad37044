"""`tool.map` as it is called: drawn in a builder, recorded in a graph function, refused elsewhere."""

from __future__ import annotations

import pytest

from aether_nb.authoring.decorators import graph_fn, graphify, tool
from aether_nb.errors import BadInputs, GraphError, GraphProblems
from aether_nb.graph.model import Each, InputRef, ListOf, Lit, Ref
from aether_nb.tools import ask_text


@tool(outputs=["text"])
def fetch(url: str, timeout_s: float = 1): ...


@tool
def named_only(*, url): ...


@graph_fn(outputs=["text"])
async def function(url): ...


def problems(builder):
    with pytest.raises(GraphProblems) as e:
        graphify()(builder)
    return e.value.problems


def drawn(builder):
    (node,) = graphify(name="g")(builder).spec.nodes
    return node


def test_a_map_is_one_node_that_knows_what_it_does_with_each_item():
    node = drawn(lambda urls: {"out": fetch.map(urls, timeout_s=5, max_concurrency=4).text})
    assert (node.kind, node.name, node.outputs) == ("map", "fetch", ("text",))
    assert node.inputs == {"url": InputRef(name="urls"), "timeout_s": Lit(value=5)}
    assert node.each == Each(kind="tool", over="url", outputs=("text",), max_concurrency=4)


@pytest.mark.parametrize(("step", "kind"), [(ask_text, "ask"), (function, "fn")], ids=["ask", "fn"])
def test_whatever_can_be_called_can_be_mapped(step, kind):
    node = drawn(lambda xs: {"out": step.map(xs).text})
    assert node.each is not None
    assert node.each.kind == kind


def test_a_mapped_graph_brings_its_spec():
    @graphify(name="inner")
    def inner(url):
        return {"text": fetch(url).text}

    @graphify
    def outer(urls):
        return {"out": inner.map(urls).text}

    assert outer.spec.subgraphs["inner"] is inner.spec


def test_a_written_list_may_be_edited_and_the_map_stays_the_same():
    def node_of(urls, **more):
        return drawn(lambda: {"out": fetch.map(urls, **more).text}).id

    assert node_of(["a"]) == node_of(["a", "b"]) == node_of([])
    assert node_of(["a"]) != node_of(["a"], timeout_s=2)
    assert drawn(lambda x: {"out": fetch.map(x).text}).id != node_of(["a"])


def test_a_map_and_a_call_are_two_things_and_inserting_one_does_not_shift_the_other():
    def ids(more):
        @graphify(name="g")
        def g(urls):
            if more:
                fetch(urls)
                fetch.map(urls, timeout_s=9)
            return {"out": fetch.map(urls).text}

        return {node.id for node in g.spec.nodes}

    assert ids(more=False) < ids(more=True)


def test_a_list_of_handles_is_a_list():
    @graphify
    def g(url):
        return {"out": fetch.map([url, fetch(url)]).text}

    over = g.spec.nodes[1].inputs["url"]
    assert over == ListOf(items=(InputRef(name="url"), Ref(node=g.spec.nodes[0].id, output="text")))


def test_everything_that_is_wrong_with_a_map_is_told_at_once():
    def g(urls):
        fetch.map("abc")
        fetch.map(["a", 3])
        fetch.map(urls, timeout=5)
        fetch.map(urls, url=urls)
        fetch.map(urls, max_concurrency=0)
        named_only.map(urls)

    found = [p.partition(": ")[2] for p in problems(g)]
    assert found == [
        "`fetch.map`: `url` is a list here, not 'abc' (str); each item of it becomes one call.",
        "`fetch.map`: `url` should be `str`, not 3 (int).",
        "`fetch.map`: there is no input `timeout` (did you mean `timeout_s`?). It takes `url` and `timeout_s`.",
        "`fetch.map`: `url` is given twice. It takes `url` and `timeout_s`.",
        "`fetch.map`: `max_concurrency` is 0: it is a whole number from 1 up, or None for no limit.",
        "`named_only.map`: no input can be given by position, so there is none that takes the item.",
    ]


def test_in_a_graph_function_a_map_is_one_call_with_its_list(inside):
    with inside("fn") as caller:
        fetch.map(["a"], timeout_s=2, key="k").close()
    ((target, bound, key),) = caller.calls
    assert (target.name, target.kind, target.step) == ("fetch.map", "map", fetch)
    assert target.each.over == "url"
    assert (bound, key) == ({"url": ["a"], "timeout_s": 2}, "k")


def test_in_a_graph_function_a_map_that_does_not_fit_is_refused(inside):
    with inside("fn"):
        with pytest.raises(BadInputs, match=r"fetch\.map: there is no input `timeout`"):
            fetch.map(["a"], timeout=2)
        with pytest.raises(BadInputs, match="`max_concurrency` is 'x'"):
            fetch.map(["a"], max_concurrency="x")


def test_elsewhere_a_map_is_refused_with_the_remedy(inside):
    with pytest.raises(GraphError, match=r"write a loop over `fetch\(\.\.\.\)`"):
        fetch.map(["a"])
    with inside("tool"), pytest.raises(GraphError, match="becomes a part of a graph"):
        fetch.map(["a"])


def test_a_list_that_is_not_given_by_position_is_a_problem_of_the_graph():
    with pytest.raises(
        GraphProblems, match=r"`fetch\.map`: the list comes first and by position: `fetch\.map\(items"
    ):
        drawn(lambda urls: {"out": fetch.map(url=urls).text})
