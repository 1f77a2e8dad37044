"""A terminal as a person sits at it: what is shown, what is typed, Ctrl-C."""

from __future__ import annotations

import codecs
import contextlib
import os
import select
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Self

from helpers import ROOT, clean_environment

CTRL_C, CTRL_D = "\x03", "\x04"


class Terminal:
    """One program in a terminal of its own.

    Args:
        *command: arguments for this Python.
        cwd: where it runs.
    """

    def __init__(self, *command: str | Path, cwd: Path, **environment: str) -> None:
        self._fd, theirs = os.openpty()
        self._before = termios.tcgetattr(self._fd)
        self.process = subprocess.Popen(
            [sys.executable, *command],
            cwd=cwd,
            env=clean_environment(PYTHONPATH=ROOT, **environment),
            pass_fds=(theirs,),
            preexec_fn=lambda: _sit_down(theirs),  # noqa: PLW1509 - nothing else gives it a terminal of its own
        )
        os.close(theirs)
        self.screen = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")()  # a read may end within a character
        self._seen = 0

    def sees(self, text: str, timeout_s: float = 15) -> None:
        """Wait until this stands on the screen, after what was seen before."""
        deadline = time.monotonic() + timeout_s
        while (at := self.screen.find(text, self._seen)) < 0:
            if not self._read(deadline - time.monotonic()):
                raise AssertionError(f"{text!r} did not come; the screen:\n{self.screen}")
        self._seen = at + len(text)

    def type(self, line: str, end: str = "\n") -> None:
        """Type a line, or a key."""
        os.write(self._fd, (line + end).encode())

    def press(self, key: str) -> None:
        """Press one key."""
        self.type(key, end="")

    def ends(self, timeout_s: float = 15) -> int:
        """Wait for the end of the program, and give its exit code."""
        deadline = time.monotonic() + timeout_s
        while self._read(deadline - time.monotonic()):
            pass
        return self.process.wait(max(0.1, deadline - time.monotonic()))

    def interrupted(self, timeout_s: float = 20) -> int:
        """Press Ctrl-C until the program ends, and give its exit code.

        One press does, but for one in the instant before Python's own `input()` reads: that it sees with the next key.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            self.press(CTRL_C)
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self.ends(5)
            assert time.monotonic() < deadline, f"Ctrl-C does not end it; the screen:\n{self.screen}"

    @property
    def as_before(self) -> bool:
        """Whether the terminal echoes and edits lines as it did before the program."""
        return termios.tcgetattr(self._fd) == self._before

    def _read(self, timeout_s: float) -> bool:
        if not select.select([self._fd], [], [], max(0.0, timeout_s))[0]:
            return False
        try:
            data = os.read(self._fd, 1 << 16)
        except OSError:  # nobody has the other side any more
            return False
        self.screen = (self.screen + self._decoder.decode(data)).replace("\r\n", "\n")
        return bool(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        os.close(self._fd)


def _sit_down(terminal: int) -> None:
    """In the new process: it has this terminal, and hears Ctrl-C, also when the tests run in the background."""
    os.login_tty(terminal)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
