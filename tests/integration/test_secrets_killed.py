"""A kernel that is killed while it has a secret leaves nothing of it behind, and the next one asks again."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from helpers import ROOT, clean_environment

SECRET = "hunter2-in-a-killed-kernel"

PROGRAM = """
import asyncio, os, signal, sys
import aether_nb as ae
from aether_nb import graph_fn, tool

@tool(outputs=["n"], effects=True)
async def log_in(password):
    return {"n": len(password)}

@graph_fn(outputs=["n"])
async def agent(*, context):
    channel = context.channel()
    password = await channel.ask_text("Password?", secret=True)
    first = await log_in(password)
    context.kv()["password"] = password
    await context.memory().record(kind="login", data=[password])
    await channel.ask_approval("Go on?")
    return {"n": first.n + (await log_in(password, key="again")).n}

async def main(secret, dies):
    ae.configure(store="runs.db", channel=ae.ScriptedChannel({"Password?": secret, **({} if dies else {"Go on?": True})}))
    if dies:
        ae.api.current().channel._give_up = lambda token, error: os.kill(os.getpid(), signal.SIGKILL)
    run = agent.start(run_id="r")
    out = await run
    print(out.n, [w.prompt for w in run.waits])

asyncio.run(main(sys.argv[1], sys.argv[2] == "dies"))
"""


def run(folder: Path, secret: str, end: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, folder / "program.py", secret, end],
        cwd=folder, env=clean_environment(PYTHONPATH=ROOT), capture_output=True, text=True, check=False, timeout=20,
    )  # fmt: skip


def holding(folder: Path, text: str) -> list[Path]:
    """The files that have this in them."""
    files = [file for file in folder.rglob("*") if file.is_file() and file.name != "program.py"]
    return [file for file in files if text.encode() in file.read_bytes()]


def test_a_killed_kernel_leaves_no_secret_behind_and_the_next_one_asks_again(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    killed = run(tmp_path, SECRET, "dies")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert holding(tmp_path, "Password?")  # the search finds what is there
    assert (tmp_path / "runs.db-wal").exists()  # as it was left
    assert holding(tmp_path, SECRET) == []
    second = run(tmp_path, f"{SECRET}-typed-anew", "ends")
    assert (
        second.stdout.strip()
        == f"{len(SECRET) * 2 + len('-typed-anew')} ['Password?', 'Go on?', 'Password?']"
    )
    assert holding(tmp_path, SECRET) == []
