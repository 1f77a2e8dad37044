"""How a body comes back: the rules of its journal, one by one, through a real runtime.

The rules are those of the durability notes, section 4. `[a]` is `test_activation.py`, `[c]` `test_crashes.py`,
`[m]` `test_maps.py`; the others are here. Programs of all these calls, in random orders and killed anywhere: `[c]`.

1   a_call_is_identified_when_it_is_called, calls_awaited_in_another_order_than_they_were_called
2   the_function_and_the_helpers_that_it_awaits_are_one_scope, each_task_is_a_scope, tasks_within_tasks,
    what_wait_for_runs_is_in_the_scope_of_who_waits
3   a_key_names_a_call, a_number_may_be_a_key, a_key_used_twice
4   equal_calls_are_told_apart, the_order_of_sets, an_argument_that_cannot_be_stored_counts_as_its_type
5   a_race_goes_again_as_it_went, many_tasks_settle_in_the_recorded_order
6   a_node_that_died_with_the_kernel_runs_again, the_third_crash_in_one_node_blocks, an_open_question_is_attached,
    a_reply_that_came_while_no_kernel_ran
7   a_call_that_is_new_where_nothing_is_left_is_simply_made
8   another_call_than_the_recorded_one_blocks, a_divergence_that_the_code_catches_blocks,
    other_bodies_of_a_blocked_run_stop
9   a_call_inserted_by_an_edit, a_question_reworded_by_an_edit_blocks, reuse_, again_, new_,
    [m] a_list_that_was_edited_in_a_graph_function
10  a_return_with_calls_left_over_blocks, a_return_with_calls_left_over_finishes, what_is_left_over_is_logged
11  [a] a_cancellation_by_the_users_own_code, asyncio_timeout_around_a_question,
    putting_a_run_to_sleep_records_nothing, the_end_of_the_loop_is_no_cancellation
12  [a] a_failed_call_raises_the_same_live_and_replayed; a_failure_that_the_code_caught_is_caught_again
13  [a] a_live_value_is_the_restored_value, what_cannot_be_stored_fails_its_node_once
14  what_is_read_outside_the_journal_is_not_recorded
"""

from __future__ import annotations

import asyncio
import contextlib
import re

import pytest
from lives import comes_back, log, ran, step, stop, there, turns, types

from aether_nb import graph_fn, tool
from aether_nb.errors import AetherError, BadInputs, NodeFailed, RunBlocked, RunError
from aether_nb.events import begins


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


async def test_calls_awaited_in_another_order_than_they_were_called_come_back_from_between(live):
    @graph_fn(outputs=["xs"])
    async def f(*, context):
        one, other = step("called first"), stop(context)
        return {"xs": [await other, (await one).x]}

    assert (await comes_back(live, f)).xs == ["yes", "called first-1"]


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


async def test_what_wait_for_runs_is_in_the_scope_of_who_waits_on_every_python(live, store):
    """Up to Python 3.11 it makes a task of it, later versions do not, and a run outlives its Python."""

    async def inner(x):
        return (await step(x)).x

    async def outer(x):
        return [await inner(x), *await asyncio.gather(inner(x), asyncio.wait_for(inner(x), 60))]

    @graph_fn(outputs=["xs"])
    async def f(*, context):
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(inner("late"), 0)
        xs = [await asyncio.wait_for(inner("a"), 60), *await asyncio.wait_for(outer("b"), 60)]
        xs += await asyncio.gather(inner("c"))
        await stop(context)
        return {"xs": xs}

    await comes_back(live, f)
    found = [re.sub(r"\w+\.<locals>\.", "", scope) for scope, name in scopes(store) if name == "step"]
    assert found == ["", "", "inner#0", "wait_for#0", "inner#1"]


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
    await first.until(lambda: sum(map(begins, log(first.store))) == 2)
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
    await first.until(lambda: any(map(begins, log(first.store))))
    await first.end()
    assert (await live().resume()).n == 2
    assert attempts == [1, 2]


async def test_the_third_crash_in_one_node_blocks_the_run_until_somebody_resumes_it(live):
    lives, begun = [], asyncio.Event()

    @tool(outputs=[])
    async def killer():
        lives.append(1)
        begun.set()
        if len(lives) <= 3:
            await asyncio.Event().wait()

    @graph_fn(outputs=[])
    async def f():
        await killer()

    life = live()
    run = life.start(f)
    for _ in range(3):
        await begun.wait()
        begun.clear()
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


