"""Programs as detached processes: they run once, whatever happens to the kernel, and end when nobody wants them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from helpers import ROOT, clean_environment, poll

import aether_nb as ae
from aether_nb import FileRef, graph_fn, graphify
from aether_nb.errors import NodeFailed, RunCancelled
from aether_nb.store.sqlite import SqliteStore
from aether_nb.tools import run_subprocess, supervise

SCRIPT = """
import asyncio, sys
import aether_nb as ae
from aether_nb import graph_fn
from aether_nb.tools import run_subprocess

@graph_fn(name="long_job", outputs=["exit_code", "stdout", "files"])
async def long_job(args):
    out = await run_subprocess(args, files=["*.out"])
    return {"exit_code": out.exit_code, "stdout": out.stdout, "files": [f.name for f in out.files]}

async def main():
    ae.configure(store=sys.argv[1])
    out = await long_job.start(run_id="r", args=[sys.executable, "job.py"])
    print(dict(out))

asyncio.run(main())
"""

DIES = SCRIPT.replace(
    "async def main",
    "import aether_nb.engine.usercode as b, os, signal\n"
    "b.open_wait = lambda *a: os.kill(os.getpid(), signal.SIGKILL)\n\n"
    "async def main",
)
"""The same, killed when the job is started and its wait is not stored."""

JOB = """
import pathlib, time
with open("ledger", "a") as ledger:
    ledger.write("begun\\n")
while not pathlib.Path("go").exists():
    time.sleep(0.02)
