"""What a run tells people that needs no answer: messages, and what takes its time to be told.

A text, a picture, a file, a table are said at once. A bar and a stream are told bit by bit: while that lasts,
`Telling`s of it go to whoever looks on and are kept nowhere; how it ended is a `Message` like any other, and
`events.MessageSent` has it.
"""

from __future__ import annotations

from typing import Any, Literal

from aether_nb.facts import Fact
from aether_nb.ids import NodeId

Number = int | float


class Bar(Fact, frozen=True, kw_only=True):
    """How far something is."""

    done: Number = 0
    total: Number | None = None
    """None when nobody knows how much there is."""
    rate: float | None = None
    """How many a second; None when that cannot be told yet."""
    took_us: int | None = None
    """How long it has taken so far; None when an earlier life of the kernel did some of it."""

    @property
    def left_s(self) -> float | None:
        """In how many seconds it is done if it goes on like this; None when that cannot be told."""
        if self.total is None or not self.rate:
            return None
        return max(0.0, (self.total - self.done) / self.rate)

    @property
    def count(self) -> str:
        """`42/100`, or `42` when nobody knows of how many."""
        return _number(self.done) if self.total is None else f"{_number(self.done)}/{_number(self.total)}"

    def pace(self, *, over: bool) -> str:
        """How fast it goes and how long it will take, or, when it is over, took: `3.1/s, 19 s left`."""
        rate, parts = self.rate, []
        if over:  # of what was over at once neither is worth a word
            took_us = self.took_us or 0
            rate = self.done / took_us * 1e6 if took_us >= 1_000_000 else None
            if took_us >= 10_000:
                parts.append(span(took_us / 1e6))
        if rate:
            parts.append(f"{_number(_coarse(rate))}/s")
        if not over and self.left_s is not None:
            parts.append(f"{span(self.left_s, coarse=True)} left")
        return ", ".join(parts)


class Message(Fact, frozen=True, kw_only=True):
    """Something said to a person, that needs no answer."""

    kind: Literal["text", "markdown", "image", "file", "table", "progress"] = "text"
    text: str = ""
    """The text; for an image, file or table its caption, for a bar what it counts."""
    sha256: str = ""
    """The artifact, for an image or file."""
    media_type: str = ""
    name: str = ""
    size: int = 0
    """Bytes of the artifact."""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    """Plain values: text, numbers, true, false and None."""
    right: tuple[int, ...] = ()
    """The columns that hold numbers, which stand to the right."""
    more_rows: int = 0
    """How many rows the table had beside these."""
    more_columns: int = 0
    bar: Bar | None = None

    def said(self) -> dict[str, Any]:
        """What is in it, by name, without the defaults."""
        defaults = zip(self.__struct_fields__, self.__struct_defaults__, strict=True)
        return {name: getattr(self, name) for name, default in defaults if getattr(self, name) != default}


class Telling(Fact, frozen=True, kw_only=True):
    """Something that is being told, as it stands now. It is in no log."""

    id: str
    """The same as long as it lasts, in every life of the run, and of the message that it becomes."""
    node: NodeId
    place: tuple[int, int]
    """See `events.MessageSent`."""
    message: Message
    """As it would be if it ended here; for a stream only what came since the last time."""
    start: int = 0
    """For a stream: how many characters came before these."""
    state: Literal["live", "done", "stopped"] = "live"
    """stopped: it was broken off. What is not live any more may still become a message, or be begun again."""


def span(seconds: float, *, coarse: bool = False) -> str:
    """A length of time in a few characters, `0.4 s`, `19 s`, `3 min 5 s`; a coarse one is in whole seconds."""
    if coarse and seconds < 60:
        return f"{max(1, round(seconds))} s"
    if seconds < 0.9995:
        return f"{round(seconds * 1000)} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def file_size(size: int) -> str:
    """`812 B`, `1.4 MB`."""
    if size < 1000:
        return f"{size} B"
    amount = size / 1000
    for unit in ("kB", "MB", "GB"):
        if amount < 999.5:
            return f"{amount:.1f} {unit}" if amount < 9.95 else f"{round(amount)} {unit}"
        amount /= 1000
    return f"{round(amount)} TB"


def cell_text(value: Any) -> str | None:
    """A value of a table as people read it; None where there is none."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float):
        return _number(value)
    return str(value)


def bar_text(message: Message, *, over: bool) -> str:
    """A bar in one line: `Reading ━━━━━─────  42/100  3.1/s, 19 s left`."""
    bar = message.bar or Bar()
    drawn = ""
    if bar.total is not None:
        full = round(_CELLS * min(1.0, bar.done / bar.total)) if bar.total else _CELLS
        drawn = "━" * full + "─" * (_CELLS - full)
    return "  ".join(filter(None, (f"{message.text} {drawn}".strip(), bar.count, bar.pace(over=over))))


def message_text(message: Message, *, over: bool = True) -> str:
    """A message as a terminal shows it.

    Args:
        message: the message.
        over: for a bar: whether it does not go on.
    """
    if message.kind == "progress":
        return bar_text(message, over=over)
    if message.kind == "table":
        return "\n".join(filter(None, (message.text, _aligned(message), _more(message))))
    size = f" ({file_size(message.size)})" if message.size else ""
    return ": ".join(
        filter(None, (f"{message.name or message.kind}{size}" if size else message.name, message.text))
    )


def _aligned(message: Message) -> str:
    rows = [[cell_text(cell) or "" for cell in row] for row in (message.columns, *message.rows) if row]
    widths = [max(len(row[i]) for row in rows if i < len(row)) for i in range(max(map(len, rows), default=0))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if i in message.right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=False))
        ).rstrip()
        for row in rows
    )


def more_text(rows: int, columns: int) -> str:
    """What a table does not show, in words: `… 12 more rows, 3 more columns`; nothing when it shows all."""
    parts = [
        f"{n:,} more {what}{'' if n == 1 else 's'}" for n, what in ((rows, "row"), (columns, "column")) if n
    ]
    return f"… {', '.join(parts)}" if parts else ""


def _more(message: Message) -> str:
    return more_text(message.more_rows, message.more_columns)


_CELLS = 20  # how wide a bar is in text


def _coarse(rate: float) -> Number:
    """A rate in two or three digits: the others change all the time."""
    return int(float(f"{rate:.3g}")) if rate >= 10 else float(f"{rate:.2g}")


def _number(value: Number) -> str:
    """A number as people read it: not more than six decimals, no noise of the binary form."""
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    if value and not 1e-4 <= abs(value) < 1e15:
        return f"{value:.6g}"
    return f"{value:.6f}".rstrip("0").removesuffix(".")
