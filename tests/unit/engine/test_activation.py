"""What a body may leave behind, how it is cancelled, and what its calls give, live and replayed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from lives import Life, comes_back, ran, step, stop, there, turns, types

from aether_nb import DualStageTool, Wait, errors, graph_fn, graphify, tool
from aether_nb.errors import AetherError, NodeFailed, ReplayDiverged, RunBlocked, RunOver
from aether_nb.store.memory import MemoryStore
from aether_nb.tools import ask_text


@tool(outputs=["x"])
async def fails(kind="ValueError"):
    ran.append(kind)
    raise {"ValueError": ValueError, "Own": Own, "KeyError": KeyError}[kind](f"run {len(ran)}")


class Own(LookupError):
    """A class of the user's."""


# -- tasks and coroutines left behind --------------------------------------------------------------


async def test_a_task_that_outlives_its_run_is_told_that_it_is_over(live):
    gate = asyncio.Event()
    late = []

    async def outlives(context):
        await gate.wait()
        for call in (lambda: step("late"), lambda: context.channel().send_text("late")):
            try:
                await call()
            except RunOver as error:
                late.append(str(error))

    @graph_fn(outputs=[])
    async def f(*, context):
        late.append(asyncio.create_task(outlives(context)))

    await live().start(f)
    gate.set()
    await late.pop(0)
    assert len(late) == 2
    assert "this task outlived the function that started it" in late[0]
    assert ran == []


async def test_what_is_in_flight_when_a_body_ends_is_cancelled_and_its_questions_withdrawn(live, store):
    @graph_fn(outputs=[])
    async def f(*, context):
        async def asks():
            await stop(context)

        async def breaks():
            await first.until(lambda: first.channel.asked)
            raise ValueError("no")

        await asyncio.gather(asks(), breaks())

    first = live()
    run = first.start(f)
    with pytest.raises(NodeFailed, match="ValueError: no"):
        await run
    assert [w.status for w in run.waits] == ["withdrawn"]
    assert types(store)[-3:] == ["WaitWithdrawn", "NodeCancelled", "RunFailed"]


async def test_a_tool_that_nobody_awaited_is_named_with_its_line(live):
    @graph_fn(outputs=[])
    async def f():
        forgotten = step("a")
        del forgotten

    line = f.fn.__code__.co_firstlineno + 2
    with pytest.raises(NodeFailed, match=rf"never awaited: line {line}: step\(\.\.\.\)"):
        await live().start(f)
    assert ran == []


async def test_a_question_that_nobody_awaited_is_named_too(live):
    @graph_fn(outputs=["x"])
    async def f(*, context):
        return {"x": str(context.channel().ask_text("name?"))}

    life = live()
    with pytest.raises(NodeFailed, match=r"never awaited: line \d+: ask_text\(\.\.\.\)"):
        await life.start(f)
    assert life.channel.asked == []


async def test_a_task_that_was_cancelled_before_it_began_was_not_forgotten(live):
    @graph_fn(outputs=[])
    async def f():
        task = asyncio.create_task(step("a"))
        task.cancel()
        await asyncio.wait([task])

    await live().start(f)
    assert ran == []


# -- 11: cancellation ----------------------------------------------------------------------------


async def test_a_cancellation_by_the_users_own_code_is_recorded_with_the_next_durable_step(live, store):
    gave_up = []

    @graph_fn(outputs=["x"])
    async def f(*, context):
        async def hurry():
            await life.until(lambda: "first?" in life.channel.asked) if not gave_up else None
            gave_up.append(1)
            raise TimeoutError

        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(context.channel().ask_text("first?"))
                group.create_task(hurry())
        except* TimeoutError:
            pass
        assert "NodeCancelled" not in types(store) or len(gave_up) > 1
        await stop(context)
        return {"x": len(gave_up)}

    life = live()
    run = life.start(f)
    await there(life)
    assert [w.status for w in run.waits] == ["withdrawn", "open"]
    await life.end()
    second = live()
    run = second.resume()
    await there(second)
    assert second.channel.asked == ["go?"]
    run.answer("yes")
    assert (await run).x == 2


