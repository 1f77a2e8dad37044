"""The pytest plug-in, in a project of its own, as somebody has it who installed us."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import ROOT

import aether_nb as ae
from aether_nb import api, graph_fn
from aether_nb.errors import AetherError
from aether_nb.runtime import Runtime
from aether_nb.testing import Stage, trace
from aether_nb.tools import ask_text, sleep
from aether_nb.values import secrets

PLUGIN = ROOT / "aether_nb" / "testing" / "pytest_aether_nb.py"

PROJECT = """
import asyncio
from pathlib import Path

import aether_nb as ae
from aether_nb import graph_fn
from aether_nb.testing import trace

@graph_fn(name="hello", outputs=["msg"])
async def hello(*, context):
    return {"msg": "Hello " + await context.channel().ask_text("Name?", timeout=86_400, default="you")}

def test_answers_come_from_the_test(scripted):
    channel = scripted({"Name?": "Ada"})
    assert hello.run_sync(run_id="same").msg == "Hello Ada"
    assert channel.asked == ["Name?"]
    trace("same").asked("Name?").answered("Ada")

def test_another_test_has_another_store(scripted, tmp_path):
    Path("answers.yaml").write_text("Name?: Bo")
    scripted("answers.yaml")
    assert hello.run_sync(run_id="same").msg == "Hello Bo"
    assert Path(ae.store().path).parent == tmp_path

async def test_a_day_takes_no_time(fake_clock):
    run = hello.start()
    await run.next_wait()
    fake_clock.advance(hours=24)
    assert (await run).msg == "Hello you"

async def test_a_run_outlives_its_kernel(aether):
    await hello.start(run_id="r").next_wait()
    aether.restart()
    run = ae.resume("r")
    run.answer("Cy")
    assert (await run).msg == "Hello Cy"
    trace(run).resumed_after_crash()

def test_what_did_not_happen_is_told(scripted):
    scripted({"Name?": "Ada"})
    hello.run_sync(run_id="r")
    trace("r").ran("deploy")
"""


def run_pytest(folder, tests, monkeypatch):
    """Run a file of tests as its own project, with our plug-in and the one for async tests."""
    (folder / "test_my_agent.py").write_text(tests)
    monkeypatch.setenv("AETHER_NB_ANSWERS", "no-such-file.yaml")
    # where it lies in the tree, it is no top-level module
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{PLUGIN.parent}")
    monkeypatch.setenv(
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1"
    )  # only those that it needs, whatever is installed
    options = [
        "-p",
        PLUGIN.stem,
        "-p",
        "pytest_asyncio.plugin",
        "-o",
        "asyncio_mode=auto",
        "-p",
        "no:cacheprovider",
    ]
    command = [sys.executable, "-m", "pytest", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


@pytest.mark.timeout(60)
def test_a_project_of_somebody_has_the_fixtures_and_is_told_what_happened(tmp_path, monkeypatch):
    out = run_pytest(tmp_path, PROJECT, monkeypatch)
    assert "1 failed, 4 passed" in out, out
    said = [line.removeprefix("E").strip() for line in out.splitlines() if line.startswith("E ")]
    assert said[0].endswith("'deploy' did not run; there is no such node, there is: 'Name?'.")
    assert "asked     Name?" in said


@pytest.mark.timeout(60)
def test_the_tests_on_the_page_about_testing_pass(tmp_path, monkeypatch):
    page = (ROOT / "docs" / "how-to" / "test-an-agent.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    recorded = "async def test_what_was_recorded_is_answered_again(aether):\n    await try_it_once()\n"
    again = "    aether.answer('answers.yaml')\n    assert (await release(of='tea')).url == ''\n"
    out = run_pytest(tmp_path, "\n".join([*blocks, recorded + again]), monkeypatch)
    assert "5 passed" in out, out


def test_loading_the_plug_in_imports_nothing_of_ours():
    code = (
        "import runpy, pkgutil, sys, pytest; before = set(sys.modules); "
        f"found = runpy.run_path({str(PLUGIN)!r}); print(sorted(set(sys.modules) - before), 'aether' in found)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[] True"


@graph_fn(name="asks", outputs=["n"])
async def asks():
    return {"n": (await ask_text("Name?")).text}


async def test_the_runtime_of_before_is_back_and_its_runs_go_on(tmp_path):
    api.use(mine := Runtime(store=":memory:"))
    secret = secrets.keep("hunter2", "a-node")["id"]
    with Stage(tmp_path) as stage:
        with pytest.raises(AetherError):
            await asks() if stage.answer({}) else None
        assert api.current() is not mine
    assert api.current() is mine
    assert not mine.closed
    assert secrets.find(secret, "a-node") is not None
    api.close()


async def test_after_a_stage_without_one_before_there_is_none_and_its_store_is_gone():
    with Stage() as stage:
        assert stage.configure() is api.current()
        where = Path(api.current().store.path)
        api.close()
        assert Path(api.current().store.path) == where
    assert api._current == []
    assert not where.parent.exists()


async def test_options_last_and_those_of_a_restart_do_not(aether, tmp_path):
    aether.configure(services={"llm": "fake"})
    assert aether.restart(store=tmp_path / "other.db").services.named == {"llm": "fake"}
    assert aether.restart().store.path == str(tmp_path / "runs.db")


async def test_sleeps_of_days_end_when_the_clock_gets_there(fake_clock):
    @graph_fn(name="waits", outputs=["n"])
    async def waits():
        await sleep(3 * 86_400)
        return {"n": 1}

    run = waits.start()
    await run.next_wait()
    fake_clock.advance(days=2, hours=23, minutes=59, seconds=59)
    assert run.status == "waiting"
    fake_clock.advance(1)
    assert (await run).n == 1


async def test_scripted_and_clock_stand_together(scripted, fake_clock):
    scripted({"Name?": "Ada"})
    run = asks.start()
    assert (await run).n == "Ada"
    trace(run).asked("Name?")
    assert ae.api.current().clock is fake_clock
