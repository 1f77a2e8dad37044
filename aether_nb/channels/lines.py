"""Lines that somebody types, brought to the event loop one by one, and only while one is wanted.

A terminal is watched by the loop itself, so that nothing is left behind reading when the loop ends
(Ctrl-C in a REPL). What the loop cannot watch (Windows), and what may have been read ahead into Python's
own buffer (a pipe, a file), is read on a thread.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import getpass
import os
import sys
import threading
from collections.abc import Callable
from typing import TextIO


class Lines:
    """Lines of one file, for the loop that runs now.

    Args:
        source: what is read; None, as some programs have it for standard input, is at its end.
        on_line: called on the loop with a line without its end, or with None at the end of the file.
    """

    def __init__(self, source: TextIO | None, on_line: Callable[[str | None], None]) -> None:
        self._source = source
        self._on_line = on_line
        self._loop = asyncio.get_running_loop()
        self._rest = b""  # typed ahead
        self._wanted = False
        self._hidden = False
        self._undo: Callable[[], None] | None = None

    def want(self, *, hidden: bool = False) -> None:
        """Ask for one line; asking again before it came changes nothing.

        Args:
            hidden: whether a terminal shows nothing of what is typed.
        """
        if self._wanted:
            return
        self._wanted, self._hidden = True, hidden
        if self._source is None:
            self._loop.call_soon(self._give, None)
        elif b"\n" in self._rest:
            self._loop.call_soon(self._give_first)
        elif not self._watch(self._source):
            threading.Thread(target=self._read, name="aether-lines", daemon=True).start()

    def stop(self) -> None:
        """Nobody waits for a line any more; what is typed is left to others."""
        self._shown_again()
        if self._wanted and self._source is not None:
            with contextlib.suppress(OSError, ValueError, NotImplementedError):
                self._wanted = not self._loop.remove_reader(self._source.fileno())

    def _watch(self, source: TextIO) -> bool:
        try:
            if not source.isatty():
                return False
            if self._hidden:
                self._hide(source.fileno())
            self._loop.add_reader(source.fileno(), self._on_readable)
        except (OSError, ValueError, NotImplementedError):
            return False
        return True

    def _hide(self, terminal: int) -> None:
        """Have the terminal show nothing of what is typed, until the line is there or the program ends."""
        import termios  # noqa: PLC0415 - there is none on Windows, where no loop watches a terminal either

        before = termios.tcgetattr(terminal)
        silent = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
        termios.tcsetattr(terminal, termios.TCSADRAIN, silent)

        def undo() -> None:
            with contextlib.suppress(OSError, termios.error):  # the terminal is gone
                termios.tcsetattr(terminal, termios.TCSADRAIN, before)

        self._undo = undo
        atexit.register(undo)

    def _shown_again(self) -> None:
        undo, self._undo = self._undo, None
        if undo is not None:
            atexit.unregister(undo)
            undo()

    def _on_readable(self) -> None:
        assert self._source is not None
        try:
            data = os.read(self._source.fileno(), 1 << 16)
        except BlockingIOError:
            return
        except OSError:  # the terminal is gone
            data = b""
        self._rest += data
        if not data or b"\n" in data:
            self._loop.remove_reader(self._source.fileno())
            self._give_first()

    def _give_first(self) -> None:
        if not self._wanted:
            return
        assert self._source is not None
        line, _, rest = self._rest.partition(b"\n")
        over = not self._rest
        self._rest = rest
        text = line.decode(self._source.encoding or "utf-8", errors="replace").rstrip("\r")
        self._give(None if over else text)

    def _read(self) -> None:
        assert self._source is not None
        try:
            if (
                self._hidden and self._source is sys.stdin and self._source.isatty()
            ):  # where no loop watches it
                self._loop.call_soon_threadsafe(self._give, getpass.getpass(""))
                return
            # input() does not keep the file locked, which would spoil the end of the program.
            line = input() + "\n" if self._source is sys.stdin else self._source.readline()
        except (EOFError, OSError, ValueError):
            line = ""
        with contextlib.suppress(RuntimeError):  # the loop ended meanwhile
            self._loop.call_soon_threadsafe(self._give, line.rstrip("\r\n") if line else None)

    def _give(self, line: str | None) -> None:
        self._wanted = False
        self._shown_again()
        self._on_line(line)
