from __future__ import annotations

import asyncio

import pytest
from lives import WatchedStore

import aether_nb as ae
from aether_nb import DualStageTool, Wait, graph_fn, graphify, tool
from aether_nb.errors import (
    AetherError,
    AmbiguousWait,
    NodeCancelled,
    NodeFailed,
    ReplyInvalid,
    RunCancelled,
    UnknownNode,
    UnknownOutput,
    UnknownWait,
    WaitError,
)
from aether_nb.tools import ask_approval, ask_text


@graph_fn(outputs=["msg"])
async def greet(*, context):
    return {"msg": "Hello " + await context.channel().ask_text("Your name?")}


async def both_asked(run):
    """Wait until both questions of a run are open."""
    while sum(wait.status == "open" for wait in run.waits) < 2:
        await run._runtime.engine().audience.next_commit(run.run_id)


@graph_fn(outputs=["both"])
async def two(*, context):
    channel = context.channel()
    return {"both": list(await asyncio.gather(channel.ask_text("Left?"), channel.ask_text("Right?")))}


@graph_fn(outputs=["both"])
async def same_words(*, context):
    channel = context.channel()
    return {
        "both": list(
            await asyncio.gather(channel.ask_text("Same?", key="a"), channel.ask_text("Same?", key="b"))
        )
    }


@tool(outputs=["x"])
async def divide(by: int):
    return {"x": 1 / by}


@graphify(inputs=["by"], outputs=["x"])
def fails(by):
    return {"x": divide(by=by).x}


@graphify(inputs=[], outputs=["text", "choice"])
def static():
    name = ask_text(prompt="Your name?")
    sure = ask_approval(prompt="Sure?", after=name)
    return {"text": name.text, "choice": sure.choice}


# -- answering -----------------------------------------------------------------------------------


async def test_the_only_open_question_needs_no_name(ours):
    run = greet.start()
    await run.next_wait()
    assert run.answer("Ada")
    assert (await run).msg == "Hello Ada"


async def test_several_open_questions_are_told_apart_by_their_words_or_token(ours):
    run = two.start()
    await both_asked(run)
    left, right = sorted((w for w in run.waits if w.status == "open"), key=lambda w: w.prompt)
    with pytest.raises(AmbiguousWait, match=r"2 open questions: '.*' is wait='.*'; '.*' is wait='") as error:
        run.answer("Ada")
    assert left.token in str(error.value)
    assert right.token in str(error.value)
    assert run.answer("l", to="Left?")
    assert run.answer("r", wait=right.token)
    assert (await run).both == ["l", "r"]


async def test_questions_of_the_same_words_are_told_apart_by_token_only(ours):
    run = same_words.start()
    await both_asked(run)
    with pytest.raises(AmbiguousWait, match="that asks 'Same\\?'"):
        run.answer("Ada", to="Same?")
    for wait in run.waits:
        run.answer("x", wait=wait.token)
    assert (await run).both == ["x", "x"]


async def test_before_any_question_is_open_the_answer_says_to_wait_for_it(ours):
    run = greet.start()
    with pytest.raises(UnknownWait, match=r"\(running\) has no open question\. `await run\.next_wait\(\)`"):
        run.answer("Ada")


async def test_a_question_that_is_named_and_closed_says_who_won(ours):
    run = two.start()
    wait = await run.next_wait()
    assert ours.answer(wait.token, "x", by="ana", door="cli")
    late = run.answer("y", to=wait.prompt)
    assert not late
    assert repr(late).startswith("already answered by ana through cli at ")


async def test_being_second_at_the_only_question_is_no_error(ours):
    run = greet.start()
    wait = await run.next_wait()
    ours.answer(wait.token, "Ada", by="ana", door="cli")
    await run
    late = run.answer("Bo")
    assert not late
    assert repr(late).startswith("already answered by ana through cli at ")


async def test_when_none_of_several_questions_is_open_any_more_it_says_who_answered(ours):
    run = same_words.start()
    await both_asked(run)
    for wait in run.waits:
        ours.answer(wait.token, "Ada", by="ana", door="cli")
    await run
    with pytest.raises(
        UnknownWait,
        match=r"\(succeeded\) .*: already answered by ana through cli at \d\d:\d\d\.$",
    ):
        run.answer("Bo")


async def test_words_that_nothing_asks_are_named(ours):
    run = greet.start()
    await run.next_wait()
    with pytest.raises(UnknownWait, match=r"no open question that asks 'Your age\?'"):
        run.answer("Ada", to="Your age?")


async def test_by_says_who_answers(ours):
    run = greet.start()
    await run.next_wait()
    run.answer("Ada", by="ana")
    await run
    assert [w.by for w in run.waits] == ["ana"]


async def test_an_option_is_refused_by_name_and_the_question_stays(ours):
    run = static.start()
    await run.next_wait()
    run.answer("Ada")
    await run.next_wait()
    with pytest.raises(ReplyInvalid) as error:
        run.answer("Perhaps")
    assert error.value.problems == {"choice": "'Perhaps' is none of 'Approve', 'Reject'"}
    run.answer("Reject")
    assert (await run).choice == "Reject"


