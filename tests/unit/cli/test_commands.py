from __future__ import annotations

import re

import pytest
from pydantic import BaseModel

from aether_nb import api, graph_fn


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
        import asyncio

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
