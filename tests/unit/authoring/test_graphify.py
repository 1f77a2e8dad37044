from __future__ import annotations

import traceback
from datetime import date
from pathlib import Path

import pytest

from aether_nb.authoring.decorators import graph_fn, graphify, tool
from aether_nb.authoring.dualstage import DualStageTool, Wait
from aether_nb.errors import GraphProblems
from aether_nb.graph.model import DictOf, InputRef, ListOf, Lit, Ref
from aether_nb.graph.topology import edges


class AskText(DualStageTool):
    outputs = ("text",)
    asks = True

    async def setup(self, prompt: str):
        return Wait(prompt=prompt)

    async def on_resume(self, reply, wait):
        return {"text": reply.value}


ask_text = AskText()


@tool
def add(a: int, b: int = 1): ...


@tool(outputs=["head", "tail"])
def split(text): ...


@tool(outputs=[])
def publish(what): ...


@graph_fn(outputs=["msg"])
async def hello(name: str): ...


def ids(graph):
    return [node.id for node in graph.spec.nodes]


def problems(builder, **options):
    with pytest.raises(GraphProblems) as e:
        graphify(**options)(builder)
    return e.value.problems


def test_the_snippet_of_the_handbook_builds():
    @graphify(name="collect_input", inputs=[], outputs=["greeting"])
    def collect_input():
        name = ask_text(prompt="Your name?")
        return {"greeting": name.text}

    (node,) = collect_input.spec.nodes
    assert (collect_input.name, collect_input.kind, collect_input.outputs) == (
        "collect_input",
        "graph",
        ("greeting",),
    )
    assert (node.kind, node.inputs) == ("ask", {"prompt": Lit(value="Your name?")})
    assert collect_input.spec.result == {"greeting": Ref(node=node.id, output="text")}
    assert collect_input.callables == {"ask_text": ask_text}
    assert collect_input.spec.fingerprints == {"ask_text": ask_text.fingerprint}


def test_inputs_outputs_literals_and_mixtures_become_expressions():
    @graphify(inputs=["n"], outputs=["all", "day"])
    def g(n: int = 3):
        """Mix."""
        total = add(n, key="total")
        parts = split([total, {"n": n, "l": 1}, (2, n)], key="parts")
        return {"all": {"h": parts.head, "t": parts["tail"]}, "day": date(2024, 1, 2)}

    total, parts = g.spec.nodes
    n = InputRef(name="n")
    assert total.inputs == {"a": n}, "what is left to its default is not written down"
    assert parts.inputs["text"] == ListOf(
        items=(
            Ref(node="total", output="result"),
            DictOf(items={"n": n, "l": Lit(value=1)}),
            ListOf(items=(Lit(value=2), n)),
        )
    )
    assert g.spec.result["all"] == DictOf(
        items={"h": Ref(node="parts", output="head"), "t": Ref(node="parts", output="tail")}
    )
    assert isinstance(g.spec.result["day"], Lit)
    assert g.params[0].default == 3
    assert g.spec.doc == g.__doc__ == "Mix."


def test_a_builder_runs_once_and_needs_no_options():
    runs = []

    @graphify
    def g(n):
        runs.append(1)
        return add(n)

    assert runs == [1]
    assert g.outputs == ("result",)
    assert g.spec.result["result"].output == "result"


def test_outputs_are_in_the_order_declared():
    @graphify(outputs=["b", "a"])
    def g(n):
        return {"a": n, "b": 1}

    assert list(g.spec.result) == ["b", "a"]


def test_after_draws_an_edge_without_data():
    @graphify(outputs=[])
    def g(n):
        one = publish(n, key="one")
        two = split(n, key="two", after=one)
        publish(two.head, key="three", after=[one, two.tail])

    assert edges(g.spec) == (("one", "two"), ("two", "three"), ("one", "three"))


def test_graphs_in_a_graph_are_nodes_with_their_specs():
    @graphify
    def inner(n):
        return add(n)

    @graphify(outputs=["msg"])
    def outer(n):
        return hello(name=inner(n).result)

    assert [(node.name, node.kind) for node in outer.spec.nodes] == [("inner", "graph"), ("hello", "fn")]
    assert outer.spec.subgraphs == {"inner": inner.spec, "hello": hello.spec}
    assert outer.callables == {"inner": inner, "hello": hello}


