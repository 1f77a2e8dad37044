"""`when` while a graph is drawn: what it draws, what may be used where, and what is wrong with it."""

from __future__ import annotations

import pytest

from aether_nb.authoring.choice import when
from aether_nb.authoring.decorators import graphify, tool
from aether_nb.errors import GraphError, GraphProblems
from aether_nb.graph.model import Guard, InputRef, Lit, Ref


@tool(outputs=["url"])
def publish(text): ...


@tool(outputs=["text", "notes"])
def rework(text): ...


@tool(outputs=["ok", "why"])
def check(text): ...


@tool
def ping(): ...


def problems(builder):
    with pytest.raises(GraphProblems) as e:
        graphify()(builder)
    return e.value.problems


def nodes(graph):
    return {node.name: node for node in graph.spec.nodes}


def test_both_branches_are_drawn_behind_their_choice():
    @graphify
    def g(draft):
        done = when(check(draft).ok, then=lambda: publish(draft), otherwise=lambda: {"url": None})
        return {"out": done.url}

    made = nodes(g)
    choice = made["when"]
    assert (choice.kind, choice.label, choice.outputs) == ("when", "check.ok?", ("url",))
    assert choice.inputs == {"condition": Ref(node=made["check"].id, output="ok")}
    assert choice.branches == {
        "then": {"url": Ref(node=made["publish"].id, output="url")},
        "otherwise": {"url": Lit(value=None)},
    }
    assert made["publish"].guard == Guard(when=choice.id, branch="then")
    assert g.spec.result == {"out": Ref(node=choice.id, output="url")}


def test_an_input_can_be_a_condition_and_what_a_branch_gives():
    @graphify
    def g(draft, yes):
        return {"out": when(yes, then=lambda: draft, otherwise=lambda: {"draft": publish(draft)}).draft}

    assert nodes(g)["when"].branches["then"] == {"draft": InputRef(name="draft")}


def test_one_output_stands_for_the_choice_as_it_does_for_a_tool():
    @graphify
    def g(yes):
        return publish(when(yes, then=lambda: rework("a").text))

    assert nodes(g)["publish"].inputs == {"text": Ref(node=nodes(g)["when"].id, output="text")}


def test_a_tool_without_inputs_is_a_branch():
    @graphify
    def g(yes):
        when(yes, then=ping)
        return {}

    assert nodes(g)["ping"].guard is not None


def test_a_branch_in_a_branch_uses_what_is_around_it():
    @graphify
    def g(a, b):
        def outer():
            seen = check("x")
            return when(b, then=lambda: publish(seen.why), otherwise=lambda: {"url": seen.why})

        return {"out": when(a, then=outer).url}

    inner = [node for node in g.spec.nodes if node.kind == "when"][1]
    assert inner.guard == nodes(g)["check"].guard
    assert nodes(g)["publish"].guard == Guard(when=inner.id, branch="then")


def test_the_ids_in_a_branch_stay_when_the_graph_around_is_edited():
    def made(more):
        @graphify(name="g")
        def g(draft, yes):
            if more:
                publish(draft)
                when(draft, then=lambda: publish("other"))
            done = when(
                yes, then=lambda: publish(draft), otherwise=lambda: rework(draft).notes if more else None
            )
            return {"out": publish(draft, after=done, key="last").url}

        return {node.id for node in g.spec.nodes}

    assert made(more=False) < made(more=True)


def test_what_only_one_branch_gives_is_told_with_the_remedy():
    def g(yes):
        done = when(yes, then=lambda: publish("a"), otherwise=lambda: rework("b"))
        return {"out": done.url, "more": done.nothing}

    found = problems(g)
    assert (
        "`url` of `when(yes)` comes only from the branch `then`; return it from `otherwise` too" in found[0]
    )
    assert "`when(yes)` has no output `nothing`; it has none" in found[1]


def test_a_choice_that_stands_for_what_only_one_branch_gives_is_told_too():
    def g(yes):
        return {"out": publish(when(yes, then=lambda: publish("a"), otherwise=lambda: None))}

    assert "`url` of `when(yes)` comes only from the branch `then`" in problems(g)[0]


def test_a_node_in_a_branch_is_not_used_outside_of_it():
    def g(yes):
        inside = []

        def branch():
            inside.append(publish("a"))
            return inside[0]

        when(yes, then=branch, otherwise=lambda: {"url": rework(inside[0].url).text})
        rework("b", after=inside)
        return {"out": inside[0].url}

    found = problems(g)
    assert len(found) == 3
    assert all("runs only in the branch `then` of a `when`; return it from the branch" in p for p in found)


@pytest.mark.parametrize("condition", [True, "yes", None], ids=repr)
def test_a_condition_that_is_known_is_no_choice(condition):
    def g():
        when(condition, then=ping)

    assert "is chosen by an `if`" in problems(g)[0]


def test_a_condition_with_several_outputs_says_which():
    def g():
        when(check("a"), then=ping)

    assert "say which, `check.ok`" in problems(g)[0]


def test_a_branch_is_a_function_without_arguments():
    def g(yes):
        when(yes, then=publish("a"), otherwise=publish)
        when(yes, then=lambda x: None, otherwise=3)

    found = problems(g)
    assert len(found) == 4
    assert all("is a function without arguments, so write `" in p for p in found)


def test_a_branch_returns_handles_or_nothing():
    def g(yes):
        when(yes, then=lambda: 3, otherwise=lambda: {"not a name": yes, "items": yes})

    found = problems(g)
    assert "the branch `then` of `when` returns 3; return a handle, or a mapping of outputs" in found[0]
    assert "'not a name' is no name" in found[1]
    assert "cannot be called `items`" in found[2]


def test_what_fails_in_a_branch_comes_out_of_the_builder():
    def g(yes):
        when(yes, then=lambda: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        graphify(g)


def test_a_choice_belongs_into_a_builder(inside):
    with inside("fn"), pytest.raises(GraphError, match="in a graph function, or elsewhere, write `if`"):
        when(True, then=ping)
    with pytest.raises(GraphError, match="is called in its `@graphify` builder"):
        when(True, then=ping)
