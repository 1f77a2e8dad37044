"""How a body comes back: the rules of its journal, one by one, through a real runtime."""

from __future__ import annotations

import asyncio
import re

import pytest
from lives import comes_back, log, ran, step, stop, there, turns, types

from aether_nb import graph_fn, tool
from aether_nb.errors import AetherError, NodeFailed, RunBlocked


def calls(store):
    return [e.call for e in log(store) if e.type in {"NodeAdded", "CallRecorded", "MessageSent"}]


def scopes(store):
    return [(c.scope, c.name) for c in calls(store)]


# -- 1: identified when called -------------------------------------------------------------------


async def test_a_call_is_identified_when_it_is_called_not_when_it_is_awaited(live, store):
    @graph_fn(outputs=["xs"])
    async def f(*, context):
        one, other = step("a"), step("a")
        second = await other
        first = await one
        await stop(context)
        return {"xs": [first.x, second.x]}

    out = await comes_back(live, f)
    assert out.xs == ["a-2", "a-1"]
    assert [c.n for c in calls(store) if c.name == "step"] == [1, 0]


# -- 2: scopes -----------------------------------------------------------------------------------


async def test_the_function_and_the_helpers_that_it_awaits_are_one_scope(live, store):
    async def helper():
        return (await step("h")).x

    @graph_fn(outputs=["x"])
    async def f(*, context):
        x = await helper()
        await stop(context)
        return {"x": x}

    await comes_back(live, f)
    assert {scope for scope, _ in scopes(store)} == {""}


async def test_each_task_is_a_scope_named_after_its_coroutine_and_counted(live, store):
    async def worker(i):
        return (await step("same")).x

    @graph_fn(outputs=["xs"])
    async def f(*, context):
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(worker(i)) for i in range(2)]
        xs = [t.result() for t in tasks]
        xs += await asyncio.gather(worker(2), step("same"))
        await stop(context)
        return {"xs": [str(x) for x in xs]}

    before = await comes_back(live, f)
    found = [re.sub(r"\w+\.<locals>\.", "", scope) for scope, name in scopes(store) if name == "step"]
    assert found == [
        "worker#0",
        "worker#1",
        "worker#2",
        "",
    ]  # the last was called here, before gather made a task of it
    assert [x.split("-")[0] for x in before.xs[:3]] == ["same"] * 3


async def test_tasks_within_tasks_are_scopes_within_scopes(live, store):
    async def leaf():
        await step("leaf")

    async def branch():
        await asyncio.gather(leaf(), leaf())

    @graph_fn(outputs=[])
    async def f(*, context):
        await asyncio.create_task(branch())
        await stop(context)

    await comes_back(live, f)
    found = [re.sub(r"\w+\.<locals>\.", "", scope) for scope, name in scopes(store) if name == "step"]
    assert found == ["branch#0/leaf#0", "branch#0/leaf#1"]


async def test_tasks_outside_runs_are_left_alone(live):
    live().start(graph_fn(outputs=[])(_nothing))
    task = asyncio.create_task(turns(1), name="mine")
    await task
    assert task.get_name() == "mine"


async def _nothing():
    pass


# -- 3: keys -------------------------------------------------------------------------------------


async def test_a_key_names_a_call_whatever_its_arguments_and_its_task(live, store):
    lives = []

    @graph_fn(outputs=["x"])
    async def f(*, context):
        lives.append(1)
        if len(lives) == 1:
            x = await step("then", key="k")
        else:
            x = await asyncio.create_task(step("now", key="k"))
        await stop(context)
        return {"x": x.x}

    assert (await comes_back(live, f)).x == "then-1"


async def test_a_number_may_be_a_key(live):
    @graph_fn(outputs=["x"])
    async def f(*, context):
        x = await step("a", key=3)
        await stop(context)
        return {"x": x.x}

    assert (await comes_back(live, f)).x == "a-1"


async def test_a_key_used_twice_in_a_run_is_refused_with_the_remedy(live):
    @graph_fn(outputs=[])
    async def f():
        await step(1, key="k")
        await asyncio.create_task(step(2, key="k"))

    with pytest.raises(NodeFailed, match=r"DuplicateKey: key='k' is used twice .* key=f'k-\{i\}'"):
        await live().start(f)


# -- 4: arguments and occurrence -----------------------------------------------------------------


