"""What a run asked and said, as pictures see it: prompts and messages, and which of them are news.

Part of a `RunView`, which folds the events; `table.py` is its twin for the nodes.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from aether_nb import events as ev
from aether_nb.display.shapes import MessageShape, PatchShape, PromptShape, ReplyShape
from aether_nb.display.words import cell, reply_text
from aether_nb.prompts import Reply

IMAGE_BYTES = 4 << 20
"""A larger image is named, not sent."""

_IMAGE = re.compile(r"image/[\w.+-]+")


def reply_shape(prompt: Mapping[str, Any], reply: Reply, me: str) -> ReplyShape:
    """An answer to a prompt, which is JSON; what `me` answered is said to be from "you"."""
    by = "you" if reply.by == me else reply.by
    return ReplyShape(text=reply_text(prompt, reply.value), by=by, door=reply.door, at_ms=reply.at_ms)


class Talk:
    """The prompts and messages of one run.

    Args:
        artifact: finds the bytes of an artifact by its sha256, for images in messages.
        me: who reads this.

    Attributes:
        prompts: by token, in the order they came.
        messages: in the order they came.
        open: tokens of the waits that are open.
    """

    def __init__(self, artifact: Callable[[str], bytes | None], me: str) -> None:
        self._artifact = artifact
        self._me = me
        self.prompts: dict[str, PromptShape] = {}
        self.messages: list[MessageShape] = []
        self.open: set[str] = set()
        self._new_prompts: dict[str, None] = {}
        self._new_messages: list[MessageShape] = []

    def add_to(self, patch: PatchShape) -> None:
        """Say what is new since `told`."""
        if self._new_prompts:
            patch["prompts"] = [self.prompts[token].copy() for token in self._new_prompts]
        if self._new_messages:
            patch["messages"] = [message.copy() for message in self._new_messages]

    def told(self) -> None:
        """Whoever receives patches knows all of this."""
        self._new_prompts.clear()
        self._new_messages.clear()

    def ask(self, event: ev.WaitOpened) -> None:
        """A question is open."""
        self.open.add(event.token)
        self.prompts[event.token] = PromptShape(
            token=event.token,
            node=event.node,
            seq=event.seq,
            kind=event.prompt.kind,
            prompt=event.prompt.model_dump(mode="json"),
            state="open",
            deadline_ms=event.deadline_ms,
            reply=None,
            problems={},
        )
        self._new_prompts[event.token] = None

    def answer(self, token: str, reply: Reply) -> None:
        """A question is answered; one that is not known here is none of ours."""
        prompt = self.prompts.get(token)
        if prompt is not None:
            prompt["state"] = "answered"
            prompt["problems"] = {}
            prompt["reply"] = reply_shape(prompt["prompt"], reply, self._me)
            self._new_prompts[token] = None

    def reject(self, event: ev.ReplyRejected) -> None:
        """An answer was refused, and the question is open again."""
        prompt = self.prompts.get(event.token)
        if prompt is not None:
            prompt["state"] = "open"
            prompt["reply"] = None
            prompt["problems"] = dict(event.problems)
            self._new_prompts[event.token] = None
            self.open.add(event.token)

    def close(self, token: str, state: Literal["expired", "withdrawn"]) -> None:
        """A question is not open any more, and nobody answered."""
        self.open.discard(token)
        prompt = self.prompts.get(token)
        if prompt is not None:
            prompt["state"] = state
            self._new_prompts[token] = None

    def say(self, event: ev.MessageSent) -> None:
        """A message was sent."""
        message = event.message
        shape = MessageShape(
            seq=event.seq,
            node=event.node,
            kind=message.kind,
            text=message.text,
            name=message.name,
            src=self._image(message) if message.kind == "image" else "",
            columns=list(message.columns),
            rows=[[cell(value) for value in row] for row in message.rows],
        )
        self.messages.append(shape)
        self._new_messages.append(shape)

    def _image(self, message: ev.Message) -> str:
        data = self._artifact(message.sha256) if _IMAGE.fullmatch(message.media_type) else None
        if data is None or len(data) > IMAGE_BYTES:
            return ""
        return f"data:{message.media_type};base64,{base64.b64encode(data).decode()}"
