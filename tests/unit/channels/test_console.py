"""What somebody at a terminal sees and types; the terminal is a real one."""

from __future__ import annotations

import asyncio
import io
import os
import termios
from dataclasses import replace

import pytest

from aether_nb.channels.console import ConsoleChannel
from aether_nb.channels.typed import typed
from aether_nb.engine.ports import Shown, WaitRow
from aether_nb.errors import ReplyInvalid, StoreBusy
from aether_nb.ids import NodeId, RunId, Token
from aether_nb.messages import Message
from aether_nb.prompts import (
    ApprovalPrompt,
    CallbackPrompt,
    FilesPrompt,
    FormPrompt,
    Reply,
    TextPrompt,
    check_reply,
)

GO = ApprovalPrompt(prompt="Go?", options=("Yes", "No"), approve="Yes")


class Seat:
    """Somebody at a terminal, and the channel that asks there."""

    def __init__(self):
        self.keys, self._theirs = os.openpty()
        attributes = termios.tcgetattr(self._theirs)
        attributes[3] &= ~termios.ECHO  # what is typed would stand among what is shown
        termios.tcsetattr(self._theirs, termios.TCSANOW, attributes)
        self.source = os.fdopen(self._theirs, encoding="utf-8")
        self.out = io.StringIO()
        self.channel = ConsoleChannel(self.source, self.out)
        self.answers = []
        self.answer = lambda token, value: True
        self.channel.attach(self._take, None)

    def _take(self, token, value):
        result = self.answer(token, value)
        self.answers.append((token, value))
        return result

    def show(self, token, prompt, deadline_ms=None, problems=None):
        row = WaitRow(
            token=Token(token), run_id=RunId("r"), node_id=NodeId("n"), kind=prompt.kind, prompt=prompt,
            schema={}, deadline_ms=deadline_ms, status="open", reply=None,
        )  # fmt: skip
        self.channel.show(Shown(row, "graph", "label", problems or {}))
        return row

    def type(self, text):
        os.write(self.keys, text.encode())

    async def until(self, seen):
        while not seen():
            await asyncio.sleep(0)

    @property
    def screen(self):
        return self.out.getvalue()


@pytest.fixture
async def seat():
    seat = Seat()
    yield seat
    asyncio.get_running_loop().remove_reader(seat.source.fileno())
    seat.source.close()
    os.close(seat.keys)


async def test_a_question_is_asked_and_what_is_typed_answers_it(seat):
    seat.show("a", TextPrompt(prompt="Name?"))
    assert seat.screen == "? Name?\n> "
    seat.type("Ädä\n")
    await seat.until(lambda: seat.answers)
    assert seat.answers == [("a", "Ädä")]
    assert seat.screen == "? Name?\n> "


async def test_the_next_question_comes_when_the_first_is_answered(seat):
    seat.show("a", TextPrompt(prompt="Name?"))
    seat.show("b", GO)
    assert "Go?" not in seat.screen
    seat.type("Ada\nyes\n")
    await seat.until(lambda: len(seat.answers) == 2)
    assert seat.answers == [("a", "Ada"), ("b", "Yes")]
    assert seat.screen == "? Name?\n> ? Go?  [1 Yes  2 No]\n> "


async def test_an_answer_that_does_not_fit_is_asked_again(seat):
    seat.answer = lambda token, value: check_reply(GO, value)
    seat.show("a", GO)
    seat.type("Perhaps\n2\n")
    await seat.until(lambda: seat.answers)
    assert seat.answers == [("a", "No")]
    assert seat.screen == "? Go?  [1 Yes  2 No]\n>   'Perhaps' is none of 'Yes', 'No'\n> "


async def test_a_question_that_comes_back_says_what_was_wrong(seat):
    seat.show("a", TextPrompt(prompt="Name?"), problems={"": "is too short"})
    assert seat.screen == "  is too short\n? Name?\n> "


@pytest.mark.parametrize(
    ("status", "reply", "said"),
    [
        ("answered", Reply(value="Ada", by="ana", door="cli", at_ms=1), "answered by ana through cli"),
        ("answered", Reply(value="Ada", door="http", at_ms=1), "answered by somebody through http"),
        ("withdrawn", None, "not asked any more"),
        ("expired", None, "nobody answered in time"),
    ],
)
async def test_a_question_that_is_over_says_so_and_makes_room(seat, status, reply, said):
    first = seat.show("a", TextPrompt(prompt="Name?"))
    seat.show("b", TextPrompt(prompt="Colour?"))
    seat.channel.close(replace(first, status=status, reply=reply))
    assert seat.screen == f"? Name?\n> \n  ({said})\n? Colour?\n> "
    seat.type("blue\n")
    await seat.until(lambda: seat.answers)
    assert seat.answers == [("b", "blue")]