async def test_equal_calls_are_told_apart_by_how_many_came_before(live):
    @graph_fn(outputs=["xs"])
    async def f(*, context):
        xs = [(await step("a")).x for _ in range(3)]
        await stop(context)
        return {"xs": xs}

    assert (await comes_back(live, f)).xs == ["a-1", "a-2", "a-3"]


async def test_the_order_of_sets_and_arguments_that_are_no_identity_do_not_count(live, store):
    @tool(outputs=["n"])
    async def count(items, word="x"):
        return {"n": len(items)}

    lives = []

    @graph_fn(outputs=["n"])
    async def f(*, context):
        lives.append(1)
        items = {"b", "a", "c"} if len(lives) == 1 else {"c", "a", "b"}
        n = await (count(items) if len(lives) == 1 else count(word="x", items=items))
        await context.channel().ask_text("go?", timeout=len(lives) * 1000)
        return {"n": n.n}

    assert (await comes_back(live, f)).n == 3


async def test_an_argument_that_cannot_be_stored_counts_as_its_type(live, store):
    class Handle:
        pass

    @tool(outputs=["ok"])
    async def use(handle):
        ran.append(type(handle))
        return {"ok": True}

    @graph_fn(outputs=["ok"])
    async def f(*, context):
        ok = await use(Handle())
        await stop(context)
        return {"ok": ok.ok}

    assert (await comes_back(live, f)).ok
    assert calls(store)[0].digest.startswith("~")


# -- 5: the order of outcomes --------------------------------------------------------------------


async def test_a_race_goes_again_as_it_went(live):
    gates = {"slow": asyncio.Event(), "fast": asyncio.Event()}

    @tool(outputs=["x"])
    async def racer(name):
        await gates[name].wait()
        ran.append(name)
        return {"x": name}

    @graph_fn(outputs=["first", "rest"])
    async def f(*, context):
        tasks = [asyncio.create_task(racer(n)) for n in ("slow", "fast")]
        done, late = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        first = [t.result().x for t in done]
        after = await step(f"after {first}")
        rest = [(await t).x for t in late]
        await stop(context)
        return {"first": [*first, after.x], "rest": rest}

    first = live()
    run = first.start(f)
    await first.until(lambda: types(first.store).count("NodeStarted") == 2)
    gates["fast"].set()
    await first.until(lambda: ran == ["fast", "after ['fast']"])
    gates["slow"].set()
    await there(first)
    await first.end()
    second = live()
    run = second.resume()
    await there(second)
    run.answer("yes")
    out = await run
    assert out.first == ["fast", "after ['fast']-2"]
    assert out.rest == ["slow"]
    assert len(ran) == 3


async def test_many_tasks_settle_in_the_recorded_order(live):
    order: list[int] = []
    gates = [asyncio.Event() for _ in range(6)]

    @tool(outputs=["i"])
    async def racer(i):
        await gates[i].wait()
        return {"i": i}

    @graph_fn(outputs=[])
    async def f(*, context):
        async def one(i):
            order.append((await racer(i)).i)

        await asyncio.gather(*(one(i) for i in range(6)))
        await stop(context)

    first = live()
    first.start(f)
    went = [3, 0, 5, 1, 4, 2]
    for n, i in enumerate(went):
        gates[i].set()
        await first.until(lambda n=n: types(first.store).count("NodeFinished") > n)
    await there(first)
    await first.end()
    order.clear()
    second = live()
    second.resume()
    await there(second)
    assert order == went


# -- 6: started without outcome ------------------------------------------------------------------


async def test_a_node_that_died_with_the_kernel_runs_again_as_another_attempt(live):
    stuck = asyncio.Event()
    attempts = []

    @tool(outputs=["n"])
    async def slow(*, context):
        attempts.append(context.attempt)
        if len(attempts) == 1:
            await stuck.wait()
        return {"n": context.attempt}

    @graph_fn(outputs=["n"])
    async def f():
        return {"n": (await slow()).n}

    first = live()
    first.start(f)
    await first.until(lambda: "NodeStarted" in types(first.store))
    await first.end()
    assert (await live().resume()).n == 2
    assert attempts == [1, 2]


