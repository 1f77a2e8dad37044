"""Questions for text: a line, a paragraph, a secret."""

from __future__ import annotations

import functools
import re
from typing import Any, Literal

from aether_nb.errors import ReplyInvalid
from aether_nb.prompts.base import PromptBase, kind_of, whole


class TextPrompt(PromptBase):
    """Asks for a line or a paragraph of text. The reply is a string."""

    kind: Literal["text"] = "text"
    multiline: bool = False
    placeholder: str = ""
    secret: bool = False
    """Not shown while it is typed, and kept nowhere but in the memory of the kernel that drives the run."""
    min_length: int = 0
    """Characters, at least."""
    max_length: int | None = None
    pattern: str | None = None
    """A regular expression that the whole text must match: what Python and JavaScript read alike."""
    hint: str = ""
    """What is expected, in words: stands under the field, and in the refusal of what does not match."""
    value: str = ""
    """A suggested answer, which stands in the field already."""

    def check(self, value: Any) -> str:
        """The text, if it is one, of a length and form that fit."""
        if not isinstance(value, str):
            raise ReplyInvalid({"": f"a text is needed, and {kind_of(value)}"})
        text = whole("", str(value))
        if problem := self._problem(text):
            raise ReplyInvalid({"": problem})
        return text

    def _problem(self, text: str) -> str:
        """What is wrong with a text; nothing of it is in the words, for it may be a secret."""
        if len(text) < self.min_length:
            return (
                f"at least {_characters(self.min_length)} needed, {len(text)} came"
                if text
                else "a text is needed"
            )
        if self.max_length is not None and len(text) > self.max_length:
            return f"at most {_characters(self.max_length)} wanted, {len(text)} came"
        if self.pattern is not None and not compiled(self.pattern).fullmatch(text):
            return f"expected: {self.hint}" if self.hint else f"it does not match the pattern {self.pattern}"
        return ""

    def reply_schema(self) -> dict[str, Any]:
        """A string, and what it must be like."""
        schema: dict[str, Any] = {"type": "string"}
        if self.min_length:
            schema["minLength"] = self.min_length
        if self.max_length is not None:
            schema["maxLength"] = self.max_length
        if self.pattern is not None:
            schema["pattern"] = f"^(?:{self.pattern})$"
        return schema


@functools.lru_cache(256)
def compiled(pattern: str) -> re.Pattern[str]:
    """A pattern, ready to match.

    Raises:
        ReplyInvalid: it is none, so that nothing can match it.
    """
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ReplyInvalid({"": f"nothing can match the pattern {pattern}, which is none: {error}"}) from None


def _characters(n: int) -> str:
    return "1 character is" if n == 1 else f"{n} characters are"
