from __future__ import annotations

import asyncio

import pytest

import aether_nb as ae
from aether_nb import graph_fn, graphify, tool, when
from aether_nb.errors import BadInputs, NodeFailed, RunCancelled, UnknownRun
from aether_nb.testing import trace
from aether_nb.tools import ask_approval, ask_text


@tool(outputs=["model"])
async def train(of: str):
    return {"model": f"model of {of}"}


@tool(outputs=["url"])
async def deploy(model: str):
    return {"url": f"https://{model}"}


@graph_fn(name="release", outputs=["url"])
async def release(*, context):
    channel = context.channel()
    made = await train(of="tea")
    answer = await channel.ask_approval("Proceed?\n\nIt goes to everybody.", options=("Yes", "No"))
    if not answer.approved:
        return {"url": ""}
    url = (await deploy(model=made.model)).url
    await channel.send_text(f"Deployed to {url}.")
    return {"url": url}


@graphify(name="drawn", outputs=["url"])
def drawn():
    made = train(of="tea")
    ok = ask_approval("Proceed?", options=("Yes", "No"), after=made)
    return {"url": when(ok.approved, then=lambda: deploy(model=made.model), otherwise=None).url}


def release_with(scripted, answer):
    scripted({"Proceed?\n\nIt goes to everybody.": answer, "Proceed?": answer})
    release.run_sync(run_id="r")
    return trace("r")


def test_a_chain_says_what_happened(scripted):
    happened = release_with(scripted, "Yes")
    happened.asked("Proceed?").once().answered("Yes").after("train").before("deploy").ran_once("train")
    happened.path("train", "Proceed?", "deploy").said("Deployed to https://model of tea.").never_ran(
        "rollback"
    )
    happened.never_asked("Sure?").ran("deploy", times=1)
    happened.asked("Proceed?\n\nIt goes to everybody.").answered({"choice": "Yes"}).answered(True)


def test_printed_it_is_the_history(scripted):
    scripted({"approval": "No"})
    release.run_sync(run_id="r")
    assert repr(trace(ae.get("r"))).splitlines() == [
        "What happened in release: succeeded",
        "  ran       train",
        "  asked     Proceed?",
        "  answered  Proceed? -> No (a script)",
    ]


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        (lambda t: t.asked("Sure?"), "'Sure?' was never asked; asked was: 'Proceed?'."),
        (lambda t: t.never_asked("Proceed?"), "'Proceed?' was asked once, and should never be."),
        (lambda t: t.asked("Proceed?").answered("No"), "'Proceed?' was not answered 'No'; it was answered 'Yes' by "),
        (lambda t: t.asked("Proceed?").by("eve"), "'Proceed?' was not answered by 'eve'; it was answered 'Yes' by "),
        (lambda t: t.asked("Proceed?").before("train"), "'train' began when 'Proceed?' was not asked yet."),
        (lambda t: t.asked("Proceed?").after("deploy"), "'Proceed?' was asked before 'deploy' was done."),
        (lambda t: t.asked("Proceed?").before("fly"), "'fly' did not run; there is no such node, there is: 'train', "),
        (lambda t: t.ran("fly"), "'fly' did not run; there is no such node, there is: 'train', 'Proceed?', 'deploy'."),
        (lambda t: t.ran("train", times=2), "'train' ran once, and should have run twice."),
        (lambda t: t.never_ran("train"), "'train' began once, and should never have."),
        (lambda t: t.failed("train"), "'train' did not fail; it is 'succeeded'."),
        (lambda t: t.skipped("train"), "'train' was not skipped; it is 'succeeded'."),
        (lambda t: t.path("deploy", "train"), "The run did not go deploy -> train: 'train' did not run after 'deploy'"),
        (lambda t: t.path("train", "fly"), "The run did not go train -> fly: 'fly' did not run after 'train' was done; there"),
        (lambda t: t.said("Gone."), "'Gone.' was never said."),
        (lambda t: t.resumed_after_crash(), "The run was never taken up again: one kernel drove all of it."),
    ],
)  # fmt: skip
def test_what_did_not_happen_is_told_in_a_sentence_with_the_history_below(scripted, claim, said):
    happened = release_with(scripted, "Yes")
    with pytest.raises(AssertionError) as failed:
        claim(happened)
    first, _, rest = str(failed.value).partition("\n\n")
    assert first.startswith(said)
    assert rest == repr(happened)


