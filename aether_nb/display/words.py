"""Values, replies and failures as the few words that a page or a terminal has room for.

The folds in `view.py` use these; nothing here raises on a strange value, because a picture must not
break over what it shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from aether_nb import errors
from aether_nb.display.shapes import CountShape
from aether_nb.events import ErrorInfo
from aether_nb.markup import without_colours
from aether_nb.values import decode, show

REPLY_CHARS = 300
CELL_CHARS = 200
OFFERED = 12
SENTENCE_CHARS = 200


def value_text(value: Any, limit: int) -> str:
    """An encoded value for people; a string as itself, without quotes."""
    plain = decode(value, strict=False)
    return short(plain, limit) if isinstance(plain, str) else show(plain, limit)


def reply_text(prompt: Mapping[str, Any], value: Any) -> str:
    """A reply as it stands after its question.

    Args:
        prompt: the question, as JSON.
        value: the reply's value in its normal form, as `prompts.check_reply` gives it.
    """
    kind = prompt.get("kind")
    if kind == "approval" and isinstance(value, Mapping):
        said = (str(value.get("choice", "")), str(value.get("reason") or ""))
        return short(": ".join(filter(None, said)), REPLY_CHARS)
    if kind == "choice":
        chosen = value if isinstance(value, list) else [value]
        return short(", ".join(_label(prompt, one) for one in chosen) or "none", REPLY_CHARS)
    if kind == "number":
        return f"{value_text(value, REPLY_CHARS)} {prompt.get('unit', '')}".rstrip()
    if kind == "date" and isinstance(value, str):
        return value.replace("T", " ", 1)
    if kind == "form" and isinstance(value, Mapping):
        return short("; ".join(_filled_in(prompt.get("schema", {}), value)), REPLY_CHARS)
    if kind in {"files", "text_or_files"} and isinstance(value, Mapping):
        files = ", ".join(_file_name(file) for file in value.get("files", ()))
        text = str(value.get("text") or "")
        return short(": ".join(filter(None, (files, text))), REPLY_CHARS)
    return value_text(value, REPLY_CHARS)


def error_text(error: ErrorInfo) -> str:
    """A failure in full. Our own messages are whole sentences; others need the name of their class."""
    message = without_colours(error.message)
    if not error.error_type or hasattr(errors, error.error_type):
        return message or error.error_type
    return f"{error.error_type}: {message}" if message else error.error_type


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


def offered(prompt: Mapping[str, Any]) -> list[str]:
    """What an open question has to choose from, or which fields it has, as a picture of it lists them."""
    options = prompt.get("options", ())
    labels = [str(o.get("label") if isinstance(o, Mapping) else o) for o in options]
    if prompt.get("kind") == "form":
        fields = prompt.get("schema", {}).get("properties", {})
        labels = [str(one.get("title", name)) for name, one in fields.items()]
    more = len(labels) - OFFERED
    return labels if more <= 0 else [*labels[:OFFERED], f"… {more} more"]


def _label(prompt: Mapping[str, Any], value: Any) -> str:
    """What a person reads for the value of an option."""
    for option in prompt.get("options", ()):
        if option.get("value") == value and type(option.get("value")) is type(value):
            return str(option.get("label"))
    return value_text(value, CELL_CHARS)


def _filled_in(schema: Mapping[str, Any], value: Mapping[str, Any]) -> Iterator[str]:
    """The fields of a form that have something in them, by title."""
    for name, one in value.items():
        if one is None or one in ("", [], {}):
            continue
        inner = schema.get("properties", {}).get(name, {})
        title = inner.get("title", name)
        if isinstance(one, Mapping):
            yield f"{title}: ({'; '.join(_filled_in(inner, one))})"
        else:
            yield f"{title}: {'yes' if one is True else 'no' if one is False else value_text(one, CELL_CHARS)}"


def _file_name(file: Mapping[str, Any]) -> str:
    return str(file.get("name") or re.split(r"[/\\]", str(file.get("path", "")))[-1])