async def test_a_question_that_is_over_before_its_turn_is_never_asked(seat):
    seat.show("a", TextPrompt(prompt="Name?"))
    second = seat.show("b", TextPrompt(prompt="Colour?"))
    seat.channel.close(replace(second, status="withdrawn"))
    seat.type("Ada\n")
    await seat.until(lambda: seat.answers)
    assert "Colour?" not in seat.screen


async def test_who_comes_second_is_told_who_was_first(seat):
    class Late:
        def __bool__(self):
            return False

        def __repr__(self):
            return "already answered by ana through cli at 14:02"

    seat.answer = lambda token, value: Late()
    seat.show("a", TextPrompt(prompt="Name?"))
    seat.type("Bo\n")
    await seat.until(lambda: seat.answers)
    assert seat.screen.endswith("> " + "  (already answered by ana through cli at 14:02)\n")


async def test_an_error_of_the_store_is_one_line_and_the_next_question_comes(seat):
    def busy(token, value):
        raise StoreBusy

    seat.answer = busy
    seat.show("a", TextPrompt(prompt="Name?"))
    seat.show("b", TextPrompt(prompt="Colour?"))
    seat.type("Ada\n")
    await seat.until(lambda: "Colour?" in seat.screen)
    assert "  The store is locked by another process.\n" in seat.screen


async def test_the_end_of_input_keeps_the_question_and_says_how_to_answer(seat):
    seat.show("a", TextPrompt(prompt="Name?"))
    seat.show("b", TextPrompt(prompt="Colour?"))
    seat.type("\x04")
    await seat.until(lambda: "Colour?" in seat.screen)
    assert not seat.answers
    assert "aether-nb answer a " in seat.screen
    seat.type("blue\n")
    await seat.until(lambda: seat.answers)
    assert seat.answers == [("b", "blue")]


async def test_nothing_is_read_while_nothing_is_asked(seat):
    first = seat.show("a", TextPrompt(prompt="Name?"))
    seat.channel.close(replace(first, status="withdrawn"))
    seat.type("for the shell\n")
    await asyncio.sleep(0)
    assert seat.source.readline() == "for the shell\n"


async def test_several_lines_end_with_an_empty_one(seat):
    seat.show("a", TextPrompt(prompt="Poem?", multiline=True))
    assert "[end with an empty line]" in seat.screen
    seat.type("one\ntwo\n\n")
    await seat.until(lambda: seat.answers)
    assert seat.answers == [("a", "one\ntwo")]


async def test_a_message_stands_above_the_place_where_one_types(seat):
    seat.channel.say(RunId("r"), Message(kind="text", text="Hello"))
    seat.show("a", TextPrompt(prompt="Name?"))
    seat.channel.say(RunId("r"), Message(kind="text", text="By the way"))
    assert seat.screen == "Hello\n? Name?\n> \rBy the way\n> "


async def test_a_table_is_aligned(seat):
    seat.channel.say(RunId("r"), Message(kind="table", columns=("who", "n"), rows=(("Ada", 1), ("B", 22))))
    assert seat.screen == "who  n\nAda  1\nB    22\n"


async def test_a_question_shows_its_hints_and_its_deadline(seat):
    seat.show("a", TextPrompt(prompt="Name\nof you?", placeholder="Ada"), deadline_ms=1)
    assert seat.screen.startswith("? Name\n  of you?  [Ada]  [until ")


def test_a_loop_that_ended_leaves_no_question_and_no_reader_behind():
    seat = Seat()

    async def ask(token):
        seat.show(token, TextPrompt(prompt=f"{token}?"))

    asyncio.run(ask("a"))

    async def answer():
        await ask("b")
        seat.type("to b\n")
        await seat.until(lambda: seat.answers)

    asyncio.run(answer())
    assert seat.answers == [("b", "to b")]
    seat.source.close()
    os.close(seat.keys)


