"""Secrets: in the memory of the kernel that drives the run, and nowhere else. After each story the folder is searched."""

from __future__ import annotations

import asyncio
import copy
import pickle
import sys
from pathlib import Path

import pytest

import aether_nb as ae
from aether_nb import ScriptedChannel, api, graph_fn, graphify, tool
from aether_nb.authoring.dualstage import DualStageTool, Wait
from aether_nb.display.dot import to_dot
from aether_nb.display.static import twin
from aether_nb.display.view import RunView
from aether_nb.errors import BadInputs, NodeFailed, ReplyInvalid, RunBlocked, RunCancelled, SecretGone
from aether_nb.prompts import Poll, TextPrompt
from aether_nb.tools import ask_approval, ask_text, run_subprocess
from aether_nb.values import MASK, Secret, decode, digest, encode, secrets, show
from aether_nb.values.text import shown as shown_value

PASSWORD = "hunter2-τοπ-secret"
OTHER = "correct-horse-battery"


@pytest.fixture(autouse=True)
def folder(tmp_path):
    """The test's folder, in which no secret may be found when the test is over, whatever happened."""
    yield tmp_path
    assert leaks(tmp_path) == []


def leaks(folder):
    """The files that have a secret in them, as it is or as JSON escapes it."""
    needles = [form for one in (PASSWORD, OTHER) for form in (one.encode(), ascii(one)[1:-1].encode())]
    files = [file for file in folder.rglob("*") if file.is_file()]
    return [str(file) for file in files if any(needle in file.read_bytes() for needle in needles)]


USED: list[tuple[str, str]] = []


@pytest.fixture(autouse=True)
def used():
    USED.clear()
    return USED


@tool(outputs=["length", "same"])
async def log_in(user, password):
    USED.append((user, str.__str__(password)))
    return {"length": len(password), "same": password}


@tool(outputs=["ok"])
def check(password):
    if password == OTHER:
        raise ValueError(f"{password} is not accepted")
    return {"ok": True}


@graph_fn(outputs=["length", "password"])
async def cooperative(*, context):
    password = await context.channel().ask_text("Password?", secret=True)
    await context.memory().record(kind="login", data={"password": password})
    context.kv()["password"] = password
    first = await log_in("ada", password)
    go = await context.channel().ask_approval("Go on?")
    second = await log_in("bob", first.same)
    return {"length": first.length + second.length + go.approved, "password": password}


@graph_fn(outputs=["length", "password"])
async def dual_stage():
    password = (await ask_text("Password?", secret=True)).text
    first = await log_in("ada", password)
    go = await ask_approval("Go on?")
    second = await log_in("bob", first.same)
    return {"length": first.length + second.length + go.approved, "password": password}


@tool(outputs=["sum"])
def added(a, b, go):
    return {"sum": a + b + go}


@graphify(inputs=[], outputs=["length", "password"])
def static():
    password = ask_text("Password?", secret=True)
    first = log_in("ada", password.text)
    go = ask_approval("Go on?", after=first)
    second = log_in("bob", first.same, after=go)
    return {"length": added(first.length, second.length, go.approved).sum, "password": password.text}


GRAPHS = [cooperative, dual_stage, static]
each_graph = pytest.mark.parametrize("graph", GRAPHS, ids=lambda g: g.name)


async def question(run, prompt):
    """The open question with those words."""
    while True:
        found = [w for w in run.waits if w.status == "open" and w.prompt == prompt]
        if found:
            return found[0]
        await asyncio.wait_for(run.next_wait(), 5) if not run.waits else await asyncio.sleep(0)


def shown(run):
    """All that a person can see of a run."""
    outputs = run.outputs
    return "\n".join(
        [
            repr(run), repr(outputs), repr(run.nodes), repr(list(run.nodes.values())), repr(run.events),
            repr(list(run.events)), repr(run.waits), repr(run.error), repr(run.metrics),
            *(thing._repr_html_() for thing in (run.nodes, run.events, run.waits)), str(shown_value(outputs)),
            pictures(run), run.report(Path(api.current().store.path).parent / "report.html").read_text(encoding="utf-8"),
        ]
    )  # fmt: skip


