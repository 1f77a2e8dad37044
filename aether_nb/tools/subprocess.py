"""Running a program as a process of its own, which goes on when the kernel does not.

Stage A starts a supervisor (`supervise.py`) that starts the program; a poll looks whether it has ended; Stage B
collects what it left. Everything passes through files, so nothing depends on who lives when.
"""

from __future__ import annotations

import asyncio
import builtins
import contextlib
import json
import math
import os
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from aether_nb.authoring.dualstage import DualStageTool, Wait
from aether_nb.calling import PENDING
from aether_nb.errors import BadInputs, ReplyInvalid, RunError
from aether_nb.ids import Token
from aether_nb.prompts import CallbackPrompt, Poll, Reply
from aether_nb.tools import supervise
from aether_nb.values import Secret, show

_TEXT_BYTES = 1 << 20  # more output than that stays a file
_POLL = Poll(every=0.2, backoff=1.3, max=10)


class RunSubprocess(DualStageTool):
    """Run a program, detached: it goes on when the kernel is restarted, and runs once.

    Inputs: `args` (a list: program and arguments; no shell), `cwd` (the kernel's folder when None), `env`
    (variables besides the kernel's; they are stored with the run, so no secrets), `timeout` (seconds until it
    is ended and the node fails) and `files` (patterns in `cwd`, such as `["*.csv"]`, of what to keep).

    Outputs: `exit_code` (another one than 0 is no failure; minus a signal's number when that ended it), `stdout`,
    `stderr` (texts; above 1 MiB the artifact of the file), `files` (artifacts).

    When the run is cancelled, the program and what it started are told to end, and made to after 3 s; also one
    whose kernel died before it was stored that it waits for it.
    """

    outputs = ("exit_code", "stdout", "stderr", "files")

    async def setup(
        self,
        args: Sequence[str],
        *,
        cwd: str | os.PathLike[str] | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
        files: Sequence[str] = (),
        context: Any,
    ) -> Wait:
        """Stage A: begun again after a crash, it finds the program that it started before."""
        command = _command(args)
        _check(env, timeout, files)
        folder: Path = context._body.services.work_dir / context.wait_token
        job = {"args": command, "cwd": os.fspath(cwd or "."), "timeout": timeout}
        try:
            started = await asyncio.to_thread(_start, folder, job, {**os.environ, **(env or {})})
        except asyncio.CancelledError:
            if not context._body.asleep:
                _call_off(folder)
            raise
        state = {"folder": str(folder), "files": list(files), "timeout": timeout, **started}
        said = f"Running {' '.join([Path(command[0]).name, *command[1:]])}"  # where it lies differs between machines
        said = said.encode("utf-8", "replace").decode()  # arguments may be any bytes
        said = said if len(said) < 80 else f"{said[:79]}…"
        prompt = CallbackPrompt(prompt=said, job=f"process {started['pid']}")
        return Wait(kind="process", prompt=prompt, state=state, poll=_POLL)

    async def poll(self, wait: Any, *, context: Any) -> Any:  # noqa: ARG002 - the files say it all
        """Look whether it has ended."""
        return await asyncio.to_thread(_ending, wait.state)

    async def on_resume(self, reply: Reply, wait: Any, *, context: Any) -> dict[str, Any]:
        """Stage B: collect what it left."""
        ending, state = reply.value, wait.state
        if not isinstance(ending, dict) or not (ending.get("lost") or isinstance(ending.get("code"), int)):
            raise ReplyInvalid({"code": "its ending is a mapping with the exit code; run.cancel() ends it"})
        if ending.get("lost"):
            raise RunError(
                f"{wait.prompt.prompt}: it was lost with its supervisor (machine restarted, or out of memory?); "
                f"what it wrote is in {state['folder']}. run.start_over() runs it again."
            )
        if ending.get("late"):
            raise TimeoutError(
                f"{wait.prompt.prompt}: it was at work for {state['timeout']} s, and was ended; give it more time."
            )
        return await asyncio.to_thread(_collected, ending, state, context.artifacts())

    async def on_cancel(self, wait: Any, *, context: Any) -> None:  # noqa: ARG002 - the files do it all
        """Have it ended, and wait until it is."""
        await asyncio.to_thread(_cancel, wait.state)


def _command(args: Any) -> list[str]:
    if isinstance(args, (str, bytes)) or not isinstance(args, Sequence) or not args:
        raise BadInputs(
            f"args={args!r}: give a list of the program and its arguments, such as ['python', 'job.py']; for a "
            "shell's line ['sh', '-c', '...']."
        )
    if any(isinstance(a, Secret) for a in args):
        raise BadInputs(
            "A secret stands in args=, which everybody on this machine can read while the program runs, and which is "
            "stored: give it by env={'NAME': secret}."
        )
    return [os.fsdecode(a) if isinstance(a, (bytes, os.PathLike)) else str(a) for a in args]


