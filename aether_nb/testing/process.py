"""The lives of a script, each in a process of its own that may be killed.

`Lives` is the side of the test, `main` the other: a process that has imported aether_nb once and forks
for every life, so that a life costs what the script costs. Where there is no fork (Windows) each life
is an interpreter of its own.
"""

from __future__ import annotations

import faulthandler
import json
import os
import runpy
import signal
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from aether_nb import api
from aether_nb.testing.points import crash_at


class Lives:
    """Runs a script again and again, one life at a time.

    Args:
        script: a Python file.
        arguments: its command line.
        timeout_s: after how many seconds a life is ended.

    Attributes:
        stood: when the last life was ended because it took too long, the traceback of all its threads.
    """

    def __init__(self, script: Path, arguments: Sequence[str], timeout_s: float) -> None:
        self._asked = {"script": str(script), "arguments": list(arguments), "timeout_s": timeout_s}
        self._server: subprocess.Popen[str] | None = None
        self.stood = ""

    def live(self, env: Mapping[str, str], said: Path, crash: str = "") -> int:
        """Run the script until it ends or dies, or its time is up.

        Args:
            env: added to its environment.
            said: file to which its output is appended.
            crash: a point at which it is killed.

        Returns:
            Its exit code; `points.KILLED` when it was killed.
        """
        stood = said.with_name(f"{said.name}.stood")
        stood.write_bytes(b"")
        code = self._live(env, said, stood, crash)
        self.stood = stood.read_text("utf-8", "replace")
        return code

    def _live(self, env: Mapping[str, str], said: Path, stood: Path, crash: str) -> int:
        if self._server is None:
            self._server = subprocess.Popen(
                [sys.executable, "-c", "from aether_nb.testing.process import main; main()"], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, text=True, encoding="utf-8", start_new_session=True,
            )  # fmt: skip
        server = self._server
        assert server.stdin is not None and server.stdout is not None  # noqa: PT018 - both are pipes
        asked = {**self._asked, "env": dict(env), "said": str(said), "stood": str(stood), "crash": crash}
        server.stdin.write(json.dumps(asked) + "\n")
        server.stdin.flush()
        code = server.stdout.readline()
        if code:
            return int(code)
        self._server = None  # it was the life itself
        return server.wait()

    def close(self) -> None:
        """End the process that forks, and a life that still goes on. Idempotent."""
        server, self._server = self._server, None
        if server is None:
            return
        if sys.platform == "win32":
            server.kill()
        else:
            os.killpg(server.pid, signal.SIGKILL)
        with server:  # closes its pipes and waits
            pass


def main() -> None:
    """Read requests from `Lives`, one a line, and answer each with an exit code."""
    for line in sys.stdin:
        asked = json.loads(line)
        if sys.platform == "win32":
            _live(**asked)
        child = os.fork()
        if child == 0:
            _live(**asked)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201 - this is the answer


def _live(
    script: str,
    arguments: Sequence[str],
    timeout_s: float,
    env: Mapping[str, str],
    said: str,
    stood: str,
    crash: str,
) -> NoReturn:
    """Be that script, to the end."""
    output = os.open(said, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    faulthandler.dump_traceback_later(timeout_s, exit=True, file=os.open(stood, os.O_WRONLY))
    os.environ.update(env)
    sys.argv = [script, *arguments]
    sys.path[0] = str(Path(script).parent)
    code: object = 1
    try:
        if crash:
            crash_at(crash)
        runpy.run_path(script, run_name="__main__")
        code = 0
    except SystemExit as end:
        code = end.code
        if isinstance(code, str):
            print(code, file=sys.stderr)  # noqa: T201 - as the interpreter does
    except BaseException:  # noqa: BLE001 - said as the interpreter says it
        traceback.print_exc()
    finally:
        api.close()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))
