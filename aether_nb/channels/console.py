"""Prompts and messages in a terminal: one question at a time, asked again until the answer fits.

Reads on a thread of its own, because a terminal cannot be read without waiting. The thread is a daemon:
Ctrl-C ends the program, not the wait, which is in the store.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, TextIO

from aether_nb.engine.ports import Shown, WaitRow
from aether_nb.errors import ReplyInvalid
from aether_nb.events import Message
from aether_nb.ids import RunId, Token
from aether_nb.prompts import ApprovalPrompt, FilesPrompt, Prompt, TextPrompt


class ConsoleChannel:
    """Asks in a terminal.

    Args:
        read: reads one line without its end, or raises EOFError; `input` when None.
        out: where to write; standard output when None.
    """

    name = "console"

    def __init__(self, read: Callable[[], str] | None = None, out: TextIO | None = None) -> None:
        self._read = read or input
        self._out = out
        self._queue: deque[Shown] = deque()
        self._closed: set[Token] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._answer: Callable[[Token, Any], object] | None = None

    def attach(self, answer: Callable[[Token, Any], object], give_up: object) -> None:  # noqa: ARG002 - a person can always be asked again
        """Called by the runtime: how to answer a wait, from any thread."""
        self._answer = answer

    def show(self, shown: Shown) -> None:
        """Ask, after what was asked before."""
        with self._changed:
            self._closed.discard(shown.wait.token)
            self._queue.append(shown)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="aether-console", daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self, wait: WaitRow) -> None:
        """A question was answered elsewhere: say so, if it stands on the screen."""
        with self._changed:
            if wait.reply is not None and wait.reply.door != self.name:
                by = wait.reply.by or wait.reply.door
                self._write(f"  (answered by {by})\n")
            self._closed.add(wait.token)

    def say(self, run_id: RunId, message: Message) -> None:  # noqa: ARG002 - all runs share the terminal
        """Print the message."""
        if message.kind == "table":
            rows = [message.columns, *message.rows] if message.columns else list(message.rows)
            text = "\n".join("  ".join(map(str, row)) for row in rows)
        else:
            text = message.text or message.name
        self._write(f"{text}\n")

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue)
                shown = self._queue.popleft()
            try:
                self._ask(shown)
            except (EOFError, OSError):
                self._write(
                    "\n  (the terminal is closed; the question stays open: "
                    f"aether-nb answer {shown.wait.token})\n"
                )
                return

    def _ask(self, shown: Shown) -> None:
        assert self._answer is not None
        token, prompt = shown.wait.token, shown.wait.prompt
        while token not in self._closed:
            self._write(f"? {prompt.prompt}{_hint(prompt)}\n> ")
            line = self._read()
            try:
                self._answer(token, _value(prompt, line))
            except ReplyInvalid as invalid:
                self._write(f"  {invalid}\n")
            else:
                return

    def _write(self, text: str) -> None:
        out = self._out or sys.stdout
        out.write(text)
        out.flush()


def _hint(prompt: Prompt) -> str:
    if isinstance(prompt, ApprovalPrompt):
        return "  [" + ", ".join(f"{i} {o}" for i, o in enumerate(prompt.options, 1)) + "]"
    if isinstance(prompt, FilesPrompt):
        return "  [a path; several, separated by ';']" if prompt.multiple else "  [a path]"
    return ""


def _value(prompt: Prompt, line: str) -> Any:
    """What was typed, as a reply: options also by number or by any case."""
    if isinstance(prompt, TextPrompt):
        return line
    text = line.strip()
    if isinstance(prompt, ApprovalPrompt):
        if text.isdigit() and 1 <= int(text) <= len(prompt.options):
            return prompt.options[int(text) - 1]
        return next((o for o in prompt.options if o.casefold() == text.casefold()), text)
    if isinstance(prompt, FilesPrompt):
        return [p.strip() for p in text.split(";") if p.strip()] if prompt.multiple else [text]
    return text
