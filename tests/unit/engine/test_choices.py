"""`when` as it runs: one branch, the other skipped; restarts, failures, branches in branches."""

from __future__ import annotations

from collections import Counter

import pytest
from lives import Life, cut, log, types

from aether_nb import graphify, tool, when
from aether_nb.errors import NodeFailed
from aether_nb.store.memory import MemoryStore
from aether_nb.tools import ask_approval, ask_text

ran: list[object] = []


@pytest.fixture(autouse=True)
def _nothing_ran():
    ran.clear()


def named(name, fails=None, on_failure="fail"):
    @tool(name=name, outputs=["text"], on_failure=on_failure)
    async def step(x):
        ran.append(name)
        if fails is not None and fails():
            raise ValueError(name)
        return {"text": f"{name}({x})"}

    return step


publish, rework, check, mail = map(named, ["publish", "rework", "check", "mail"])


@graphify(name="review", inputs=["draft"], outputs=["final"])
def review(draft):
    ok = ask_approval(prompt="Publish?")
    done = when(ok.approved, then=lambda: publish(draft), otherwise=lambda: rework(draft))
    return {"final": done.text}


@graphify(name="simple", outputs=["out"])
def simple(x, yes):
    done = when(yes, then=lambda: publish(check(x).text), otherwise=lambda: rework(x))
    return {"out": mail(done).text}


def statuses(run):
    return {node.name: node.status for node in run.nodes.values()}


@pytest.mark.parametrize(
    ("answer", "final", "done", "skipped"),
    [("Approve", "publish(d)", "publish", "rework"), ("Reject", "rework(d)", "rework", "publish")],
)
async def test_one_branch_runs_and_the_other_is_skipped(live, answer, final, done, skipped):
    run = live({"Publish?": answer}).start(review, draft="d")
    assert (await run).final == final
    assert statuses(run) == {
        "ask_approval": "succeeded",
        "when": "succeeded",
        done: "succeeded",
        skipped: "skipped",
    }
    assert ran == [done]


async def test_what_comes_after_a_choice_waits_for_the_whole_branch(live):
    run = live().start(simple, x="x", yes=[1])
    assert (await run).out == "mail(publish(check(x)))"
    assert ran == ["check", "publish", "mail"]


@pytest.mark.parametrize("value", [False, 0, "", [], None], ids=repr)
async def test_a_condition_is_taken_as_python_takes_it(live, value):
    assert (await live().start(simple, x="x", yes=value)).out == "mail(rework(x))"


async def test_without_otherwise_the_outputs_are_none(live):
    @graphify(outputs=["out"])
    def g(x, yes):
        return {"out": when(yes, then=lambda: publish(x)).text}

    life = live()
    assert (await life.start(g, "a", x="x", yes=True)).out == "publish(x)"
    assert (await life.start(g, "b", x="x", yes=False)).out is None


async def test_a_branch_may_return_a_mapping_of_handles_from_anywhere_and_literals(live):
    @graphify(outputs=["out"])
    def g(x, yes):
        before = check(x)
        both = when(
            yes,
            then=lambda: {"a": before.text, "b": publish(x).text, "c": 1},
            otherwise=lambda: {"a": x, "b": None, "c": [before.text]},
        )
        return {"out": [both.a, both.b, both.c]}

    life = live()
    assert (await life.start(g, "a", x="x", yes=True)).out == ["check(x)", "publish(x)", 1]
    assert (await life.start(g, "b", x="x", yes=False)).out == ["x", None, ["check(x)"]]


async def test_a_choice_may_choose_between_what_is_there_already(live):
    @graphify(outputs=["out"])
    def g(x, y, yes):
        return {"out": mail(when(yes, then=lambda: {"v": x}, otherwise=lambda: {"v": y}).v).text}

    assert (await live().start(g, x="x", y="y", yes=False)).out == "mail(y)"
    assert ran == ["mail"]


