"""Questions with a few buttons: one of them approves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from aether_nb.errors import ReplyInvalid
from aether_nb.prompts.base import PromptBase, kind_of, whole


class ApprovalPrompt(PromptBase):
    """Asks for one of a few options.

    The reply is `{"choice": ..., "approved": ..., "reason": ...}`; a bare option will do, and so will True or
    False where no reason is required.
    """

    kind: Literal["approval"] = "approval"
    options: tuple[str, ...] = ("Approve", "Reject")
    approve: str = "Approve"
    """The option that counts as approval."""
    danger: tuple[str, ...] = ()
    """The options that are drawn as dangerous, and must be pressed twice."""
    reason: Literal["no", "optional", "required"] = "no"
    """Whether a reason is asked for, too."""

    def check(self, value: Any) -> dict[str, Any]:
        """The choice, whether it approves, and why it was made."""
        given: Mapping[Any, Any] = value if isinstance(value, Mapping) else {"choice": value}
        problems = {}
        choice, reason = given.get("choice"), given.get("reason")
        if isinstance(choice, bool):  # True and False read naturally for two options
            rest = [o for o in self.options if o != self.approve]
            choice = self.approve if choice else (rest[0] if rest else choice)
        if type(choice) is not str or choice not in self.options:
            shown = ", ".join(map(repr, self.options))
            what = repr(choice) if type(choice) is str else f"what is of type {type(choice).__name__}"
            problems["choice"] = f"{what:.200} is none of {shown}"
        if reason is not None and not isinstance(reason, str):
            problems["reason"] = f"the reason is a text, and {kind_of(reason)}"
        elif self.reason == "required" and not (reason or "").strip():
            problems["reason"] = "say why"
        elif self.reason == "no" and reason:
            problems["reason"] = "no reason is asked for"
        if problems:
            raise ReplyInvalid(problems)
        said = whole("reason", str(reason or ""))
        return {"choice": str(choice), "approved": choice == self.approve, "reason": said}

    def reply_schema(self) -> dict[str, Any]:
        """An object."""
        reason: dict[str, Any] = {"type": "string"}
        if self.reason == "no":
            reason["maxLength"] = 0
        elif self.reason == "required":
            reason["minLength"] = 1
        return {
            "type": "object",
            "properties": {
                "choice": {"enum": list(self.options)},
                "approved": {"type": "boolean"},
                "reason": reason,
            },
            "required": ["choice", "reason"] if self.reason == "required" else ["choice"],
        }
