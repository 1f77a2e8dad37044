"""A bar: how far something is, how fast it goes, and how long it will take. `context.channel().progress(...)`.

The user's end of a telling; `telling.py` shows it and records its end. An update is a few additions under a lock, so
that a loop of a million is not slowed down by it, from any thread.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Sized
from math import isfinite
from numbers import Integral, Real
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from aether_nb.errors import BadInputs
from aether_nb.messages import Bar, Message, Number
from aether_nb.values import written

if TYPE_CHECKING:
    from aether_nb.engine.context import Body

T = TypeVar("T")

_SAMPLE_US = 500_000  # how far apart the looks are that a rate is made of, at least
_SAMPLES = 20  # over so many of them: a rate tells of the last ten seconds


class Progress(Generic[T]):
    """A bar, to be moved on by `update`, or by going through it.

        async with channel.progress(total=len(pages), label="Reading") as bar:
            for page in pages:
                await read(page)
                bar.update()

        async for page in channel.progress(pages, label="Reading"):
            await read(page)

    With `async for` other work has its turn in between; a plain `with` and `for` do as well, in a plain `def`, too.
    It ends with its block or loop, and at the latest when the tool or graph function that made it returns.

    Attributes:
        done: how far it is.
        total: how much there is; None when nobody knows.
        label: what is counted.
    """

    def __init__(self, body: Body, items: Any, total: Number | None, label: str) -> None:
        if not (items is None or isinstance(items, (Iterable, AsyncIterable))):
            raise BadInputs(
                f"progress({written(items)}): give what to go through; how much there is goes by its name, "
                f"progress(total={written(items)})."
            )
        if total is None:
            total = _length(items)
        if total is not None and not (_is_number(total) and total >= 0):
            raise BadInputs(f"progress(total={written(total)}): give a number, not below 0, or nothing.")
        self.total = None if total is None else _plain(total)
        self.label = str(label)
        self.done: Number = 0
        self._items = items
        self._lock = threading.Lock()
        self._pace = _Pace(body.now_us())
        self._teller = body.tell("progress", {}, self)  # which one it is, its place says, whatever its label

    def update(self, n: Number = 1, *, label: str | None = None) -> None:
        """Move on. From any thread; a change is seen within a twentieth of a second.

        Args:
            n: by how much.
            label: what is counted from now on.

        Raises:
            BadInputs: that is no number.
        """
        if type(n) is not int:
            if not _is_number(n):
                raise BadInputs(f"progress.update({written(n)}): give the number of steps that were done.")
            n = _plain(n)
        with self._lock:
            self.done += n
            if label is not None:
                self.label = str(label)
        self._teller.touch()

    def close(self) -> None:
        """It is over, however far it came."""
        self._teller.end()

    def draw(self, now_us: int, *, whole: bool, replayed: bool) -> tuple[int, Message]:  # noqa: ARG002 - always whole
        """For the engine; see `telling.Source`."""
        with self._lock:
            done, label = self.done, self.label
        rate, took_us = self._pace.look(now_us, done, replayed=replayed)
        bar = Bar(done=done, total=self.total, rate=rate, took_us=took_us)
        return 0, Message(kind="progress", text=label, bar=bar)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, _frames: TracebackType | None) -> None:
        self._teller.end(error)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, _: object, error: BaseException | None, _frames: TracebackType | None) -> None:
        self._teller.end(error)

    def __iter__(self) -> Iterator[T]:
        if not isinstance(self._items, Iterable):
            how = (
                "is an async iterator: write `async for`" if self._items is not None else "was given nothing"
            )
            raise BadInputs(f"progress(label={self.label!r}) {how} to go through it.")
        return _Through(self, iter(self._items))

    def __aiter__(self) -> AsyncIterator[T]:
        items = self._items
        if items is None:
            raise BadInputs(f"progress(label={self.label!r}) was given nothing to go through.")
        if isinstance(items, AsyncIterable):
            return _AsyncThrough(self, aiter(items))
        return _Breathing(self, iter(items))

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        printer.text(repr(self))

    def __repr__(self) -> str:
        return f"<progress {self.label!r} {Bar(done=self.done, total=self.total).count}>"


class _Loop:
    """One loop over a bar. That it was left early shows when nobody has it any more."""

    def __init__(self, bar: Progress[Any], items: Any) -> None:
        self.bar, self.items = bar, items
        self.first = True

    def step(self) -> bool:
        """Before the next item: the one before is done."""
        if self.first:
            self.first = False
            return False
        bar = self.bar
        with bar._lock:
            bar.done += 1
        return bar._teller.touch()

    def __del__(self) -> None:
        self.bar._teller.leave()


class _Through(_Loop, Iterator[Any]):
    def __next__(self) -> Any:
        self.step()
        try:
            return next(self.items)
        except StopIteration:
            self.bar.close()
            raise


class _AsyncThrough(_Loop, AsyncIterator[Any]):
    async def __anext__(self) -> Any:
        self.step()
        try:
            return await anext(self.items)
        except StopAsyncIteration:
            self.bar.close()
            raise


class _Breathing(_Loop, AsyncIterator[Any]):
    """Through plain items: each time the bar is to be shown, everybody else has a turn."""

    async def __anext__(self) -> Any:
        if self.step():
            await asyncio.sleep(0)
        try:
            return next(self.items)
        except StopIteration:
            self.bar.close()
            raise StopAsyncIteration from None


class _Pace:
    """How fast a bar goes, over the last seconds; when it is looked at for the last time, in all."""

    def __init__(self, now_us: int) -> None:
        self._began_us: int | None = now_us
        self._samples: deque[tuple[int, Number]] = deque(maxlen=_SAMPLES)

    def look(self, now_us: int, done: Number, *, replayed: bool) -> tuple[float | None, int | None]:
        """How many a second, and since when; what is only repeated from the log took no time and does not count."""
        if replayed:
            self._samples.clear()
            self._began_us = None
        samples = self._samples
        if not samples or now_us - samples[-1][0] >= _SAMPLE_US:
            samples.append((now_us, done))
        since_us, then = samples[0]
        rate = (done - then) / (now_us - since_us) * 1e6 if now_us - since_us >= _SAMPLE_US else None
        took_us = None if self._began_us is None else now_us - self._began_us
        return (rate if rate and rate > 0 else None), took_us


def _length(items: object) -> int | None:
    return len(items) if isinstance(items, Sized) else None


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, Real) and isfinite(value)


def _plain(value: Any) -> Number:
    return int(value) if isinstance(value, Integral) else float(value)