def test_a_static_graph_is_traced_by_the_labels_of_its_picture(scripted):
    scripted({"Proceed?": "No"})
    drawn.run_sync(run_id="r")
    trace("r").skipped("deploy").never_ran("deploy").asked("Proceed?").after("train")
    with pytest.raises(AssertionError, match="'deploy' did not run; it is 'skipped'"):
        trace("r").ran("deploy")


@tool(outputs=["page"])
async def fetch(url: str):
    return {"page": url}


@graph_fn(name="child", outputs=["n"])
async def child(*, context):
    return {"n": len((await fetch.map(["a", "b", "c"])).page)}


@graphify(name="parent", outputs=["n"])
def parent():
    pages = fetch.map(["d", "e"])
    return {"n": child(after=pages).n}


def test_items_of_maps_and_steps_of_child_runs_count(scripted):
    scripted([])
    parent.run_sync(run_id="r")
    trace("r").ran("fetch", times=5).ran_once("child").ran("fetch[2]").path("fetch[0]", "child")


def test_an_attempt_that_is_tried_again_is_no_second_run(scripted):
    tries = []

    @tool(retries=2, backoff=0)
    async def shaky():
        tries.append(1)
        if len(tries) < 3:
            raise ValueError("no wind")
        return len(tries)

    @graph_fn(name="sail", outputs=["n"])
    async def sail():
        return {"n": (await shaky()).result}

    scripted([])
    sail.run_sync(run_id="r")
    trace("r").ran_once("shaky")
    assert "tried  shaky, attempt 2: ValueError: no wind" in repr(trace("r"))


async def test_a_node_that_is_sent_back_by_a_person_ran_once(aether):
    broken = [1]

    @tool
    async def shaky():
        if broken:
            raise ValueError("no wind")
        return 1

    @graph_fn(name="sail", outputs=["n"])
    async def sail():
        return {"n": (await shaky()).result}

    run = sail.start(run_id="r")
    with pytest.raises(NodeFailed):
        await run
    trace(run).failed("shaky")
    with pytest.raises(AssertionError, match=r"'shaky' did not run; of that name are 'shaky \(failed\)'"):
        trace(run).ran("shaky")
    broken.clear()
    await run.retry("shaky")
    trace(run).ran_once("shaky")
    with pytest.raises(AssertionError, match="never taken up again"):
        trace(run).resumed_after_crash()


async def test_after_a_crash_what_was_done_ran_once_and_what_the_kernel_died_in_did_not(aether):
    began = asyncio.Event()
    stuck = [1]

    @tool
    async def long():
        began.set()
        if stuck:
            await asyncio.Event().wait()
        return 1

    @graph_fn(name="works", outputs=["n"])
    async def works():
        await train(of="tea")
        return {"n": (await long()).result}

    run = works.start(run_id="r")
    await began.wait()
    await run._runtime.engine().audience.next_commit("r")
    aether.restart()
    stuck.clear()
    await ae.resume("r")
    happened = trace("r").resumed_after_crash().ran("long").ran_once("train")
    with pytest.raises(
        AssertionError, match="'long' began twice: the kernel died in it, and the next one ran it again"
    ):
        happened.ran_once("long")


async def test_a_question_of_before_the_crash_is_asked_once(aether):
    run = release.start(run_id="r")
    await run.next_wait()
    aether.restart()
    run = ae.resume("r")
    run.answer("Yes", by="ana")
    await run
    trace(run).resumed_after_crash().asked("Proceed?").once().by("ana").before("deploy")


async def test_a_fork_shares_what_happened_and_has_not_crashed(aether):
    run = release.start(run_id="r")
    await run.next_wait()
    fork = run.fork()
    fork.answer("No")
    await fork
    happened = trace(fork).ran_once("train").asked("Proceed?").once().answered("No").never_ran("deploy")
    with pytest.raises(AssertionError, match="never taken up again"):
        happened.resumed_after_crash()
    aether.restart()
    run = ae.resume("r")
    run.answer("Yes")
    await run
    later = ae.get("r").fork(answer="No", at="Proceed?")
    await later
    trace(later).resumed_after_crash()


