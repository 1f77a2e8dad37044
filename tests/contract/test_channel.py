"""What every channel must do, whoever answers through it: the port `engine.ports.Channel`."""

from __future__ import annotations

import asyncio
import io
import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from aether_nb.channels.console import ConsoleChannel
from aether_nb.channels.scripted import ScriptedChannel
from aether_nb.channels.widget import WidgetChannel
from aether_nb.engine.ports import Shown, WaitRow
from aether_nb.errors import ReplyInvalid
from aether_nb.ids import NodeId, RunId, Token, new_token
from aether_nb.messages import Bar, Message, Telling
from aether_nb.prompts import (
    ApprovalPrompt,
    ChoicePrompt,
    DatePrompt,
    FilesPrompt,
    FormPrompt,
    NumberPrompt,
    Option,
    Reply,
    TextOrFilesPrompt,
    TextPrompt,
    check_reply,
    reply_schema,
)

COLOURS = ChoicePrompt(
    prompt="Colour?", options=(Option(value=1, label="Red"), Option(value=2, label="Blue"))
)
FORM = FormPrompt(
    prompt="Who?",
    fields={
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name"],
    },
)


@dataclass
class Desk:
    """Stands where the runtime is: takes answers, and gives up where the channel does."""

    answers: list[tuple[Token, Any]] = field(default_factory=list)
    refused: int = 0
    failed: dict[Token, Exception] = field(default_factory=dict)
    waits: dict[Token, WaitRow] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def answer(self, token, value):
        self.changed.set()
        try:
            checked = check_reply(self.waits[token].prompt, value)
        except ReplyInvalid:
            self.refused += 1
            raise
        self.answers.append((token, checked))
        return True

    def give_up(self, token, error):
        self.failed[token] = error
        self.changed.set()

    async def has(self, done):
        while not done():
            await self.changed.wait()
            self.changed.clear()


def scripted(lines):
    return ScriptedChannel(lines)


def console(lines):
    return ConsoleChannel(io.StringIO("".join(f"{line}\n" for line in lines)), io.StringIO())


@pytest.fixture(params=[scripted, console], ids=["scripted", "console"])
def answering(request):
    """Makes a channel through which these answers come, in this order."""
    return request.param


@pytest.fixture(params=[scripted, console, lambda _: WidgetChannel()], ids=["scripted", "console", "widget"])
def channel(request):
    """Any channel, and nobody who answers."""
    return request.param([])


def shown(prompt):
    row = WaitRow(
        token=new_token(), run_id=RunId("r"), node_id=NodeId("n"), kind=prompt.kind, prompt=prompt,
        schema=reply_schema(prompt), deadline_ms=None, status="open", reply=None,
    )  # fmt: skip
    return Shown(row, "graph", "label")


def desk_of(channel, *asked):
    desk = Desk(waits={s.wait.token: s.wait for s in asked})
    channel.attach(desk.answer, desk.give_up)
    return desk


def over(one, status="withdrawn", reply=None):
    return replace(one.wait, status=status, reply=reply)


@pytest.mark.parametrize(
    ("prompt", "given", "stored"),
    [
        (TextPrompt(prompt="Name?"), "Ada", "Ada"),
        (TextPrompt(prompt="Name?"), "", ""),
        (TextPrompt(prompt="Name?"), "Ünï 😀", "Ünï 😀"),
        (
            ApprovalPrompt(prompt="Go?", options=("Yes", "No"), approve="Yes"),
            "No",
            {"choice": "No", "approved": False, "reason": ""},
        ),
        (TextPrompt(prompt="PIN?", secret=True, pattern="[0-9]{4}"), "1234", "1234"),
        (COLOURS, "Blue", 2),
        (COLOURS.model_copy(update={"multiple": True}), "Blue", [2]),
        (NumberPrompt(prompt="How many?"), 3, 3),
        (NumberPrompt(prompt="How much?"), 3.5, 3.5),
        (DatePrompt(prompt="When?"), "2026-11-27", "2026-11-27"),
        (DatePrompt(prompt="When?", time=True), "2026-11-27T14:00+01:00", "2026-11-27T14:00:00+01:00"),
        (FilesPrompt(prompt="Data?"), "a.csv", {"files": [{"path": "a.csv"}], "text": ""}),
        (TextOrFilesPrompt(prompt="Data?"), "a word", {"files": [], "text": "a word"}),
        (FORM, {"name": "Ada", "age": 36}, {"name": "Ada", "age": 36}),
    ],
)
async def test_a_prompt_that_is_shown_is_answered_under_its_token(answering, prompt, given, stored):
    line = given if answering is scripted or isinstance(given, str) else json.dumps(given)
    channel, one = answering([line]), shown(prompt)
    desk = desk_of(channel, one)
    channel.show(one)
    await desk.has(lambda: desk.answers)
    assert desk.answers == [(one.wait.token, stored)]


