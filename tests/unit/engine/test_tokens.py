"""The token that Stage A hands to the world: stored before, the same after a crash, answered before the wait is."""

from __future__ import annotations

import asyncio

import pytest
from lives import Life, WatchedStore, cut, log, types

from aether_nb import DualStageTool, Wait, graph_fn, graphify, tool
from aether_nb.errors import NodeFailed, OutsideRun, ReplyInvalid, UnknownWait
from aether_nb.events import NodeStarted, WaitOpened
from aether_nb.store.sqlite import SqliteStore

tokens: list[str] = []


class Submit(DualStageTool):
    outputs = ("result",)
    during = None  # what the test does while Stage A is at work

    async def setup(self, *, schema=None, context):
        tokens.append(context.wait_token)
        if Submit.during is not None:
            await Submit.during(context.wait_token)
        return Wait(kind="job", schema=schema, state=context.attempt)

    async def on_resume(self, reply, wait, *, context):
        assert context.wait_token == wait.token
        return {"result": (reply.value, wait.state)}


submit = Submit()


@graphify(name="tokens_static", outputs=["result"])
def static():
    return {"result": submit().result}


@graph_fn(name="tokens_function", outputs=["result"])
async def function():
    return {"result": (await submit()).result}


@graphify(outputs=["result"])
def numbers():
    return {"result": submit(schema={"type": "integer"}).result}


both = pytest.mark.parametrize("graph", [static, function])


@pytest.fixture(autouse=True)
def _fresh():
    tokens.clear()
    Submit.during = None


@pytest.fixture(params=["memory", "disk"])
def any_store(request, store, tmp_path):
    made = store if request.param == "memory" else SqliteStore(tmp_path / "runs.db")
    yield made
    made.close()


@both
async def test_the_token_is_fsynced_before_stage_a_begins(live, graph):
    store = WatchedStore()
    written = []

    async def look(token):
        written.extend(store.written)

    Submit.during = look
    life = live(store=store)
    run = life.start(graph)
    wait = await run.next_wait()
    assert any("NodeStarted" in kinds and full for kinds, full in written)
    assert tokens == [wait.token]
    started = next(e for e in log(store) if isinstance(e, NodeStarted))
    assert started.token == wait.token


@both
async def test_stage_a_that_died_runs_again_with_the_same_token(live, graph):
    first = live()
    await first.start(graph).next_wait()
    whole = first.store
    before = types(whole).index("WaitOpened")
    again = live(store=cut(whole, before))
    wait = await again.resume().next_wait()
    assert tokens == [wait.token, wait.token]
    again.runtime.answer(wait.token, "x")
    assert (await again.runtime.get("r")).result == ("x", 2)


@both
async def test_a_reply_during_stage_a_is_kept_and_used_when_the_wait_opens(live, graph, any_store):
    answers = []

    async def reply(token):
        answers.append(life.runtime.answer(token, {"url": "x"}, by="the farm"))

    Submit.during = reply
    life = live(store=any_store)
    run = life.start(graph)
    assert (await run).result == ({"url": "x"}, 1)
    assert answers[0]
    assert repr(answers[0]) == "kept: its question is not open yet, and takes the reply when it is"
    assert [w.by for w in run.waits] == ["the farm"]
    assert life.channel.asked == []


async def test_a_reply_that_came_while_nothing_ran_after_stage_a_died_is_used(live):
    first = live()
    await first.start(static).next_wait()
    again = live(store=cut(first.store, types(first.store).index("WaitOpened")))
    [token] = tokens
    assert again.runtime.answer(token, "early").status == "kept"
    assert (await again.resume()).result == ("early", 2)


async def test_the_first_of_two_early_replies_counts(live):
    async def reply(token):
        life.runtime.answer(token, "first")
        life.runtime.answer(token, "second")

    Submit.during = reply
    life = live()
    assert (await life.start(static)).result == ("first", 1)