async def test_an_unfinished_run_is_traced_as_far_as_it_is(aether):
    run = release.start(run_id="r")
    await run.next_wait()
    happened = trace(run).ran("train").asked("Proceed?")
    with pytest.raises(AssertionError, match=r"'Proceed\?' was not answered; it was still open\."):
        happened.answered()
    run.cancel()
    with pytest.raises(RunCancelled):
        await run
    with pytest.raises(AssertionError, match="it was withdrawn"):
        trace(run).asked("Proceed?").answered()


async def test_a_gate_that_is_passed_while_its_question_is_open_is_no_gate(aether):
    shown = asyncio.Event()

    @graph_fn(name="hasty", outputs=["url"])
    async def hasty():
        question = asyncio.ensure_future(ask_text("Proceed?"))
        await shown.wait()
        url = (await deploy(model="m")).url
        await question
        return {"url": url}

    run = hasty.start(run_id="r")
    await run.next_wait()
    shown.set()
    await run._runtime.engine().audience.next_commit("r")
    run.answer("yes")
    await run
    with pytest.raises(AssertionError, match=r"'deploy' began when 'Proceed\?' was still open"):
        trace(run).asked("Proceed?").before("deploy")


async def test_the_times_of_a_question_are_told_apart_by_their_answers(scripted):
    @graph_fn(name="loop", outputs=["n"])
    async def loop(*, context):
        n = 0
        while (await context.channel().ask_text("More?")) == "yes":
            n += 1
            await fetch(url=str(n))
        await deploy(model="m")
        return {"n": n}

    scripted({"More?": ["yes", "yes", "no"]})
    run = loop.start()
    await run
    trace(run).asked("More?").answered("no").once().after("fetch").before("deploy")
    trace(run).path("More?", "fetch", "More?", "fetch", "More?", "deploy")
    with pytest.raises(AssertionError, match="was answered 'yes' twice, and should be once"):
        trace(run).asked("More?").answered("yes").once()
    with pytest.raises(AssertionError, match="was asked 3 times"):
        trace(run).never_asked("More?")


async def test_parallel_nodes_are_no_path(scripted):
    both = asyncio.Barrier(2)

    @tool(outputs=["side"])
    async def left():
        await both.wait()
        return {"side": "l"}

    @tool(outputs=["side"])
    async def right():
        await both.wait()
        return {"side": "r"}

    @graphify(name="fork", outputs=["a", "b"])
    def fork():
        return {"a": left().side, "b": right().side}

    scripted([])
    run = fork.start()
    await run
    with pytest.raises(AssertionError, match="did not run after"):
        trace(run).path("left", "right")


async def test_a_secret_stays_out_of_the_history(scripted):
    @graph_fn(name="login", outputs=["n"])
    async def login(*, context):
        return {"n": len(await context.channel().ask_text("Password?", secret=True))}

    scripted({"Password?": "hunter2"})
    run = login.start()
    await run
    assert "hunter2" not in repr(trace(run))
    trace(run).asked("Password?").answered()
    with pytest.raises(AssertionError) as failed:
        trace(run).asked("Password?").answered("hunter2")
    assert "is a secret" in str(failed.value)


async def test_of_a_long_run_the_beginning_and_the_end_are_shown(scripted):
    @graph_fn(name="many", outputs=["n"])
    async def many():
        return {"n": len((await fetch.map([str(i) for i in range(100)])).page)}

    scripted([])
    run = many.start()
    await run
    lines = repr(trace(run)).splitlines()
    assert len(lines) == 42
    assert lines[21].split() == ["...", "61", "more", "..."]


def test_what_cannot_be_traced_says_so(aether):
    with pytest.raises(BadInputs, match=r"trace\(42\): give a run"):
        trace(42)
    with pytest.raises(UnknownRun):
        trace("nobody")