async def test_a_branch_may_branch(live):
    @graphify(outputs=["out"])
    def g(x, a, b):
        outer = when(
            a,
            then=lambda: when(b, then=lambda: publish(x), otherwise=lambda: check(x)),
            otherwise=lambda: rework(x),
        )
        return {"out": mail(outer).text}

    life = live()
    for name, a, b, said in (("1", 1, 1, "publish"), ("2", 1, 0, "check"), ("3", 0, 1, "rework")):
        run = life.start(g, name, x="x", a=a, b=b)
        assert (await run).out == f"mail({said}(x))"
    assert Counter(node.status for node in run.nodes.values()) == {"succeeded": 3, "skipped": 3}


async def test_a_map_and_a_graph_may_stand_in_a_branch_and_a_choice_in_a_mapped_graph(live):
    @graphify(name="inner", outputs=["text"])
    def inner(x):
        return {"text": when(x, then=lambda: publish(x), otherwise=lambda: rework(x)).text}

    @graphify(outputs=["out"])
    def g(xs, yes):
        chosen = when(
            yes, then=lambda: {"all": inner.map(xs).text}, otherwise=lambda: {"all": inner(xs).text}
        )
        return {"out": chosen.all}

    life = live()
    assert (await life.start(g, "a", xs=["x", ""], yes=True)).out == ["publish(x)", "rework()"]
    assert (await life.start(g, "b", xs=[], yes=False)).out == "rework([])"


async def test_a_choice_can_be_come_after(live):
    @graphify(outputs=["out"])
    def g(x, yes):
        done = when(yes, then=lambda: publish(x), otherwise=lambda: rework(x))
        return {"out": mail("late", after=done).text}

    await live().start(g, x="x", yes=True)
    assert ran == ["publish", "mail"]


async def test_a_thousand_choices_one_after_the_other_go_as_deep_as_one(live):
    @graphify(outputs=["out"])
    def g(x):
        for i in range(1000):
            x = when(x, then=lambda x=x: {"x": x}, key=f"w{i}").x
        return {"out": x}

    assert (await live().start(g, x=1)).out == 1


async def test_a_condition_without_truth_fails_the_choice(live):
    np = pytest.importorskip("numpy")

    @tool(outputs=["a"])
    async def array():
        return {"a": np.array([1, 2])}

    @graphify(outputs=["out"])
    def g(x):
        return {"out": when(array().a, then=lambda: publish(x), otherwise=lambda: rework(x)).text}

    run = live().start(g, x="x")
    with pytest.raises(NodeFailed, match=r"array\.a\? failed: ValueError"):
        await run
    assert statuses(run) == {
        "array": "succeeded",
        "when": "failed",
        "publish": "skipped",
        "rework": "skipped",
    }


# -- failures ------------------------------------------------------------------------------------


async def test_a_failure_in_a_branch_skips_what_needs_its_choice(live):
    broken = [True]
    publish = named("publish", lambda: broken[0])

    @graphify(name="g", outputs=["out"])
    def g(x, yes):
        done = when(yes, then=lambda: publish(check(x)), otherwise=lambda: rework(x))
        return {"out": mail(done).text}

    run = live().start(g, x="x", yes=True)
    with pytest.raises(NodeFailed, match="publish failed: ValueError"):
        await run
    assert statuses(run) == {
        "check": "succeeded", "publish": "failed", "rework": "skipped", "when": "skipped", "mail": "skipped",
    }  # fmt: skip
    broken.clear()
    broken.append(False)
    assert (await run.retry("publish")).out == "mail(publish(check(x)))"
    assert statuses(run)["rework"] == "skipped"
    assert ran == ["check", "publish", "publish", "mail"]


async def test_the_failure_of_what_a_condition_comes_from_skips_both_branches(live):
    check = named("check", lambda: True)

    @graphify(outputs=["out"])
    def g(x):
        return {"out": when(check(x), then=lambda: publish(x), otherwise=lambda: rework(x)).text}

    run = live().start(g, x="x")
    with pytest.raises(NodeFailed):
        await run
    assert statuses(run) == {"check": "failed", "publish": "skipped", "rework": "skipped", "when": "skipped"}


