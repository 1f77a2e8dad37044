"""Bars and streams on a terminal: what stands on it as they go on."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from aether_nb.channels.console import ConsoleChannel
from aether_nb.engine.ports import Shown, WaitRow
from aether_nb.ids import NodeId, RunId, Token
from aether_nb.messages import Bar, Message, Telling
from aether_nb.prompts import TextPrompt


class Terminal(io.StringIO):
    """Where the last line can be drawn over."""

    def isatty(self):
        return True


def screen_of(text):
    """What a terminal would show."""
    lines = []
    for line in text.split("\n"):
        shown = ""
        for part in line.split("\r"):
            shown = part + shown[len(part) :]
        lines.append(shown.rstrip())
    return "\n".join(lines)


def telling(key, text="", start=0, state="live", bar=None):
    message = Message(kind="text" if bar is None else "progress", text=text, bar=bar)
    return Telling(id=key, node=NodeId("n"), place=(1, 1), message=message, start=start, state=state)


@pytest.fixture
def terminal():
    out = Terminal()
    channel = ConsoleChannel(io.StringIO(), out)
    channel.attach(lambda token, value: True, None)
    return channel, out


def follow(channel, *tellings):
    for one in tellings:
        channel.follow(RunId("r"), one)


async def test_a_bar_is_drawn_over_itself_and_stands_at_its_end(terminal):
    channel, out = terminal
    for done in (0, 5, 10):
        follow(channel, telling("b", "Reading", bar=Bar(done=done, total=10, rate=2)))
        assert screen_of(out.getvalue()).startswith(
            f"Reading {'━' * (2 * done)}{'─' * (20 - 2 * done)}  {done}/10"
        )
    channel.say(RunId("r"), Message(text="meanwhile"))
    follow(channel, telling("b", "Reading", bar=Bar(done=10, total=10, took_us=4_000_000), state="done"))
    assert screen_of(out.getvalue()) == f"meanwhile\nReading {'━' * 20}  10/10  4.0 s, 2.5/s\n"


async def test_a_stream_is_written_as_it_comes_and_not_again_at_its_end(terminal):
    channel, out = terminal
    follow(channel, telling("s", "Once "), telling("s", "upon ", 5))
    assert out.getvalue() == "Once upon "
    follow(channel, telling("s", "Once upon a time", state="done"))
    assert out.getvalue() == "Once upon a time\n"


async def test_what_comes_in_between_stands_on_a_line_of_its_own(terminal):
    channel, out = terminal
    follow(channel, telling("s", "Once "), telling("t", "Two"))
    channel.say(RunId("r"), Message(text="said"))
    follow(channel, telling("s", "upon", 5), telling("b", bar=Bar(done=1)))
    follow(channel, telling("t", "Two", state="done"), telling("s", "Once upon!", state="done"))
    assert screen_of(out.getvalue()) == "Once\nTwo\nsaid\nupon\n!\n"


async def test_while_a_question_stands_nothing_moves_and_what_ends_stands_above_it(terminal):
    channel, out = terminal
    row = WaitRow(
        token=Token("a"), run_id=RunId("r"), node_id=NodeId("n"), kind="text", prompt=TextPrompt(prompt="Name?"),
        schema={}, deadline_ms=None, status="open", reply=None,
    )  # fmt: skip
    follow(channel, telling("s", "Once "))
    channel.show(Shown(row, "graph", "label", {}))
    follow(channel, telling("s", "upon ", 5), telling("b", bar=Bar(done=1, total=2)))
    assert screen_of(out.getvalue()) == "Once\n? Name?\n>"
    follow(channel, telling("b", "B", bar=Bar(done=2), state="stopped"))
    assert screen_of(out.getvalue()) == "Once\n? Name?\nB  2  (broken off)\n>"
    channel.close(replace(row, status="withdrawn"))
    follow(channel, telling("s", "a", 10), telling("s", "Once upon a time", state="done"))
    assert screen_of(out.getvalue()).endswith("(not asked any more)\nupon a time\n")


async def test_where_there_is_no_terminal_a_bar_is_written_once():
    out = io.StringIO()
    channel = ConsoleChannel(io.StringIO(), out)
    follow(channel, *(telling("b", "B", bar=Bar(done=n, total=2)) for n in range(3)))
    assert out.getvalue() == ""
    follow(channel, telling("b", "B", bar=Bar(done=2, total=2), state="done"))
    assert out.getvalue() == f"B {'━' * 20}  2/2\n"


async def test_a_text_cannot_command_the_terminal(terminal):
    channel, out = terminal
    channel.say(RunId("r"), Message(text="\x1b[2Jgone"))
    follow(channel, telling("s", "\x9b2J\x07"), telling("b", "\x1b]0;x\r", bar=Bar(done=1), state="done"))
    assert not set(out.getvalue()) & set("\x1b\x9b\x07\r")


async def test_a_stream_that_begins_again_is_written_again(terminal):
    channel, out = terminal
    follow(channel, telling("s", "Once "), telling("s", "Once", state="stopped"))
    follow(channel, telling("s", "Twice"), telling("s", "Twice!", state="done"))
    assert out.getvalue() == "Once  (broken off)\nTwice!\n"