async def test_prompts_are_answered_one_after_the_other_in_the_order_they_came(answering):
    asked = [shown(TextPrompt(prompt=f"{i}?")) for i in range(3)]
    channel = answering(["a", "b", "c"])
    desk = desk_of(channel, *asked)
    for one in asked:
        channel.show(one)
    await desk.has(lambda: len(desk.answers) == 3)
    assert desk.answers == [(s.wait.token, v) for s, v in zip(asked, "abc", strict=True)]


async def test_a_prompt_shown_again_is_asked_again(answering):
    one = shown(TextPrompt(prompt="Name?"))
    channel = answering(["first", "second"])
    desk = desk_of(channel, one)
    channel.show(one)
    await desk.has(lambda: len(desk.answers) == 1)
    channel.show(replace(one, problems={"": "too short"}))
    await desk.has(lambda: len(desk.answers) == 2)
    assert desk.answers[1] == (one.wait.token, "second")


@pytest.mark.parametrize(
    "prompt",
    [
        ApprovalPrompt(prompt="Go?", options=("Yes", "No"), approve="Yes"),
        TextPrompt(prompt="PIN?", secret=True, pattern="[0-9]{4}"),
        COLOURS,
        NumberPrompt(prompt="How many?"),
        DatePrompt(prompt="When?"),
        FORM,
    ],
)
async def test_a_reply_that_does_not_fit_leaves_no_answer_behind(answering, prompt):
    one = shown(prompt)
    channel = answering(["Perhaps"] if prompt is not FORM else ['{"name": 1}'])
    desk = desk_of(channel, one)
    channel.show(one)
    await desk.has(lambda: desk.refused)
    assert not desk.answers


async def test_a_channel_has_the_name_of_its_door(channel):
    assert channel.name in {"scripted", "console", "widget"}


async def test_closing_what_was_never_shown_or_is_over_harms_nothing(channel):
    one = shown(TextPrompt(prompt="Name?"))
    desk = desk_of(channel, one)
    channel.close(over(one))
    channel.show(one)
    channel.close(over(one, "expired"))
    channel.close(over(one, "answered", Reply(value="Ada", by="ana", door="cli", at_ms=1)))
    assert not desk.answers


@pytest.mark.parametrize(
    "message",
    [
        Message(kind="text", text="Hello"),
        Message(kind="markdown", text="**Hello**"),
        Message(kind="table", columns=("a", "b"), rows=((1, "x"), (2, "y"))),
        Message(kind="table", rows=()),
        Message(kind="table", text="T", columns=("a",), rows=((None,), (0.5,)), right=(0,), more_rows=3),
        Message(kind="image", name="bee.png", text="A bee", sha256="a" * 64, media_type="image/png", size=3),
        Message(kind="file", name="a.csv", sha256="a" * 64, size=3),
    ],
)
async def test_every_kind_of_message_is_taken(channel, message):
    desk_of(channel)
    channel.say(RunId("r"), message)


TELLINGS = {
    "a bar": [Message(kind="progress", text="Reading", bar=Bar(done=n, total=3, rate=n)) for n in range(4)],
    "a bar without a total": [Message(kind="progress", bar=Bar(done=n)) for n in (0, 1e9)],
    "a bar of nothing": [Message(kind="progress", bar=Bar(done=0, total=0))],
    "a stream": [Message(text="Once "), Message(text="upon\n\x1b[2J"), Message(text="😀")],
    "an empty stream": [Message(text="")],
    "Markdown": [Message(kind="markdown", text="**a"), Message(kind="markdown", text="b**")],
}


def told(messages, ends):
    """Tellings as an engine gives them."""
    at = 0
    for message in messages:
        yield Telling(id="n/x", node=NodeId("n"), place=(1, 1), message=message, start=at)
        at += len(message.text) if message.bar is None else 0
    if ends:
        last = messages[-1]
        if last.bar is None:
            last = Message(kind=last.kind, text="".join(m.text for m in messages))
        yield Telling(id="n/x", node=NodeId("n"), place=(1, 1), message=last, state=ends)


@pytest.mark.parametrize("asked", [False, True], ids=["quiet", "while a question stands"])
@pytest.mark.parametrize("ends", ["done", "stopped", ""])
@pytest.mark.parametrize("messages", TELLINGS.values(), ids=TELLINGS.keys())
async def test_whatever_is_told_is_followed_to_its_end_or_until_it_begins_again(
    channel, messages, ends, asked
):
    one = shown(TextPrompt(prompt="Name?"))
    desk_of(channel, one)
    if asked and not isinstance(channel, ScriptedChannel):
        channel.show(one)
    for _ in range(2):
        for telling in told(messages, ends):
            channel.follow(RunId("r"), telling)


async def test_an_end_that_was_not_seen_coming_is_taken(channel):
    desk_of(channel)
    for telling in told([Message(text="Once")], "done"):
        if telling.state == "done":
            channel.follow(RunId("r"), telling)
