"""Tools that ask a person. Stage A only says what is asked; Stage B makes outputs of the reply.

The same three stand behind `context.channel().ask_*`, so that a question is one thing however it is put.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from aether_nb.authoring.dualstage import DualStageTool, Wait
from aether_nb.calling import MISSING
from aether_nb.errors import BadInputs
from aether_nb.prompts import ApprovalPrompt, FileRef, FilesPrompt, Reply, TextPrompt
from aether_nb.values import written

_FIELDS: dict[str, tuple[type, str]] = {
    "prompt": (str, "give the question as a text, such as 'Your name?'"),
    "placeholder": (str, "give a text"),
    "multiline": (bool, "it is True or False"),
    "multiple": (bool, "it is True or False"),
}


class AskText(DualStageTool):
    """Ask a person for text. Output: `text`.

    Inputs: `prompt` (Markdown), `multiline`, `placeholder`; `timeout` (seconds, timedelta, datetime; None
    waits for ever) and `default` (the answer when nobody answers in time).
    """

    name = "ask_text"
    outputs = ("text",)
    asks = True
    pure_setup = True

    async def setup(
        self,
        prompt: str,
        *,
        multiline: bool = False,
        placeholder: str = "",
        timeout: Any = None,
        default: Any = MISSING,
    ) -> Wait:
        """Stage A."""
        _check(self.name, prompt=prompt, multiline=multiline, placeholder=placeholder)
        question = TextPrompt(prompt=prompt, multiline=multiline, placeholder=placeholder)
        return Wait(kind="text", prompt=question, timeout=timeout, default=default)

    async def on_resume(self, reply: Reply, wait: Wait) -> dict[str, Any]:  # type: ignore[override]  # noqa: ARG002 - needs no context
        """Stage B."""
        return {"text": reply.value}


class AskApproval(DualStageTool):
    """Ask a person to choose one of a few options. Outputs: `choice`, `approved`.

    Inputs: `prompt` (Markdown), `options`, `approve` (which option approves; the first when None),
    `timeout` and `default` as for `ask_text`.
    """

    name = "ask_approval"
    outputs = ("choice", "approved")
    asks = True
    pure_setup = True

    async def setup(
        self,
        prompt: str,
        *,
        options: Sequence[str] = ("Approve", "Reject"),
        approve: str | None = None,
        timeout: Any = None,
        default: Any = MISSING,
    ) -> Wait:
        """Stage A."""
        _check(self.name, prompt=prompt)
        choices = _choices(options)
        if len(set(choices)) < max(len(choices), 1) or not all(choices):
            raise BadInputs(
                f"options={written(options)}: give a list of different texts, such as ['Yes', 'No']."
            )
        if approve is not None and approve not in choices:
            raise BadInputs(
                f"approve={written(approve)} is none of the options {', '.join(map(repr, choices))}."
            )
        question = ApprovalPrompt(prompt=prompt, options=choices, approve=approve or choices[0])
        return Wait(kind="approval", prompt=question, timeout=timeout, default=default)

    async def on_resume(self, reply: Reply, wait: Wait) -> dict[str, Any]:  # type: ignore[override]  # noqa: ARG002 - needs no context
        """Stage B."""
        return {"choice": reply.value["choice"], "approved": reply.value["approved"]}


class AskFiles(DualStageTool):
    """Ask a person for files. Outputs: `files` (a list of `FileRef`), `text` (a remark, may be empty).

    Inputs: `prompt` (Markdown), `multiple`, `accept` (what the browser's dialog offers, such as
    `[".csv", "image/*"]`), `timeout` and `default` as for `ask_text`.
    """

    name = "ask_files"
    outputs = ("files", "text")
    asks = True
    pure_setup = True

    async def setup(
        self,
        prompt: str,
        *,
        multiple: bool = True,
        accept: Sequence[str] | str = (),
        timeout: Any = None,
        default: Any = MISSING,
    ) -> Wait:
        """Stage A."""
        _check(self.name, prompt=prompt, multiple=multiple)
        kinds: Any = [accept] if isinstance(accept, str) else accept
        if not isinstance(kinds, Collection) or not all(isinstance(kind, str) for kind in kinds):
            raise BadInputs(f"accept={written(accept)}: give a list of texts, such as ['.csv', 'image/*'].")
        question = FilesPrompt(prompt=prompt, multiple=multiple, accept=tuple(kinds))
        return Wait(kind="files", prompt=question, timeout=timeout, default=default)

    async def on_resume(self, reply: Reply, wait: Wait, *, context: Any) -> dict[str, Any]:  # noqa: ARG002 - the reply is all it needs
        """Stage B: files still given as paths (a default) become artifacts now."""
        files = [
            FileRef.model_validate(f) if "sha256" in f else context.artifacts().put_file(f["path"])
            for f in reply.value["files"]
        ]
        return {"files": files, "text": reply.value["text"]}


def _check(tool: str, **given: object) -> None:
    """Refuse what no question can be made of.

    Raises:
        BadInputs: one of these is not what it should be.
    """
    for name, value in given.items():
        kind, need = _FIELDS[name]
        if not isinstance(value, kind):
            raise BadInputs(f"{tool}: {name}={written(value)}: {need}.")


def _choices(options: Any) -> tuple[str, ...]:
    """The options as texts; none when they are no texts, or numbers that can be shown as such."""
    listed = isinstance(options, Collection) and not isinstance(options, (str, bytes))
    fits = listed and all(isinstance(o, (str, int, float)) for o in options)
    return tuple(map(str, options)) if fits else ()


ask_text = AskText()
ask_approval = AskApproval()
ask_files = AskFiles()
