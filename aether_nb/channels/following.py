"""What is being told, on a terminal: a bar is drawn over itself on one line, a stream is written as it comes.

Part of the console. Only the last line can change, so there is one that does at a time; while a question stands
there nothing does, and what ends meanwhile is written above it. Where the output is no terminal, a bar is written
once, when it is over.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable

from aether_nb.messages import Telling, bar_text

_COMMANDS = {*range(32), *range(127, 160)} - {ord("\n"), ord("\t")}
_TURNING = {0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)}  # marks of direction
_HALVES = range(0xD800, 0xE000)  # of characters: no terminal takes them
_HARMLESS = dict.fromkeys([*_COMMANDS, *_TURNING, *_HALVES], "\ufffd")


def harmless(text: str) -> str:
    """A text without what would command the terminal."""
    return text.translate(_HARMLESS)


class Following:
    """See the module.

    Args:
        write: writes to the terminal.
        moves: whether it is one, whose last line can be drawn over.
    """

    def __init__(self, write: Callable[[str], None], moves: Callable[[], bool]) -> None:
        self._write, self._moves = write, moves
        self._line = ""  # the id of what stands on the last line, which has no end yet
        self._drawn = 0  # how wide the bar on it is
        self._written: dict[str, int] = {}  # characters of each stream
        self._held: dict[str, str] = {}  # of each stream, what came while a question stood there

    def clear(self) -> None:
        """Something else is about to be written, on a line of its own."""
        if self._drawn:
            self._write(f"\r{' ' * self._drawn}\r")
        elif self._line:
            self._write("\n")
        self._line, self._drawn = "", 0

    def follow(self, telling: Telling, asked: str) -> None:
        """Show how far something is.

        Args:
            telling: the thing.
            asked: what stands on the last line, where somebody is about to type; empty when nobody is.
        """
        if telling.message.kind == "progress":
            self._bar(telling, asked)
        else:
            self._stream(telling, asked)

    def _bar(self, telling: Telling, asked: str) -> None:
        over = telling.state != "live"
        line = harmless(bar_text(telling.message, over=over))
        if telling.state == "stopped":
            line += "  (broken off)"
        if over:
            self._above(line, asked)
        elif self._moves() and not asked:
            if self._line != telling.id:
                self.clear()
            line = line[: shutil.get_terminal_size().columns - 1]
            self._write(f"\r{line.ljust(self._drawn)}")
            self._line, self._drawn = telling.id, max(len(line), self._drawn)

    def _stream(self, telling: Telling, asked: str) -> None:
        key, text = telling.id, telling.message.text
        if telling.state != "live":
            self._held.pop(key, None)
            rest = text[self._written.pop(key, 0) :]
            if telling.state == "stopped":
                rest += " (broken off)"
            if self._line == key and not asked:
                self._write(harmless(rest) + "\n")
                self._line = ""
            elif rest:
                self._above(harmless(rest), asked)
            return
        if telling.start == 0:  # it begins, perhaps again
            self._written[key], self._held[key] = 0, ""
        text = self._held.get(key, "") + text
        if asked or not text:
            self._held[key] = text
            return
        self._held[key] = ""
        self._written[key] = self._written.get(key, 0) + len(text)
        if self._line != key:
            self.clear()
        self._write(harmless(text))
        self._line = "" if text.endswith("\n") else key

    def _above(self, text: str, asked: str) -> None:
        """Write whole lines, above where somebody types."""
        self.clear()
        self._write(f"\r{text.ljust(len(asked))}\n{asked}" if asked else f"{text}\n")