async def test_next_wait_gives_one_question_after_the_other_and_then_says_there_is_none(ours):
    run = static.start()
    assert (await run.next_wait()).prompt == "Your name?"
    run.answer("Ada")
    assert (await run.next_wait()).prompt == "Sure?"
    run.answer(True)
    with pytest.raises(WaitError, match=r"\(succeeded\) asks nothing more"):
        await run.next_wait()


async def test_next_wait_of_a_blocked_run_says_why_it_is_blocked(ours):
    run = greet.start()
    await run.next_wait()
    ours.driver(run.run_id).block("Its code went away.")
    run.cancel()
    run = static.start()
    ours.driver(run.run_id).block("Its code went away.")
    with pytest.raises(WaitError, match=r"is blocked and asks nothing\. Its code went away\."):
        await run.next_wait()
    assert repr(run) == f"<run {run.run_id}: blocked, Its code went away.>"


async def test_next_wait_says_why_a_run_is_blocked_that_is_written_so_between_two_looks(configure):
    class Store(WatchedStore):
        """Gives the row of a run as it was, and lets the end be written before the next look."""

        def run(self, run_id):
            row = super().run(run_id)
            if self.held.is_set():
                self.free.set()
                while super().run(run_id).status != "blocked":
                    pass
            return row

    store = Store()
    store.hold.add("RunBlocked")
    ours = configure(store=store)
    run = static.start()
    ours.driver(run.run_id).block("Its code went away.")
    await store.holding()
    with pytest.raises(WaitError, match=r"is blocked and asks nothing\. Its code went away\."):
        await run.next_wait()


async def test_a_run_that_is_being_cancelled_prints_so_and_takes_no_reply(ours):
    run = greet.start()
    await run.next_wait()
    run.cancel()
    assert repr(run) == f"<run {run.run_id}: being cancelled>"
    assert repr(run.answer("Ada")) == "not accepted: the question is withdrawn"
    with pytest.raises(RunCancelled):
        await run
    assert repr(run) == f"<run {run.run_id}: cancelled>"
    assert [wait.status for wait in run.waits] == ["withdrawn"]


@pytest.mark.parametrize("prompt", ["", " \n"])
async def test_an_empty_prompt_is_refused(ours, prompt):
    with pytest.raises(NodeFailed, match=r"ask_text: the prompt is empty, .*; say what is asked\."):
        await ask_text(prompt=prompt)


@graph_fn
async def many_nodes(*, context):
    return (await divide.map(list(range(1, 31)))).x


async def test_a_name_that_no_node_has_is_told_with_a_few_that_there_are(ours):
    run = many_nodes.start()
    await run
    with pytest.raises(
        UnknownNode, match=r"There is no node 'x'; there is: .*, and 21 more in run\.nodes\."
    ) as e:
        run.cancel("x")
    assert len(str(e.value)) < 600


@graph_fn(outputs=["choice"])
async def in_bold():
    return {"choice": (await ask_approval("**Proceed** with `main`?\n\nLook twice.")).choice}


@graphify(inputs=[], outputs=["choice"])
def drawn_in_bold():
    return {"choice": ask_approval("**Proceed** with `main`?\n\nLook twice.").choice}


@pytest.mark.parametrize("graph", [in_bold, drawn_in_bold], ids=["called", "drawn"])
async def test_the_picture_says_a_question_without_its_markdown_and_its_node_is_found_by_either(ours, graph):
    run = graph.start()
    await run.next_wait()
    (node,) = run.nodes.values()
    assert node.label == "Proceed with main?"
    run.cancel("Proceed with main?")
    assert run.nodes[node.id].status == "cancelled"
    other = graph.start(run_id="other")
    await other.next_wait()
    other.cancel("**Proceed** with `main`?\n\nLook twice.")
    assert other.nodes[node.id].status == "cancelled"


@graph_fn
async def sees_a_cancelled_node():
    try:
        await ask_text("Cancelled?")
    except NodeCancelled as error:
        return repr(error)


async def test_a_cancelled_node_is_shown_as_what_can_be_caught(ours):
    run = sees_a_cancelled_node.start()
    await run.next_wait()
    run.cancel("Cancelled?")
    assert (await run).result.startswith("NodeCancelled('Cancelled? was cancelled by ")


async def test_a_reply_from_outside_goes_through_setup_and_on_resume(ours):
    class SubmitJob(DualStageTool):
        outputs = ("result",)

        async def setup(self, *, n: int, context) -> Wait:
            return Wait(kind="job", correlator=f"job-{n}", timeout=3600, state={"n": n})

        async def on_resume(self, reply, wait, *, context):
            return {"result": [reply.value["url"], wait.state, wait.inputs, wait.correlator, context.node_id]}

    submit_job = SubmitJob()
    run = submit_job(n=7).start()
    wait = await run.next_wait()
    assert (wait.kind, wait.schema) == ("job", {})
    assert ae.answer(wait.token, {"url": "http://x"})
    url, state, inputs, correlator, node = (await run).result
    assert (url, state, inputs, correlator) == ("http://x", {"n": 7}, {"n": 7}, "job-7")
    assert node == wait.node_id


