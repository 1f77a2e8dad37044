"""What users write, as `design.md` promises it: every snippet runs as it stands, without a file behind it."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from types import ModuleType, SimpleNamespace

import pytest
from cells import Cell
from helpers import clean_environment

import aether_nb as ae
from aether_nb import ScriptedChannel
from aether_nb.errors import NoLoop, RunCancelled

AUTHORING = """
from aether_nb import graph_fn, graphify, tool
from aether_nb.tools import ask_text, ask_approval, ask_files

@graph_fn(name="cooperative_demo", outputs=["msg"])
async def cooperative_demo(*, context):
    name = await context.channel().ask_text("Your name?")
    await context.channel().send_text(f"Hi, {name}!")
    return {"msg": f"greeted:{name}"}

@graphify(name="collect_input", inputs=[], outputs=["greeting"])
def collect_input():
    name = ask_text(prompt="Your name?")
    return {"greeting": name.text}

@graph_fn(name="dualstage_in_fn", outputs=["choice"])
async def dualstage_in_fn(*, context):
    res = await ask_approval(prompt="Proceed?", options=("Yes", "No"))
    return {"choice": res["choice"]}

@tool(outputs=["ok"])
async def notify_and_tag(*, context):
    await context.channel().send_text("Started node…")
    await context.memory().record(kind="status", data={"stage": "start"})
    return {"ok": True}
"""

RUNNING = """
run = cooperative_demo.start()                 # returns at once; the cell shows the live run; other cells stay usable
run = cooperative_demo.start(run_id="lesson-1")# idempotent: new run, or re-attach to the unfinished one, or the finished result
out = await run                                # outputs, as a mapping with attribute access: out["msg"], out.msg
out = await cooperative_demo()                 # start and wait, in one cell
out = cooperative_demo.run_sync()              # no await: for plain functions, scripts, and people who do not know asyncio yet
wait = await run.next_wait()                    # the next open question, for answering by program
run.answer("Ada")                              # answer the only open wait; run.answer("Ada", wait=token) when there are several
run.status, run.outputs, run.error, run.nodes, run.waits, run.events, run.cancel(), run.retry("node"), run.fork(at="node")
collect_input                                  # a graph shown by itself draws its DAG
"""

RUNTIME = """
import aether_nb as ae
ae.configure(store="runs.db", max_concurrency=16)   # default store: .aether/runs.db beside the notebook; AETHER_NB_STORE overrides
ae.runs(status="waiting"), ae.waits(), ae.get(run_id)    # tables that render as HTML in a notebook and as text in a terminal
ae.answer(token, value, by="ana"), ae.resume(run_id), ae.resume_all(), ae.inbox()   # inbox(): one widget with every open prompt
"""

DUAL_STAGE = """
class SubmitJob(DualStageTool):
    outputs = ["result"]
    async def setup(self, *, cluster: str, script: str, context) -> Wait:       # Stage A
        job = await api.submit(cluster, script)
        return Wait(kind="job", correlator=job.id, timeout=3600, state={"cluster": cluster},
                    poll=Poll(every=5, backoff=2, max=60))
    async def on_resume(self, reply, wait, *, context):                         # Stage B; wait.inputs, wait.state, wait.correlator as Stage A left them
        return {"result": reply.value["url"]}
    async def poll(self, wait, *, context): ...                                 # optional: return PENDING or the reply
    async def on_cancel(self, wait, *, context): ...                            # optional: withdraw the job
"""


ASKING = """
from pydantic import BaseModel
from aether_nb import graph_fn, graphify
from aether_nb import tools

class Person(BaseModel):
    name: str
    age: int | None = None

@graph_fn(outputs=["said"])
async def asks_all(*, context):
    channel = context.channel()
    return {"said": [
        await channel.ask_text("text"), await channel.ask_approval("approval"), await channel.ask_choices("choices", ["a", "b"]),
        await channel.ask_number("number"), await channel.ask_date("date"), await channel.ask_files("files"),
        await channel.ask_text_or_files("either"), await channel.ask_form(Person, "form"),
    ]}

