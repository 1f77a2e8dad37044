from __future__ import annotations

import pytest

from aether_nb import PENDING, DualStageTool, ScriptedChannel, Wait, graph_fn
from aether_nb.errors import ChannelError, NodeFailed


@graph_fn(outputs=["name", "again", "go"])
async def questions(*, context):
    channel = context.channel()
    name = await channel.ask_text("Name?")
    again = await channel.ask_text("Name?", key="again")
    go = await channel.ask_approval("Go?", options=("Yes", "No"))
    return {"name": name, "again": again, "go": go.approved}


async def run(configure, answers):
    channel = answers if isinstance(answers, ScriptedChannel) else ScriptedChannel(answers)
    configure(channel=channel)
    return await questions()


@pytest.mark.parametrize(
    "answers",
    [
        {"Name?": "Ada", "Go?": "No"},
        {"Name?": ["Ada", "Ada"], "Go?": "No"},
        {"text": "Ada", "approval": "No"},
        ["Ada", "Ada", "No"],
        iter(["Ada", "Ada", False]),
        {"Name?": lambda prompt: "Ada" if prompt.prompt == "Name?" else "", "Go?": False},
    ],
)
async def test_answers_come_by_prompt_by_kind_in_turn_in_order_or_from_a_function(configure, answers):
    out = await run(configure, answers)
    assert (out.name, out.again, out.go) == ("Ada", "Ada", False)


async def test_a_list_under_a_prompt_is_used_in_turn(configure):
    out = await run(configure, {"Name?": ["Ada", "Bo"], "Go?": "Yes"})
    assert (out.name, out.again) == ("Ada", "Bo")


async def test_a_question_that_is_left_open_is_decided_by_its_deadline(scripted, fake_clock):
    @graph_fn(outputs=["tea"])
    async def patient(*, context):
        return {"tea": await context.channel().ask_text("Tea?", timeout=86_400, default="none")}

    scripted({"Tea?": PENDING})
    run = patient.start()
    assert (await run.next_wait()).prompt == "Tea?"
    fake_clock.advance(days=2)
    assert (await run).tea == "none"


async def test_it_keeps_what_was_asked_and_what_was_said(configure):
    channel = ScriptedChannel(["Ada", "Bo", "Yes"])
    await run(configure, channel)
    assert channel.asked == ["Name?", "Name?", "Go?"]


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"Other?": 1}, r"no answer for 'Name\?' \(kind text\); it has: 'Other\?'"),
        ({}, r"no answer for 'Name\?'"),
        ([], r"no more answers; the next prompt is 'Name\?'"),
        ({"Name?": ["Ada"]}, r"'Name\?' is asked more often than the script has answers for it \(1\)"),
        ({"Name?": 42}, r"The script's answer 42 to 'Name\?' does not fit: a text is needed"),
        ({"Name?": True}, r"answer True to 'Name\?' does not fit: .*quotes"),
        (
            {"Name?": "Ada", "Go?": "Perhaps"},
            r"'Perhaps' to 'Go\?' does not fit: .*'Perhaps' is none of 'Yes', 'No'\.",
        ),
        ({"Name?": lambda prompt: 1 / 0}, "ZeroDivisionError"),
    ],
)
async def test_what_the_script_cannot_answer_fails_at_once_with_the_prompt(configure, answers, said):
    with pytest.raises(NodeFailed, match=said):
        await run(configure, answers)


async def test_the_variable_names_a_file_of_answers(configure, tmp_path, monkeypatch):
    file = tmp_path / "answers.yaml"
    file.write_text('Name?: [Ada, "Bö"]\nGo?: Yes\n', encoding="utf-8")
    runtime = configure()
    monkeypatch.setenv("AETHER_NB_ANSWERS", str(file))
    runtime = configure(channel=None)
    assert runtime.scripted
    assert (await questions()).again == "Bö"


@pytest.mark.parametrize("text", ["just words", "42", "a: [", None])
def test_a_file_that_holds_no_answers_is_refused_with_its_path(tmp_path, text):
    file = tmp_path / "answers.yaml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ChannelError, match=r"answers\.yaml"):
        ScriptedChannel.from_file(file)


def test_a_single_text_is_no_script():
    with pytest.raises(ChannelError, match="mapping, a list"):
        ScriptedChannel("Ada")


@pytest.mark.parametrize(("answers", "door"), [({"job": {"n": 1}}, "scripted"), ({}, "api"), ([], "api")])
async def test_a_wait_for_a_job_is_left_to_the_job_unless_the_script_names_it(configure, answers, door):
    class Job(DualStageTool):
        async def setup(self, *, n: int) -> Wait:
            return Wait(kind="job", correlator=f"job-{n}")

        async def on_resume(self, reply, wait):
            return reply.value["n"]

    job = Job()

    @graph_fn(outputs=["n"])
    async def works():
        return {"n": (await job(n=1)).result}

    configure(channel=ScriptedChannel(answers))
    run = works.start()
    if door == "api":
        wait = await run.next_wait()
        run.answer({"n": 1}, wait=wait.token)
    assert (await run).n == 1
    assert [e.reply.door for e in run.events if e.type == "ReplyTaken"] == [door]