async def test_an_early_reply_that_does_not_fit_is_dropped_and_the_question_is_open(live):
    async def reply(token):
        life.runtime.answer(token, "many")

    Submit.during = reply
    life = live()
    run = life.start(numbers)
    wait = await run.next_wait()
    with pytest.raises(ReplyInvalid, match="'many' is not of type 'integer'"):
        run.answer("many")
    life.runtime.answer(wait.token, 7)
    assert (await run).result == (7, 1)


async def test_a_token_that_nobody_was_given_is_unknown(live, any_store):
    life = live(store=any_store)
    await life.start(static).next_wait()
    with pytest.raises(UnknownWait, match="no wait 'nonsense'"):
        life.runtime.answer("nonsense", 1)


async def test_the_token_of_a_run_that_is_over_is_unknown(live, monkeypatch):
    async def fails(token):
        raise OSError("no route")

    Submit.during = fails
    life = live()
    with pytest.raises(NodeFailed):
        await life.start(static)
    with pytest.raises(UnknownWait):
        life.runtime.answer(tokens[0], 1)


async def test_a_retry_after_a_failed_stage_a_has_a_token_of_its_own(live):
    async def fails(token):
        raise OSError("no route")

    Submit.during = fails
    life = live()
    run = life.start(static)
    with pytest.raises(OSError, match="no route"):
        await run
    Submit.during = None
    run.retry("submit")
    await run.next_wait()
    assert len(set(tokens)) == 2


async def test_two_kernels_agree_on_the_token(tmp_path):
    store, other = SqliteStore(tmp_path / "runs.db"), SqliteStore(tmp_path / "runs.db")
    asked = asyncio.Event()
    free = asyncio.Event()

    async def wait_there(token):
        asked.set()
        await free.wait()

    Submit.during = wait_there
    life, afar = Life(store), Life(other)
    run = life.start(static)
    await asked.wait()
    assert afar.runtime.answer(tokens[0], "from afar").status == "kept"
    free.set()
    assert (await run).result == ("from afar", 1)
    await life.end()
    store.close(), other.close()


async def test_where_there_is_no_wait_to_come_there_is_no_token(live):
    @tool
    async def plain(*, context):
        return context.wait_token

    @graph_fn(outputs=["x"])
    async def f():
        return {"x": await plain()}

    with pytest.raises(OutsideRun, match="has no wait token here"):
        await live().start(f)


async def test_the_url_ends_in_the_token_and_needs_an_address(live):
    class Calls(Submit):
        async def setup(self, *, context):
            tokens.append(context.wait_url)
            return Wait()

    calls = Calls()

    @graphify(outputs=["x"])
    def g():
        return {"x": calls().result}

    with pytest.raises(OutsideRun, match=r"ae\.configure\(callback_url='https://\.\.\.'\)"):
        await live().start(g)
    wait = await live(callback_url="https://here/in/").start(g, run_id="r2").next_wait()
    assert tokens == [f"https://here/in/{wait.token}"]


async def test_a_failed_stage_b_that_is_retried_has_the_same_reply_again(live):
    class Fragile(Submit):
        broken = True

        async def on_resume(self, reply, wait, *, context):
            if Fragile.broken:
                raise OSError("no disk")
            return {"result": (reply.value, context.attempt)}

    fragile = Fragile()

    @graphify(outputs=["result"])
    def g():
        return {"result": fragile().result}

    life = live()
    run = life.start(g)
    await run.next_wait()
    run.answer("Ada")
    with pytest.raises(OSError, match="no disk"):
        await run
    Fragile.broken = False
    run.retry("fragile")
    assert (await run).result == ("Ada", 2)
    assert len([e for e in log(life.store) if isinstance(e, WaitOpened)]) == 1


async def test_stage_a_that_returns_something_else_than_a_wait_is_told_so(live):
    class Forgot(DualStageTool):
        async def setup(self):
            return None

        async def on_resume(self, reply, wait): ...

    forgot = Forgot()

    @graphify(outputs=["x"])
    def g():
        return {"x": forgot().result}

    with pytest.raises(NodeFailed, match=r"`setup` of forgot returned None; it returns a `Wait\(...\)`"):
        await live().start(g)
