"""A body that kills its kernel as soon as it begins: the run is blocked, and not tried again by itself."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from helpers import ROOT, clean_environment

import aether_nb as ae
from aether_nb.events import RunBlockedEvent

PROGRAM = """
import os, signal, sys
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

@ae.graph_fn
async def fatal(which: str):
    return await (tool_dies() if which == "tool" else second_dies())

ae.configure(store=sys.argv[1], channel=ae.ScriptedChannel(["yes"] * 9))
try:
    fatal.run_sync(run_id="r", which=sys.argv[2])
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


@pytest.mark.parametrize(("which", "most"), [("second stage", 3), ("tool", 4)])
def test_the_third_crash_that_is_on_record_blocks_the_run_and_nothing_but_a_person_tries_it_again(
    life, configure, which, most
):
    deaths = 0
    while (ended := life(which))[0] == -signal.SIGKILL:
        deaths += 1
        assert deaths <= most  # the first life of a tool may end before it is on record that it began
    assert deaths >= 3
    code, said = ended
    assert (code, "was running when the kernel died, 3 times" in said) == (0, True), said
    assert "Traceback" not in said
    again = life(which)
    assert (again[0], "was running when the kernel died, 3 times" in again[1]) == (0, True), again
    configure()
    run = ae.get("r")
    assert run.status == "blocked"
    assert sum(isinstance(event, RunBlockedEvent) for event in run.events) == 1