def then_and_now(then, now):
    """One graph function that is another in its second life, with the same code as far as anybody knows."""
    lives = []

    @graph_fn(name="f", outputs=["x"])
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


def versions(then, now):
    """Two versions of one graph function; the first is the newest until the second is asked for."""

    @graph_fn(name="f", outputs=["x"])
    async def f(*, context):
        return await then(context)

    def edit():
        @graph_fn(name="f", outputs=["x"])
        async def f(*, context):
            "Another version."
            ran.append("edited")
            return await now(context)

    return f, edit


async def edited(live, then, now):
    """The next life of a kernel that died at `go?`; the function has been edited in between."""
    f, edit = versions(then, now)
    second = await to_go(live, f)
    edit()
    return second


async def test_a_call_inserted_by_an_edit_is_made_and_logged_and_what_is_done_stays_done(live, store):
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

    second = await edited(live, then, now)
    run = second.resume()
    assert "the code of f has changed: run.changes shows the diff" in run.note
    await there(second)
    await second.end()
    (told,) = [e for e in log(store) if e.type == "CallInserted"]
    assert (told.node, told.call.scope, told.call.name, told.expected.name) == ("", "", "inserted", "step")
    assert [told.call.line, told.expected.line] == [c.__code__.co_firstlineno + 1 for c in (now, then)]
    third = live()
    run = third.resume()
    await there(third)
    run.answer("yes")
    assert (await run).x == "one-1"
    assert ran == ["one", "edited", "inserted", "edited"]
    assert types(store).count("CallInserted") == 1


async def reworded(live, then, now):
    """A run that is blocked because an edit put a call in other words."""
    second = await edited(live, then, now)
    run = second.resume()
    with pytest.raises(RunBlocked):
        await run
    return second, run


async def asks(context):
    await step("before")
    return {"x": await stop(context)}


async def asks_politely(context):
    await step("before")
    return {"x": await context.channel().ask_text("may I go?")}


async def test_a_question_reworded_by_an_edit_blocks_and_says_how_to_go_on(live, store):
    second, run = await reworded(live, asks, asks_politely)
    said = str(run.error)
    assert "calls ask_text(prompt='may I go?'), but the journal has ask_text(prompt='go?') from line" in said
    assert "The code has changed since." in said
    for choice in ("reuse", "again", "new"):
        assert f"reworded='{choice}'" in said
    assert "ae.resume('r', reworded='reuse')" in said
    assert second.channel.asked == []
    assert [w.status for w in run.waits] == ["open"]
    with pytest.raises(RunBlocked):
        await second.resume()  # without a decision nothing is different
    assert types(store).count("WaitOpened") == 1


async def test_reuse_takes_the_open_question_for_the_reworded_one_and_every_later_replay_agrees(live, store):
    second, _ = await reworded(live, asks, asks_politely)
    second.resume(reworded="reuse")
    await there(second)
    await second.end()
    third = live()
    run = third.resume()
    await there(third)
    assert third.channel.asked == ["go?"]
    run.answer("yes")
    assert (await run).x == "yes"
    assert (types(store).count("WaitOpened"), types(store).count("CallReworded")) == (1, 1)
    assert ran.count("before") == 1


async def test_reuse_takes_the_recorded_outcome_of_a_call_with_other_arguments(live):
    async def then(context):
        x = (await step("then")).x
        return {"x": [x, await stop(context)]}

    async def now(context):
        x = (await step("now")).x
        return {"x": [x, await stop(context)]}

    second, _ = await reworded(live, then, now)
    run = second.resume(reworded="reuse")
    await there(second)
    run.answer("yes")
    assert (await run).x == ["then-1", "yes"]
    assert "now" not in ran


async def test_a_call_that_is_made_again_after_its_outcome_was_reused_for_another_is_one_of_its_own(live):
    async def then(context):
        x = (await step("then")).x
        return {"x": [x, await stop(context)]}

    async def now(context):
        xs = [(await step(word)).x for word in ("now", "then")]
        return {"x": [*xs, await stop(context)]}

    second, _ = await reworded(live, then, now)
    run = second.runtime.resuming.resume("r", reworded="reuse")
    await there(second)
    await second.end()
    third = live()
    run = third.resume()
    await there(third)
    run.answer("yes")
    assert (await run).x == ["then-1", "then-4", "yes"]
    assert [word for word in ran if word != "edited"] == ["then", "then"]
    assert sorted(node.label for node in run.nodes.values()) == ["go?", "step", "step"]