async def test_a_side_step_of_a_branch_that_fails_and_is_let_go_does_not_hold_up_the_choice(live):
    side = named("side", lambda: True, "skip")

    @graphify(outputs=["out"])
    def g(x, yes):
        def branch():
            mail(side(x))
            return publish(x)

        return {"out": check(when(yes, then=branch, otherwise=lambda: rework(x))).text}

    run = live().start(g, x="x", yes=True)
    assert (await run).out == "check(publish(x))"
    assert statuses(run)["mail"] == "skipped"


async def test_a_step_of_a_branch_that_fails_and_is_let_go_skips_what_needs_its_output(live):
    publish = named("publish", lambda: True, "skip")

    @graphify(outputs=["out"])
    def g(x, yes):
        return {"out": mail(when(yes, then=lambda: publish(x), otherwise=lambda: rework(x))).text}

    run = live().start(g, x="x", yes=True)
    assert (await run).out is None
    assert statuses(run) == {"publish": "failed", "rework": "skipped", "when": "skipped", "mail": "skipped"}


# -- restarts ------------------------------------------------------------------------------------


@pytest.mark.parametrize("yes", [True, False])
async def test_a_choice_killed_after_any_event_goes_the_way_it_went(live, yes):
    store = MemoryStore()
    out = await live(store=store).start(simple, x="x", yes=yes)
    kinds = Counter(types(store))
    for n in range(1, len(log(store))):
        left = cut(store, n)
        life = Life(left)
        assert await life.resume() == out
        assert Counter(t for t in types(left) if t not in {"RunResumed", "NodeStarted"}) == Counter(
            {t: k for t, k in kinds.items() if t != "NodeStarted"}
        )
        await life.end()


async def test_a_question_in_a_branch_survives_a_restart(live):
    @graphify(outputs=["out"])
    def g(x, yes):
        return {"out": when(yes, then=lambda: ask_text("why?"), otherwise=lambda: rework(x)).text}

    first = live()
    first.start(g, x="x", yes=True)
    await first.until(lambda: first.channel.asked)
    await first.end()
    second = live()
    run = second.resume()
    await second.until(lambda: second.channel.asked)
    run.answer("so")
    assert (await run).out == "so"


async def test_a_branch_that_is_edited_goes_on_with_the_way_it_went(live):
    def made(other):
        @graphify(name="g", outputs=["out"])
        def g(x, yes):
            other(x, key="new") if other is mail else None

            def branch():
                return publish(ask_text("why?", after=check(x)))

            return {"out": when(yes, then=branch, otherwise=lambda: other(x)).text}

        return g

    first = live()
    first.start(made(rework), x="x", yes=True)
    await first.until(lambda: first.channel.asked)
    await first.end()
    second = live()
    made(mail)
    run = second.resume()
    await second.until(lambda: second.channel.asked)
    run.answer("so")
    assert (await run).out == "publish(so)"
    assert ran == ["check", "mail", "publish"]


async def test_a_question_that_an_edit_moves_behind_something_else_still_goes_on(live):
    def made(edited):
        @graphify(name="g", outputs=["out"])
        def g(x, yes):
            if not edited:
                return {"out": publish([ask_text("a?", key="a"), ask_text("b?", key="b")]).text}
            moved = when(yes, then=lambda: ask_text("a?", key="a"))
            return {"out": publish([moved, ask_text("b?", key="b", after=check(x))]).text}

        return g

    first = live()
    first.start(made(edited=False), x="x", yes=True)
    await first.until(lambda: len(first.channel.asked) == 2)
    await first.end()
    second = live()
    made(edited=True)
    run = second.resume()
    await second.until(lambda: len(second.channel.asked) == 2)
    run.answer("A", to="a?")
    run.answer("B", to="b?")
    assert (await run).out == "publish(['A', 'B'])"