@graphify(inputs=[], outputs=["text", "choice", "approved", "chosen", "choices", "number", "date", "files", "either", "person"])
def draws_all():
    approval, chosen = tools.ask_approval("approval"), tools.ask_choices("choices", ["a", "b"])
    return {
        "text": tools.ask_text("text").text, "choice": approval.choice, "approved": approval.approved,
        "chosen": chosen.choice, "choices": chosen.choices, "number": tools.ask_number("number").value,
        "date": tools.ask_date("date").value, "files": tools.ask_files("files").files,
        "either": tools.ask_text_or_files("either").text, "person": tools.ask_form(Person, "form").value,
    }

@graph_fn(outputs=["said"])
async def asks_with_defaults(*, context):
    channel = context.channel()
    nobody = {"timeout": 0, "key": None}
    return {"said": [
        await channel.ask_text("text", default="x", **nobody),
        await channel.ask_approval("approval", default="Reject", **nobody),
        await channel.ask_choices("choices", ["a", "b"], default="b", **nobody),
        await channel.ask_number("number", default=1.5, **nobody),
        await channel.ask_date("date", default="2026-11-27", **nobody),
        await channel.ask_files("files", default=[], **nobody),
        await channel.ask_text_or_files("either", default="x", **nobody),
        await channel.ask_form(Person, "form", default=Person(name="Ada"), **nobody),
    ]}
