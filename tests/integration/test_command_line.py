"""The command line in a terminal, beside another process that drives a run and waits."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from helpers import ROOT, clean_environment
from integration.terminal import Terminal

AETHER_NB = ("-m", "aether_nb")

AGENTS = """
import asyncio, sys
from pydantic import BaseModel
from aether_nb import graph_fn, tool

class Trip(BaseModel):
    city: str
    days: int

@tool(outputs=["text"])
async def draft(topic: str):
    return {"text": f"About {topic}."}

@graph_fn(outputs=["text", "city"])
async def article(*, topic: str, context):
    text = await draft(topic=topic)
    channel = context.channel()
    ok = await channel.ask_approval("Publish this?", options=("Yes", "No"))
    await channel.send_text(f"Said {ok.choice}.")
    trip = await channel.ask_form(Trip, prompt="Where to?")
    if not ok.approved:
        raise ValueError("not wanted")
    return {"text": text.text, "city": trip.city}

if __name__ == "__main__":
    article.run_sync(topic="birds", run_id="a1")
"""

EVIL = "\\x1b]0;owned\\x07\\x1b[2J\\x9b31m[red]bold[/red]\\u202eback"
HOSTILE = f"""
from aether_nb import graph_fn

@graph_fn(name="evil", outputs=["out"])
async def evil(*, context):
    await context.channel().send_text("said {EVIL}")
    got = await context.channel().ask_text("first {EVIL}")
    await context.channel().ask_choices("second {EVIL}", ["one {EVIL}", "two"])
    return {{"out": got}}

if __name__ == "__main__":
    evil.run_sync(run_id="evil")