async def test_asyncio_timeout_around_a_question_withdraws_it(live):
    @graph_fn(outputs=["x"])
    async def f(*, context):
        try:
            async with asyncio.timeout(0):
                await context.channel().ask_text("quick?")
        except TimeoutError:
            await context.channel().send_text("too late")
        return {"x": 1}

    life = live()
    run = life.start(f)
    assert (await run).x == 1
    assert [w.status for w in run.waits] in ([], ["withdrawn"])
    assert life.channel.said == ["too late"]


async def test_putting_a_run_to_sleep_records_nothing_whatever_its_code_does_about_it(live, store):
    held = []

    @graph_fn(outputs=["x"])
    async def f(*, context):
        try:
            x = await stop(context)
        except asyncio.CancelledError:
            held.append("swallowed")
            try:
                await step("on the way out")
            except BaseException as error:
                held.append(type(error).__name__)
            x = "made up"
        finally:
            held.append("finally")
        return {"x": x}

    first = live()
    first.start(f)
    await there(first)
    before = types(store)
    await first.end()
    assert held == ["swallowed", "RunSuspended", "finally"]
    assert types(store) == before
    assert ran == []
    second = live()
    run = second.resume()
    await there(second)
    run.answer("yes")
    assert (await run).x == "yes"


async def test_a_sleeping_task_group_that_breaks_records_nothing(live, store, caplog):
    @graph_fn(outputs=[])
    async def f(*, context):
        async def careful():
            try:
                await stop(context)
            finally:
                await step("goodbye")

        async with asyncio.TaskGroup() as group:
            group.create_task(careful())

    first = live()
    first.start(f)
    await there(first)
    before = types(store)
    await first.end()
    assert types(store) == before
    assert caplog.records == []


def test_the_end_of_the_loop_is_no_cancellation_by_the_user(store):
    """As in `asyncio.run` after Ctrl-C: every task is cancelled, and nobody told the run."""
    said = []

    @graph_fn(outputs=[])
    async def f(*, context):
        try:
            await stop(context)
        finally:
            try:
                await step("goodbye")
            except BaseException as error:
                said.append(type(error).__name__)
                raise

    async def main():
        life = Life(store)
        life.start(f)
        await there(life)
        return life

    asyncio.run(main())
    assert said == ["RunSuspended"]
    assert types(store)[-1] == "WaitOpened"


async def test_a_coroutine_cancelled_by_nobody_is_a_failure_and_not_silence(live):
    @graph_fn(outputs=[])
    async def f():
        raise asyncio.CancelledError

    with pytest.raises(NodeFailed, match="f failed: CancelledError"):
        await live().start(f)


async def test_a_run_whose_task_is_cancelled_from_outside_sleeps_and_can_be_woken(live, store):
    tasks = []

    @graph_fn(outputs=["x"])
    async def f(*, context):
        tasks.append(asyncio.current_task())
        return {"x": await stop(context)}

    life = live()
    run = life.start(f)
    await there(life)
    tasks[0].cancel()
    with pytest.raises(RunBlocked, match=r"cancelled from outside. ae.resume\('r'\) goes on with it"):
        await run
    assert types(store)[-1] == "WaitOpened"
    run = life.resume()
    await life.until(lambda: len(life.channel.asked) == 2)
    run.answer("yes")
    assert (await run).x == "yes"


async def test_a_reply_to_a_question_that_the_code_gave_up_does_not_count(live, store):
    given_up, go_on = asyncio.Event(), asyncio.Event()

    @graph_fn(outputs=["x"])
    async def f(*, context):
        asking = asyncio.create_task(context.channel().ask_text("quick?"))
        await life.until(lambda: life.channel.asked) if not given_up.is_set() else None
        asking.cancel()
        await asyncio.wait([asking])
        given_up.set()
        await go_on.wait()
        return {"x": [asking.cancelled(), await stop(context)]}

    life = live()
    run = life.start(f)
    await given_up.wait()
    life.runtime.answer(run.waits[0].token, "late")
    await turns()
    go_on.set()
    await there(life)
    assert "ReplyTaken" not in types(store)
    await life.end()
    second = live()
    run = second.resume()
    await there(second)
    run.answer("yes", to="go?")
    assert (await run).x == [True, "yes"]


