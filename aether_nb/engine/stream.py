"""A stream: text that is shown while it comes, as the words of a language model do. `context.channel().stream(...)`.

The user's end of a telling; `telling.py` shows it and records its end, the whole text. Given what it comes from, a
stream is a durable call of its own: its text is the outcome, and a replay gives that without asking for it again.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterable, Generator, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from aether_nb.errors import BadInputs, NotStorable
from aether_nb.messages import Message
from aether_nb.values import written
from aether_nb.values.secrets import any_held, hidden_so_far

if TYPE_CHECKING:
    from aether_nb.engine.context import Body

Texts = AsyncIterable[str] | Iterable[str]


class Stream:
    """Text that grows on the page.

        async with channel.stream(markdown=True) as out:
            async for word in model(question):
                await out.write(word)

        answer = await channel.stream(model(question), markdown=True)   # the same; gives the text

    Attributes:
        text: what was written so far.
    """

    def __init__(self, body: Body, source: Texts | None, *, markdown: bool) -> None:
        if source is not None and (
            isinstance(source, str) or not isinstance(source, (AsyncIterable, Iterable))
        ):
            raise BadInputs(
                f"stream({written(source)}): give what the texts come from, such as an async generator; a text as a "
                "whole goes by send_text."
            )
        self._body, self._source = body, source
        self._kind: Literal["text", "markdown"] = "markdown" if markdown else "text"
        self._parts: list[str] = []
        self._fresh: list[str] = []
        self._shown = 0
        self._masked = False
        inputs = {} if source is None else {"source": _identity(source)}
        self._teller = body.tell("stream", inputs, self, awaited=source is not None)

    @property
    def text(self) -> str:
        """What was written so far."""
        if len(self._parts) > 1:
            self._parts = ["".join(self._parts)]
        return self._parts[0] if self._parts else ""

    async def write(self, text: str) -> None:
        """Add a piece. It is seen within a twentieth of a second; whoever else waits for a turn has one then.

        Raises:
            BadInputs: that is no text.
            NotStorable: that has half of a character in it.
        """
        self._add(text)
        if self._teller.touch():
            await asyncio.sleep(0)

    def _add(self, text: str) -> None:
        if not isinstance(text, str):
            raise BadInputs(
                f"A stream was given {written(text)} ({type(text).__name__}): give the text that is in it."
            )
        if not text.isascii() and text != text.encode("utf-8", "replace").decode():
            raise NotStorable(f"A stream was given {text[:80]!r}, which has half of a surrogate pair in it.")
        self._parts.append(text)
        self._fresh.append(text)

    def draw(self, now_us: int, *, whole: bool, replayed: bool) -> tuple[int, Message]:  # noqa: ARG002 - a text has no pace
        """For the engine; see `telling.Source`."""
        if whole:
            return 0, Message(kind=self._kind, text=self.text)
        seen = hidden_so_far(self.text) if any_held() else None
        if self._masked != (seen is not None):  # it is shown anew
            self._masked, self._shown = seen is not None, 0
            self._fresh[:] = [self.text]
        start = self._shown
        text = "".join(self._fresh) if seen is None else seen[start:]
        self._fresh.clear()
        self._shown += len(text)
        return start, Message(kind=self._kind, text=text)

    async def __aenter__(self) -> Self:
        if self._source is not None:
            raise BadInputs(
                "A stream that is given what the texts come from is awaited: text = await channel.stream(...); the "
                "block is for one that is written: async with channel.stream() as out: await out.write(...)."
            )
        return self

    async def __aexit__(self, _: object, error: BaseException | None, _frames: TracebackType | None) -> None:
        self._teller.end(error)

    def __await__(self) -> Generator[Any, None, str]:
        return self._pour().__await__()

    async def _pour(self) -> str:
        source = self._source
        if source is None:
            raise BadInputs(
                "await channel.stream(...) takes what the texts come from; to write them yourself: "
                "async with channel.stream() as out: await out.write(...)."
            )
        try:
            recorded = await self._teller.outcome()
            if recorded is None:
                await self._take_all(source)
        finally:
            if inspect.isasyncgen(source):
                await source.aclose()
        return self.text if recorded is None else recorded

    async def _take_all(self, source: Texts) -> None:
        try:
            if isinstance(source, AsyncIterable):
                async for text in source:
                    await self.write(text)
            else:
                for text in source:
                    await self.write(text)
        except Exception as error:
            self._teller.end(error)
            failure = self._teller.failure(error)
            if failure is error:
                raise
            raise failure from error
        except BaseException as error:
            self._teller.end(error)
            raise
        self._teller.end()

    def __repr__(self) -> str:
        return f"<stream, {len(self.text)} characters so far>"


def _identity(source: Texts) -> Any:
    """What makes a source the same again, as far as can be told: a generator's name and arguments, a list itself."""
    code, frame = getattr(source, "ag_code", None), getattr(source, "ag_frame", None)
    if code is None:
        code, frame = getattr(source, "gi_code", None), getattr(source, "gi_frame", None)
    if code is None:
        return source
    rests = bool(code.co_flags & inspect.CO_VARARGS) + bool(code.co_flags & inspect.CO_VARKEYWORDS)
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + rests]
    given = {} if frame is None else {name: frame.f_locals[name] for name in names if name in frame.f_locals}
    return [code.co_name, given]
