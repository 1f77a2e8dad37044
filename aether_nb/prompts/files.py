"""Questions for files, or for files or a text; and what a file is in a reply."""

from __future__ import annotations

import functools
import mimetypes
import os
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ValidationError

from aether_nb.errors import ReplyInvalid
from aether_nb.prompts.base import Data, PromptBase, whole

_NEED = "files are needed: a path, or a list of paths"


class FileRef(Data):
    """A file that a person gave: its bytes are an artifact, this is the label on it."""

    name: str
    """The file's name, without folders, made safe."""
    size: int
    """Bytes."""
    sha256: str
    """Hex digest of the bytes; also the artifact's name."""
    media_type: str = "application/octet-stream"
    path: str
    """Where the bytes lie on the kernel's machine."""

    def __repr__(self) -> str:
        return f"<file {self.name}, {spoken_size(self.size)}>"

    __str__ = __repr__


class FileGiven(Data):
    """A file in a reply, before it became an artifact: a path on the kernel's machine."""

    path: str


class FilesReply(Data):
    """What a request for files is answered with."""

    files: tuple[FileRef | FileGiven, ...] = ()
    text: str = ""


@functools.cache
def _schema() -> dict[str, Any]:
    return FilesReply.model_json_schema()


class TakesFiles(PromptBase):
    """What every prompt has that may be answered with files."""

    multiple: bool = True
    accept: tuple[str, ...] = ()
    """What is taken, as HTML says it: `.csv`, `text/csv`, `image/*`; empty is anything."""
    max_bytes: int | None = None
    """How large each file may be; said before one is sent."""

    def check(self, value: Any) -> dict[str, Any]:
        """The files, still as paths where a path was given, and a remark."""
        if isinstance(value, (str, bytes, os.PathLike)):
            value = [value]
        if isinstance(value, (list, tuple)):
            value = {"files": [v if isinstance(v, Mapping) else _path_given(v) for v in value]}
        if not isinstance(value, Mapping):
            raise ReplyInvalid({"files": _NEED})
        try:
            reply: dict[str, Any] = FilesReply.model_validate(value).model_dump(mode="json")
        except ValidationError as e:
            first = e.errors(include_url=False, include_input=False)[0]
            field = ".".join(str(p) for p in first["loc"])
            raise ReplyInvalid({field: f"{_NEED} ({first['msg'].lower()})"}) from None
        whole("text", reply["text"])
        if not self.multiple and len(reply["files"]) > 1:
            raise ReplyInvalid({"files": f"one file is asked for, {len(reply['files'])} came"})
        large = {
            f"files.{i}": problem
            for i, file in enumerate(reply["files"])
            if (problem := self.too_large(file.get("size", 0)))
        }
        if large:
            raise ReplyInvalid(large)
        return reply

    def too_large(self, size: int) -> str:
        """What is wrong with a file of so many bytes; empty when nothing is."""
        if self.max_bytes is None or size <= self.max_bytes:
            return ""
        return f"a file has at most {spoken_size(self.max_bytes)} here, and this one {spoken_size(size)}"

    def misfit(self, name: str, size: int, media_type: str = "") -> str:
        """Why a file is not one that is asked for; empty when it is.

        Args:
            name: its name, by whose end its kind is guessed.
            size: bytes.
            media_type: what the browser calls its kind, if it does.
        """
        kinds = {media_type.lower(), mimetypes.guess_type(name)[0] or ""}
        wanted = [kind.strip().lower() for kind in self.accept]
        if wanted and not any(_is_of(kind, name.lower(), kinds) for kind in wanted):
            return f"{name!r} is none of what is asked for: {', '.join(self.accept)}"
        return self.too_large(size)

    def reply_schema(self) -> dict[str, Any]:
        """An object."""
        return _schema()


class FilesPrompt(TakesFiles):
    """Asks for files. The reply is `{"files": [...], "text": ...}`; a path or a list of paths will do."""

    kind: Literal["files"] = "files"


class TextOrFilesPrompt(TakesFiles):
    """Asks for a text, or files, or both.

    The reply is `{"files": [...], "text": ...}` with at least one of them; a text will do, or a list of paths.
    """

    kind: Literal["text_or_files"] = "text_or_files"
    placeholder: str = ""
    multiline: bool = False

    def check(self, value: Any) -> dict[str, Any]:
        """The files and the text, of which one is there."""
        reply = super().check({"text": str(value)} if isinstance(value, str) else value)
        if not reply["files"] and not reply["text"].strip():
            raise ReplyInvalid({"": "a text or a file is needed"})
        return reply


def _is_of(wanted: str, name: str, kinds: set[str]) -> bool:
    """Whether a file is what an entry of `accept` says: `.csv`, `text/csv`, `image/*`."""
    if wanted.startswith("."):
        return name.endswith(wanted)
    if wanted in {"*", "*/*"}:
        return True
    return any(kind.startswith(wanted[:-1]) if wanted.endswith("/*") else kind == wanted for kind in kinds)


def spoken_size(size: int) -> str:
    """A number of bytes for people."""
    amount = float(size)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            break
        amount /= 1000
    return f"{size} bytes" if unit == "bytes" else f"{amount:.3g} {unit}"


def _path_given(value: Any) -> dict[str, str]:
    try:
        return {"path": os.fsdecode(value)}
    except Exception:  # noqa: BLE001 - it may be of a class of the user's
        raise ReplyInvalid({"files": f"{_NEED}, and this is of type {type(value).__name__}"}) from None