pathlib.Path("result.out").write_text("done")
print("all done")
"""


def python(code):
    return [sys.executable, "-c", textwrap.dedent(code)]


@graph_fn(name="subprocess_fn", outputs=["out"])
async def in_function(args, more=None):
    return {"out": dict(await run_subprocess(args, **(more or {})))}


@graphify(name="subprocess_static", outputs=["exit_code", "stdout", "stderr", "files"])
def drawn(args):
    out = run_subprocess(args)
    return {name: out[name] for name in ("exit_code", "stdout", "stderr", "files")}


def job_pid(store):
    """The pid of the job, as the log of the run has it."""
    opened = [e for e in store.events("r") if e.type == "WaitOpened"]
    return opened[0].state["pid"] if opened else None


def is_there(pid):
    return bool(supervise.started(pid))


# -- how it ends -----------------------------------------------------------------------------------


async def test_a_program_gives_its_exit_code_and_what_it_wrote(ours):
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    out = await drawn.start(args=python(code))
    assert dict(out) == {"exit_code": 3, "stdout": "out\n", "stderr": "err\n", "files": []}


async def test_it_runs_where_and_with_what_it_is_told(ours, tmp_path):
    code = "import os, pathlib; pathlib.Path('a.txt').write_text(os.environ['COLOUR'] + os.environ['HOME'])"
    more = {"cwd": str(tmp_path), "env": {"COLOUR": "red"}, "files": ["*.txt"]}
    out = (await in_function.start(args=python(code), more=more)).out
    [file] = out["files"]
    assert (file.name, Path(file.path).read_text()) == ("a.txt", "red" + os.environ["HOME"])


async def test_much_output_is_an_artifact(ours):
    out = (await in_function.start(args=python("print('x' * 3_000_000)"))).out
    assert isinstance(out["stdout"], FileRef)
    assert out["stdout"].size == 3_000_001
    assert out["stderr"] == ""


async def test_a_program_that_cannot_be_started_fails_the_node_with_the_reason(ours):
    with pytest.raises(FileNotFoundError, match="'no-such-program' cannot be started in"):
        await drawn.start(args=["no-such-program"])


async def test_a_program_that_is_killed_says_by_what(ours):
    out = await drawn.start(args=python("import os; os.kill(os.getpid(), 9)"))
    assert out.exit_code == -9


async def test_one_that_takes_too_long_is_ended_and_fails_the_node(ours):
    with pytest.raises(TimeoutError, match=r"it was at work for 0\.2 s, and was ended"):
        await in_function.start(args=["sleep", "60"], more={"timeout": 0.2})


async def test_a_line_for_a_shell_is_refused_with_the_remedy(ours):
    with pytest.raises(NodeFailed, match="give a list of the program and its arguments"):
        await drawn.start(args="ls -l")


# -- what it survives -----------------------------------------------------------------------------


@pytest.mark.timeout(60)
def test_a_job_whose_kernel_is_killed_runs_once_and_its_result_is_collected(tmp_path):
    (tmp_path / "job.py").write_text(JOB)
    (tmp_path / "script.py").write_text(SCRIPT)
    ledger = tmp_path / "ledger"

    def life():
        return subprocess.Popen(
            [sys.executable, "script.py", "runs.db"], cwd=tmp_path, stdout=subprocess.PIPE, text=True,
            env=clean_environment(PYTHONPATH=ROOT),
        )  # fmt: skip

    first = life()
    poll(ledger.exists, timeout_s=20, what="the job to begin")
    store = SqliteStore(tmp_path / "runs.db")
    pid = poll(lambda: job_pid(store), timeout_s=20, what="the wait to be stored")
    store.close()
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert is_there(pid)
    (tmp_path / "go").touch()
    poll(lambda: not is_there(pid), timeout_s=20, what="the job to end without a kernel")
    out, _ = life().communicate(timeout=30)
    assert out.splitlines()[-1] == str({"exit_code": 0, "stdout": "all done\n", "files": ["result.out"]})
    assert ledger.read_text() == "begun\n"


@pytest.mark.timeout(60)
def test_a_kernel_killed_between_start_and_the_stored_wait_does_not_start_the_job_twice(tmp_path):
    (tmp_path / "job.py").write_text(JOB)
    (tmp_path / "dies.py").write_text(DIES)
    (tmp_path / "script.py").write_text(SCRIPT)
    environment = clean_environment(PYTHONPATH=ROOT)
    died = subprocess.run(
        [sys.executable, "dies.py", "runs.db"], cwd=tmp_path, env=environment, timeout=30, check=False
    )
    assert died.returncode == -signal.SIGKILL
    (tmp_path / "go").touch()
    # the graph is of another file: its home is resumed by name
    script = (tmp_path / "script.py").read_text()
    resumed = script.replace(
        'await long_job.start(run_id="r", args=[sys.executable, "job.py"])', 'await ae.resume("r")'
    )
    (tmp_path / "script.py").write_text(resumed)
    done = subprocess.run(
        [sys.executable, "script.py", "runs.db"], cwd=tmp_path, env=environment, timeout=30, check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    assert "'exit_code': 0" in done.stdout
    assert (tmp_path / "ledger").read_text() == "begun\n"


async def test_a_job_that_was_lost_with_its_supervisor_says_so(configure):
    runtime = configure()
    run = drawn.start(args=["sleep", "60"], run_id="r")
    wait = await run.next_wait()
    pid = job_pid(runtime.store)
    supervisor = supervise_parent(pid)
    os.kill(supervisor, signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(NodeFailed, match="it was lost with its supervisor"):
        await run
    assert wait.kind == "process"


def supervise_parent(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


# -- cancelled -----------------------------------------------------------------------------------


@pytest.mark.timeout(60)
async def test_a_cancelled_run_ends_the_program_and_what_it_started(configure, tmp_path):
    runtime = configure()
    code = """
        import subprocess, sys, time
        child = subprocess.Popen(["sleep", "60"])
        print(child.pid, flush=True)
        time.sleep(60)
    """
    run = drawn.start(args=python(code), run_id="r")
    await run.next_wait()
    pid = job_pid(runtime.store)
    state = next(e for e in runtime.store.events("r") if e.type == "WaitOpened").state
    text = poll(lambda: Path(state["folder"], "stdout").read_text().strip(), timeout_s=10, what="the child")
    run.cancel()
    with pytest.raises(RunCancelled):
        await run
    assert not is_there(pid)
    assert not is_there(int(text))


@pytest.mark.timeout(60)
async def test_a_program_that_does_not_listen_is_made_to_end(configure):
    runtime = configure()
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    run = drawn.start(args=python(code), run_id="r")
    await run.next_wait()
    pid = job_pid(runtime.store)
    state = next(e for e in runtime.store.events("r") if e.type == "WaitOpened").state
    poll(lambda: Path(state["folder"], "stdout").read_text(), timeout_s=10, what="the program to be deaf")
    began = time.monotonic()
    run.cancel()
    with pytest.raises(RunCancelled):
        await run
    assert not is_there(pid)
    assert time.monotonic() - began < 10


@pytest.mark.timeout(60)
async def test_a_program_whose_supervisor_is_dead_is_ended_all_the_same(configure):
    runtime = configure()
    run = drawn.start(args=["sleep", "60"], run_id="r")
    await run.next_wait()
    pid = job_pid(runtime.store)
    os.kill(supervise_parent(pid), signal.SIGKILL)
    run.cancel()
    with pytest.raises(RunCancelled):
        await run
    assert not is_there(pid)


def test_another_process_of_the_same_number_is_not_taken_for_the_job(tmp_path):
    from aether_nb.tools.subprocess import _is_running

    me = os.getpid()
    assert _is_running({"pid": me, "started": supervise.started(me)})
    assert not _is_running({"pid": me, "started": "another boot/12345"})


@pytest.mark.timeout(60)
async def test_a_program_that_is_being_started_when_its_run_is_cancelled_does_not_go_on(configure, tmp_path):
    runtime = configure()
    code = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    run = drawn.start(args=python(code), run_id="r")
    begun = next(iter(run.nodes))
    while not (token := runtime.driver("r").state.nodes[begun].token):
        await asyncio.sleep(0)
    folder = runtime.services.work_dir / token
    while not (folder / "job.json").exists():
        await asyncio.sleep(0)
    run.cancel()
    with pytest.raises(RunCancelled):
        await run
    poll((folder / "exit.json").exists, timeout_s=20, what="its supervisor to end it, or not to start it")
    started = json.loads((folder / "started.json").read_text()) if (folder / "started.json").exists() else {}
    assert not started or not is_there(started["pid"])
    assert [e.type for e in runtime.store.events("r")].count("WaitOpened") == 0


@pytest.fixture
def left_behind(tmp_path):
    """The pid of a program whose kernel was killed before it was stored that run `r` waits for it."""
    (tmp_path / "job.py").write_text(JOB)
    (tmp_path / "dies.py").write_text(DIES)
    died = subprocess.run(
        [sys.executable, "dies.py", "runs.db"], cwd=tmp_path, env=clean_environment(PYTHONPATH=ROOT),
        timeout=30, check=False,
    )  # fmt: skip
    assert died.returncode == -signal.SIGKILL
    (started,) = tmp_path.rglob("started.json")
    pid = json.loads(started.read_text())["pid"]
    assert is_there(pid)
    yield pid
    supervise.stop(pid, force=True)


@graph_fn(name="long_job", outputs=["exit_code", "stdout", "files"])
async def long_job(args):
    out = await run_subprocess(args, files=["*.out"])
    return {"exit_code": out.exit_code, "stdout": out.stdout, "files": [f.name for f in out.files]}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("how", ["idle", "resumed", "started over", "without its supervisor"])
async def test_a_program_whose_kernel_died_before_its_wait_was_stored_ends_when_its_run_does(
    configure, left_behind, how
):
    configure()
    if how == "without its supervisor":
        os.kill(supervise_parent(left_behind), signal.SIGKILL)
    run = ae.resume("r") if how == "resumed" else ae.get("r")
    if how == "started over":
        run = run.start_over()
        await run.next_wait()
        poll(lambda: not is_there(left_behind), timeout_s=20, what="the program to end")
    run.cancel()
    with pytest.raises(RunCancelled):
        await run
    poll(lambda: not is_there(left_behind), timeout_s=20, what="the program to end")


@pytest.mark.timeout(60)
async def test_a_cancelled_fork_leaves_the_program_of_the_run_it_was_forked_from_alone(configure):
    runtime = configure()
    run = drawn.start(args=["sleep", "60"], run_id="r")
    await run.next_wait()
    pid = job_pid(runtime.store)
    fork = run.fork()
    await fork.next_wait()
    fork.cancel()
    with pytest.raises(RunCancelled):
        await fork
    assert is_there(pid)
    run.cancel()
    with pytest.raises(RunCancelled):
        await run
    assert not is_there(pid)


async def test_a_reply_by_hand_that_is_no_ending_is_refused_and_the_program_goes_on(configure, tmp_path):
    runtime = configure()
    code = f"import os, time\nwhile not os.path.exists({str(tmp_path / 'go')!r}): time.sleep(0.02)"
    run = drawn.start(args=python(code), run_id="r")
    run.answer("done", wait=(await run.next_wait()).token)
    await run.next_wait()
    (tmp_path / "go").touch()
    assert (await run).exit_code == 0
    assert "ReplyRejected" in [e.type for e in runtime.store.events("r")]


# -- what it takes ---------------------------------------------------------------------------------


async def test_what_is_waited_for_says_which_program_and_not_where_it_lies(ours):
    run = drawn.start(args=python("pass"))
    await run
    [wait] = run.waits
    assert wait.prompt == f"Running {Path(sys.executable).name} -c pass"


async def test_arguments_may_be_any_bytes(ours):
    out = await drawn.start(args=["printf", "%s", b"\xff\xfe"])
    assert out.stdout == "\ufffd\ufffd"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"env": {"LEVEL": 3}}, "env=.* give a mapping of texts"),
        ({"env": ["A=B"]}, "env=.* give a mapping of texts"),
        ({"files": ["/etc/*"]}, "no pattern within `cwd`"),
        ({"files": [""]}, "no pattern within `cwd`"),
        ({"files": ["../*.csv"]}, "no pattern within `cwd`"),
        ({"files": ["**.csv"]}, "no pattern within `cwd`"),
        ({"env": {"A=B": "1"}}, "mapping of texts"),
        ({"env": {"A": "a\0b"}}, "mapping of texts"),
        ({"files": None}, "give a list of patterns"),
        ({"timeout": float("nan")}, "give seconds, more than 0"),
    ],
)
async def test_what_would_only_fail_when_the_program_is_done_is_refused_before(ours, more, said):
    with pytest.raises(NodeFailed, match=said):
        await in_function.start(args=["true"], more=more)
