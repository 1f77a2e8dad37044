"""Values, replies and failures as the few words that a page or a terminal has room for.

The folds in `view.py` use these; nothing here raises on a strange value, because a picture must not
break over what it shows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from aether_nb import errors
from aether_nb.display.shapes import CountShape
from aether_nb.events import ErrorInfo
from aether_nb.values import decode, show

REPLY_CHARS = 300
CELL_CHARS = 200
SENTENCE_CHARS = 200


def value_text(value: Any, limit: int) -> str:
    """An encoded value for people; a string as itself, without quotes."""
    plain = decode(value, strict=False)
    return short(plain, limit) if isinstance(plain, str) else show(plain, limit)


def cell(value: Any) -> str | int | bool | None:
    """An encoded value as a table on the page takes it: JSON that needs no decoding."""
    plain = decode(value, strict=False)
    if plain is None or isinstance(plain, (str, int)):
        return plain
    return show(plain, CELL_CHARS)


def reply_text(kind: str, value: Any) -> str:
    """A reply as it stands after its question.

    Args:
        kind: the prompt's.
        value: the reply's value in its normal form, as `prompts.check_reply` gives it.
    """
    if kind == "approval" and isinstance(value, Mapping):
        return str(value.get("choice", ""))
    if kind in {"files", "text_or_files"} and isinstance(value, Mapping):
        files = ", ".join(_file_name(file) for file in value.get("files", ()))
        text = str(value.get("text") or "")
        return short(": ".join(filter(None, (files, text))), REPLY_CHARS)
    return value_text(value, REPLY_CHARS)


def error_text(error: ErrorInfo) -> str:
    """A failure in full. Our own messages are whole sentences; others need the name of their class."""
    if not error.error_type or hasattr(errors, error.error_type):
        return error.message or error.error_type
    return f"{error.error_type}: {error.message}" if error.message else error.error_type


def sentence(text: str) -> str:
    """The first line."""
    return short(text.strip().partition("\n")[0], SENTENCE_CHARS)


def count_words(count: CountShape) -> str:
    """How far a map is: `37/100`, and what failed."""
    failed = f", {count['failed']} failed" if count["failed"] else ""
    return f"{count['done']}/{count['total']}{failed}"


def short(text: str, limit: int) -> str:
    """At most `limit` characters, the last of them `…` when some were cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _file_name(file: Mapping[str, Any]) -> str:
    return str(file.get("name") or re.split(r"[/\\]", str(file.get("path", "")))[-1])
