"""Tools that ask a person for files, or for a text or files."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from aether_nb.authoring.dualstage import Wait
from aether_nb.calling import MISSING
from aether_nb.prompts import FileRef, FilesPrompt, Reply, TextOrFilesPrompt
from aether_nb.tools.options import Ask


class AskFiles(Ask):
    """Ask a person for files. Outputs: `files` (a list of `FileRef`), `text` (a remark, may be empty).

    Inputs: `prompt` (Markdown), `multiple`, `accept` (what the browser's dialog offers, such as
    `[".csv", "image/*"]`), `max_bytes` (of each file), `timeout` and `default` as for `ask_text`.
    """

    name = "ask_files"
    outputs = ("files", "text")

    async def setup(
        self,
        prompt: str,
        *,
        multiple: bool = True,
        accept: Sequence[str] | str = (),
        max_bytes: int | None = None,
        timeout: Any = None,
        default: Any = MISSING,
    ) -> Wait:
        """Stage A."""
        self.check(prompt=prompt, multiple=multiple, max_bytes=max_bytes)
        question = FilesPrompt(
            prompt=prompt, multiple=multiple, accept=self.accepted(accept), max_bytes=max_bytes
        )
        return self.wait(question, timeout, default)

    def accepted(self, accept: Any) -> tuple[str, ...]:
        """What the dialog offers."""
        kinds = [accept] if isinstance(accept, str) else accept
        if not isinstance(kinds, Collection) or not all(isinstance(kind, str) for kind in kinds):
            raise self.refusal("accept", accept, "give a list of texts, such as ['.csv', 'image/*']")
        return tuple(kinds)

    async def on_resume(self, reply: Reply, wait: Wait, *, context: Any) -> dict[str, Any]:  # noqa: ARG002 - the reply is all it needs
        """Stage B: files still given as paths (a default) become artifacts now."""
        files = [
            FileRef.model_validate(f) if "sha256" in f else context.artifacts().put_file(f["path"])
            for f in reply.value["files"]
        ]
        return {"files": files, "text": reply.value["text"]}


class AskTextOrFiles(AskFiles):
    """Ask a person for a text, or files, or both. Outputs: `files` (a list of `FileRef`), `text`; one may be empty.

    Inputs: as for `ask_files`, and `placeholder` and `multiline` for the text.
    """

    name = "ask_text_or_files"
    outputs = ("files", "text")

    async def setup(
        self,
        prompt: str,
        *,
        multiple: bool = True,
        accept: Sequence[str] | str = (),
        max_bytes: int | None = None,
        placeholder: str = "",
        multiline: bool = False,
        timeout: Any = None,
        default: Any = MISSING,
    ) -> Wait:
        """Stage A."""
        self.check(
            prompt=prompt,
            multiple=multiple,
            max_bytes=max_bytes,
            placeholder=placeholder,
            multiline=multiline,
        )
        question = TextOrFilesPrompt(
            prompt=prompt, multiple=multiple, accept=self.accepted(accept), max_bytes=max_bytes,
            placeholder=placeholder, multiline=multiline,
        )  # fmt: skip
        return self.wait(question, timeout, default)


ask_files = AskFiles()
ask_text_or_files = AskTextOrFiles()
