"""Prompts and messages in a terminal: one question at a time, asked again until the answer fits.

Everything happens on the loop that the runs live on; `lines.py` brings what is typed there. A question
that is answered elsewhere meanwhile says so and makes room for the next.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Any, TextIO

from aether_nb.channels.lines import Lines
from aether_nb.engine.ports import Shown, WaitRow
from aether_nb.errors import AetherError, ReplyInvalid
from aether_nb.events import Message
from aether_nb.ids import RunId, Token
from aether_nb.prompts import ApprovalPrompt, CallbackPrompt, FilesPrompt, Prompt, TextPrompt

_MARK = "> "  # where one types


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
        self._typed: list[str] = []  # lines of an answer of several lines
        self._lines: Lines | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._answer: Callable[[Token, Any], object] | None = None

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
            self._write(f"  {shown.wait.prompt.prompt} ...\n")
            return
        self._queue.append(shown)
        if len(self._queue) == 1:
            self._ask()

    def close(self, wait: WaitRow) -> None:
        """A question is over: say so, if it stands on the screen and was not answered there."""
        if self._queue and self._queue[0].wait.token == wait.token:
            self._write(f"\n  ({_ending(wait)})\n")
            self._next()
        else:
            self._queue = deque(s for s in self._queue if s.wait.token != wait.token)

    def say(self, run_id: RunId, message: Message) -> None:  # noqa: ARG002 - all runs share the terminal
        """Print the message, above the mark where one types."""
        if message.kind == "table":
            rows = [message.columns, *message.rows] if message.columns else list(message.rows)
            text = _aligned(rows)
        else:
            text = message.text or message.name
        if self._queue:
            self._write(f"\r{text.ljust(len(_MARK))}\n{_MARK}")
        else:
            self._write(f"{text}\n")

    def _ask(self) -> None:
        assert self._lines is not None
        shown = self._queue[0]
        for problem in shown.problems.values():
            self._write(f"  {problem}\n")
        wait = shown.wait
        question = wait.prompt.prompt.strip().replace("\n", "\n  ")
        self._write(f"? {question}{hint(wait.prompt, wait.deadline_ms)}\n{_MARK}")
        self._lines.want()

    def _next(self) -> None:
        assert self._lines is not None
        self._queue.popleft()
        self._typed.clear()
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
        if isinstance(wait.prompt, TextPrompt) and wait.prompt.multiline:
            self._typed.append(line)
            if line:
                self._lines.want()
                return
            line = "\n".join(self._typed[:-1])
        try:
            result = self._answer(wait.token, typed(wait.prompt, line))
        except ReplyInvalid as invalid:
            self._typed.clear()
            self._write(f"  {'; '.join(invalid.problems.values())}\n{_MARK}")
            self._lines.want()
            return
        except AetherError as error:
            self._write(f"  {error}\n")
        else:
            if not result:
                self._write(f"  ({result!r})\n")
        self._next()

    def _write(self, text: str) -> None:
        out = self._out or sys.stdout
        out.write(text)
        out.flush()


def typed(prompt: Prompt, line: str) -> Any:
    """What was typed, as a reply: options also by number or in any case, paths separated by `;`, else JSON."""
    if isinstance(prompt, TextPrompt):
        return line
    text = line.strip()
    if isinstance(prompt, ApprovalPrompt):
        if text in prompt.options:
            return text
        if text.isdecimal() and 1 <= int(text) <= len(prompt.options):
            return prompt.options[int(text) - 1]
        return next((o for o in prompt.options if o.casefold() == text.casefold()), text)
    if isinstance(prompt, FilesPrompt):
        return [p.strip() for p in text.split(";") if p.strip()] if prompt.multiple else [text]
    try:  # a job's result: JSON, or just words
        return json.loads(text)
    except ValueError:
        return text


def hint(prompt: Prompt, deadline_ms: int | None) -> str:
    """What may be typed and until when, to stand behind the question."""
    hints = []
    if isinstance(prompt, ApprovalPrompt):
        hints.append("  ".join(f"{i} {o}" for i, o in enumerate(prompt.options, 1)))
    elif isinstance(prompt, FilesPrompt):
        hints.append("paths, separated by ;" if prompt.multiple else "a path")
    elif isinstance(prompt, TextPrompt):
        hints += [prompt.placeholder] * bool(prompt.placeholder)
        hints += ["end with an empty line"] * prompt.multiline
    if deadline_ms is not None:
        hints.append(f"until {datetime.fromtimestamp(deadline_ms / 1000).astimezone():%H:%M:%S}")
    return "".join(f"  [{hint}]" for hint in hints)


def _ending(wait: WaitRow) -> str:
    if wait.reply is not None:
        return f"answered by {wait.reply.by or 'somebody'} through {wait.reply.door}"
    return "nobody answered in time" if wait.status == "expired" else "not asked any more"


def _aligned(rows: Any) -> str:
    cells = [[str(c) for c in row] for row in rows]
    widths = [
        max(len(row[i]) for row in cells if i < len(row)) for i in range(max(map(len, cells), default=0))
    ]
    return "\n".join(
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=False)).rstrip() for row in cells
    )