async def test_again_withdraws_the_recorded_question_and_asks_the_new_one(live, store):
    second, run = await reworded(live, asks, asks_politely)
    run = second.resume(reworded="again")
    await second.until(lambda: second.channel.asked == ["may I go?"])
    assert sorted(w.status for w in run.waits) == ["open", "withdrawn"]
    await second.end()
    third = live()
    run = third.resume()
    await third.until(lambda: third.channel.asked == ["may I go?"])
    run.answer("yes", to="may I go?")
    assert (await run).x == "yes"
    (left,) = [e for e in log(store) if e.type == "JournalLeftover"]
    assert [c.name for c in left.calls] == ["ask_text"]
    assert types(store).count("WaitOpened") == 2


async def test_again_does_not_touch_the_next_question_of_that_name(live):
    async def then(context):
        name = await context.channel().ask_text("name?")
        return {"x": [name, await stop(context)]}

    async def now(context):
        name = await context.channel().ask_text("your name?")
        return {"x": [name, await stop(context)]}

    f, edit = versions(then, now)
    first = live()
    run = first.start(f)
    await first.until(lambda: first.channel.asked)
    run.answer("Ada")
    await there(first)
    await first.end()
    edit()
    second = live()
    with pytest.raises(RunBlocked, match=r"'your name\?'.*'name\?'"):
        await second.resume()
    run = second.resume(reworded="again")
    await second.until(lambda: second.channel.asked == ["your name?"])
    run.answer("Bob", to="your name?")
    await there(second)
    run.answer("yes", to="go?")
    assert (await run).x == ["Bob", "yes"]
    assert sorted(w.prompt for w in run.waits) == ["go?", "name?", "your name?"]


async def test_new_makes_the_call_and_leaves_the_recorded_one_to_come(live, store):
    async def now(context):
        await step("before")
        city = await context.channel().ask_text("which city?")
        return {"x": [city, await stop(context)]}

    second, _ = await reworded(live, asks, now)
    run = second.resume(reworded="new")
    await second.until(lambda: second.channel.asked == ["which city?"])
    run.answer("Rome", to="which city?")
    await there(second)
    run.answer("yes", to="go?")
    assert (await run).x == ["Rome", "yes"]
    assert types(store).count("WaitOpened") == 2


@pytest.mark.parametrize("kind", [graph_fn, tool], ids=["a graph function", "a tool that asks"])
async def test_a_reworded_question_of_an_inner_body_is_decided_there(live, kind):
    current = []

    @graph_fn(outputs=["x"])
    async def f():
        return {"x": (await current[0]()).x}

    async def ask_inside(*, context):
        return {"x": await stop(context)}

    async def politely(*, context):
        return {"x": await context.channel().ask_text("may I go?")}

    current.append(kind(name="inner", outputs=["x"])(ask_inside))
    second = await to_go(live, f)
    current[0] = kind(name="inner", outputs=["x"])(politely)
    with pytest.raises(RunBlocked, match=r"may I go\?"):
        await second.resume()
    run = second.resume(reworded="reuse")
    await there(second)
    run.answer("yes")
    assert (await run).x == "yes"


async def test_a_call_with_other_arguments_in_the_same_code_can_be_decided_too(live):
    """As when a helper was edited, which no fingerprint covers."""
    words = ["then"]

    @graph_fn(outputs=["x"])
    async def f(*, context):
        x = (await step(words[0])).x
        return {"x": [x, await stop(context)]}

    second = await to_go(live, f)
    words[0] = "now"
    with pytest.raises(RunBlocked, match=r"helper functions and globals are not looked at.*reworded='reuse'"):
        await second.resume()
    run = second.resume(reworded="reuse")
    await there(second)
    run.answer("yes")
    assert (await run).x == ["then-1", "yes"]
    assert ran == ["then"]


async def test_a_decision_needs_a_call_that_waits_for_one(live):
    async def then(context):
        await step("left")
        await stop(context)

    async def now(context):
        await context.channel().send_text("something else")

    second = await to_go(live, then_and_now(then, now))
    with pytest.raises(RunError, match="no call of it waits for such a decision"):
        second.resume(reworded="reuse")
    with pytest.raises(RunBlocked, match=r"send_text\(text='something else'\)"):
        await second.resume()
    with pytest.raises(RunError, match="run 'r' is blocked, and no call of it waits for such a decision"):
        second.resume(reworded="reuse")
    with pytest.raises(BadInputs, match="reworded='perhaps': it is 'reuse', 'again' or 'new'"):
        second.resume(reworded="perhaps")


