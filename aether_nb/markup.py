"""Small HTML for notebooks: tables and pairs that stand well in the light and the dark theme of every host.

On the floor: whatever shows itself there uses it. Colours are the host's, what is quiet is so by opacity. All
text that is given is escaped here. `display` has the pictures of runs and graphs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, Literal, NamedTuple

CELL_CHARS = 120
"""What a cell shows of a long text; the rest is its tooltip, as far as anybody reads one."""

_TITLE_CHARS = 2000
_LEFT = "text-align:left;vertical-align:top"
_RIGHT = "text-align:right;vertical-align:top;white-space:nowrap;font-variant-numeric:tabular-nums"
_QUIET = "opacity:.7"

_COLOURS = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")

Side = Literal["left", "right"]


def without_colours(text: str) -> str:
    """Text without what colours it in a terminal: a page would show that as boxes."""
    return _COLOURS.sub("", text)


class Showable:
    """What shows itself as HTML in a notebook, and as its `repr` in text."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        raise NotImplementedError

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002 - the notebook's protocol
        return {"text/plain": repr(self), "text/html": self._repr_html_()}


class Head(NamedTuple):
    """A column: its heading, and to which side its cells lean."""

    text: str
    side: Side = "left"


def table(heads: Sequence[Head], rows: Iterable[Sequence[str] | str]) -> str:
    """A table; a row that is a mere text goes across all columns, quietly."""
    head = "".join(f'<th style="{_style(h.side)}">{escape(h.text)}</th>' for h in heads)
    body = "".join(f"<tr>{_row(heads, row)}</tr>" for row in rows)
    return _scrolled(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")


def pairs(
    given: Mapping[str, str], *, title: str = "", quiet: str = "", rich: Mapping[str, str] | None = None
) -> str:
    """Names with what they stand for, one under the other.

    Args:
        given: by name, as text.
        title: what it is about.
        quiet: said beside the title.
        rich: by name, HTML that stands in place of the text.
    """
    inside = {name: _text(text, CELL_CHARS * 8) for name, text in given.items()} | dict(rich or {})
    body = "".join(
        f'<tr><th scope="row" style="{_LEFT};white-space:nowrap">{escape(name)}</th>'
        f'<td style="{_LEFT};white-space:pre-wrap;overflow-wrap:anywhere">{cell}</td></tr>'
        for name, cell in inside.items()
    )
    listed = _scrolled(f"<table><tbody>{body}</tbody></table>") if body else ""
    return heading(title, quiet) + listed


def heading(title: str, quiet: str = "") -> str:
    """A line in bold, and a quiet word after it; nothing when there is neither."""
    if not title and not quiet:
        return ""
    said = f' <span style="{_QUIET}">{escape(quiet)}</span>' if quiet else ""
    return f"<div><b>{escape(title)}</b>{said}</div>"


def words(text: str) -> str:
    """A text in its own lines."""
    return f'<div style="white-space:pre-wrap;overflow-wrap:anywhere">{escape(text)}</div>' if text else ""


def diff(text: str) -> str:
    """A diff, in which what went and what came are tinted."""
    return f'<pre style="line-height:1.4">{"".join(map(_diff_line, text.splitlines()))}</pre>'


def _diff_line(line: str) -> str:
    tint = _TINTS.get(line[:1]) if line[:3] not in {"+++", "---"} else None
    shown = f'<span style="background:{tint}">{escape(line)}</span>' if tint else escape(line)
    return shown + "\n"


_TINTS = {"+": "rgba(46,160,67,.22)", "-": "rgba(248,81,73,.22)"}


def _scrolled(inside: str) -> str:
    return f'<div style="max-width:100%;overflow-x:auto">{inside}</div>'


def _row(heads: Sequence[Head], row: Sequence[str] | str) -> str:
    if isinstance(row, str):
        return f'<td colspan="{len(heads)}" style="{_LEFT};{_QUIET}">{escape(row)}</td>'
    return "".join(_cell(head.side, text) for head, text in zip(heads, row, strict=True))


def _cell(side: Side, text: str) -> str:
    if len(text) <= CELL_CHARS:
        return f'<td style="{_style(side)}">{escape(text)}</td>'
    return f'<td style="{_style(side)}" title="{escape(text[:_TITLE_CHARS])}">{escape(cut(text, CELL_CHARS))}</td>'


def _text(text: str, limit: int) -> str:
    return escape(cut(text, limit))


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, the last of them `…` when some were cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _style(side: Side) -> str:
    return _RIGHT if side == "right" else _LEFT