# -- looking -------------------------------------------------------------------------------------


async def test_a_run_prints_what_it_waits_for_and_how_it_ended(ours):
    run = greet.start(run_id="r")
    await run.next_wait()
    assert repr(run) == "<run r: waiting for 'Your name?'>"
    run.answer("Ada")
    await run
    assert repr(run) == "<run r: succeeded>"
    assert repr(greet.start(run_id="r")).startswith("<run r: succeeded (finished ")


async def test_a_cancelled_run_prints_so_once(ours):
    run = greet.start(run_id="r")
    run.cancel()
    with pytest.raises(RunCancelled):
        await run
    assert repr(greet.start(run_id="r")).startswith("<run r: cancelled ")


async def test_several_questions_are_counted(ours):
    run = two.start(run_id="r")
    await both_asked(run)
    assert repr(run).endswith("?' and 1 more>")


async def test_shown_by_itself_outside_a_notebook_it_prints_that_line(ours, capsys):
    run = greet.start(run_id="r")
    await run.next_wait()
    run._ipython_display_()
    assert capsys.readouterr().out == "<run r: waiting for 'Your name?'>\n"


async def test_outputs_come_when_it_succeeded_and_errors_when_it_failed(ours):
    good, bad = fails.start(by=1), fails.start(by=0)
    assert (good.outputs, good.error) == (None, None)
    await good
    with pytest.raises(ZeroDivisionError):
        await bad
    assert (good.outputs, good.error) == ({"x": 1.0}, None)
    assert bad.outputs is None
    assert repr(bad) == f"<run {bad.run_id}: failed, divide failed: ZeroDivisionError: division by zero>"
    assert isinstance(bad.error, NodeFailed)
    assert isinstance(bad.error, AetherError)
    assert str(bad.error) == "divide failed: ZeroDivisionError: division by zero"
    assert bad.error.inputs == {"by": "0"}
    assert ["test_run.py" in frame for frame in bad.error.frames] == [True]


async def test_an_output_that_is_not_there_is_one_sentence(ours):
    out = await fails(by=1)
    with pytest.raises(UnknownOutput, match="There is no output 'y'; there is 'x'"):
        _ = out.y


async def test_nodes_are_found_by_id_name_or_words(ours):
    run = static.start()
    wait = await run.next_wait()
    node = run.nodes[wait.node_id]
    assert (node.label, node.name, node.kind, node.status, node.outputs) == (
        "Your name?", "ask_text", "ask", "waiting", None,
    )  # fmt: skip
    assert run.nodes["Your name?"].id == run.nodes["ask_text"].id == wait.node_id
    run.answer("Ada")
    await run.next_wait()
    assert run.nodes["ask_text"].outputs.text == "Ada"
    assert list(run.nodes) == [n.id for n in run.nodes.values()]
    with pytest.raises(UnknownNode, match="There is no node 'nope'; there is: ask_"):
        run.nodes["nope"]
    assert "nope" not in run.nodes


async def test_the_nodes_of_a_failed_run_say_why(ours):
    run = fails.start(by=0)
    with pytest.raises(NodeFailed):
        await run
    assert [(n.status, n.attempt, n.error) for n in run.nodes.values()] == [("failed", 1, "division by zero")]
    assert "division by zero" in repr(run.nodes)


async def test_any_process_can_look_at_a_run_without_its_code(configure, monkeypatch):
    configure()
    run = static.start(run_id="r")
    await run.next_wait()
    configure()
    monkeypatch.setattr("aether_nb.runtime.GRAPHS", {})
    stored = ae.get("r")
    assert [n.label for n in stored.nodes.values()] == ["Your name?", "Sure?"]
    assert [w.status for w in stored.waits] == ["open"]
    assert [e.type for e in stored.events] == ["RunStarted", "WaitOpened"]


async def test_a_wait_prints_its_question_and_its_token(ours):
    wait = await greet.start(run_id="r").next_wait()
    assert repr(wait) == f"<wait 'Your name?' of run r: text, open, token {wait.token}>"


async def test_the_log_reads_as_a_table(ours):
    run = greet.start()
    await run.next_wait()
    assert repr(run.events).splitlines()[0].split() == ["seq", "at", "event", "node"]
    assert "WaitOpened" in repr(run.events)


async def test_awaiting_can_be_cut_short_and_the_run_goes_on(ours):
    run = greet.start()
    await run.next_wait()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(run, 0.01)
    assert run.status == "waiting"
    run.answer("Ada")
    assert (await run).msg == "Hello Ada"


async def test_a_run_can_be_awaited_by_several_at_once_and_again(ours):
    run = greet.start()
    await run.next_wait()
    awaiting = [asyncio.ensure_future(run.result()) for _ in range(3)]
    run.answer("Ada")
    assert [out.msg for out in await asyncio.gather(*awaiting)] == ["Hello Ada"] * 3
    assert (await run).msg == "Hello Ada"
