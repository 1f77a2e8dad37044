"""`aether-nb resume`, `retry` and `fork`: what another process began goes on in this one."""

from __future__ import annotations

import asyncio
import json
import re
import sys

import pytest
from helpers import ROOT

from aether_nb import api
from aether_nb.cli import driving

AGENTS = """
from pathlib import Path
from aether_nb import graph_fn, graphify, tool
from aether_nb.tools import ask_text, http_callback, sleep

@tool(outputs=["n"])
async def brittle():
    if not Path("mended").exists():
        raise ValueError("not mended yet")
    return {"n": 1}

@graph_fn(outputs=["n"])
async def works(*, context):
    return {"n": (await brittle()).n}

@graph_fn(outputs=["line"])
async def greets(*, context):
    name = await context.channel().ask_text("Your name?")
    greeting = context.service("words") if name == "service" else "Hello"
    colour = await context.channel().ask_choices("Colour?", ["red", "blue"])
    return {"line": f"{greeting}, {name}! {colour}"}

@graph_fn(outputs=["done"])
async def naps():
    await sleep(seconds=0.4)
    return {"done": True}
"""


@pytest.fixture
def agents(tmp_path, monkeypatch):
    """The file that defines the graphs, and no trace of it afterwards."""
    path, known = list(sys.path), set(sys.modules)
    (tmp_path / "agents.py").write_text(AGENTS)
    yield tmp_path / "agents.py"
    sys.path[:] = path
    for name in set(sys.modules) - known:
        if name in {"agents", "broken"}:
            del sys.modules[name]


@pytest.fixture
def begun(configure, agents):
    """Starts a graph of the file as a process does that ends when the run fails or only waits."""

    def begin(graph, run_id="r"):
        configure()
        driving.load(str(agents))

        async def start():
            run = getattr(sys.modules["agents"], graph).start(run_id=run_id)
            try:
                await run.next_wait()
            except Exception:
                assert run.status == "failed"

        asyncio.run(start())
        api.close()

    return begin


def node_of(aether_nb):
    return json.loads(aether_nb("show", "r", "--json")[1])["nodes"][0]["node"]


def answered(aether_nb, value):
    token = json.loads(aether_nb("waits", "--json")[1])["waits"][0]["token"]
    assert aether_nb("answer", token, value)[0] == 0


def test_a_run_goes_as_far_as_it_comes_and_says_what_it_waits_for(aether_nb, begun):
    begun("greets")
    code, said, noted = aether_nb("resume", "r", "--module", "agents.py")
    assert (code, noted) == (0, "r: went on where it was")
    first, question = said.splitlines()
    assert first == "r waits, and goes on when it is resumed:"
    assert re.fullmatch(r"\? Your name\?  aether-nb answer [a-z2-7]{6}", question)


def test_what_was_answered_meanwhile_is_taken(aether_nb, begun):
    begun("greets")
    answered(aether_nb, "Ada")
    code, said, _ = aether_nb("resume", "r", "-m", "agents.py", "--json")
    assert code == 0
    run = json.loads(said)
    assert (run["status"], [wait["prompt"] for wait in run["waits"]]) == ("waiting", ["Colour?"])
    answered(aether_nb, "2")
    assert aether_nb("resume", "r", "-m", "agents.py")[1].splitlines() == [
        "r succeeded",
        "line = Hello, Ada! blue",
    ]
    run = json.loads(aether_nb("resume", "r", "-m", "agents.py", "--json")[1])
    assert (run["status"], run["outputs"], run["waits"]) == ("succeeded", {"line": "Hello, Ada! blue"}, [])


def test_a_timer_is_waited_for_because_it_ends_by_itself(aether_nb, begun):
    begun("naps")
    assert aether_nb("resume", "r", "-m", "agents.py")[:2] == (0, "r succeeded\ndone = True")


