"""All kinds of prompts together: told apart by `kind`, and how a reply to any of them is checked."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter

from aether_nb.prompts.approval import ApprovalPrompt
from aether_nb.prompts.callback import CallbackPrompt
from aether_nb.prompts.choice import ChoicePrompt
from aether_nb.prompts.date import DatePrompt
from aether_nb.prompts.files import FilesPrompt, TextOrFilesPrompt
from aether_nb.prompts.form import FormPrompt
from aether_nb.prompts.number import NumberPrompt
from aether_nb.prompts.text import TextPrompt

AnyPrompt = (
    TextPrompt
    | ApprovalPrompt
    | ChoicePrompt
    | NumberPrompt
    | DatePrompt
    | FilesPrompt
    | TextOrFilesPrompt
    | FormPrompt
    | CallbackPrompt
)

Prompt = Annotated[AnyPrompt, Field(discriminator="kind")]
"""Every kind of prompt, told apart by `kind`."""

PROMPT: TypeAdapter[Prompt] = TypeAdapter(Prompt, config=ConfigDict(defer_build=True))
"""To and from JSON."""


def check_reply(prompt: Prompt, value: Any) -> Any:
    """Check a reply against its prompt, and give it back in its one normal form.

    Args:
        prompt: the question.
        value: what came through a door; JSON. Shorthands are accepted where the kind has one.

    Returns:
        JSON, as the class of the prompt says. Files are paths still where a path was given.

    Raises:
        ReplyInvalid: it does not fit; `problems` says why, by field.
    """
    return prompt.check(value)


def reply_schema(prompt: Prompt) -> dict[str, Any]:
    """JSON Schema of the reply's normal form, for doors that do not have the notebook's classes."""
    return prompt.reply_schema()


def is_secret(prompt: Prompt) -> bool:
    """Whether the reply must be stored nowhere."""
    return isinstance(prompt, TextPrompt) and prompt.secret
