from __future__ import annotations

import asyncio
import io
import json
import re
import subprocess
import sys

import pytest
from pydantic import BaseModel

from aether_nb import DualStageTool, api, graph_fn, tool


class Person(BaseModel):
    name: str
    age: int


@graph_fn(outputs=["data"])
async def asks(kind: str, *, context):
    channel = context.channel()
    if kind == "approval":
        return {"data": (await channel.ask_approval("Go?", options=("Yes", "No"))).choice}
    if kind == "secret":
        return {"data": len(await channel.ask_text("Password?", secret=True))}
    if kind == "form":
        return {"data": (await channel.ask_form(Person)).name}
    if kind == "choice":
        return {"data": await channel.ask_choices("Colours?", ["red", "blue", "green"], multiple=True)}
    if kind == "files":
        return {"data": [f.name for f in (await channel.ask_files("Data?")).files]}
    return {"data": await channel.ask_text("Your name?")}


@pytest.fixture
def waiting(configure, aether_nb):
    """Leaves a run behind that waits, as a process does that has ended; gives the token."""

    def begin(kind="text", run_id="r"):
        async def start():
            return (await asks.start(kind, run_id=run_id).next_wait()).token

        configure()
        token = asyncio.run(start())
        api.close()
        return token

    return begin


def test_runs_are_listed_and_narrowed(aether_nb, waiting):
    waiting()
    code, said, _ = aether_nb("runs")
    assert code == 0
    assert said.splitlines()[0].split() == ["run", "graph", "status", "home", "started"]
    assert said.splitlines()[1].split()[:4] == ["r", "asks", "?", "waiting"]
    assert aether_nb("runs", "--status", "failed") == (0, "No runs.", "")


def test_what_waits_is_listed_with_its_token(aether_nb, waiting):
    token = waiting()
    code, said, _ = aether_nb("waits")
    assert code == 0
    assert "Your name?" in said
    assert said.endswith(token)


def test_an_answer_is_accepted_once(aether_nb, waiting):
    token = waiting()
    assert aether_nb("answer", token, "Ada", "--by", "ana") == (0, "accepted", "")
    code, said, complaint = aether_nb("answer", token, "Bo")
    assert (code, complaint) == (1, "")
    assert re.fullmatch(r"already answered by ana through cli at \d\d:\d\d", said)


def test_an_answer_that_nobody_has_taken_yet_is_shown_and_not_asked_for_again(aether_nb, waiting):
    aether_nb("answer", waiting(), "Ada", "--by", "ana")
    _, said, _ = aether_nb("show", "r")
    assert "? Your name?  → Ada  ana · cli · " in said
    assert "aether-nb answer" not in said
    (question,) = json.loads(aether_nb("show", "r", "--json")[1])["questions"]
    assert (question["status"], question["answer"], question["by"]) == ("answered", "Ada", "ana")


@pytest.mark.parametrize(("typed", "stored"), [("2", "No"), ("yes", "Yes")])
def test_an_option_is_named_by_number_or_in_any_case(aether_nb, waiting, typed, stored):
    token = waiting("approval")
    assert aether_nb("answer", token, typed)[0] == 0
    assert api.current().store.wait(token).reply.value["choice"] == stored


def test_an_answer_that_does_not_fit_is_one_line(aether_nb, waiting):
    token = waiting("approval")
    assert aether_nb("answer", token, "perhaps") == (
        1,
        "",
        "Not accepted: choice: 'perhaps' is none of 'Yes', 'No'",
    )


def test_a_file_is_named_from_where_one_stands(aether_nb, waiting, tmp_path):
    (tmp_path / "a.csv").write_text("x")
    token = waiting("files")
    code, _, complaint = aether_nb("answer", token, "b.csv")
    assert (code, complaint) == (1, "Not accepted: files.0: there is no file 'b.csv' on this machine")
    assert aether_nb("answer", token, "a.csv")[:2] == (0, "accepted")