"""


@pytest.fixture
def driver(tmp_path):
    """Starts a program in another process, which drives a run and waits until it is answered elsewhere."""
    begun = []

    def start(program):
        (tmp_path / "agents.py").write_text(program)
        process = subprocess.Popen(
            [sys.executable, "agents.py"], cwd=tmp_path, env=clean_environment(PYTHONPATH=ROOT),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        begun.append(process)
        return process

    yield start
    for process in begun:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


@pytest.fixture
def aether_nb(tmp_path):
    """The command line in a process of its own: exit code, and what it said."""

    def call(*words):
        done = subprocess.run(
            [sys.executable, *AETHER_NB, *words], cwd=tmp_path, env=clean_environment(PYTHONPATH=ROOT),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout

    return call


def asked(process, text):
    """Read what a program says up to this."""
    said = ""
    while text not in said:
        more = process.stdout.readline()
        assert more, said
        said += more
    return said


def token_of(aether_nb):
    return aether_nb("waits")[1].split()[-1]


@pytest.mark.timeout(90)
def test_a_question_of_another_process_is_answered_in_a_terminal(driver, aether_nb, tmp_path):
    process = driver(AGENTS)
    asked(process, "? Publish this?")
    with Terminal(*AETHER_NB, "answer", token_of(aether_nb)[:8], "--by", "ana", cwd=tmp_path) as first:
        first.sees("? Publish this?  [1 Yes  2 No]\n> ")
        first.type("perhaps")
        first.sees("  'perhaps' is none of 'Yes', 'No'\n> ")
        first.type("1")
        first.sees("accepted")
        assert first.ends() == 0
    asked(process, "? Where to?")
    with Terminal(*AETHER_NB, "answer", token_of(aether_nb), cwd=tmp_path) as second:
        second.sees("? Where to?  [field by field, or all as JSON]\n  City\n> ")
        second.type("Oslo")
        second.sees("  Days  [a whole number]\n> ")
        second.type("many")
        second.sees("days: ")
        second.sees("  City  [Enter for Oslo]\n> ")
        second.type("")
        second.sees("  Days")
        second.sees("> ")
        second.type("3")
        second.sees("accepted")
        assert second.ends() == 0
    assert process.wait(20) == 0
    said = aether_nb("show", "a1")[1]
    assert re.search(r"\? Publish this\?  → Yes  ana · cli · ", said)
    assert "city = Oslo" in said


@pytest.mark.timeout(60)
def test_ctrl_c_at_a_question_is_exit_code_130_and_leaves_it_open(driver, aether_nb, tmp_path):
    process = driver(AGENTS)
    asked(process, "? Publish this?")
    with Terminal(*AETHER_NB, "answer", token_of(aether_nb), cwd=tmp_path) as terminal:
        terminal.sees("> ")
        assert terminal.interrupted() == 130
        assert "Traceback" not in terminal.screen
        assert terminal.as_before
    assert "Publish this?" in aether_nb("waits")[1]


@pytest.mark.timeout(90)
def test_hostile_text_does_nothing_in_a_terminal(driver, aether_nb, tmp_path):
    process = driver(HOSTILE)
    heard = asked(process, "? first")
    token = token_of(aether_nb)
    with Terminal(*AETHER_NB, "answer", token, cwd=tmp_path) as terminal:
        terminal.sees("> ")
        terminal.type("mine \x1b]0;owned [red]")
        terminal.sees("accepted")
        terminal.ends()
        assert harmless(without_echo(terminal.screen))
    heard += asked(process, "? second")
    for words in (["runs"], ["waits", "--all"], ["show", "evil"]):
        with Terminal(*AETHER_NB, *words, cwd=tmp_path, NO_COLOR="1") as terminal:
            assert terminal.ends() == 0
            assert harmless(terminal.screen), words
            assert "[red]bold[/red]" in terminal.screen or words == ["runs"]
        assert harmless(aether_nb(*words, "--json")[1])
    assert harmless(heard)
    process.kill()
    process.wait()
    with Terminal(*AETHER_NB, "watch", "evil", cwd=tmp_path, **SCREEN) as terminal:
        terminal.sees("nobody drives it now")
        terminal.sees("[red]bold[/red]")
        terminal.press("\x03")
        assert terminal.ends() == 130
        assert harmless(DRAWING.sub("", terminal.screen))
    with Terminal(*AETHER_NB, "resume", "evil", "--module", "agents.py", cwd=tmp_path) as terminal:
        terminal.sees("? second")
        terminal.sees("> ")
        terminal.type("2")
        terminal.sees("evil succeeded")
        assert terminal.ends() == 0
        assert harmless(terminal.screen)


# -- watching, and going on ----------------------------------------------------------------------

SCREEN = {"TERM": "xterm-256color", "NO_COLOR": "1"}


@pytest.mark.timeout(90)
def test_a_run_of_another_process_is_watched_live_until_it_ends(driver, aether_nb, tmp_path):
    process = driver(AGENTS)
    asked(process, "? Publish this?")
    with Terminal(*AETHER_NB, "watch", "a1", cwd=tmp_path, **SCREEN) as terminal:
        terminal.sees("agents.py drives it")
        terminal.sees("? Publish this?")
        terminal.sees("aether-nb answer ")
        terminal.sees("draft")
        token = re.search(r"aether-nb answer ([a-z2-7]{6})", terminal.screen)[1]
        assert aether_nb("answer", token, "yes")[0] == 0
        terminal.sees("? Where to?")
        terminal.sees("Said Yes.")
        assert aether_nb("answer", token_of(aether_nb), '{"city": "Oslo", "days": 3}')[0] == 0
        terminal.sees("✓ succeeded")
        terminal.sees("city = Oslo")
        assert terminal.ends() == 0
        assert terminal.as_before
        assert "Traceback" not in terminal.screen


@pytest.mark.timeout(90)
def test_ctrl_c_ends_the_watching_and_not_the_run(driver, aether_nb, tmp_path):
    process = driver(AGENTS)
    asked(process, "? Publish this?")
    with Terminal(*AETHER_NB, "watch", "a1", cwd=tmp_path, **SCREEN) as terminal:
        terminal.sees("aether-nb answer ")
        terminal.press("\x03")
        assert terminal.ends() == 130
        assert terminal.screen.rstrip().endswith("a1 is left alone, and goes on.")
        assert terminal.screen.rindex("\x1b[?25h") > terminal.screen.rindex("\x1b[?25l")  # its cursor is back
    assert process.poll() is None
    aether_nb("answer", token_of(aether_nb), "no")
    asked(process, "? Where to?")
    with Terminal(*AETHER_NB, "watch", "a1", cwd=tmp_path, **SCREEN) as terminal:
        terminal.sees("aether-nb answer ")
        aether_nb("answer", token_of(aether_nb), '{"city": "Oslo", "days": 3}')
        terminal.sees("not wanted")
        assert terminal.ends() == 1


@pytest.mark.timeout(60)
def test_what_is_answered_while_nobody_drives_it_is_seen_by_who_watches(driver, aether_nb, tmp_path):
    process = driver(AGENTS)
    asked(process, "? Publish this?")
    process.kill()
    process.wait()
    with Terminal(*AETHER_NB, "watch", "a1", cwd=tmp_path, **SCREEN) as terminal:
        terminal.sees("aether-nb answer ")
        aether_nb("answer", token_of(aether_nb), "yes")
        terminal.sees("→ Yes")
        terminal.press("\x03")
        assert terminal.ends() == 130


@pytest.mark.timeout(90)
def test_a_run_whose_process_was_killed_goes_on_in_a_terminal(driver, aether_nb, tmp_path):
    process = driver(AGENTS)
    asked(process, "? Publish this?")
    resume = (*AETHER_NB, "resume", "a1", "--module", "agents.py")
    with Terminal(*resume, cwd=tmp_path) as early:
        early.sees("is driven by another process (agents.py on ")
        assert early.ends() == 1
    process.kill()
    process.wait()
    with Terminal(*resume, cwd=tmp_path) as first:
        first.sees("? Publish this?  [1 Yes  2 No]\n> ")
        first.press("\x03")
        first.sees("Stopped; nothing is lost: aether-nb resume a1 --module agents.py goes on with it.")
        assert first.ends() == 130
        assert "Traceback" not in first.screen
    with Terminal(*resume, cwd=tmp_path) as again:
        again.sees("? Publish this?  [1 Yes  2 No]\n> ")
        again.type("1")
        again.sees("Said Yes.")
        again.sees("? Where to?")
        again.sees("> ")
        again.type('{"city": "Oslo", "days": 3}')
        again.sees("a1 succeeded\ntext = About birds.\ncity = Oslo\n")
        assert again.ends() == 0


WITH_CLASSES = """
from dataclasses import dataclass
from aether_nb import graph_fn, tool

