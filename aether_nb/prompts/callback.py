"""Waits that no person answers: for a job, for an event."""

from __future__ import annotations

from typing import Any, Literal

from aether_nb.errors import ReplyInvalid
from aether_nb.prompts.base import PromptBase, plain_json
from aether_nb.prompts.schemas import faults


class CallbackPrompt(PromptBase):
    """A wait for something that is not a person: a job, an event. The reply is JSON, any or as `reply` says."""

    kind: Literal["callback"] = "callback"
    job: str = ""
    reply: dict[str, Any] | None = None
    """JSON Schema of the reply; None takes anything."""

    def check(self, value: Any) -> Any:
        """The value as plain JSON, if it fits the schema."""
        plain = plain_json(value)
        if self.reply is None:
            return plain
        try:
            problems = {
                ".".join(map(str, fault.absolute_path)): fault.message for fault in faults(self.reply, plain)
            }
        except RecursionError:
            problems = {"": "it nests too deep for its schema; make it flatter"}
        if problems:
            raise ReplyInvalid(problems)
        return plain

    def reply_schema(self) -> dict[str, Any]:
        """As the wait says; whatever is valid when it says nothing."""
        return self.reply or {}
