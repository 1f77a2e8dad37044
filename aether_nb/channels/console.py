"""Prompts and messages in a terminal: one question at a time, asked again until the answer fits.

Everything happens on the loop that the runs live on; `lines.py` brings what is typed there. A question
that is answered elsewhere meanwhile says so and makes room for the next.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from aether_nb.channels.following import Following, harmless
from aether_nb.channels.lines import Lines
from aether_nb.channels.typed import MORE, Entry, hint
from aether_nb.engine.ports import Shown, WaitRow
from aether_nb.errors import AetherError, ReplyInvalid
from aether_nb.ids import RunId, Token
from aether_nb.messages import Message, Telling, message_text
from aether_nb.prompts import CallbackPrompt, FormPrompt, Prompt

MARK = "> "  # where one types


class ConsoleChannel:
    """Asks in a terminal.

    Args:
        source: where answers are typed; standard input when None.
        out: where to write; standard output when None.
    """

    name = "console"

    def __init__(self, source: TextIO | None = None, out: TextIO | None = None) -> None:
        self._source = source
        self._out = out
        self._queue: deque[Shown] = deque()  # the first one stands on the screen
        self._entry: Entry | None = None  # of what stands on the screen
        self._lines: Lines | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._answer: Callable[[Token, Any], object] | None = None
        self._following = Following(self._put, self._is_terminal)

    def attach(self, answer: Callable[[Token, Any], object], give_up: object) -> None:  # noqa: ARG002 - a person can always be asked again
        """Called by the runtime: how to answer a wait."""
        self._answer = answer

    def show(self, shown: Shown) -> None:
        """Ask, after what was asked before."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:  # what slept with the last loop is shown again by who goes on with it
            self._loop = loop
            self._queue.clear()
            self._lines = Lines(self._source or sys.stdin, self._on_line)
        if isinstance(shown.wait.prompt, CallbackPrompt):  # nobody here knows how a job ended
            self._write(harmless(f"  {shown.wait.prompt.prompt} ...\n"))
            return
        self._queue.append(shown)
        if len(self._queue) == 1:
            self._ask()

    def close(self, wait: WaitRow) -> None:
        """A question is over: say so, if it stands on the screen and was not answered there."""
        if self._queue and self._queue[0].wait.token == wait.token:
            self._write(harmless(f"\n  ({_ending(wait)})\n"))
            self._next()
        else:
            self._queue = deque(s for s in self._queue if s.wait.token != wait.token)

    def say(self, run_id: RunId, message: Message) -> None:  # noqa: ARG002 - all runs share the terminal
        """Print the message, above the mark where one types."""
        text = harmless(message_text(message))
        if self._queue:
            self._write(f"\r{text.ljust(len(MARK))}\n{MARK}")
        else:
            self._write(f"{text}\n")

    def follow(self, run_id: RunId, telling: Telling) -> None:  # noqa: ARG002 - all runs share the terminal
        """Show how far it is, on the last line."""
        self._following.follow(telling, MARK if self._queue else "")

    def _ask(self) -> None:
        assert self._lines is not None
        shown = self._queue[0]
        for problem in shown.problems.values():
            self._write(harmless(f"  {problem}\n"))
        self._write(question(shown.wait))
        self._enter(shown.wait.prompt)

    def _enter(self, prompt: Prompt, before: Mapping[str, Any] | None = None) -> None:
        """Have an answer typed, from its first line on."""
        assert self._lines is not None
        self._entry = Entry(prompt, before)
        self._write(harmless(f"{self._entry.label()}{MARK}"))
        self._lines.want(hidden=self._entry.hidden)

    def _next(self) -> None:
        assert self._lines is not None
        self._queue.popleft()
        self._entry = None
        if self._queue:
            self._ask()
        else:
            self._lines.stop()

    def _on_line(self, line: str | None) -> None:
        assert self._answer is not None and self._lines is not None  # noqa: PT018 - a question stands here
        if not self._queue:
            return
        wait = self._queue[0].wait
        if line is None:
            self._write(
                "\n  No more input here. The question stays open; answer it from another terminal:\n"
                f"  aether-nb answer {wait.token} ...\n"
            )
            self._next()
            return
        entry = self._entry
        if entry is None:
            return
        if entry.hidden:
            self._write("\n")  # the one that was typed was not shown either
        try:
            value = entry.take(line)
            if value is MORE:
                label = entry.label()
                self._write(harmless(f"{label}{MARK}") if label else "")
                self._lines.want(hidden=entry.hidden)
                return
            result = self._answer(wait.token, value)
        except ReplyInvalid as invalid:
            self._write(refusal(wait.prompt, invalid.problems))
            self._enter(wait.prompt, entry.given)
            return
        except AetherError as error:
            self._write(harmless(f"  {error}\n"))
        else:
            if not result:
                self._write(harmless(f"  ({result!r})\n"))
        self._next()

    def _write(self, text: str) -> None:
        self._following.clear()
        self._put(text)

    def _put(self, text: str) -> None:
        out = self._out or sys.stdout
        out.write(text)
        out.flush()

    def _is_terminal(self) -> bool:
        return (self._out or sys.stdout).isatty()


def question(wait: WaitRow) -> str:
    """A question as it stands in a terminal, with what may be typed."""
    asked = wait.prompt.prompt.strip().replace("\n", "\n  ")
    return harmless(f"? {asked}{hint(wait.prompt, wait.deadline_ms)}\n")


def refusal(prompt: Prompt, problems: Mapping[str, str]) -> str:
    """Why an answer was refused; in a form at which field."""
    if not isinstance(prompt, FormPrompt):
        return harmless(f"  {'; '.join(problems.values())}\n")
    return harmless(
        "".join(
            f"  {field}: {problem}\n" if field else f"  {problem}\n" for field, problem in problems.items()
        )
    )


def _ending(wait: WaitRow) -> str:
    if wait.reply is not None:
        return f"answered by {wait.reply.by or 'somebody'} through {wait.reply.door}"
    return "nobody answered in time" if wait.status == "expired" else "not asked any more"
