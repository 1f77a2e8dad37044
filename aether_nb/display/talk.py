"""What a run asked and said, as pictures see it: prompts and messages, and which of them are news.

Part of a `RunView`, which folds the events; `table.py` is its twin for the nodes.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any, Literal, Protocol

from aether_nb import events as ev
from aether_nb.display.shapes import (
    FileShape,
    GrownShape,
    MessageShape,
    PatchShape,
    ProgressShape,
    PromptShape,
    ReplyShape,
    TableShape,
)
from aether_nb.display.words import reply_text
from aether_nb.messages import Message, Telling, cell_text
from aether_nb.prompts import Reply

IMAGE_BYTES = 4 << 20
"""A larger image is named, not sent."""

FILE_BYTES = 256 << 10
"""A larger file is named, not sent."""

State = Literal["said", "live", "stopped"]
_STATES: dict[str, State] = {"live": "live", "done": "said", "stopped": "stopped"}

_SHA = re.compile(r"[0-9a-f]{64}")
_IMAGE = re.compile(r"image/[\w.+-]+")


class Files(Protocol):
    """Finds artifacts."""

    def found(self, sha: str) -> bytes | None:
        """Its bytes; None when they are not there."""

    def path(self, sha: str) -> str:
        """Where it lies."""


class NoFiles:
    """Finds none."""

    def found(self, sha: str) -> None:
        """Not there."""

    def path(self, sha: str) -> str:  # noqa: ARG002 - none
        """Nobody knows."""
        return ""


def reply_shape(prompt: Mapping[str, Any], reply: Reply, me: str) -> ReplyShape:
    """An answer to a prompt, which is JSON; what `me` answered is said to be from "you"."""
    by = "you" if reply.by == me else reply.by
    return ReplyShape(text=reply_text(prompt, reply.value), by=by, door=reply.door, at_ms=reply.at_ms)


class Talk:
    """The prompts and messages of one run.

    Args:
        files: finds the artifacts that messages name.
        me: who reads this.

    Attributes:
        prompts: by token, in the order they came.
        messages: by id, in the order they came.
        open: tokens of the waits that are open.
    """

    def __init__(self, files: Files, me: str) -> None:
        self._files = files
        self._me = me
        self.prompts: dict[str, PromptShape] = {}
        self.messages: dict[str, MessageShape] = {}
        self.open: set[str] = set()
        self._new_prompts: dict[str, None] = {}
        self._texts: dict[str, _Text] = {}
        self._new_messages: dict[str, _Growth | None] = {}

    def add_to(self, patch: PatchShape) -> None:
        """Say what is new since `told`."""
        if self._new_prompts:
            patch["prompts"] = [self.prompts[token].copy() for token in self._new_prompts]
        whole = [
            self._copy(message_id) for message_id, growth in self._new_messages.items() if growth is None
        ]
        if whole:
            patch["messages"] = whole
        grown = [
            GrownShape(
                id=message_id,
                at=growth.at,
                text="".join(growth.parts),
                state=self.messages[message_id]["state"],
            )
            for message_id, growth in self._new_messages.items()
            if growth is not None
        ]
        if grown:
            patch["grown"] = grown

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

    # -- messages --------------------------------------------------------------------------------

    def say(self, event: ev.MessageSent) -> None:
        """A message was sent, or something was told to its end."""
        message_id = event.telling or str(event.seq)
        seq, order = event.place or (event.seq, 0)
        state: State = "said" if event.error is None else "stopped"
        self._put(self._shape(message_id, seq, order, event.node, state, event.message))

    def tell(self, telling: Telling) -> None:
        """Something is being told, so far."""
        (seq, order), state = telling.place, _STATES[telling.state]
        known = self.messages.get(telling.id)
        if known is None or telling.start == 0 or telling.message.kind == "progress":
            self._put(self._shape(telling.id, seq, order, telling.node, state, telling.message))
        else:  # somebody who came late knows more of it already
            said = self._texts[telling.id].length
            self._grow(known, telling.message.text[max(0, said - telling.start) :], state)

    def stop(self) -> None:
        """Nothing goes on any more."""
        for shape in self.messages.values():
            if shape["state"] == "live":
                shape["state"] = "stopped"
                self._new_messages.setdefault(shape["id"], None)

    def whole_messages(self) -> list[MessageShape]:
        """Copies of all messages."""
        return [self._copy(message_id) for message_id in self.messages]

    def _put(self, shape: MessageShape) -> None:
        """A message is this now; of a text that only went on, a page is told no more than the rest."""
        known, text = self.messages.get(shape["id"]), self._texts.get(shape["id"])
        if known is not None and text is not None and shape["text"].startswith(before := text.whole()):
            known["seq"], known["order"] = shape["seq"], shape["order"]
            self._grow(known, shape["text"][len(before) :], shape["state"])
            return
        self.messages[shape["id"]] = shape
        if shape["kind"] in {"text", "markdown"} and shape["order"]:
            self._texts[shape["id"]] = _Text(shape["text"])
        self._new_messages[shape["id"]] = None

    def _grow(self, shape: MessageShape, more: str, state: State) -> None:
        text = self._texts[shape["id"]]
        self._new_messages.setdefault(shape["id"], _Growth(text.units))
        growth = self._new_messages[shape["id"]]
        if growth is not None:
            growth.parts.append(more)
        text.add(more)
        shape["state"] = state

    def _copy(self, message_id: str) -> MessageShape:
        shape = self.messages[message_id].copy()
        if message_id in self._texts:
            shape["text"] = self._texts[message_id].whole()
        return shape

    def _shape(
        self, message_id: str, seq: int, order: int, node: str, state: State, message: Message
    ) -> MessageShape:
        shape = MessageShape(
            id=message_id, seq=seq, order=order, node=node, kind=message.kind, state=state, text=message.text,
            name=message.name,
        )  # fmt: skip
        if message.kind == "image" and (src := self._image(message)):
            shape["src"] = src
        elif message.kind in {"image", "file"}:
            shape["file"] = self._file(message)
        elif message.kind == "table":
            shape["table"] = TableShape(
                columns=list(message.columns), rows=[[cell_text(value) for value in row] for row in message.rows],
                right=list(message.right), more_rows=message.more_rows, more_columns=message.more_columns,
            )  # fmt: skip
        elif message.bar is not None:
            bar = message.bar
            shape["bar"] = ProgressShape(
                done=bar.done, total=bar.total, count=bar.count, pace=bar.pace(over=state != "live")
            )
        return shape

    def _image(self, message: Message) -> str:
        if not _IMAGE.fullmatch(message.media_type) or message.size > IMAGE_BYTES:
            return ""
        data = self._files.found(message.sha256)
        return "" if data is None or len(data) > IMAGE_BYTES else _data_url(message.media_type, data)

    def _file(self, message: Message) -> FileShape:
        data = self._files.found(message.sha256) if message.size <= FILE_BYTES else None
        return FileShape(
            size=message.size,
            path=self._files.path(message.sha256) if _SHA.fullmatch(message.sha256) else "",
            href="" if data is None else _data_url("application/octet-stream", data),
        )


class _Text:
    """The text of a stream, which grows."""

    def __init__(self, text: str) -> None:
        self._parts = [text]
        self.length, self.units = len(text), _units(text)

    def add(self, text: str) -> None:
        self._parts.append(text)
        self.length += len(text)
        self.units += _units(text)

    def whole(self) -> str:
        self._parts = ["".join(self._parts)]
        return self._parts[0]


class _Growth:
    """What a stream has more of than whoever receives patches knows."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.parts: list[str] = []


def _units(text: str) -> int:
    """How long a page takes a text to be."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "replace")) // 2


def _data_url(media_type: str, data: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"