def test_a_run_that_nobody_drives_is_cancelled_at_once(aether_nb, waiting):
    waiting()
    assert aether_nb("cancel", "r") == (0, "r is cancelled", "")
    assert aether_nb("cancel", "r") == (0, "r is cancelled", "")


@pytest.mark.parametrize("words", [("answer", "nope", "Ada"), ("cancel", "nope")])
def test_what_is_not_there_is_one_line_and_exit_code_2(aether_nb, waiting, words):
    waiting()
    code, said, complaint = aether_nb(*words)
    assert (code, said) == (2, "")
    assert "'nope'" in complaint
    assert len(complaint.splitlines()) == 1


def test_a_file_that_is_no_store_is_one_line(aether_nb, tmp_path):
    (tmp_path / "runs.db").write_text("not a database" * 100)
    code, _, complaint = aether_nb("runs")
    assert code == 2
    assert len(complaint.splitlines()) == 1


def test_without_a_store_nothing_is_made(aether_nb, tmp_path):
    code, said, complaint = aether_nb("waits")
    assert (code, said) == (2, "")
    assert complaint.startswith("There is no store at ")
    assert not list(tmp_path.iterdir())


def test_old_runs_are_thrown_away_after_a_look(aether_nb, waiting):
    token = waiting()
    aether_nb("cancel", "r")
    waiting(run_id="open")

    code, said, _ = aether_nb("gc", "--keep-days", "0", "--dry-run")
    assert (code, said.startswith("Would remove 1 run (")) == (0, True)
    code, said, _ = aether_nb("gc", "--keep-last", "0")

    assert (code, said.startswith("Removed 1 run (")) == (0, True)
    assert [run.run_id for run in api.runs()] == ["open"]
    assert api.current().store.wait(token) is None
    assert aether_nb("gc") == (0, "Nothing to remove.", "")
    assert aether_nb("gc", "--keep-days", "-1")[::2] == (
        2,
        "keep_days=-1.0: it is a number of days from 0 up, such as 30.",
    )


def test_a_form_is_answered_as_json_and_options_by_number(aether_nb, waiting):
    code, _, complaint = aether_nb("answer", form := waiting("form"), '{"name": "Ada"}')
    assert (code, complaint) == (1, "Not accepted: age: this is needed")
    assert aether_nb("answer", form, '{"name": "Ada", "age": 36}')[:2] == (0, "accepted")
    assert aether_nb("answer", waiting("choice", "c"), "3; RED")[:2] == (0, "accepted")


def test_a_secret_is_not_taken_here_because_it_could_not_be_handed_over(aether_nb, waiting, tmp_path):
    code, _, complaint = aether_nb("answer", waiting("secret"), "hunter2-by-cli")
    assert code == 1
    assert complaint.startswith(
        "Not accepted: this is a secret, which is stored nowhere, so that only the kernel that"
    )
    assert [f for f in tmp_path.rglob("*") if f.is_file() and b"hunter2-by-cli" in f.read_bytes()] == []
    assert "waiting" in aether_nb("runs")[1]


# -- looking -------------------------------------------------------------------------------------


def test_what_is_listed_is_also_json_and_nothing_else(aether_nb, waiting):
    token = waiting()
    code, said, complaint = aether_nb("runs", "--json")
    assert (code, complaint) == (0, "")
    (run,) = json.loads(said)["runs"]
    assert run["started"].endswith("+00:00")
    wanted = {"run": "r", "graph": "asks", "status": "waiting", "parent": None, "driven": False}
    assert {key: run[key] for key in wanted} == wanted
    (wait,) = json.loads(aether_nb("waits", "--json")[1])["waits"]
    wanted = {
        "token": token,
        "run": "r",
        "kind": "text",
        "prompt": "Your name?",
        "status": "open",
        "by": None,
    }
    assert {key: wait[key] for key in wanted} == wanted