"""
"""Not a snippet, but its sentences: every `ask_*`, with what all of them take, and what comes out of each."""

ALL = {
    "text": "Ada", "approval": "Reject", "choices": "b", "number": 3, "date": "2026-11-27", "files": [[]],
    "either": "a word", "form": {"name": "Ada"},
}  # fmt: skip


def line(snippet, start):
    """One line of a snippet, by how it begins."""
    return next(row for row in snippet.splitlines() if row.startswith(start))


@pytest.fixture
async def cell(ours):
    """A cell after the authoring snippet was executed."""
    cell = Cell()
    await cell.run(AUTHORING)
    return cell


async def test_a_cooperative_run_is_started_found_again_and_awaited(configure, cell):
    configure(channel=ScriptedChannel({"Your name?": "Ada"}))
    await cell.run(line(RUNNING, "run = cooperative_demo.start() "))
    first = cell.names["run"]
    await cell.run(line(RUNNING, "run = cooperative_demo.start(run_id"))
    assert cell.names["run"].run_id == "lesson-1" != first.run_id
    await cell.run(line(RUNNING, "out = await run "))
    assert cell.names["out"]["msg"] == cell.names["out"].msg == "greeted:Ada"
    await first
    await cell.run(line(RUNNING, "run = cooperative_demo.start(run_id"))
    assert "stored result" in cell.names["run"].note
    await cell.run(line(RUNNING, "out = await cooperative_demo()"))
    assert cell.names["out"] == {"msg": "greeted:Ada"}


async def test_a_question_is_waited_for_and_answered_by_program(cell):
    await cell.run(line(RUNNING, "run = cooperative_demo.start() "))
    await cell.run(line(RUNNING, "wait = await run.next_wait()"))
    wait = cell.names["wait"]
    assert (wait.run_id, wait.kind, wait.prompt, wait.schema, wait.status) == (
        cell.names["run"].run_id, "text", "Your name?", {"type": "string"}, "open",
    )  # fmt: skip
    assert await cell.run(line(RUNNING, "run.answer("))
    await cell.run(line(RUNNING, "out = await run "))
    assert cell.names["out"].msg == "greeted:Ada"


async def test_a_run_shows_all_that_the_snippet_names(cell):
    await cell.run(line(RUNNING, "run = cooperative_demo.start() "))
    await cell.names["run"].next_wait()
    looked = line(RUNNING, "run.status, ").partition(", run.retry")[0]
    status, outputs, error, nodes, waits, events, cancelled = await cell.run(looked)
    assert (status, outputs, error, cancelled) == ("waiting", None, None, None)
    assert [n.label for n in nodes.values()] == ["Your name?"]
    assert [w.prompt for w in waits] == ["Your name?"]
    assert [e.type for e in events][:2] == ["RunStarted", "NodeAdded"]


def test_run_sync_needs_no_await_and_no_loop(configure):
    configure(channel=ScriptedChannel({"Your name?": "Ada"}))
    names = {}
    exec(AUTHORING, names)
    exec(line(RUNNING, "out = cooperative_demo.run_sync()"), names)
    assert names["out"].msg == "greeted:Ada"


async def test_run_sync_in_a_running_loop_says_to_await(cell):
    with pytest.raises(NoLoop, match="await"):
        await cell.run(line(RUNNING, "out = cooperative_demo.run_sync()"))


async def test_a_static_graph_draws_itself_and_runs(configure, cell):
    configure(channel=ScriptedChannel(["Ada"]))
    graph = await cell.run(line(RUNNING, "collect_input"))
    picture = graph._repr_mimebundle_()
    assert "Your name?" in picture["text/plain"]
    assert (await graph()).greeting == "Ada"


async def test_a_dual_stage_tool_awaited_in_a_graph_function_gives_its_outputs(configure, cell):
    configure(channel=ScriptedChannel({"Proceed?": "No"}))
    assert (await cell.names["dualstage_in_fn"]()).choice == "No"


async def test_a_tool_sends_and_remembers_in_a_run_and_outside_of_one(configure, cell, capsys):
    channel = ScriptedChannel({})
    runtime = configure(channel=channel)
    graph = ae.graph_fn(name="notifies", outputs=["ok"])(_calls(cell.names["notify_and_tag"]))
    assert (await graph()).ok is True
    assert channel.said == ["Started node…"]
    assert (await cell.names["notify_and_tag"]())["ok"] is True
    assert capsys.readouterr().out == "Started node…\n"
    assert [m.data for m in runtime.services.memory.query(kind="status")] == [{"stage": "start"}] * 2


def _calls(step):
    async def body():
        return {"ok": (await step()).ok}

    return body


@pytest.fixture
def notebook(monkeypatch):
    """A cell in a `__main__` as a notebook has it, whose names are those of its cells."""
    module = ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", module)
    cell = Cell()
    cell.names = vars(module)
    return cell


async def test_every_ask_gives_the_plain_value(configure, notebook):
    await notebook.run(ASKING)
    configure(channel=ScriptedChannel(ALL))
    said = (await notebook.names["asks_all"]()).said
    text, approval, chosen, number, date, files, either, person = said
    assert (text, chosen, number, date) == ("Ada", "b", 3, dt.date(2026, 11, 27))
    assert (approval.choice, approval.approved) == ("Reject", False)
    assert (files.files, files.text, either.files, either.text) == ([], "", [], "a word")
    assert person == notebook.names["Person"](name="Ada", age=None)


async def test_every_ask_is_a_tool_with_the_outputs_that_were_promised(configure, notebook):
    await notebook.run(ASKING)
    configure(channel=ScriptedChannel(ALL))
    assert dict(await notebook.names["draws_all"]()) == {
        "text": "Ada", "choice": "Reject", "approved": False, "chosen": "b", "choices": ["b"], "number": 3,
        "date": dt.date(2026, 11, 27), "files": [], "either": "a word",
        "person": notebook.names["Person"](name="Ada"),
    }  # fmt: skip


async def test_every_ask_takes_a_timeout_a_default_and_a_key(ours, notebook):
    await notebook.run(ASKING)
    said = (await notebook.names["asks_with_defaults"]()).said
    assert [said[0], said[1].choice, *said[2:5], said[6].text, said[7].name] == [
        "x", "Reject", "b", 1.5, dt.date(2026, 11, 27), "x", "Ada",
    ]  # fmt: skip
    assert {w.status for w in ae.waits(status=None)} == {"expired"}


async def test_a_dual_stage_tool_awaited_at_the_top_of_a_cell_is_a_run(configure, cell):
    configure(channel=ScriptedChannel({"Your name?": "Ada"}))
    await cell.run('name = await ask_text(prompt="Your name?")')
    assert cell.names["name"].text == "Ada"
    assert str(cell.names["name"]) == "Ada"


async def test_the_module_functions_read_answer_and_resume(configure, cell, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    await cell.run(RUNTIME.split("\n", 2)[1])
    await cell.run(line(RUNTIME, "ae.configure"))
    run = cell.names["cooperative_demo"].start(run_id="r1")
    wait = await run.next_wait()
    cell.names.update(run_id="r1", token=wait.token, value="Ada")
    runs, waits, got = await cell.run(line(RUNTIME, "ae.runs"))
    assert ([r.run_id for r in runs], [w.token for w in waits], got.run_id) == (["r1"], [wait.token], "r1")
    assert "r1" in repr(runs)
    assert "<table" in runs._repr_html_()
    answered, resumed, others, inbox = await cell.run(line(RUNTIME, "ae.answer"))
    assert answered
    assert (resumed.run_id, list(others), list(inbox)) == ("r1", [], [])
    assert (await run).msg == "greeted:Ada"
    assert run.waits[0].by == "ana"
    assert (tmp_path / "runs.db").exists()


async def test_a_job_is_submitted_and_resumed_by_the_reply_from_outside(ours):
    async def submit(cluster, script):
        return SimpleNamespace(id=f"job-of-{cluster}-{script}")

    cell = Cell(api=SimpleNamespace(submit=submit))
    await cell.run("from aether_nb import DualStageTool, Wait, Poll, PENDING, graph_fn")
    await cell.run(DUAL_STAGE)
    await cell.run("""
        submit_job = SubmitJob()

        @graph_fn(outputs=["url"])
        async def compute(cluster: str):
            return {"url": (await submit_job(cluster=cluster, script="a.sh")).result}

        run = compute.start(cluster="north")
        wait = await run.next_wait()
    """)
    wait = cell.names["wait"]
    assert (wait.kind, wait.deadline is not None) == ("job", True)
    assert ae.answer(wait.token, {"url": "http://result"})
    assert (await cell.names["run"]).url == "http://result"


async def test_the_same_job_is_drawn_awaited_and_run_by_itself(ours):
    async def submit(cluster, script):
        return SimpleNamespace(id=f"job-of-{cluster}-{script}")

    cell = Cell(api=SimpleNamespace(submit=submit))
    await cell.run("from aether_nb import DualStageTool, Wait, Poll, PENDING, graph_fn, graphify")
    await cell.run(DUAL_STAGE)
    await cell.run("""
        submit_job = SubmitJob()

        @graphify(name="compute_drawn", outputs=["url"])
        def drawn():
            return {"url": submit_job(cluster="north", script="a.sh").result}

        @graph_fn(name="compute_awaited", outputs=["url"])
        async def awaited():
            return {"url": (await submit_job(cluster="north", script="a.sh")).result}

        alone = submit_job(cluster="north", script="a.sh")
        runs = [drawn.start(), awaited.start(), alone.start()]
        waits = [await run.next_wait() for run in runs]
    """)
    assert ae.post_event("job-of-north-a.sh", {"url": "http://result"}) == 3
    outs = [await run for run in cell.names["runs"]]
    assert [list(out.values()) for out in outs] == [["http://result"]] * 3
    cancelled = cell.names["drawn"].start()
    await cancelled.next_wait()
    cancelled.cancel()
    with pytest.raises(RunCancelled):
        await cancelled


def test_the_snippets_run_as_a_script(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        f"import asyncio\n{AUTHORING}\n"
        "async def main():\n"
        "    run = cooperative_demo.start(run_id='lesson-1')\n"
        "    wait = await run.next_wait()\n"
        "    run.answer('Ada')\n"
        "    print((await run).msg)\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, env=clean_environment(PYTHONPATH=sys.path[0]),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=15, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "greeted:Ada"
