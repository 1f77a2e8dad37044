"""`ae.record`: what people answer becomes the script that answers the same."""

from __future__ import annotations

import asyncio
import datetime as dt
from enum import Enum
from pathlib import Path

import pytest
import yaml
from lives import turns
from pydantic import BaseModel

import aether_nb as ae
from aether_nb import graph_fn
from aether_nb.errors import BadInputs, NodeFailed
from aether_nb.store.sqlite import SqliteStore
from aether_nb.testing import trace
from aether_nb.tools import wait_for_event


class Size(Enum):
    SMALL = "s"
    LARGE = "l"


class Order(BaseModel):
    what: str
    size: Size = Size.SMALL
    until: dt.date | None = None


@graph_fn(name="all_kinds", outputs=["told"])
async def all_kinds(*, context):
    ask = context.channel()
    told = [
        await ask.ask_text("Name?\n\nThe *whole* one: it is printed."),
        await ask.ask_text("true"),
        await ask.ask_approval("Go?", options=("Yes", "No")),
        await ask.ask_approval("Sure?", options=("Yes", "No"), reason="required"),
        await ask.ask_choices("One?", options=[1, 2, 3]),
        await ask.ask_choices("Several?", options=["a", "b", "c"], multiple=True),
        await ask.ask_number("How many?"),
        await ask.ask_date("When?"),
        await ask.ask_date("At what time?", time=True),
        (await ask.ask_form(Order, "Order?")).model_dump(mode="json"),
        await ask.ask_text("Name?"),
        await ask.ask_text("Name?", key="again"),
    ]
    return {"told": told}


GIVEN = [
    "Ada «1815»\n\u202eback", "no", "No", {"choice": "Yes", "reason": "it is late"}, 2, ["a", "c"], 2.5, "2026-11-27",
    "2026-11-27T14:00:00+01:00", {"what": "tea", "size": "l", "until": "2026-12-01"}, "Bo", "Cy",
]  # fmt: skip


async def answered(run, values, **how):
    for value in values:
        run.answer(value, wait=(await run.next_wait()).token, **how)
        await turns()
    return await run


def notes(path):
    return [
        line.removeprefix("# not recorded: ")
        for line in path.read_text().splitlines()
        if "not recorded" in line
    ]


async def test_a_recorded_run_gives_the_same_outputs_when_it_is_replayed(aether, scripted, tmp_path):
    with ae.record(tmp_path / "answers.yaml") as recording:
        first = await answered(all_kinds.start(), GIVEN)
    assert repr(recording) == "<recording answers.yaml: 12 answers, stopped>"
    channel = scripted(tmp_path / "answers.yaml")
    assert (await all_kinds()).told == first.told
    assert len(channel.asked) == 12


async def test_it_is_a_file_as_one_writes_it_by_hand(aether, tmp_path):
    with ae.record(tmp_path / "answers.yaml"):
        await answered(all_kinds.start(), GIVEN)
    script = yaml.safe_load((tmp_path / "answers.yaml").read_text())
    assert {q: script[q] for q in ("true", "Go?", "Several?", "When?", "Name?", "Order?")} == {
        "true": "no", "Go?": "No", "Several?": [["a", "c"]], "When?": "2026-11-27", "Name?": ["Bo", "Cy"],
        "Order?": {"what": "tea", "size": "l", "until": "2026-12-01"},
    }  # fmt: skip


@graph_fn(name="two", outputs=["a", "b"])
async def two(*, context):
    ask = context.channel().ask_text
    a, b = await asyncio.gather(ask("Same?", key="a"), ask("Same?", key="b"))
    return {"a": a, "b": b}


async def test_answers_to_the_same_question_stand_in_the_order_of_asking_not_of_answering(
    aether, scripted, tmp_path
):
    with ae.record(tmp_path / "answers.yaml"):
        run = two.start()
        while len(run.waits) < 2:
            await turns()
        first, second = run.waits
        run.answer("to b", wait=second.token)
        await turns()
        run.answer("to a", wait=first.token)
        out = await run
    scripted(tmp_path / "answers.yaml")
    assert await two() == out


@graph_fn(name="hands_in", outputs=["told"])
async def hands_in(*, context):
    ask = context.channel()
    files = await ask.ask_files("Files?")
    both = await ask.ask_text_or_files("Text or file?")
    text = await ask.ask_text_or_files("Text?")
    return {
        "told": [(f.name, Path(f.path).read_text()) for f in (*files.files, *both.files)]
        + [both.text, text.text]
    }


async def test_files_are_kept_beside_it_and_count_from_there(aether, scripted, tmp_path, monkeypatch):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "note.txt").write_text("first")
    (tmp_path / "note.txt").write_text("second")
    paths = [str(tmp_path / "one" / "note.txt"), str(tmp_path / "note.txt")]
    with ae.record(tmp_path / "there" / "answers.yaml") if (tmp_path / "there").mkdir() is None else None:
        both = {"files": [{"path": paths[1]}], "text": "and a word"}
        first = await answered(hands_in.start(), [paths, both, "a word"])
    (tmp_path / "note.txt").unlink()
    (tmp_path / "there").rename(tmp_path / "moved")
    monkeypatch.chdir("/")
    scripted(tmp_path / "moved" / "answers.yaml")
    assert (await hands_in()).told == first.told
    assert first.told[0] == ("note.txt", "first")


