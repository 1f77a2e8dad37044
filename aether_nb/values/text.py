"""A value in one line, for people: errors, tables and pictures use it. It never fails."""

from __future__ import annotations

import reprlib
from typing import Any

_JOINER = "\u200d"  # holds emoji together; the other invisible characters can lie about what is read


def show(value: Any, limit: int = 80) -> str:
    """The value in one line of at most `limit` characters, without control characters.

    A text is itself; inside something else it stands in quotes. A `__repr__` that fails gives way
    to the name of the class.
    """
    try:
        text = value[: limit * 2] if type(value) is str else _Brief(limit).repr(value)
        return _one_line(text, limit)
    except Exception:  # noqa: BLE001 - hostile __repr__, __len__, __class__: the class has a name still
        return _one_line(f"<{type.__getattribute__(type(value), '__name__')}>", limit)


def _one_line(text: str, limit: int) -> str:
    line = " ".join(text[: limit * 4].split())
    if not line.isprintable():
        line = "".join(c if c.isprintable() or c == _JOINER else "\ufffd" for c in line)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def shown(value: Any) -> dict[str, Any]:
    """The value as a notebook shows it: its text, and HTML if it has some of its own. It never fails."""
    try:
        html = value._repr_html_() if not isinstance(value, type) and hasattr(value, "_repr_html_") else None
        text = repr(value)
    except Exception:  # noqa: BLE001 - a broken `__repr__`: the class has a name still
        return {"text/plain": show(value)}
    return {"text/plain": text, "text/html": html} if isinstance(html, str) else {"text/plain": text}


def written(value: Any) -> str:
    """The value as one writes it in code, in one line: like `show`, with texts in quotes."""
    return repr(show(value)) if isinstance(value, str) else show(value)


class _Brief(reprlib.Repr):
    """Looks only at as much of a value as will be shown."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        few = max(4, limit // 8)
        self.maxlist = self.maxtuple = self.maxdict = self.maxset = self.maxfrozenset = self.maxdeque = few
        self.maxlevel = 4
        self.maxstring = self.maxother = self.maxlong = limit

    def repr_bytes(self, value: bytes, _level: int) -> str:
        return repr(value) if len(value) <= self.maxother // 4 else f"<{len(value):,} bytes>"

    def repr_dict(self, value: dict[Any, Any], level: int) -> str:
        # reprlib sorts; people expect the order they wrote
        if level <= 0 and value:
            return "{...}"
        parts = []
        for n, (k, v) in enumerate(value.items()):
            if n == self.maxdict:
                parts.append("...")
                break
            parts.append(f"{self.repr1(k, level - 1)}: {self.repr1(v, level - 1)}")
        return "{" + ", ".join(parts) + "}"

    def repr_ndarray(self, value: Any, _level: int) -> str:
        size = " x ".join(map(str, value.shape)) or "()"
        return f"<array {size}, {value.dtype}>"

    def repr_DataFrame(self, value: Any, _level: int) -> str:  # noqa: N802 - reprlib's way to name a class
        rows, columns = value.shape
        return f"<table of {rows:,} rows, {columns:,} columns>"

    def repr_Series(self, value: Any, _level: int) -> str:  # noqa: N802 - see above
        return f"<column of {len(value):,} rows, {value.dtype}>"