# -- 10: leftovers ---------------------------------------------------------------------------------


async def leaves_one(context):
    await step("left")
    await stop(context)
    return {"x": 1}


async def returns(context):
    return {"x": 2}


async def test_a_return_with_calls_left_over_blocks_when_the_code_is_the_same(live, store):
    second = await to_go(live, then_and_now(leaves_one, returns))
    run = second.resume()
    with pytest.raises(
        RunBlocked, match=r"has calls that were not made this time: step\(x='left'\) from line \d+; ask"
    ):
        await run
    assert [w.status for w in run.waits] == ["open"]


async def test_a_return_with_calls_left_over_finishes_when_the_code_changed_and_takes_their_questions_back(
    live,
):
    second = await edited(live, leaves_one, returns)
    run = second.resume()
    assert (await run).x == 2
    assert [w.status for w in run.waits] == ["withdrawn"]
    assert sorted(n.status for n in run.nodes.values()) == ["cancelled", "succeeded"]


async def test_what_is_left_over_is_logged_with_its_lines_before_its_questions_are_withdrawn(live, store):
    second = await edited(live, leaves_one, returns)
    await second.resume()
    (left,) = [e for e in log(store) if e.type == "JournalLeftover"]
    recorded = [c for c in calls(store) if c.name in {"step", "ask_text"}]
    assert (left.node, list(left.calls)) == ("", recorded)
    assert recorded[0].line == leaves_one.__code__.co_firstlineno + 1
    told = types(store)
    assert told.index("JournalLeftover") < told.index("WaitWithdrawn") < told.index("RunFinished")


async def test_a_call_that_was_left_over_and_comes_back_is_made_afresh(live, store):
    """The question was withdrawn by a decision, and then the edit was undone."""
    current = [asks]

    @graph_fn(name="f", outputs=["x"])
    async def f(*, context):
        return await current[0](context)

    def version(body):
        current[0] = body
        word = body.__name__

        @graph_fn(name="f", outputs=["x"])
        async def f(*, context):
            ran.append(word)
            return await current[0](context)

        return f

    second = await to_go(live, f)
    version(asks_politely)
    with pytest.raises(RunBlocked):
        await second.resume()
    second.resume(reworded="again")
    await second.until(lambda: second.channel.asked == ["may I go?"])
    await second.end()
    version(asks)
    third = live()
    with pytest.raises(RunBlocked, match=r"calls ask_text\(prompt='go\?'\).*ask_text\(prompt='may I go\?'\)"):
        await third.resume()
    run = third.resume(reworded="again")
    await third.until(lambda: third.channel.asked == ["go?"])
    run.answer("yes", to="go?")
    assert (await run).x == "yes"


async def test_a_change_is_remembered_over_a_second_restart(live):
    async def now(context):
        return {"x": await context.channel().ask_approval("sure?")}

    second = await edited(live, leaves_one, now)
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


# -- 12, 14: failures, and what is not covered --------------------------------------------------------


async def test_a_failure_that_the_code_caught_is_caught_again_and_an_early_return_is_one_again(live):
    @tool(outputs=["x"])
    async def fails():
        ran.append("fails")
        raise ValueError("no")

    @graph_fn(outputs=["x"])
    async def f(*, context):
        for n in range(3):
            try:
                await fails()
            except ValueError as error:
                ran.append(f"caught {error}")
                if await context.channel().ask_text("go?") == "stop":
                    return {"x": n}
        return {"x": "all"}

    first = live()
    run = first.start(f)
    await there(first)
    run.answer("on")
    await first.until(lambda: len(first.channel.asked) == 2)
    await first.end()
    before = ran.count("fails")
    second = live()
    run = second.resume()
    await there(second)
    run.answer("stop", wait=next(w.token for w in run.waits if w.status == "open"))
    assert (await run).x == 1
    assert ran.count("fails") == before == 2


async def test_what_is_read_outside_the_journal_is_not_recorded_and_what_the_context_gives_is(live):
    lives = []

    @graph_fn(outputs=["x"])
    async def f(*, context):
        lives.append(1)
        kept = context.uuid()
        await step(str(kept))
        await stop(context)
        return {"x": [len(lives), kept]}

    out = await comes_back(live, f)
    assert out.x[0] == 2
    assert ran == [str(out.x[1])]