def pictures(run):
    """What the page and the saved notebook have of it."""
    here = api.current()
    graph = next(g for g in (*GRAPHS, failing) if g.name == here.row(run.run_id).graph)
    view = RunView(run.run_id, graph.spec, here.find_spec, me="me")
    view.apply(*run.events)
    shape = view.snapshot()
    assert {n["status"] for n in shape["nodes"]} <= {"succeeded", "failed"}
    assert [p["reply"]["text"] for p in shape["prompts"] if p["prompt"].get("secret") and p["reply"]]
    assert MASK in str(shape)
    return str(shape) + str(twin(shape, None)) + to_dot(shape)


@each_graph
async def test_a_secret_reaches_the_tools_and_no_file(configure, folder, graph, used):
    configure(channel=ScriptedChannel({"Password?": PASSWORD, "Go on?": True}))
    run = graph.start(run_id="r")
    out = await run
    assert used == [("ada", PASSWORD), ("bob", PASSWORD)]
    assert out.length == 2 * len(PASSWORD) + 1
    assert out.password == PASSWORD
    assert PASSWORD not in shown(run)
    assert leaks(folder) == []
    (folder / "control.txt").write_text(PASSWORD)  # that the search would find it
    assert leaks(folder) == [str(folder / "control.txt")]
    (folder / "control.txt").unlink()


@each_graph
async def test_a_secret_that_is_needed_after_a_restart_is_asked_for_again(configure, folder, graph, used):
    configure()
    run = graph.start(run_id="r")
    first = await question(run, "Password?")
    assert run.answer(PASSWORD, to="Password?")
    await question(run, "Go on?")
    before = [node.id for node in run.nodes.values()]
    configure()
    run = graph.start(run_id="r")
    if graph is static:  # nothing needs it yet
        run.answer("Approve", to="Go on?")
    again = await question(run, "Password?")
    assert again.token != first.token
    assert used == [("ada", PASSWORD)]
    run.answer(OTHER, to="Password?")
    if graph is not static:
        await question(run, "Go on?")
        run.answer("Approve", to="Go on?")
    out = await run
    assert used == [("ada", PASSWORD), ("bob", OTHER)]
    assert out.length == len(PASSWORD) + len(OTHER) + 1
    assert [node.id for node in run.nodes.values()][: len(before)] == before
    assert [node.status for node in run.nodes.values()] == ["succeeded"] * len(run.nodes)
    assert {w.status for w in run.waits} == {"answered"}
    assert PASSWORD not in shown(run)
    assert OTHER not in shown(run)


@each_graph
async def test_a_run_that_dies_while_it_asks_again_asks_once_more(configure, graph, used):
    configure()
    run = graph.start(run_id="r")
    await question(run, "Password?")
    run.answer(PASSWORD, to="Password?")
    await question(run, "Go on?")
    if graph is static:
        run.answer("Approve", to="Go on?")
        while len(used) < 2:
            await asyncio.sleep(0)
        await run
        return
    for _ in range(2):
        configure()
        run = graph.start(run_id="r")
        await question(run, "Password?")
    run.answer(OTHER, to="Password?")
    await question(run, "Go on?")
    configure()
    run = graph.start(run_id="r")
    await question(run, "Password?")
    run.answer(OTHER, to="Password?")
    await question(run, "Go on?")
    run.answer("Approve", to="Go on?")
    await run
    assert used == [("ada", PASSWORD), ("bob", OTHER)]


@each_graph
async def test_a_secret_whose_kernel_died_before_stage_b_is_asked_for_again(configure, graph, used):
    ours = configure()
    run = graph.start(run_id="r")
    wait = await question(run, "Password?")
    ours._engine.post = lambda *a: (
        None
    )  # it dies after the reply was acknowledged, before the run heard of it
    run.answer(PASSWORD, to="Password?")
    assert ours.store.wait(wait.token).status == "answered"
    configure()
    run = graph.start(run_id="r")
    again = await question(run, "Password?")
    assert again.token != wait.token
    run.answer(OTHER, to="Password?")
    await question(run, "Go on?")
    run.answer("Approve", to="Go on?")
    await run
    assert used == [("ada", OTHER), ("bob", OTHER)]