def test_waits_of_one_run_and_closed_ones_are_listed_when_wanted(aether_nb, waiting):
    aether_nb("answer", waiting(run_id="one"), "Ada", "--by", "ana")
    waiting(run_id="two")
    assert aether_nb("waits", "--run", "one") == (0, "Nothing waits for an answer.", "")
    (wait,) = json.loads(aether_nb("waits", "--run", "one", "--all", "--json")[1])["waits"]
    assert (wait["status"], wait["by"]) == ("answered", "ana")


def test_a_run_is_shown_with_its_steps_its_timeline_and_what_to_do_about_its_question(aether_nb, waiting):
    token = waiting()
    code, said, _ = aether_nb("show", "r")
    assert code == 0
    assert said.startswith("asks · run r · ? waiting · started ")
    assert "nobody drives it now: it goes on when " in said
    assert "└── ? Your name?  waiting" in said
    assert re.search(r"^timeline\s*$\s*step +when +computed +waited", said, re.MULTILINE)
    assert f"? Your name?  aether-nb answer {token[:6]}" in said


def test_a_finished_run_shows_answers_and_outputs(aether_nb, configure):
    configure()

    async def story():
        run = asks.start("text", run_id="done")
        await run.next_wait()
        run.answer("Ada", by="ana")
        await run

    asyncio.run(story())
    api.close()
    said = aether_nb("show", "done")[1]
    assert re.search(r"^\? Your name\?  → Ada  ana · api · \d\d:\d\d:\d\d$", said, re.MULTILINE)
    assert said.endswith("data = Ada")
    run = json.loads(aether_nb("show", "done", "--json")[1])
    assert (run["status"], run["outputs"], run["error"]) == ("succeeded", {"data": "Ada"}, None)
    (question,) = run["questions"]
    assert (question["answer"], question["by"], question["door"]) == ("Ada", "ana", "api")
    assert [node["status"] for node in run["nodes"]] == ["succeeded"]
    assert run["timeline"][0]["bars"]


def test_a_run_of_many_steps_lists_those_that_are_not_simply_done(aether_nb, configure):
    configure()

    async def story():
        with pytest.raises(Exception, match="no luck"):
            await many.start(run_id="many")

    asyncio.run(story())
    api.close()
    said = aether_nb("show", "many")[1]
    assert "101 nodes: 100 succeeded, 1 failed" in said
    assert "✕ unlucky  failed" in said
    assert "✓ step" not in said.partition("timeline")[0]
    assert "unlucky: ValueError: no luck" in said


@tool(outputs=["n"])
async def step(n: int):
    return {"n": n}


@tool(outputs=["n"])
async def unlucky():
    raise ValueError("no luck")


@graph_fn(outputs=["n"])
async def many():
    for n in range(100):
        await step(n=n)
    return {"n": (await unlucky()).n}


# -- answering -----------------------------------------------------------------------------------


@pytest.fixture
def piped(aether_nb, monkeypatch):
    """The command line, with lines piped into it."""

    def call(lines, *words):
        monkeypatch.setattr("sys.stdin", io.StringIO(lines))
        return aether_nb(*words)

    return call


def test_the_beginning_of_a_token_will_do_when_it_is_the_only_one(aether_nb, waiting):
    first, second = waiting(run_id="one"), waiting(run_id="two")
    alike = next(n for n in range(len(first)) if first[n] != second[n])
    assert aether_nb("answer", first[: alike + 1], "Ada")[:2] == (0, "accepted")
    assert [wait["run"] for wait in json.loads(aether_nb("waits", "--json")[1])["waits"]] == ["two"]


class Slow(DualStageTool):
    outputs = ("n",)
    token = ""

    async def setup(self, *, context):
        Slow.token = context.wait_token
        await asyncio.Event().wait()

    async def on_resume(self, reply, wait):
        return {"n": reply.value}


slow = Slow()


@graph_fn(outputs=["n"])
async def submits():
    return {"n": (await slow()).n}