def _check(env: Any, timeout: Any, files: Any) -> None:
    """Refuse at once what would come out when the program is done."""
    if env is not None and not (
        isinstance(env, Mapping) and all(_is_variable(*pair) for pair in env.items())
    ):
        raise BadInputs(f"env={show(env)}: give a mapping of texts, such as {{'LEVEL': '3'}}.")
    if timeout is not None and (
        isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not 0 < timeout < math.inf
    ):
        raise BadInputs(f"timeout={timeout!r:.200}: give seconds, more than 0, or leave it out for no limit.")
    if isinstance(files, str) or not isinstance(files, Collection):
        raise BadInputs(f"files={files!r}: give a list of patterns, such as ['*.csv'].")
    for pattern in files:
        if not isinstance(pattern, str) or not _is_within(pattern):
            raise BadInputs(f"files={show(files)}: {pattern!r} is no pattern within `cwd`, such as '*.csv'.")


def _is_variable(name: Any, value: Any) -> bool:
    return (
        isinstance(name, str)
        and isinstance(value, str)
        and bool(name)
        and not set("=\0") & set(name)
        and ("\0" not in value)
    )


def _is_within(pattern: str) -> bool:
    """Whether `glob` takes it and all that it finds is in the folder where it looks."""
    try:
        next(Path(os.devnull).glob(pattern), None)  # no folder, so that nothing is looked through
    except (ValueError, NotImplementedError):
        return False
    return ".." not in Path(pattern).parts


def _call_off(folder: Path) -> None:
    """Tell the supervisor, which may be about to start, that nobody will look after its program."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cancel").touch()


def _start(folder: Path, job: dict[str, Any], env: Mapping[str, str]) -> dict[str, Any]:
    """Start the job, unless it was before: its pid, when it started, and where it runs."""
    from subprocess import run  # noqa: PLC0415 - used here alone

    folder.mkdir(parents=True, exist_ok=True)
    where = Path(job["cwd"]).absolute()
    supervise.write(folder / "job.json", {**job, "cwd": str(where)})
    # The launcher ends at once, so that the supervisor is nobody's child and leaves no zombie in the kernel.
    run([sys.executable, "-I", "-S", supervise.__file__, str(folder)], env=env, check=False)  # noqa: S603
    while not (started := _read(folder / "started.json")):
        ending = _read(folder / "exit.json")
        if ending is not None and "error" in ending:
            kind = getattr(builtins, ending["error"], OSError)
            raise kind(f"{job['args'][0]!r} cannot be started in {where}: {ending['message']}")
        if not _supervised(folder):
            raise RunError(f"Nothing says whether {job['args'][0]!r} was started; look into {folder}.")
        time.sleep(0.01)
    return {**started, "cwd": str(where)}


def _ending(state: Mapping[str, Any]) -> Any:
    """How the job ended, or PENDING."""
    folder = Path(state["folder"])
    alive = _supervised(folder) or _is_running(state)  # before the file: it may end in between
    ending = _read(folder / "exit.json")
    if ending is not None:
        return ending
    return PENDING if alive else {"lost": True}


def _supervised(folder: Path) -> bool:
    """Whether the job's supervisor lives."""
    try:
        with (folder / "lock").open("r+b") as lock:
            return not supervise.hold(lock)
    except OSError:
        return False


def _is_running(state: Mapping[str, Any]) -> bool:
    """Whether the job itself lives, as far as can be told; another process of the same number is not it."""
    return bool(state["started"]) and supervise.started(state["pid"]) == state["started"]


def _collected(ending: Mapping[str, Any], state: Mapping[str, Any], artifacts: Any) -> dict[str, Any]:
    folder, where = Path(state["folder"]), Path(state["cwd"])
    found = sorted({file for pattern in state["files"] for file in where.glob(pattern) if file.is_file()})
    return {
        "exit_code": ending["code"],
        "stdout": _text(folder / "stdout", artifacts),
        "stderr": _text(folder / "stderr", artifacts),
        "files": [artifacts.put_file(file) for file in found],
    }


def _text(file: Path, artifacts: Any) -> Any:
    if file.stat().st_size > _TEXT_BYTES:
        return artifacts.put_file(file)
    return file.read_bytes().decode("utf-8", "replace")


def _cancel(state: Mapping[str, Any]) -> None:
    folder = Path(state["folder"])
    with contextlib.suppress(FileNotFoundError):  # the folder was cleared away
        (folder / "cancel").touch()
    patience = time.monotonic() + supervise.GRACE_S + 4
    while _supervised(folder) and time.monotonic() < patience:
        time.sleep(0.02)
    _stop(state)  # its supervisor is dead, or cannot do it


def abandon(work_dir: Path, token: Token) -> None:
    """Have the program ended that a Stage A may have started, whose wait was not stored before its kernel died.

    Does not wait for a supervisor that lives. Without such a program nothing happens.
    """
    folder = work_dir / token
    if not folder.is_dir():
        return
    _call_off(folder)
    job = _read(folder / "started.json")
    if job is not None and not _supervised(folder):
        _stop(job)


def _stop(state: Mapping[str, Any]) -> None:
    """End the job itself, which nobody looks after."""
    if _is_running(state):
        supervise.stop(state["pid"])
        time.sleep(0.1)
        if _is_running(state):
            supervise.stop(state["pid"], force=True)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        read: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    return read


run_subprocess = RunSubprocess()