@each_graph
async def test_a_finished_run_shows_after_a_restart_that_there_was_a_secret(configure, graph):
    configure(channel=ScriptedChannel({"Password?": PASSWORD, "Go on?": True}))
    await graph.start(run_id="r")
    configure()
    run = ae.get("r")
    assert run.outputs.length == 2 * len(PASSWORD) + 1
    assert repr(run.outputs.password) == MASK
    remembered = api.current().services.memory.query(kind="login")
    assert [repr(item.data) for item in remembered] == [f"{{'password': {MASK}}}"] * (graph is cooperative)
    with pytest.raises(SecretGone, match="run again what asked for it"):
        run.outputs.password.encode()
    assert PASSWORD not in shown(run)


@graph_fn(outputs=["ok"])
async def failing(*, context):
    password = await context.channel().ask_text("Password?", secret=True)
    return {"ok": (await check(password)).ok}


async def test_what_fails_with_a_secret_says_so_without_it(configure, folder):
    configure(channel=ScriptedChannel([OTHER]))
    run = failing.start(run_id="r")
    with pytest.raises(NodeFailed, match=f"ValueError: {MASK} is not accepted") as e:
        await run
    assert OTHER not in "".join(
        [str(e.value), repr(e.value.inputs), *e.value.frames, *e.value.__notes__, shown(run)]
    )
    assert e.value.inputs == {"password": MASK}


async def test_what_is_said_of_a_secret_says_so_without_it(configure, folder, caplog):
    @graph_fn(outputs=[])
    async def talks(*, context):
        channel = context.channel()
        password = await channel.ask_text("Password?", secret=True)
        await channel.send_text(f"It is {password}.")
        await channel.send_markdown(password)
        await channel.send_table([[password, f"<{password}>"]])
        async with channel.stream() as stream:
            await stream.write(f"once more: {password}")
        context.logger().warning("and in the log: %s", password)

    channel = ScriptedChannel([PASSWORD])
    ours = configure(channel=channel)
    run = talks.start(run_id="r")
    await run
    said = [event.message for event in run.events if event.type == "MessageSent"]
    assert [m.text for m in said] == [f"It is {MASK}.", MASK, "", f"once more: {MASK}"]
    assert said[2].rows == ((MASK, f"<{MASK}>"),)
    assert [line.text for line in ours.services.logbook.read("r", "")] == [f"and in the log: {MASK}"]
    assert PASSWORD not in "".join(channel.said) + caplog.text
    assert leaks(folder) == []


async def test_a_program_gets_a_secret_by_its_environment_and_not_as_an_argument(configure, folder):
    @graph_fn(outputs=["said"])
    async def runs(where):
        password = (await ask_text("Password?", secret=True)).text
        code = "import os, sys; print(len(os.environ.get('TOKEN', '')), len(sys.argv))"
        args = [sys.executable, "-c", code]
        if where == "args":
            return {"said": (await run_subprocess([*args, password])).stdout}
        return {"said": (await run_subprocess(args, env={"TOKEN": password})).stdout}

    configure(channel=ScriptedChannel({"Password?": [PASSWORD, PASSWORD]}))
    assert (await runs("env")).said.split() == [str(len(PASSWORD)), "1"]
    with pytest.raises(NodeFailed, match=r"A secret stands in args=.*give it by env=") as e:
        await runs("args")
    assert PASSWORD not in str(e.value) + str(e.value.inputs)
    assert leaks(folder) == []


async def test_a_refused_secret_is_not_said(configure):
    configure(channel=ScriptedChannel([PASSWORD]))

    @graph_fn(outputs=[])
    async def asks(*, context):
        await context.channel().ask_text("PIN?", secret=True, pattern="[0-9]{4}", hint="four digits")

    with pytest.raises(NodeFailed, match="does not fit: expected: four digits") as e:
        await asks()
    assert PASSWORD not in str(e.value)