@dataclass
class Trip:
    city: str

@tool(outputs=["trip"])
async def plan():
    return {"trip": Trip("Oslo")}

@tool(outputs=["city"])
async def book(trip: Trip):
    return {"city": trip.city}

@graph_fn(outputs=["city"])
async def travel(*, context):
    trip = (await plan()).trip
    await context.channel().ask_text("Book it?")
    return {"city": (await book(trip=trip)).city}

if __name__ == "__main__":
    travel.run_sync(run_id="t1")
"""


@pytest.mark.timeout(60)
def test_objects_of_a_file_that_ran_as_a_program_are_known_when_it_is_loaded(driver, aether_nb):
    process = driver(WITH_CLASSES)
    asked(process, "? Book it?")
    process.kill()
    process.wait()
    assert aether_nb("answer", token_of(aether_nb), "yes")[0] == 0
    assert aether_nb("resume", "t1", "--module", "agents.py") == (0, "t1 succeeded\ncity = Oslo\n")


@pytest.mark.timeout(60)
def test_a_run_that_is_started_over_is_watched_from_its_new_beginning(driver, aether_nb, tmp_path):
    process = driver(OVER)
    asked(process, "? First?")
    with Terminal(*AETHER_NB, "watch", "o1", cwd=tmp_path, **SCREEN) as terminal:
        terminal.sees("? First?")
        terminal.sees("aether-nb answer ")
        aether_nb("answer", token_of(aether_nb), "one")
        terminal.sees("? Second?")
        (tmp_path / "over").touch()
        terminal.sees("? First?")
        terminal.sees("aether-nb answer ")
        aether_nb("answer", token_of(aether_nb), "two")
        terminal.sees("? Second?")
        aether_nb("answer", token_of(aether_nb), "three")
        terminal.sees("line = two three")
        assert terminal.ends() == 0


OVER = """
import asyncio
from pathlib import Path
from aether_nb import graph_fn