async def test_the_third_crash_in_one_node_blocks_the_run_until_somebody_resumes_it(live):
    lives = []

    @tool(outputs=[])
    async def killer():
        lives.append(1)
        if len(lives) <= 3:
            await asyncio.Event().wait()

    @graph_fn(outputs=[])
    async def f():
        await killer()

    life = live()
    run = life.start(f)
    for n in range(1, 4):
        await life.until(lambda n=n: types(life.store).count("NodeStarted") == n)
        await life.end()
        life = live()
        run = life.resume()
    with pytest.raises(RunBlocked, match="'killer' was running when the kernel died, 3 times"):
        await run
    assert len(lives) == 3
    await life.resume()
    assert len(lives) == 4


async def test_an_open_question_is_attached_and_not_asked_again(live, store):
    @graph_fn(outputs=["x"])
    async def f(*, context):
        return {"x": await stop(context)}

    out = await comes_back(live, f)
    assert out.x == "yes"
    assert types(store).count("WaitOpened") == 1


async def test_a_reply_that_came_while_no_kernel_ran_is_taken(live, store):
    @graph_fn(outputs=["x"])
    async def f(*, context):
        return {"x": await stop(context)}

    first = live()
    run = first.start(f)
    await there(first)
    await first.end()
    live().runtime.answer(run.waits[0].token, "from elsewhere")
    second = live()
    assert (await second.resume()).x == "from elsewhere"
    assert second.channel.asked == []


# -- 7, 8, 9: calls that the journal does not have -------------------------------------------------


def then_and_now(then, now, outputs=("x",)):
    """One graph function that is another in its second life, with the same code as far as anybody knows."""
    lives = []

    @graph_fn(name="f", outputs=list(outputs))
    async def f(*, context):
        lives.append(1)
        return await (then if len(lives) == 1 else now)(context)

    return f


async def to_go(live, graph):
    first = live()
    first.start(graph)
    await there(first)
    await first.end()
    return live()


async def test_a_call_that_is_new_where_nothing_is_left_is_simply_made(live):
    @graph_fn(outputs=["x"])
    async def f(*, context):
        answer = await stop(context)
        return {"x": (await step(answer)).x}

    assert (await comes_back(live, f)).x == "yes-1"


async def test_another_call_than_the_recorded_one_blocks_the_run_before_any_effect(live, store):
    async def then(context):
        await step("recorded")
        await stop(context)
        return {"x": 1}

    async def now(context):
        await step("other")
        return {"x": 2}

    second = await to_go(live, then_and_now(then, now))
    run = second.resume()
    with pytest.raises(RunBlocked) as caught:
        await run
    said = str(caught.value)
    now_line, then_line = (f.__code__.co_firstlineno + 1 for f in (now, then))
    assert f"Line {now_line} calls step(x='other')" in said
    assert f"the journal has step(x='recorded') from line {then_line} next" in said
    assert "The code is the same" in said
    assert ran == ["recorded"]
    assert run.status == "blocked"
    assert [w.status for w in run.waits] == ["open"]
    assert types(store)[-1] == "RunBlocked"


async def test_a_divergence_that_the_code_catches_blocks_the_run_all_the_same(live):
    async def then(context):
        await step("recorded")
        await stop(context)
        return {"x": 1}

    async def now(context):
        try:
            await step("other")
        except AetherError:
            ran.append("caught")
        await stop(context)
        return {"x": 2}

    second = await to_go(live, then_and_now(then, now))
    with pytest.raises(RunBlocked, match=r"calls step\(x='other'\)"):
        await second.resume()
    assert ran == ["recorded", "caught"]


async def test_a_blocked_run_goes_on_when_the_code_does_again_what_is_recorded(live):
    going = []

    @graph_fn(outputs=["x"])
    async def f(*, context):
        going.append(1)
        await step("wrong" if len(going) == 2 else "right")
        return {"x": await stop(context)}

    second = await to_go(live, f)
    run = second.resume()
    with pytest.raises(RunBlocked):
        await run
    run = second.resume()
    await there(second)
    run.answer("yes")
    assert (await run).x == "yes"
    assert ran == ["right"]


async def test_other_bodies_of_a_blocked_run_stop(live, store):
    going = []
    gate = asyncio.Event()

    @tool(outputs=[])
    async def aside():
        await gate.wait()
        ran.append("aside")

    @graph_fn(outputs=[])
    async def f(*, context):
        going.append(1)
        task = asyncio.create_task(aside())
        await step(len(going))
        await stop(context)
        await task

    second = await to_go(live, f)
    with pytest.raises(RunBlocked):
        await second.resume()
    gate.set()
    await turns()
    assert "aside" not in ran
    assert types(store)[-1] == "RunBlocked"