def test_a_reply_that_comes_before_its_question_is_kept_and_cannot_be_asked_for(aether_nb, configure):
    configure()

    async def begin():
        run = submits.start(run_id="early")
        while not Slow.token or not api.current().store.promised(Slow.token):
            await asyncio.sleep(0)
        return run

    asyncio.run(begin())
    api.close()
    code, _, complaint = aether_nb("answer", Slow.token)
    assert (code, complaint) == (
        2,
        "What this token asks is not open yet: give the reply behind it, as JSON.",
    )
    code, said, _ = aether_nb("answer", Slow.token, '{"n": 1}')
    assert (code, said) == (0, "kept: its question is not open yet, and takes the reply when it is")


def test_a_beginning_of_several_tokens_names_none(aether_nb, waiting):
    waiting(run_id="one"), waiting(run_id="two")
    code, _, complaint = aether_nb("answer", "", "Ada")
    assert (code, complaint.startswith("There is no wait ''")) == (2, True)
    tokens = [waiting(run_id=f"r{n}") for n in range(40)]  # of 40 two begin alike: there are 32 letters
    alike = next(t[0] for t in tokens if sum(o[0] == t[0] for o in tokens) > 1)
    code, _, complaint = aether_nb("answer", alike, "Ada")
    assert code == 2
    assert re.fullmatch(rf"\d+ questions have tokens that begin with '{alike}': type more of it\.", complaint)


def test_without_a_value_the_question_is_asked_until_an_answer_fits(piped, waiting):
    token = waiting("approval")
    code, said, complaint = piped("perhaps\n2\n", "answer", token)
    assert (code, complaint) == (0, "")
    assert said == "? Go?  [1 Yes  2 No]\n>   'perhaps' is none of 'Yes', 'No'\n> accepted"
    assert api.current().store.wait(token).reply.value["choice"] == "No"


def test_a_form_is_asked_field_by_field_and_what_was_right_is_kept(piped, waiting):
    token = waiting("form")
    code, said, _ = piped("Ada\nmany\n\n36\n", "answer", token)
    assert code == 0
    assert "  age: " in said
    assert "[Enter for Ada]" in said
    assert api.current().store.wait(token).reply.value == {"name": "Ada", "age": 36}


def test_when_no_more_is_typed_the_question_stays_open(piped, waiting):
    token = waiting("approval")
    assert piped("", "answer", token)[::2] == (
        1,
        "Not accepted: nothing was typed; the question stays open",
    )
    code, _, complaint = piped("perhaps\n", "answer", token)
    assert (code, complaint) == (1, "Not accepted: choice: 'perhaps' is none of 'Yes', 'No'")
    assert api.current().store.wait(token).status == "open"


def test_as_json_the_question_stands_on_the_other_stream(piped, waiting):
    token = waiting("approval")
    code, said, complaint = piped("perhaps\n1\n", "answer", token, "--json", "--by", "ana")
    assert code == 0
    assert "? Go?" in complaint
    answered = json.loads(said)
    assert answered.pop("at")
    assert answered == {"token": token, "accepted": True, "status": "answered", "by": "ana", "door": "cli"}
    assert json.loads(piped("", "answer", token, "no", "--json")[1])["accepted"] is False


def test_as_json_a_refused_answer_says_what_is_wrong(aether_nb, waiting):
    token = waiting("approval")
    code, said, _ = aether_nb("answer", token, "perhaps", "--json")
    assert code == 1
    assert json.loads(said) == {
        "token": token,
        "accepted": False,
        "problems": {"choice": "'perhaps' is none of 'Yes', 'No'"},
    }


def test_a_secret_is_refused_before_anybody_types_it(piped, waiting):
    code, said, complaint = piped("hunter2\n", "answer", waiting("secret"))
    assert (code, said) == (1, "")
    assert complaint.startswith("Not accepted: this is a secret")


# -- the others ----------------------------------------------------------------------------------


