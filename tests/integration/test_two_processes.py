"""One store, two processes: who drives a run, who answers it, who cancels it, and what happens when one dies."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
import textwrap

import pytest
from helpers import ROOT, clean_environment, poll

import aether_nb as ae
from aether_nb.errors import RunCancelled, RunHeldElsewhere

PROGRAM = """
import asyncio, sys
import aether_nb as ae
from aether_nb.channels.widget import WidgetChannel

@ae.tool(outputs=["x"])
async def work(*, context):
    await asyncio.sleep(3600)
    return {"x": 1}

@ae.graph_fn(outputs=["msg"])
async def greet(salute: str, *, context):
    name = await context.channel().ask_text("Your name?")
    colour = await context.channel().ask_text("Your colour?")
    return {"msg": f"{salute} {name} {colour}"}

@ae.graph_fn(outputs=["x"])
async def labours():
    return {"x": (await work()).x}

async def main(store, graph, *salute):
    ae.configure(store=store, channel=WidgetChannel())
    run = globals()[graph].start(*salute, run_id="r")
    try:
        print("outputs", dict(await run), flush=True)
    except ae.AetherError as error:
        print(type(error).__name__, error, flush=True)

if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
"""


class Other:
    """The other process."""

    def __init__(self, store, program, *arguments):
        self.process = subprocess.Popen(
            [sys.executable, program, store, *arguments], env=clean_environment(PYTHONPATH=ROOT),
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def says(self):
        return self.process.stdout.readline().strip()

    def dies(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def here(configure):
    """This process, in which the same program is defined and at the same home."""
    runtime = configure()
    runtime.home = "../program.py"
    names = {"__name__": "program"}
    exec(textwrap.dedent(PROGRAM), names)
    runtime.home = "program.py"
    runtime.names = names
    return runtime


@pytest.fixture
def other(here, tmp_path):
    """Starts the other process."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    started = []

    def start(*arguments):
        started.append(Other(here.store.path, program, *arguments))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.dies()
        one.process.stdout.close()


def open_wait(prompt):
    return poll(
        lambda: next((w for w in ae.waits() if w.prompt == prompt), None),
        timeout_s=10,
        what=f"{prompt!r} to be open",
    )


async def test_answers_from_another_process_are_taken_there(here, other):
    driver = other("greet", "Hello")
    assert ae.answer(open_wait("Your name?").token, "Ada", by="ana")
    assert ae.answer(open_wait("Your colour?").token, "blue")
    assert driver.says() == "outputs {'msg': 'Hello Ada blue'}"
    assert {w.prompt: w.by for w in ae.get("r").waits}["Your name?"] == "ana"


async def test_a_run_that_another_process_drives_can_be_watched_answered_and_awaited(here, other):
    other("greet", "Hello")
    open_wait("Your name?")
    run = here.names["greet"].start("Hello", run_id="r")
    assert re.match(r"driven by another process \(.*program\.py on ", run.note)
    assert run.status == "waiting"
    assert (await run.next_wait()).prompt == "Your name?"
    run.answer("Ada")
    open_wait("Your colour?")
    run.answer("blue")
    assert (await run).msg == "Hello Ada blue"
    assert here.driver("r") is None


async def test_a_run_that_another_process_drives_is_not_taken_from_it(here, other):
    other("greet", "Hello")
    open_wait("Your name?")
    with pytest.raises(
        RunHeldElsewhere, match=r"driven by another process \(.*program\.py on .*\), which is alive; answer"
    ):
        ae.resume("r")
    with pytest.raises(RunHeldElsewhere, match="start it over there"):
        ae.get("r").start_over()
    assert list(ae.resume_all()) == []


async def test_after_a_kill_the_run_is_taken_over_where_it_was(here, other):
    driver = other("greet", "Hello")
    ae.answer(open_wait("Your name?").token, "Ada")
    wait = open_wait("Your colour?")
    driver.dies()
    run = here.names["greet"].start("Hello", run_id="r")
    assert run.note == "went on where it was"
    assert (await run.next_wait()).token == wait.token
    run.answer("blue")
    assert (await run).msg == "Hello Ada blue"


async def test_who_follows_a_run_takes_it_over_when_its_driver_is_killed(here, other):
    driver = other("greet", "Hello")
    wait = open_wait("Your name?")
    following = asyncio.ensure_future(here.names["greet"].start("Hello", run_id="r").result())
    await asyncio.sleep(0)
    driver.dies()
    ae.answer(wait.token, "Ada")
    while here.driver("r") is None:
        await asyncio.sleep(0.01)
    run = ae.get("r")
    while (asked := await run.next_wait()).prompt != "Your colour?":
        await asyncio.sleep(0.01)
    ae.answer(asked.token, "blue")
    assert (await following).msg == "Hello Ada blue"


@pytest.mark.parametrize(("graph", "inputs"), [("greet", ["Hello"]), ("labours", [])])
async def test_cancel_reaches_the_process_that_drives_whether_it_waits_or_works(here, other, graph, inputs):
    driver = other(graph, *inputs)
    run = poll(lambda: next(iter(ae.runs()), None), timeout_s=10, what="the run")
    poll(lambda: run.nodes, timeout_s=10, what="its first node")
    run.cancel()
    assert driver.says() == "RunCancelled Run 'r' was cancelled."
    with pytest.raises(RunCancelled):
        await run


async def test_a_second_answer_is_told_who_won_in_whatever_process(here, other):
    other("greet", "Hello")
    wait = open_wait("Your name?")
    cli = subprocess.run(
        [sys.executable, "-m", "aether_nb", "answer", wait.token, "Ada", "--by", "ana"],
        env=clean_environment(PYTHONPATH=ROOT, AETHER_NB_STORE=here.store.path), check=True, capture_output=True,
        text=True, timeout=15,
    )  # fmt: skip
    assert cli.stdout.strip() == "accepted"
    late = ae.get("r").answer("Bo", to="Your name?")
    assert not late
    assert repr(late).startswith("already answered by ana through cli at ")


async def test_a_finished_run_of_another_process_gives_its_stored_result(here, other):
    driver = other("greet", "Hello")
    for prompt, value in [("Your name?", "Ada"), ("Your colour?", "blue")]:
        ae.answer(open_wait(prompt).token, value)
    driver.says()
    run = here.names["greet"].start("Hello", run_id="r")
    assert "stored result" in run.note
    assert (await run).msg == "Hello Ada blue"
