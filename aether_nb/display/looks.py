"""How each status looks: a colour and a sign, so that colour is never the only one. The page has the same."""

from __future__ import annotations

from typing import NamedTuple


class Look(NamedTuple):
    """How one status is drawn."""

    glyph: str
    colour: str
    """Of lines and signs; stands on white as on black."""
    fill: str
    """Of a box with dark text in it."""


LOOKS: dict[str, Look] = {
    "pending": Look("○", "#9aa0a6", "#ffffff"),
    "running": Look("◐", "#1a73e8", "#e8f0fe"),
    "waiting": Look("?", "#f29900", "#fef7e0"),
    "succeeded": Look("✓", "#188038", "#e6f4ea"),
    "failed": Look("✕", "#d93025", "#fce8e6"),
    "skipped": Look("–", "#bdc1c6", "#f8f9fa"),  # noqa: RUF001 - a dash on purpose: nothing happened
    "cancelled": Look("⊘", "#80868b", "#f1f3f4"),
    "blocked": Look("!", "#d93025", "#fce8e6"),
}
"""By status of a node or a run."""

_WAITS = {"open": "?", "answered": "✓", "expired": "✕", "withdrawn": "⊘"}
"""The signs of a wait."""


def signed(status: str) -> str:
    """A status of a node, a run or a wait, with its sign before it."""
    glyph = LOOKS[status].glyph if status in LOOKS else _WAITS.get(status, "")
    return f"{glyph} {status}" if glyph else status