def test_a_store_is_named_by_an_option_beside_the_variable(aether_nb, waiting, tmp_path, monkeypatch):
    waiting()
    monkeypatch.setenv("AETHER_NB_STORE", str(tmp_path / "another.db"))
    assert aether_nb("runs")[0] == 2
    assert aether_nb("runs", "--store", tmp_path / "runs.db")[0] == 0


def test_a_node_is_cancelled_by_its_label(aether_nb, waiting):
    waiting()
    assert aether_nb("cancel", "r", "--node", "Your name?")[0] == 0
    assert json.loads(aether_nb("show", "r", "--json")[1])["nodes"][0]["status"] == "cancelled"
    assert aether_nb("cancel", "r", "--node", "nope")[0] == 2


def test_a_run_is_written_into_one_file_and_nothing_else_is_written_over(aether_nb, waiting, tmp_path):
    waiting()
    code, said, complaint = aether_nb("export", "r", "--html", "out.html")
    assert (code, said, complaint) == (0, str(tmp_path / "out.html"), "")
    assert "Your name?" in (tmp_path / "out.html").read_text()
    assert json.loads(aether_nb("export", "r", "--json")[1]) == {"run": "r", "file": str(tmp_path / "r.html")}
    (tmp_path / "mine.html").write_text("my page")
    assert aether_nb("export", "r", "--html", "mine.html")[0] == 2
    assert (tmp_path / "mine.html").read_text() == "my page"


def test_what_went_is_also_json(aether_nb, waiting):
    waiting()
    aether_nb("cancel", "r")
    gone = json.loads(aether_nb("gc", "--keep-last", "0", "--json")[1])
    assert (gone["runs"], gone["waits"], gone["dry_run"]) == (["r"], 1, False)


@pytest.mark.parametrize(
    "words", [("nope",), ("runs", "--nope"), ("show",), ("runs", "--status", "nope"), ()]
)
def test_wrong_usage_is_exit_code_2(aether_nb, waiting, words):
    waiting()
    assert aether_nb(*words)[0] == 2


def test_the_help_names_every_command_and_the_exit_codes(aether_nb):
    code, said, _ = aether_nb("--help")
    assert code == 0
    listed = re.findall(r"^  ([a-z]+)  ", said.partition("Commands:")[2], re.MULTILINE)
    assert set(COMMANDS) <= set(listed)
    assert "130 Ctrl-C" in said


COMMANDS = ["demo", "runs", "waits", "answer", "cancel", "gc", "export", "lessons", "doctor", "show"]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [("aether-nb show ", ["one"]), ("aether-nb show t", []), ("aether-nb answer ", ["TOKEN"])],
)
def test_the_tab_key_knows_runs_and_tokens(aether_nb, waiting, monkeypatch, words, wanted):
    token = waiting(run_id="one")
    monkeypatch.setenv("_AETHER_NB_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
    assert aether_nb()[1].split() == [token if word == "TOKEN" else word for word in wanted]


def test_the_tab_key_makes_no_store(aether_nb, monkeypatch, tmp_path):
    monkeypatch.setenv("_AETHER_NB_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "aether-nb show ")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert aether_nb()[1] == ""
    assert not list(tmp_path.iterdir())


LOADED = """
import json, sys
from aether_nb import cli
sys.argv = ["aether-nb", *sys.argv[1:]]
try:
    cli.main()
finally:
    print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
"""


@pytest.mark.parametrize("words", [("--help",), ("runs",), ("answer", "--help")])
def test_a_command_loads_only_what_it_needs(aether_nb, waiting, words):
    waiting()
    api.close()
    done = subprocess.run([sys.executable, "-c", LOADED, *words], capture_output=True, text=True, check=True)
    heavy = {
        "rich",
        "IPython",
        "ipywidgets",
        "jupyter_core",
        "jupyter_server",
        "graphviz",
        "numpy",
        "tornado",
        "yaml",
    }
    assert heavy.intersection(json.loads(done.stderr)) == set()