def test_a_script_answers_where_one_is_named(aether_nb, begun, monkeypatch, tmp_path):
    begun("greets")
    (tmp_path / "answers.yaml").write_text("Your name?: Ada\nColour?: red\n")
    monkeypatch.setenv("AETHER_NB_ANSWERS", str(tmp_path / "answers.yaml"))
    assert aether_nb("resume", "r", "-m", "agents.py")[1].endswith("line = Hello, Ada! red")


def test_services_that_the_file_configures_are_there(aether_nb, begun, agents):
    begun("greets")
    sys.modules.pop("agents")
    agents.write_text(AGENTS + "\nimport aether_nb\naether_nb.configure(services={'words': 'Salut'})\n")
    answered(aether_nb, "service")
    aether_nb("resume", "r", "-m", "agents.py")
    answered(aether_nb, "red")
    assert aether_nb("resume", "r", "-m", "agents.py")[1].endswith("line = Salut, service! red")


def test_a_failed_run_is_exit_code_1_and_its_node_is_tried_again(aether_nb, begun, tmp_path):
    begun("works")
    code, said, complaint = aether_nb("resume", "r", "-m", "agents.py")
    assert (code, said) == (1, "")
    assert "r failed: " in complaint
    assert "not mended yet" in complaint
    code, _, complaint = aether_nb("retry", "r")
    assert code == 2
    assert "give the file that defines 'works' by --module" in complaint
    assert aether_nb("retry", "r", "-m", "agents.py")[0] == 1
    (tmp_path / "mended").touch()
    assert aether_nb("retry", "r", "brittle", "-m", "agents.py")[:2] == (0, "r succeeded\nn = 1")
    assert aether_nb("retry", "r", "-m", "agents.py")[::2] == (
        1,
        f"Nothing to retry: run 'r' is succeeded, node {node_of(aether_nb)!r} is succeeded.",
    )


def test_a_fork_has_another_answer_and_leaves_the_first_run_alone(aether_nb, begun):
    begun("greets")
    for value in ("Ada", "red"):
        answered(aether_nb, value)
        aether_nb("resume", "r", "-m", "agents.py")
    code, said, noted = aether_nb(
        "fork", "r", "--at", "Colour?", "--answer", "2", "--run-id", "other", "-m", "agents.py"
    )
    assert (code, said) == (0, "other succeeded\nline = Hello, Ada! blue")
    assert noted.startswith("other: forked from 'r' at 'Colour?'")
    assert json.loads(aether_nb("show", "r", "--json")[1])["outputs"] == {"line": "Hello, Ada! red"}


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("nope.py", "--module nope.py: there is no such file."),
        ("lesson.ipynb", "--module lesson.ipynb: give a .py file that defines the graph."),
        ("no_such_module", "--module no_such_module cannot be loaded: ModuleNotFoundError: "),
        ("broken.py", "--module broken.py cannot be loaded: ZeroDivisionError: division by zero"),
    ],
)
def test_code_that_cannot_be_had_is_said_in_a_sentence(aether_nb, begun, tmp_path, module, said):
    begun("greets")
    (tmp_path / "lesson.ipynb").touch()
    (tmp_path / "broken.py").write_text("1 / 0\n")
    code, _, complaint = aether_nb("resume", "r", "-m", module)
    assert (code, complaint.startswith(said)) == (2, True), complaint
    assert "Traceback" not in complaint
    if module == "broken.py":
        assert complaint.splitlines()[1] == "  broken.py:1: 1 / 0"


def test_nothing_is_loaded_for_a_run_that_is_not_there(aether_nb, begun, tmp_path):
    begun("greets")
    (tmp_path / "broken.py").write_text("from pathlib import Path\nPath('loaded').touch()\n")
    assert aether_nb("resume", "nope", "-m", "broken.py")[0] == 2
    assert not (tmp_path / "loaded").exists()