def edited(then, now, outputs=("x",)):
    """Two versions of one graph function; the first is the newest until the second is asked for."""

    @graph_fn(name="f", outputs=list(outputs))
    async def f(*, context):
        return await then(context)

    def edit():
        @graph_fn(name="f", outputs=list(outputs))
        async def f(*, context):
            "Another version."
            ran.append("edited")
            return await now(context)

        return f

    return f, edit


async def test_a_call_inserted_by_an_edit_is_made_and_what_is_done_stays_done(live):
    async def then(context):
        await step("one")
        await stop(context)
        return {"x": 1}

    @tool(outputs=[])
    async def inserted():
        ran.append("inserted")

    async def now(context):
        await inserted()
        x = (await step("one")).x
        await stop(context)
        return {"x": x}

    f, edit = edited(then, now)
    second = await to_go(live, f)
    edit()
    run = second.resume()
    assert "the code of f has changed: run.changes shows the diff" in run.note
    await there(second)
    run.answer("yes")
    assert (await run).x == "one-1"
    assert ran == ["one", "edited", "inserted"]


async def test_a_question_reworded_by_an_edit_blocks_rather_than_being_asked_twice(live):
    async def then(context):
        return {"x": await stop(context)}

    async def now(context):
        return {"x": await context.channel().ask_text("may I go?")}

    f, edit = edited(then, now)
    second = await to_go(live, f)
    edit()
    with pytest.raises(RunBlocked, match=r"'may I go\?'.*'go\?'.* The code has changed"):
        await second.resume()
    assert second.channel.asked == []


# -- 10: leftovers ---------------------------------------------------------------------------------


async def test_a_return_with_calls_left_over_blocks_when_the_code_is_the_same(live, store):
    async def then(context):
        await step("left")
        await stop(context)
        return {"x": 1}

    async def now(context):
        return {"x": 2}

    second = await to_go(live, then_and_now(then, now))
    run = second.resume()
    with pytest.raises(
        RunBlocked, match=r"has calls that were not made this time: step\(x='left'\) from line \d+; ask"
    ):
        await run
    assert [w.status for w in run.waits] == ["open"]


async def test_a_return_with_calls_left_over_finishes_when_the_code_changed_and_takes_their_questions_back(
    live,
):
    async def then(context):
        await step("left")
        await stop(context)
        return {"x": 1}

    async def now(context):
        return {"x": 2}

    f, edit = edited(then, now)
    second = await to_go(live, f)
    edit()
    run = second.resume()
    assert (await run).x == 2
    assert [w.status for w in run.waits] == ["withdrawn"]
    assert sorted(n.status for n in run.nodes.values()) == ["cancelled", "succeeded"]


async def test_a_change_is_remembered_over_a_second_restart(live):
    async def then(context):
        await step("left")
        await stop(context)
        return {"x": 1}

    async def now(context):
        return {"x": await context.channel().ask_approval("sure?")}

    f, edit = edited(then, now)
    second = await to_go(live, f)
    edit()
    second.resume()
    await second.until(lambda: second.channel.asked == ["sure?"])
    await second.end()
    third = live()
    run = third.resume()
    await third.until(lambda: "sure?" in third.channel.asked)
    run.answer(True, to="sure?")
    assert (await run).x["approved"]


@pytest.mark.parametrize("kind", [graph_fn, tool], ids=["a graph function", "a tool that asks"])
async def test_an_edit_of_an_inner_body_is_noticed_by_its_own_journal(live, kind):
    @kind(name="inner", outputs=["x"])
    async def then(*, context):
        await context.channel().send_text("hello")
        return {"x": await stop(context)}

    @kind(name="inner", outputs=["x"])
    async def now(*, context):
        return {"x": await stop(context) + " indeed"}

    current = [then]

    @graph_fn(outputs=["x"])
    async def f():
        return {"x": (await current[0]()).x}

    second = await to_go(live, f)
    current[0] = now
    run = second.resume()
    await there(second)
    run.answer("yes")
    assert (await run).x == "yes indeed"