# -- identity ------------------------------------------------------------------------------------


def test_ids_are_the_name_and_ten_letters_and_the_same_every_time():
    def g(n):
        return {"x": add(n, 5)}

    assert ids(graphify(g)) == ids(graphify(g)) == ["add-5crbtyzu45"]


def test_a_node_put_in_elsewhere_shifts_no_other():
    @graphify
    def before(n):
        return {"x": split(add(n, 1)).head, "y": add(n, 2)}

    @graphify
    def after(n):
        publish("new")
        add(n, 3)
        return {"y": add(n, 2), "x": split(add(n, 1)).head}

    assert set(ids(before)) < set(ids(after))


def test_what_feeds_a_node_is_part_of_its_identity():
    @graphify
    def g(n):
        return {"x": split(add(n, 1)).head, "y": split(add(n, 2)).head, "z": split(split(n).head).tail}

    assert len(set(ids(g))) == 6


def test_equal_calls_are_told_apart_by_how_often_they_came():
    @graphify
    def two(n):
        return {"x": [add(n), add(n)]}

    @graphify
    def three(n):
        return {"x": [add(n), add(n), add(n)]}

    assert len(set(ids(three))) == 3
    assert ids(three)[:2] == ids(two)


def test_after_and_labels_do_not_change_an_id():
    @graphify
    def plain(n):
        return {"x": add(n)}

    @graphify
    def ordered(n):
        return {"x": add(n, after=publish(n))}

    assert ids(plain)[0] in ids(ordered)


def test_a_key_is_the_id():
    @graphify
    def g(n):
        return {"x": add(n, key="sum")}

    assert ids(g) == ["sum"]


def test_how_a_builder_is_written_does_not_count_what_it_draws_does():
    def one(n):
        return {"x": add(n)}

    def same(n):
        out = {}
        out["x"] = add(n)
        return out

    def other(n):
        return {"x": add(n, 7)}

    prints = [graphify(name="g")(builder).fingerprint for builder in (one, same, other)]
    assert prints[0] == prints[1] != prints[2]


def test_the_hints_of_a_builder_do_not_count_and_what_it_draws_counts_the_same_on_every_python():
    def bare(n, m=1):
        return {"x": add(n, m)}

    def hinted(n, m=1):
        return {"x": add(n, m)}

    hinted.__annotations__ = {"n": Path, "m": int | None}  # as they are where no text is made of them
    prints = {graphify(name="g")(builder).fingerprint for builder in (bare, hinted)}
    assert prints == {"60be73db7c2ff5031525a687c3bb35d5"}


# -- problems ------------------------------------------------------------------------------------


def test_everything_wrong_is_told_at_once_with_lines():
    def g(n):
        nowhere = split(n).haed
        add(nowhere, b="two")
        add()
        add(n, c=1)
        split(n, key="k")
        split(n, key="k")
        add(split(n))
        publish(object())
        publish(publish(1))
        add(n, after=3)
        add(n, key="a/b")
        return {"x": n, "z": 1}

    found = problems(g, outputs=["x", "y"])
    start = g.__code__.co_firstlineno
    expected = [
        (1, "`split` has no output `haed`; it has `head`, `tail` (did you mean `head`?)."),
        (2, "`add`: `b` should be `int`, not 'two' (str)."),
        (3, "`add`: `a` is missing. It takes `a` and `b`."),
        (4, "`add`: there is no input `c`. It takes `a` and `b`."),
        (6, "the key `k` is used twice; give each node a `key=` of its own."),
        (7, "the input `a` of `add`: `split` has `head` and `tail`; say which, `split.head`."),
        (8, "the input `what` of `publish` cannot be stored"),
        (9, "the input `what` of `publish`: `publish` has no outputs; to come after it, use `after=`."),
        (10, "`after=` takes handles of nodes, not 3."),
        (11, "the key 'a/b' cannot be an id"),
    ]
    assert len(found) == len(expected) + 2
    for problem, (line, says) in zip(found, expected, strict=False):
        assert problem.startswith(f"line {start + line}: {says}")
    assert found[-2].startswith("it declares `y` and does not return it")
    assert found[-1].startswith("it returns `z`, which is none of its outputs")


