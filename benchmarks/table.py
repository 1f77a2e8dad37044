"""Writes what was found as Markdown, which is read in a terminal as well."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from benchmarks.harness import US
from benchmarks.rows import PARTS, Row
from benchmarks.running import PEERS, Found


def render(found: Found) -> str:
    """The tables, and what failed."""
    said = [_part(heading, rows, found) for heading, rows in PARTS.items()]
    if found.failed:
        lines = [f"- {one}: {why}" for one, why in found.failed.items()]
        said.append("\n".join(["## Not measured", "", *lines]))
    return "\n\n".join(text for text in said if text)


def unmet(found: Found) -> list[str]:
    """The names of the rows that were measured and missed."""
    rows = [row for rows in PARTS.values() for row in rows if found.values.get((row.name, US))]
    return [row.name for row in rows if _met(row, found) == "**not met**"]


def _part(heading: str, rows: Sequence[Row], found: Found) -> str:
    measured = [row for row in rows if any(name == row.name for name, _ in found.values)]
    if not measured:
        return ""
    targets = heading == "Targets"
    peers = found.peers if targets else []
    head = ["what", "unit", *(["at most"] if targets else []), "aether_nb", *(["met"] if targets else []),
            *(PEERS[peer] for peer in peers)]  # fmt: skip
    lines = [_line(row, found, peers, targets=targets) for row in measured]
    return "\n".join([f"## {heading}", "", *_aligned(head, lines)])


def _line(row: Row, found: Found, peers: Sequence[str], *, targets: bool) -> list[str]:
    ours = found.values.get((row.name, US), [])
    cells = [row.what, row.unit]
    if targets:
        cells.append("" if row.at_most is None else f"{row.at_most:g}")
    cells.append(_value(ours))
    if targets:
        cells.append(_met(row, found))
    return cells + [_peer(row, peer, found) for peer in peers]


def _met(row: Row, found: Found) -> str:
    ours = found.values.get((row.name, US), [])
    if row.at_most is None or not ours or found.quick:
        return ""
    return "met" if statistics.median(ours) <= row.at_most else "**not met**"


def _value(values: Sequence[float]) -> str:
    """The median, and from where to where the rounds went."""
    if not values:
        return ""
    middle, low, high = statistics.median(values), min(values), max(values)
    return _short(middle) if low == high else f"{_short(middle)} ({_short(low)} - {_short(high)})"


def _peer(row: Row, peer: str, found: Found) -> str:
    """A peer's median, and how many times ours that is."""
    if not any(by == peer for _, by in found.values):
        return "failed" if any(one.startswith(peer) for one in found.failed) else "not installed"
    theirs, ours = found.values.get((row.name, peer), []), found.values.get((row.name, US), [])
    if not theirs:
        return ""
    value = statistics.median(theirs)
    if not ours or statistics.median(ours) == 0:
        return _short(value)
    times = value / statistics.median(ours)
    return f"{_short(value)}, {times:,.0f}x" if times >= 10 else f"{_short(value)}, {times:.2g}x"


def _short(value: float) -> str:
    """Three digits, and no more zeros than need be."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _aligned(head: Sequence[str], lines: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(line[i]) for line in (head, *lines)) for i in range(len(head))]
    rows = [head, ["-" * width for width in widths], *lines]
    return ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |" for row in rows]
