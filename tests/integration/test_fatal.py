"""Code of the user's that kills its kernel as soon as it begins: the run is blocked, and not tried again by itself."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from helpers import ROOT, clean_environment

import aether_nb as ae
from aether_nb.events import RunBlockedEvent

PROGRAM = """
import asyncio, os, signal, sys
import aether_nb as ae

def die():
    os.kill(os.getpid(), signal.SIGKILL)

@ae.tool
async def tool_dies():
    die()

class Second(ae.DualStageTool):
    outputs = ["x"]
    async def setup(self, *, context):
        return ae.Wait(kind="job", prompt="Go on?")
    async def on_resume(self, reply, wait, *, context):
        die()

second_dies = Second()

class Polled(Second):
    async def setup(self, *, context):
        return ae.Wait(kind="job", poll=ae.Poll(every=0.01))
    async def poll(self, wait, *, context):
        die()

poll_dies = Polled()

class Withdrawn(Second):
    async def setup(self, *, context):
        return ae.Wait(kind="job")
    async def on_cancel(self, wait, *, context):
        die()

on_cancel_dies = Withdrawn()

@ae.graph_fn
async def fatal(which: str, *, context):
    if which == "tool":
        await tool_dies()
    elif which == "second stage":
        await second_dies()
    elif which == "poll":
        await poll_dies()
    elif which == "on_cancel":
        await on_cancel_dies()
    elif which == "after an answer":
        await context.channel().ask_text("Go on?")
        die()
    else:
        die()

async def main(store, which):
    ae.configure(store=store, channel=ae.ScriptedChannel(["yes"] * 9))
    run = fatal.start(run_id="r", which=which)
    if which == "on_cancel" and run.status == "running":
        await run.next_wait()
        run.cancel()
    await run

try:
    asyncio.run(main(*sys.argv[1:]))
except ae.AetherError as error:
    print(error)
"""


@pytest.fixture
def life(tmp_path):
    """Runs the program once; gives how it ended and what it said."""
    script, store = tmp_path / "fatal.py", tmp_path / "runs.db"
    script.write_text(PROGRAM)

    def live(which):
        done = subprocess.run(
            [sys.executable, script, store, which], env=clean_environment(PYTHONPATH=ROOT),
            capture_output=True, text=True, timeout=15, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    return live


@pytest.mark.parametrize(
    ("which", "most", "place"),
    [
        ("tool", 4, "'tool_dies'"),
        ("second stage", 3, "'second'"),
        ("poll", 4, "`poll` of 'polled'"),
        ("on_cancel", 3, "`on_cancel` of 'withdrawn'"),
        ("body", 3, "'fatal' itself (before its first step)"),
        ("after an answer", 4, "'Go on?'"),
    ],
)
def test_the_third_crash_that_is_on_record_blocks_the_run_and_nothing_but_a_person_tries_it_again(
    life, configure, which, most, place
):
    deaths = 0
    while (ended := life(which))[0] == -signal.SIGKILL:
        deaths += 1
        assert deaths <= most  # the first life of a tool may end before it is on record that it began
    assert deaths >= 3
    code, said = ended
    assert (code, place in said, "was running when the kernel died, 3 times" in said) == (0, True, True), said
    assert "It is not tried again by itself: mend it, then ae.resume('r')" in said
    assert "Traceback" not in said
    again = life(which)
    assert (again[0], "was running when the kernel died, 3 times" in again[1]) == (0, True), again
    configure()
    run = ae.get("r")
    assert run.status == "blocked"
    assert sum(isinstance(event, RunBlockedEvent) for event in run.events) == 1
