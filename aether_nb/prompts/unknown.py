"""Questions that this version cannot read: listed beside the others, and answered elsewhere."""

from __future__ import annotations

from typing import Any

from aether_nb.errors import ReplyInvalid
from aether_nb.prompts.base import PromptBase


class UnknownPrompt(PromptBase):
    """Stands in for a stored question of a kind that a newer version has. It is shown, and nothing answers it here."""

    kind: str

    @classmethod
    def of(cls, stored: Any) -> UnknownPrompt:
        """From the question's JSON, whatever that is."""
        said = stored if isinstance(stored, dict) else {}
        kind, words = str(said.get("kind"))[:100], said.get("prompt")
        note = f"(cannot be read here: a newer aether_nb wrote it, of kind {kind!r})"
        return cls(kind=kind, prompt=f"{words} {note}" if isinstance(words, str) else note)

    def check(self, value: Any) -> Any:  # noqa: ARG002 - whatever it is
        """Nothing fits."""
        why = f"this aether_nb cannot read the question, of kind {self.kind!r}; answer it with the version that asked"
        raise ReplyInvalid({"": why})

    def reply_schema(self) -> dict[str, Any]:
        """Nobody here knows."""
        return {}