def test_two_tools_of_one_name_are_a_problem():
    other = tool(name="add")(lambda a: a)
    (found,) = problems(lambda n: {"x": [add(n), other(n)]}, name="g")
    assert "two different tools are called `add`" in found


def test_two_instances_of_one_dual_stage_class_are_one_tool():
    assert graphify(name="g")(lambda: {"x": [AskText()("a").text, AskText()("b").text]})


def test_two_instances_with_different_state_are_two_tools():
    class Ask(AskText):
        def __init__(self, who):
            self.who = who

    (found,) = problems(lambda: {"x": [Ask(1)("a").text, Ask(2)("b").text]}, name="g")
    assert "two different tools are called `ask`" in found


def test_a_handle_from_another_graph_is_a_problem():
    stray = []

    @graphify
    def first(n):
        stray.append(add(n))
        return {"x": n}

    found = problems(lambda: {"x": add(stray[0])}, name="g")
    assert len(found) == 1
    assert "belongs to another graph" in found[0]


def test_the_inputs_of_a_graph_in_a_graph_are_checked():
    found = problems(lambda: {"x": [hello(name=5), hello(nmae="Ada")]}, name="g")
    assert "`name` should be `str`, not 5 (int)" in found[0]
    assert "there is no input `nmae` (did you mean `name`?)" in found[1]


@pytest.mark.parametrize(
    ("returned", "outputs", "says"),
    [
        (lambda n: None, ["x"], 'it returns nothing, no mapping of outputs; write `return {"x": ...}`'),
        (lambda n: "text", ["x"], "it returns 'text', no mapping"),
        (lambda n: [n], None, "no mapping of outputs"),
        (lambda n: n, ["x", "y"], "it returns one handle, and declares `x` and `y`"),
        (lambda n: {"x": object()}, ["x"], "the output `x` cannot be stored"),
        (lambda n: split(text=n), ["x"], "the output `x`: `split` has `head` and `tail`"),
        (lambda n: {"items": n}, None, "an output cannot be called `items`"),
        (lambda n: {1: n}, None, "the output 1 is no name"),
        (lambda n: {"x": {1: n}}, ["x"], "a dict with handles has texts for keys, not 1"),
    ],
)
def test_a_return_that_does_not_fit_gets_a_sentence(returned, outputs, says):
    (found,) = problems(returned, name="g", outputs=outputs)
    assert says in found


def test_inputs_that_do_not_match_the_builder_are_told():
    def g(query, limit): ...

    assert problems(g, inputs=["qurey"]) == (
        "`inputs` lists `qurey`, and the builder has no such parameter (did you mean `query`?).",
        "the builder has `query` and `limit` which `inputs` does not list; add it there.",
    )
    assert 'write `inputs=["query"]`' in problems(g, inputs="query")[0]


def test_a_builder_is_a_plain_function_without_context():
    async def g(run_id, *, context): ...

    found = problems(g)
    assert len(found) == 2
    assert "for `async def` use `@graph_fn`" in found[0] + found[1]

    def h(*, context): ...

    assert "a builder gets no `context`" in problems(h)[0]


def test_what_the_builder_itself_raises_shows_its_own_frames_and_what_was_wrong_before():
    def g(n):
        add()
        return {"x": 1 / 0}

    with pytest.raises(ZeroDivisionError) as e:
        graphify(g)
    assert traceback.extract_tb(e.value.__traceback__)[-1].name == "g"
    assert "`a` is missing" in e.value.__notes__[0]


def test_after_a_builder_that_failed_tools_are_functions_again():
    with pytest.raises(ZeroDivisionError):
        graphify(lambda: 1 / 0, name="g")
    assert tool(name="seven")(lambda: 7)() == 7


def test_ten_thousand_nodes_are_built_and_ordered():
    @graphify
    def g(n):
        for _ in range(10_000):
            n = add(n).result
        return {"x": n}

    assert len(set(ids(g))) == 10_000