# -- 12: failures ----------------------------------------------------------------------------------


async def test_a_failed_call_raises_the_same_live_and_replayed(live):
    seen = []

    @graph_fn(outputs=[])
    async def f(*, context):
        for kind in ("ValueError", "KeyError", "Own"):
            try:
                await fails(kind)
            except NodeFailed as error:
                seen.append(
                    (type(error).__mro__[1:], str(error), error.error_type, error.attempt, error.frames)
                )
        try:
            await fails("ValueError", key="builtin")
        except ValueError as error:
            seen.append(str(error))
        try:
            await fails("Own", key="own")
        except LookupError as error:
            seen.append(error.error_type)
        await stop(context)

    await comes_back(live, f)
    assert seen[:5] == seen[5:]
    assert [s[1:4] for s in seen[:3]] == [
        ("fails failed: ValueError: run 1", "ValueError", 1),
        ("fails failed: KeyError: 'run 2'", "KeyError", 1),
        ("fails failed: Own: run 3", "Own", 1),
    ]
    assert seen[3:5] == ["fails failed: ValueError: run 4", "Own"]


# -- 13: values ------------------------------------------------------------------------------------


@dataclass
class Point:
    x: int
    tags: tuple[str, ...]


async def test_a_live_value_is_the_restored_value(live):
    seen = []

    @tool(outputs=["v"])
    async def make():
        return {"v": [Point(1, ("a",)), (1, 2), {"s"}, {3: "three"}, b"raw"]}

    @tool(outputs=["same"])
    async def take(v):
        ran.append(v)
        return {"same": v}

    @graph_fn(outputs=["v"])
    async def f(*, context):
        made = await make()
        seen.append(made.v)
        made.v.append("mine")
        again = await take(made.v)
        seen.append(again.same)
        await stop(context)
        return {"v": again.same}

    out = await comes_back(live, f)
    there_, taken, there_again, taken_again = seen
    assert taken == taken_again == [*there_again[:5], "mine"]
    assert there_ == there_again
    assert [type(v) for v in taken[:5]] == [Point, tuple, set, dict, bytes]
    assert out.v == taken


async def test_what_cannot_be_stored_fails_its_node_once(live):
    @tool(outputs=["v"])
    async def make():
        ran.append("made")
        return {"v": object()}

    @graph_fn(outputs=[])
    async def f():
        await make()

    with pytest.raises(NodeFailed, match="make failed: NotStorable"):
        await live().start(f)
    assert ran == ["made"]


# -- small calls, messages, tool bodies ------------------------------------------------------------


async def test_small_calls_give_the_same_again_and_messages_are_not_repeated(live, store):
    seen = []

    @graph_fn(outputs=[])
    async def f(*, context):
        await context.channel().send_text("hello")
        item = await context.memory().record("fact", {"n": 1})
        seen.append((context.now(), context.uuid(), context.uuid(), item.item_id))
        await context.channel().send_text("hello")
        await stop(context)

    first = live()
    first.start(f)
    await there(first)
    assert first.channel.said == ["hello", "hello"]
    facts = len(first.runtime.services.memory.query("fact"))
    await first.end()
    second = live()
    second.runtime.services = first.runtime.services
    run = second.resume()
    await there(second)
    run.answer("yes")
    await run
    assert second.channel.said == []
    assert seen[0] == seen[1]
    assert seen[0][1] != seen[0][2]
    assert len(first.runtime.services.memory.query("fact")) == facts == 1