@graph_fn(outputs=["line"])
async def asks(*, context):
    channel = context.channel()
    return {"line": f"{await channel.ask_text('First?')} {await channel.ask_text('Second?')}"}

async def main():
    run = asks.start(run_id="o1")
    while not Path("over").exists():
        await asyncio.sleep(0.05)
    await run.start_over()

if __name__ == "__main__":
    asyncio.run(main())
"""


@pytest.mark.timeout(60)
def test_what_takes_its_time_says_so_on_the_terminal_and_leaves_nothing_of_it_behind(
    driver, aether_nb, tmp_path
):
    process = driver(AGENTS)
    asked(process, "? Publish this?")
    with Terminal(*AETHER_NB, "export", "a1", cwd=tmp_path, **SCREEN) as terminal:
        terminal.sees("Writing the report of a1 ")
        terminal.sees("a1.html\n")
        assert terminal.ends() == 0
        assert terminal.screen.rindex("\x1b[2K") < terminal.screen.rindex(
            "a1.html"
        )  # its line was cleared before
        assert terminal.as_before
    code, said = aether_nb("export", "a1")
    assert (code, said) == (0, f"{tmp_path / 'a1.html'}\n")


@pytest.mark.timeout(60)
def test_a_living_kernel_is_asked_to_try_a_node_again(driver, aether_nb, tmp_path):
    process = driver(FAILS)
    asked(process, "failed")
    assert "✕ lucky: ValueError: no luck" in aether_nb("show", "f1")[1]
    (tmp_path / "mended").touch()
    code, said = aether_nb("retry", "f1")
    assert (code, said) == (0, f"The kernel that drives f1 was asked to try {said.split()[-2]} again\n")
    asked(process, "succeeded")
    assert aether_nb("watch", "f1")[0] == 0


FAILS = """
import asyncio
from pathlib import Path
from aether_nb import graph_fn, tool

@tool(outputs=["n"])
async def lucky():
    if not Path("mended").exists():
        raise ValueError("no luck")
    return {"n": 1}

@graph_fn(outputs=["n"])
async def tries():
    return {"n": (await lucky()).n}

async def main():
    run = tries.start(run_id="f1")
    for status in ("failed", "succeeded"):
        while run.status != status:
            await asyncio.sleep(0.05)
        print(status, flush=True)
    await asyncio.sleep(60)

if __name__ == "__main__":
    asyncio.run(main())
"""


DRAWING = re.compile(r"\x1b\[(\?25[lh]|\d?[KA])|\^C")
"""How a picture is drawn over itself: the cursor, up, clear the line."""


def without_echo(screen):
    """What the program wrote: the terminal itself shows what is typed, `^[` for Escape."""
    return screen.replace("\x1b]0;owned", "")


def harmless(text):
    """Whether nothing in it commands the terminal, or turns text around. Rich's own bold and dim may stand there."""
    bare = re.sub(r"\x1b\[\d*(;\d+)*m", "", text)
    return all(c.isprintable() or c in "\n\r\t" for c in bare)
