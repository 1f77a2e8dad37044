"""The process that looks after a detached job: starts it, waits, and writes down how it ended.

Run as a file by `subprocess.py`, not imported by it for its work: no package, standard library only, so that it
is up in milliseconds and needs nothing of the kernel, which may die meanwhile. All that passes between the
two is files in the job's folder:

    job.json      what to run (written before)
    claim         made by the one supervisor that starts it; a second one finds it and goes away
    lock          locked while the supervisor lives
    started.json  the job's pid and when it started
    stdout, stderr
    cancel        made by who wants it stopped
    exit.json     how it ended: `code`, or `error` when it could not be started

`python supervise.py FOLDER` starts a supervisor of its own session and returns when the job has started;
`python supervise.py FOLDER run` is that supervisor.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any

WINDOWS = sys.platform == "win32"
LOOK_S = 0.1  # how often the supervisor looks for `cancel` and the deadline
GRACE_S = 3.0  # how long a job that was told to end may take


def launch(folder: Path) -> None:
    """Start the supervisor, out of this process's reach, and wait until the job has started or cannot."""
    flags: dict[str, Any] = {"start_new_session": True}
    if WINDOWS:
        flags = {"creationflags": 0x00000008 | 0x00000200}  # DETACHED_PROCESS, CREATE_NEW_PROCESS_GROUP
    supervisor = subprocess.Popen(  # noqa: S603 - ourselves
        [sys.executable, "-I", "-S", __file__, str(folder), "run"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **flags,
    )  # fmt: skip
    while not ((folder / "started.json").exists() or (folder / "exit.json").exists()):
        if supervisor.poll() is not None:
            break
        time.sleep(0.005)
    supervisor.returncode = 0  # it lives on, and nobody here waits for it


def supervise(folder: Path) -> None:
    """Start the job, once whoever asks, and see it to its end."""
    with (folder / "lock").open("a+b") as lock:
        if not hold(lock):
            return
        try:
            (folder / "claim").touch(exist_ok=False)
        except FileExistsError:
            return
        if (folder / "cancel").exists():
            write(
                folder / "exit.json", {"error": "InterruptedError", "message": "nobody waits for it any more"}
            )
            return
        job = json.loads((folder / "job.json").read_text("utf-8"))
        with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
            try:
                process = subprocess.Popen(  # noqa: S603 - what the user asked for
                    job["args"], cwd=job["cwd"], stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                    start_new_session=not WINDOWS,
                )  # fmt: skip
            except (OSError, ValueError) as error:
                ending = {"error": type(error).__name__, "message": str(error)}
                write(folder / "exit.json", ending)
                return
        write(folder / "started.json", {"pid": process.pid, "started": started(process.pid)})
        write(folder / "exit.json", see_to_its_end(process, folder, job["timeout"]))


def see_to_its_end(process: subprocess.Popen[bytes], folder: Path, timeout: float | None) -> dict[str, Any]:
    """Wait for the job, or end it when its time is over or somebody wants it to end."""
    deadline = None if timeout is None else time.monotonic() + timeout
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return {"code": process.wait(LOOK_S)}
        late = deadline is not None and time.monotonic() > deadline
        if late or (folder / "cancel").exists():
            stop(process.pid)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GRACE_S)
            stop(process.pid, force=True)  # what it left behind in its group, too
            return {"code": process.wait(), "late": late}


def stop(pid: int, *, force: bool = False) -> None:
    """Tell a job and what it started to end, or make them."""
    with contextlib.suppress(OSError):  # it is gone
        if WINDOWS:
            os.kill(pid, signal.SIGTERM)
        else:
            os.killpg(pid, signal.SIGKILL if force else signal.SIGTERM)


def write(path: Path, value: dict[str, Any]) -> None:
    """Write a file that is there as a whole or not at all."""
    half = path.with_suffix(".part")
    with half.open("w", encoding="utf-8") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)


def hold(file: IO[bytes]) -> bool:
    """Lock a file for as long as this process has it open; False when another process has it locked."""
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415 - only there

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # noqa: PLC0415 - not on Windows

            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def started(pid: int) -> str:
    """When a process started, so that another one with its number is not taken for it; empty when unknown."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("utf-8").strip()
    except OSError:
        return ""
    state, *rest = stat.rpartition(")")[2].split()
    return "" if state == "Z" else f"{boot}/{rest[18]}"  # the 22nd field; the name before may have blanks


if __name__ == "__main__":
    where = Path(sys.argv[1])
    if sys.argv[2:] == ["run"]:
        supervise(where)
    else:
        launch(where)