async def test_what_a_tool_asks_is_not_asked_again_when_the_tool_runs_again(live, store):
    @tool(outputs=["x"])
    async def interview(*, context):
        ran.append(context.attempt)
        name = await context.channel().ask_text("name?")
        await context.channel().send_text(f"hi {name}")
        return {"x": (name, await stop(context))}

    @graph_fn(outputs=["x"])
    async def f():
        return {"x": (await interview()).x}

    first = live()
    run = first.start(f)
    await first.until(lambda: first.channel.asked)
    run.answer("Ada", to="name?")
    await there(first)
    await first.end()
    second = live()
    run = second.resume()
    await there(second)
    assert second.channel.asked == ["go?"]
    assert second.channel.said == []
    run.answer("yes")
    assert (await run).x == ("Ada", "yes")
    assert ran == [1, 2]


async def test_a_tool_with_questions_in_a_static_graph_shows_each_once_after_a_restart(live):
    @tool(outputs=["x"])
    async def interview(*, context):
        return {"x": await stop(context)}

    @graphify(outputs=["x", "y"])
    def g():
        return {"x": interview().x, "y": ask_text("other?").text}

    first = live()
    first.start(g)
    await first.until(lambda: len(first.channel.asked) == 2)
    await first.end()
    second = live()
    run = second.resume()
    await second.until(lambda: len(second.channel.asked) == 2)
    await turns()
    assert sorted(second.channel.asked) == ["go?", "other?"]
    run.answer("1", to="go?")
    run.answer("2", to="other?")
    assert dict(await run) == {"x": "1", "y": "2"}


async def test_a_static_graph_called_in_a_function_shows_its_question_again_after_a_restart(live):
    @graphify(outputs=["x"])
    def inner():
        return {"x": ask_text("go?").text}

    @graph_fn(outputs=["x"])
    async def f():
        return {"x": (await inner()).x}

    assert (await comes_back(live, f)).x == "yes"


async def test_a_function_called_in_a_function_comes_back_too(live):
    @graph_fn(outputs=["x"])
    async def inner(a, *, context):
        await step(a)
        return {"x": await stop(context)}

    @graph_fn(outputs=["x"])
    async def f():
        await step("outer")
        return {"x": (await inner("i")).x}

    assert (await comes_back(live, f)).x == "yes"
    assert ran == ["outer", "i"]


async def test_a_sync_tool_may_take_the_time_and_is_told_what_it_may_not(live):
    @tool(outputs=["s"])
    def clocked(*, context):
        context.channel().send_text("x").close()
        return {"s": str(context.uuid()) and context.now().tzname()}

    @tool(outputs=["s"])
    def asks(*, context):
        return {"s": asyncio.run(context.channel().ask_text("?"))}

    @graph_fn(outputs=["s"])
    async def f():
        try:
            await asks()
        except errors.OutsideRun as error:
            ran.append(str(error))
        return {"s": (await clocked()).s}

    assert (await live().start(f)).s == "UTC"
    assert "is a plain `def` and runs in a thread" in ran[0]


async def test_the_two_stages_of_a_tool_have_journals_of_their_own(live):
    class Job(DualStageTool):
        outputs = ("at",)

        async def setup(self, *, context) -> Wait:
            await context.memory().record("job", {"at": str(context.now())})
            return Wait(prompt="go?", state=str(context.uuid()))

        async def on_resume(self, reply, wait, *, context):
            return {"at": (wait.state, reply.value, str(context.now()) > "")}

    job = Job()

    @graph_fn(outputs=["at"])
    async def f():
        return {"at": (await job()).at}

    out = await comes_back(live, f)
    assert out.at[1:] == ("yes", True)


async def test_a_divergence_names_itself_in_the_tree_of_errors():
    assert issubclass(ReplayDiverged, RunBlocked)
    assert issubclass(RunBlocked, AetherError)


async def test_what_gives_one_output_stands_for_it_when_it_is_passed_on_as_a_handle_does() -> None:
    @tool
    async def same(x):
        return x

    @tool
    async def shown(x, more):
        return f"{x!r} {more!r}"

    @graph_fn(outputs=["text"])
    async def passes_on():
        one, two = await same("a"), await asyncio.gather(same("b"), same("c"))
        return {"text": (await shown(one, {"list": two, "plain": [1]})).result}

    out = await Life(MemoryStore(), {}).start(passes_on)
    assert out.text == "'a' {'list': ['b', 'c'], 'plain': [1]}"