async def test_another_process_refuses_a_secret_and_says_where_it_is_taken(configure, folder):
    configure()
    run = cooperative.start(run_id="r")
    wait = await question(run, "Password?")
    configure()  # as another notebook, which does not drive the run
    with pytest.raises(
        ReplyInvalid, match="only the kernel that drives the run takes it: answer it there, or take"
    ):
        ae.answer(wait.token, PASSWORD)
    assert ae.waits()[0].status == "open"


async def test_a_fork_has_the_secret_while_it_is_in_memory_and_asks_for_it_after_a_restart(configure, used):
    configure()
    run = dual_stage.start(run_id="r")
    await question(run, "Password?")
    run.answer(PASSWORD, to="Password?")
    await question(run, "Go on?")
    fork = run.fork(at="Go on?", answer="Approve", run_id="f")
    await fork
    assert used == [("ada", PASSWORD), ("bob", PASSWORD)]
    other = run.fork(at="Password?", answer=OTHER, run_id="g")
    await question(other, "Go on?")
    assert used[-1] == ("ada", OTHER)
    configure()
    other = ae.resume("g")
    await question(other, "Password?")
    other.answer(OTHER, to="Password?")
    await question(other, "Go on?")
    other.answer("Approve", to="Go on?")
    await other
    assert used[-1] == ("bob", OTHER)


async def test_a_run_that_is_cancelled_while_it_asks_again_is_cancelled(configure):
    configure()
    run = dual_stage.start(run_id="r")
    await question(run, "Password?")
    run.answer(PASSWORD, to="Password?")
    await question(run, "Go on?")
    configure()
    run = dual_stage.start(run_id="r")
    await question(run, "Password?")
    run.cancel()
    with pytest.raises(RunCancelled):
        await run
    assert run.status == "cancelled"
    assert {w.status for w in run.waits} == {"answered", "withdrawn"}


async def test_a_secret_whose_asker_is_in_another_run_blocks_with_a_sentence(configure):
    @graph_fn(name="takes", outputs=["n"])
    async def takes(password, *, context):
        await context.channel().ask_approval("Wait?")
        return {"n": len(password)}

    @graph_fn(name="gives", outputs=["n"])
    async def gives(*, context):
        password = await context.channel().ask_text("Password?", secret=True)
        return {"n": (await takes.start(run_id="child", password=password)).n}

    configure()
    run = gives.start(run_id="parent")
    await question(run, "Password?")
    run.answer(PASSWORD)
    while not ae.runs(status="waiting") or not any(w.run_id == "child" for w in ae.waits()):
        await asyncio.sleep(0)
    configure()
    child = ae.resume("child")
    with pytest.raises(RunBlocked, match="was never stored; the run that asked for it must ask again"):
        await child


async def test_a_secret_answers_a_question_for_one_and_is_refused_where_it_would_be_stored(configure, folder):
    configure()
    secret = decode(secrets.keep(PASSWORD, "elsewhere"))
    run = dual_stage.start(run_id="r")
    wait = await question(run, "Password?")
    assert ae.answer(wait.token, secret)
    other = ask_text("Name?").start()
    with pytest.raises(ReplyInvalid, match="the answer to this question is stored"):
        ae.answer((await other.next_wait()).token, secret)
    with pytest.raises(BadInputs, match="what is posted is stored"):
        ae.post_event("job-7", secret)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"default": "x"}, "cannot have default="),
        ({"correlator": "job-7"}, "cannot have correlator="),
        ({"poll": Poll(every=1)}, "cannot have poll="),
    ],
)
async def test_a_secret_that_could_be_stored_on_its_way_is_refused(ours, options, said):
    class Vault(DualStageTool):
        outputs = ("text",)
        pure_setup = True

        async def setup(self):
            return Wait(prompt=TextPrompt(prompt="Password?", secret=True), **options)

        async def on_resume(self, reply, wait):
            return {"text": reply.value}

        async def poll(self, wait):
            return None

    @graph_fn(outputs=[])
    async def asks():
        await Vault()()

    with pytest.raises(NodeFailed, match=f"it is never stored; it {said}"):
        await asks()


