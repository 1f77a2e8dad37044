"""What every kind of prompt is made of: its base, its headline, and the checks that several kinds share."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic_core import from_json, to_json

from aether_nb.errors import ReplyInvalid

_MARKDOWN = [
    (re.compile(r"^\s*(?:#{1,6}\s+|>\s*|[-+*]\s+)+"), ""),  # a heading, a quotation, an item of a list
    (re.compile(r"(?<!\\)!?\[([^]]*)\]\([^)]*\)"), r"\1"),  # links and images
    (re.compile(r"(?<!\\)(`+)(.+?)\1"), r"\2"),
    (re.compile(r"(?<!\\)(\*{1,3}|~~)(?=\S)(.+?)(?<![\s\\])\1"), r"\2"),
    (re.compile(r"(?<![\w\\])(_{1,3})(?=\S)(.+?)(?<![\s\\])\1(?!\w)"), r"\2"),  # not in snake_case
    (re.compile(r"\\([!-/:-@\[-`{-~])"), r"\1"),
]
"""The marks that people put into a line, and what stays of them, in this order."""
_MARKS = frozenset("#>-+*[`~_\\")
"""What each of them has at least one of."""

_DEPTH = 150  # as for values: an event that carries a reply must be read back


class Data(BaseModel):
    """Frozen data that has no other fields than it says."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", defer_build=True
    )  # else `import` pays for all of them


class PromptBase(Data):
    """What every prompt has. A kind of prompt says in `check` what answers it, in `reply_schema` how that looks."""

    prompt: str
    """The question, Markdown."""

    @abstractmethod
    def check(self, value: Any) -> Any:
        """See `prompts.check_reply`."""
        raise NotImplementedError

    @abstractmethod
    def reply_schema(self) -> dict[str, Any]:
        """See `prompts.reply_schema`."""
        raise NotImplementedError


def headline(prompt: str) -> str:
    """The first line of a prompt without its Markdown: what pictures and messages call the question."""
    said = line = prompt.strip().partition("\n")[0]
    if _MARKS.isdisjoint(line):
        return line
    for marks, plain in _MARKDOWN:
        said = marks.sub(plain, said)
    return said.strip() or line


def plain_json(value: Any) -> Any:
    """The value as its JSON reads back in every process, for replies that may be anything.

    Raises:
        ReplyInvalid: it has none, or one that nests too deep for what is made of it later.
    """
    try:
        plain = from_json(to_json(value, inf_nan_mode="constants"), allow_inf_nan=False)
    except Exception as error:  # noqa: BLE001 - the value may be of a class of the user's, which raises what it likes
        raise ReplyInvalid(
            {"": f"JSON is needed, and this {type(value).__name__} has none: {error}"}
        ) from None
    level = [plain]
    for _ in range(_DEPTH):
        level = [v for inner in level for v in _inside(inner)]
        if not level:
            return plain
    raise ReplyInvalid({"": f"it nests more than {_DEPTH} levels deep; make it flatter"})


def whole(field: str, text: str) -> str:
    """The text, which must be one that can be written anywhere.

    Raises:
        ReplyInvalid: it cannot.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ReplyInvalid({field: "half of a surrogate pair stands in it, which is no character"}) from None
    return text


def kind_of(value: Any) -> str:
    """What a value is, for a refusal that does not show it: its class."""
    return f"this is of type {type(value).__name__}"


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