def test_what_the_code_prints_is_kept_out_of_the_json(aether_nb, begun, agents):
    begun("naps")
    sys.modules.pop("agents")
    agents.write_text(
        AGENTS.replace("    await sleep(", "    print('soon')\n    await sleep(") + "\nprint('loaded')\n"
    )
    code, said, other = aether_nb("resume", "r", "-m", "agents.py", "--json")
    assert (code, json.loads(said)["status"]) == (0, "succeeded")
    assert {"loaded", "soon"} <= set(other.splitlines())


def test_a_graph_that_the_file_does_not_define_is_named(aether_nb, begun, tmp_path, monkeypatch):
    from aether_nb.calling import GRAPHS

    begun("greets")
    monkeypatch.delitem(GRAPHS, "greets")
    (tmp_path / "broken.py").write_text("")
    code, _, complaint = aether_nb("resume", "r", "-m", "broken.py")
    assert code == 2
    assert "'greets' is not defined here" in complaint


# -- watching ------------------------------------------------------------------------------------


def test_watching_a_run_that_is_over_says_how_it_went(aether_nb, begun):
    begun("works")
    code, said, _ = aether_nb("watch", "r")
    assert code == 1
    assert said.splitlines()[:2] == ["✕ brittle failed: ValueError: not mended yet", "r is ✕ failed"]


def test_watched_as_json_every_line_is_an_object_and_the_last_says_how_it_ended(aether_nb, begun):
    begun("works")
    *events, last = map(json.loads, aether_nb("watch", "r", "--json")[1].splitlines())
    assert last == {"run": "r", "status": "failed"}
    assert events[0].keys() == {"seq", "at", "event", "node"}
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1]["event"] == "RunFailed"


# -- the keys of --json, as docs/how-to/command-line.md tells them ----------------------------------


def told():
    """By command, the keys that the page tells."""
    page = (ROOT / "docs" / "how-to" / "command-line.md").read_text()
    rows = re.findall(r"^\| (.+?) \| (.+) \|$", page.partition("| command | keys |")[2], re.MULTILINE)
    return {what: re.findall(r"`([a-z_ ]+)`", keys) for what, keys in rows}


def keys(text):
    return set(text.split())


def test_the_page_tells_the_keys_that_commands_give(aether_nb, begun):
    begun("greets")
    page = told()

    def said(*words):
        return json.loads(aether_nb(*words, "--json")[1])

    (run,) = said("runs")["runs"]
    assert run.keys() == keys(page["`runs`"][1])
    (wait,) = said("waits")["waits"]
    assert wait.keys() == keys(page["`waits`"][1])
    assert said("answer", wait["token"], "Ada").keys() == keys(page["`answer`"][0])
    resumed = said("resume", "r", "-m", "agents.py")
    assert resumed.keys() == keys(page["`resume`, `fork`, `retry`"][0])
    assert resumed["waits"][0].keys() == keys(page["`resume`, `fork`, `retry`"][1])
    shown = said("show", "r")
    assert shown.keys() == run.keys() | keys(page["`show`"][0])
    assert shown["nodes"][0].keys() == keys(page["its `nodes`"][0])
    assert shown["questions"][0].keys() == keys(page["its `questions`"][0])
    assert shown["timeline"][0].keys() == keys(page["its `timeline`"][0])
    assert said("export", "r").keys() == keys(page["`export`"][0])
    assert said("doctor")["checks"][0].keys() == keys(page["`doctor`"][1])
    assert said("lessons").keys() == keys(page["`lessons`"][0])
    assert said("cancel", "r").keys() == keys(page["`cancel`"][0])
    assert said("gc").keys() == keys(page["`gc`"][0])
    events = [json.loads(line) for line in aether_nb("watch", "r", "--json")[1].splitlines()]
    assert [events[0].keys(), events[-1].keys()] == [keys(text) for text in page["`watch`"]]


def test_the_page_tells_the_keys_of_an_error(aether_nb, begun):
    begun("works")
    shown = json.loads(aether_nb("show", "r", "--json")[1])
    assert shown["error"].keys() == keys(told()["its `error`"][0])