def test_a_secret_is_a_text_that_hides_when_it_is_shown():
    mark = secrets.keep(PASSWORD, "ask")
    secret = decode(mark)
    assert (type(secret), secret, f"{secret}", len(secret)) == (Secret, PASSWORD, PASSWORD, len(PASSWORD))
    assert [repr(secret), repr([secret]), show(secret), show({"a": secret})] == [
        MASK,
        f"[{MASK}]",
        MASK,
        f"{{'a': {MASK}}}",
    ]
    assert encode({"a": [secret]}) == {"a": [mark]}
    assert encode(copy.deepcopy(secret)) == mark == encode(pickle.loads(pickle.dumps(secret)))
    assert repr(decode({"a": mark}, strict=False)) == f"{{'a': {MASK}}}"


def test_a_secret_that_was_typed_anew_makes_the_same_call():
    one, other = (decode(secrets.keep(text, "ask")) for text in (PASSWORD, OTHER))
    assert digest([one]) == digest([other]) != digest([decode(secrets.keep(PASSWORD, "ask-2"))])


@tool(outputs=["token"])
async def sign_in(*, context):
    password = await context.channel().ask_text("Password?", secret=True)
    go = await context.channel().ask_approval("Go on?")
    USED.append((go.choice, str.__str__(password)))
    return {"token": password}


@tool(outputs=["n"])
def use(who, password):
    USED.append((who, str.__str__(password)))
    return {"n": len(password)}


@graphify(inputs=[], outputs=["ns"])
def many():
    token = sign_in().token
    go = ask_approval("Further?", after=token)
    return {"ns": use.map(["ann", "bob"], password=token, after=go).n}


@graph_fn(outputs=["ns"])
async def at_once():
    token = (await sign_in()).token
    await ask_approval("Further?")
    return {"ns": [out.n for out in await asyncio.gather(use("ann", token), use("bob", token))]}


@graph_fn(outputs=["ns"])
async def nested():
    return {"ns": (await many()).ns}


@pytest.mark.parametrize("graph", [many, at_once, nested], ids=lambda g: g.name)
async def test_a_secret_that_a_tool_asked_for_is_asked_for_again_once_for_all_who_need_it(
    configure, graph, used
):
    configure()
    run = graph.start(run_id="r")
    await question(run, "Password?")
    run.answer(PASSWORD, to="Password?")
    await question(run, "Go on?")
    run.answer("Approve", to="Go on?")
    await question(run, "Further?")
    configure()
    run = graph.start(run_id="r")
    if graph is not at_once:
        await question(run, "Further?")
        run.answer("Approve", to="Further?")
    await question(run, "Password?")
    assert sorted(w.prompt for w in run.waits if w.status == "open") == ["Further?"] * (graph is at_once) + [
        "Password?"
    ]
    run.answer(OTHER, to="Password?")
    if graph is at_once:
        await question(run, "Further?")
        run.answer("Approve", to="Further?")
    assert list((await run).ns) == [len(OTHER)] * 2
    assert used[0] == ("Approve", PASSWORD)
    assert sorted(used[1:]) == [("ann", OTHER), ("bob", OTHER)]


async def test_a_tool_that_dies_between_its_questions_asks_for_the_secret_again(configure, used):
    configure()
    run = at_once.start(run_id="r")
    await question(run, "Password?")
    run.answer(PASSWORD, to="Password?")
    await question(run, "Go on?")
    configure()
    run = at_once.start(run_id="r")
    await question(run, "Password?")
    run.answer(OTHER, to="Password?")
    await question(run, "Go on?")
    run.answer("Approve", to="Go on?")
    await question(run, "Further?")
    run.answer("Approve", to="Further?")
    await run
    assert used[0] == ("Approve", OTHER)