@graph_fn(name="login", outputs=["n", "tea", "name"])
async def login(*, context):
    ask = context.channel().ask_text
    password = await ask("Password?", secret=True)
    return {
        "n": len(password),
        "tea": await ask("Tea?", timeout=60, default="none"),
        "name": await ask("Name?"),
    }


async def test_secrets_and_silence_are_not_recorded_and_it_says_so(aether, fake_clock, scripted, tmp_path):
    path = tmp_path / "answers.yaml"
    with ae.record(path):
        run = login.start()
        await run.next_wait()
        run.answer("hunter2")
        while (await run.next_wait()).prompt != "Tea?":
            await turns()
        fake_clock.advance(61)
        while (await run.next_wait()).prompt != "Name?":
            await turns()
        run.answer("Ada")
        await run
    assert "hunter2" not in path.read_text()
    assert notes(path) == [
        "Password? (a secret is never written; put an answer here by hand)",
        "Tea? (nobody answered in time; a script must)",
    ]
    scripted(path)
    with pytest.raises(NodeFailed, match=r"no answer for 'Password\?'"):
        await login()


async def test_it_goes_on_after_a_restart_and_through_configure(aether, scripted, tmp_path):
    path = tmp_path / "answers.yaml"
    ae.record(path)
    run = two.start(run_id="r")
    while len(run.waits) < 2:
        await turns()
    run.answer("one", wait=run.waits[0].token)
    while "one" not in path.read_text():
        await turns()
    aether.restart()  # the kernel dies; its recording with it
    recording = ae.record(path)
    ae.configure(store=tmp_path / "runs.db", channel=ae.api.current().channel)  # the recording lives on
    run = ae.resume("r")
    run.answer("two")
    out = await run
    recording.stop()
    run = two.start()
    while len(run.waits) < 2:
        await turns()
    run.answer("not recorded", wait=run.waits[0].token)
    scripted(path)
    assert await two() == out == {"a": "one", "b": "two"}


async def test_a_second_recording_into_the_same_file_takes_the_place_of_the_first(aether, tmp_path):
    first = ae.record(tmp_path / "answers.yaml")
    second = ae.record(tmp_path / "answers.yaml")
    await answered(all_kinds.start(), GIVEN)
    assert (repr(first), repr(second)) == (
        "<recording answers.yaml: 0 answers, stopped>",
        "<recording answers.yaml: 12 answers>",
    )
    assert yaml.safe_load((tmp_path / "answers.yaml").read_text())["Go?"] == "No"


async def test_an_answer_of_another_process_counts_and_one_of_a_script_does_not(aether, scripted, tmp_path):
    path = tmp_path / "answers.yaml"
    with ae.record(path):
        run = two.start()
        while len(run.waits) < 2:
            await turns()
        there = SqliteStore(tmp_path / "runs.db")
        for n, wait in enumerate(run.waits):
            there.answer(wait.token, ae.Reply(value=f"{n}", by="ana", door="http", at_ms=1), now_ms=1)
        there.close()
        await run
    assert yaml.safe_load(path.read_text()) == {"Same?": ["0", "1"]}
    before = path.read_text()
    scripted(path)
    with ae.record(path):
        await two()
    assert path.read_text() == before


@graph_fn(name="outside", outputs=["got"])
async def outside():
    event = await wait_for_event("paid")
    return {"got": event}


async def test_what_a_service_said_is_said_by_the_script_next_time(aether, scripted, tmp_path):
    with ae.record(tmp_path / "answers.yaml"):
        run = outside.start()
        await run.next_wait()
        ae.post_event("paid", {"amount": 3})
        first = await run
    scripted(tmp_path / "answers.yaml")
    run = outside.start()
    assert await run == first
    trace(run).ran_once("wait_for_event")


async def test_a_file_that_is_no_recording_is_left_alone(aether, tmp_path):
    path = tmp_path / "answers.yaml"
    path.write_text("Name?: Ada  # my own\n")
    with pytest.raises(BadInputs, match="there is a file already, and no recording"):
        ae.record(path)
    assert path.read_text() == "Name?: Ada  # my own\n"


def test_where_it_cannot_be_written_it_says_so_at_once(aether, tmp_path):
    with pytest.raises(BadInputs, match="cannot be written: No such file or directory"):
        ae.record(tmp_path / "nowhere" / "answers.yaml")


async def test_a_file_that_cannot_be_written_any_more_harms_no_run(aether, tmp_path, caplog):
    (tmp_path / "there").mkdir()
    with ae.record(tmp_path / "there" / "answers.yaml"):
        (tmp_path / "there" / "answers.yaml").unlink()
        (tmp_path / "there").rmdir()
        assert (await answered(two.start(), ["x", "y"])).a == "x"
    assert "What listens to runs failed; they go on" in caplog.text