@pytest.mark.parametrize("read", [lambda: "Ada\n", lambda: "", None])
async def test_where_the_loop_cannot_watch_a_thread_reads(read):
    class Source(io.StringIO):
        def readline(self):
            return read()

    out, answers = io.StringIO(), []
    channel = ConsoleChannel(Source() if read else io.StringIO(), out)
    channel.attach(lambda token, value: answers.append((token, value)) or True, None)
    row = WaitRow(
        Token("a"), RunId("r"), NodeId("n"), "text", TextPrompt(prompt="Name?"), {}, None, "open", None
    )
    channel.show(Shown(row, "graph", "label"))
    while not answers and "No more input" not in out.getvalue():
        await asyncio.sleep(0)
    assert answers == ([("a", "Ada")] if read and read() else [])


@pytest.mark.parametrize(
    ("prompt", "line", "reply"),
    [
        (GO, "1", "Yes"),
        (GO, " NO ", "No"),
        (GO, "3", "3"),
        (ApprovalPrompt(prompt="?", options=("2", "1")), "1", "1"),
        (TextPrompt(prompt="?"), " kept ", " kept "),
        (FilesPrompt(prompt="?"), "a.csv; b c.csv;", ["a.csv", "b c.csv"]),
        (FilesPrompt(prompt="?", multiple=False), "a;b.csv", ["a;b.csv"]),
        (CallbackPrompt(prompt="?"), '{"url": 1}', {"url": 1}),
        (CallbackPrompt(prompt="?"), "done", "done"),
    ],
)
def test_what_is_typed_becomes_a_reply(prompt, line, reply):
    assert typed(prompt, line) == reply


def test_an_unknown_option_is_refused_by_the_question():
    with pytest.raises(ReplyInvalid):
        check_reply(GO, typed(GO, "3"))


async def test_nobody_is_asked_how_a_job_ended(seat):
    seat.show("a", CallbackPrompt(prompt="Waiting for job 7"))
    seat.show("b", TextPrompt(prompt="Name?"))
    assert seat.screen == "  Waiting for job 7 ...\n? Name?\n> "


def echoes(seat):
    """Whether the terminal shows what is typed."""
    return bool(termios.tcgetattr(seat.source.fileno())[3] & termios.ECHO)


def echo_on(seat):
    attributes = termios.tcgetattr(seat.source.fileno())
    attributes[3] |= termios.ECHO
    termios.tcsetattr(seat.source.fileno(), termios.TCSANOW, attributes)


async def test_a_secret_is_not_shown_while_it_is_typed(seat):
    echo_on(seat)
    seat.show("a", TextPrompt(prompt="Name?"))
    assert echoes(seat)
    seat.type("Ada\n")
    await seat.until(lambda: seat.answers)
    seat.show("b", TextPrompt(prompt="Password?", secret=True))
    assert not echoes(seat)
    seat.type("hunter2\n")
    await seat.until(lambda: len(seat.answers) == 2)
    assert echoes(seat)
    assert seat.answers[1] == ("b", "hunter2")
    assert seat.screen.endswith("? Password?  [not shown]\n> \n")


async def test_a_terminal_shows_again_what_is_typed_when_a_secret_is_answered_elsewhere(seat):
    echo_on(seat)
    row = seat.show("a", TextPrompt(prompt="Password?", secret=True))
    assert not echoes(seat)
    seat.channel.close(replace(row, status="answered", reply=Reply(by="ana", door="widget", at_ms=1)))
    assert echoes(seat)


FORM = FormPrompt(
    prompt="Who?",
    fields={
        "type": "object",
        "properties": {
            "name": {"type": "string", "title": "Name"},
            "age": {"type": "integer", "title": "Age"},
        },
        "required": ["name", "age"],
    },
)


async def test_a_form_is_asked_field_by_field_and_once_more_when_it_does_not_fit(seat):
    seat.answer = lambda token, value: check_reply(FORM, value)
    seat.show("a", FORM)
    seat.type("Ada\nold\n\n36\n")
    await seat.until(lambda: seat.answers)
    assert seat.answers == [("a", {"name": "Ada", "age": 36})]
    assert seat.screen == (
        "? Who?  [field by field, or all as JSON]\n  Name\n>   Age  [a whole number]\n> "
        "  age: a whole number is needed\n  Name  [Enter for Ada]\n>   Age  [a whole number]  [Enter for old]\n> "
    )
