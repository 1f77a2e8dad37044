"""Tools that ask a person for words: a text, an approval. Stage B makes outputs of the reply.

The same tools stand behind `context.channel().ask_*`, so that a question is one thing however it is put. The others
are in `choose.py`, `measure.py`, `hand_in.py`, `fill_in.py`; how options are checked is in `options.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from aether_nb.authoring.dualstage import Wait
from aether_nb.calling import MISSING
from aether_nb.errors import ReplyInvalid
from aether_nb.prompts import ApprovalPrompt, Reply, TextPrompt
from aether_nb.prompts.text import compiled
from aether_nb.tools.options import Ask, texts
from aether_nb.values import written

Reason = Literal["no", "optional", "required"]


class AskText(Ask):
    """Ask a person for text. Output: `text`.

    Inputs: `prompt` (Markdown); `multiline`, `placeholder`; `min_length` and `max_length`, in characters; `pattern`, a
    regular expression that the whole text must match, and `hint`, which says in words what it wants; `value`, a
    suggestion that stands in the field already; `timeout` (seconds, timedelta, datetime; None waits for ever) and
    `default` (the answer when nobody answers in time).

    With `secret` the text is not shown while it is typed, and is kept in the memory of the kernel that drives the run
    and nowhere else: the log, the store and what is shown have `••••` for it, and after a restart the question is put
    again, when something needs the answer. It comes as a `str` and may be passed on to tools like one. What is
    made of it (`f"Bearer {secret}"`, a slice, `secret.encode()`) is a value like others, which is stored when it is an
    input or output: put it together in the tool that uses it.
    """

    name = "ask_text"
    outputs = ("text",)

    async def setup(
        self,
        prompt: str,
        *,
        multiline: bool = False,
        placeholder: str = "",
        secret: bool = False,
        min_length: int = 0,
        max_length: int | None = None,
        pattern: str | None = None,
        hint: str = "",
        value: str = "",
        timeout: Any = None,
        default: Any = MISSING,
    ) -> Wait:
        """Stage A."""
        self.check(
            prompt=prompt, multiline=multiline, placeholder=placeholder, secret=secret, hint=hint,
            min_length=min_length, max_length=max_length, value=value,
        )  # fmt: skip
        if max_length is not None and max_length < max(min_length, 1):
            raise self.refusal("max_length", max_length, f"then no text fits, with min_length={min_length}")
        if pattern is not None:
            try:
                compiled(pattern)
            except (ReplyInvalid, TypeError, ValueError):
                need = "give a regular expression, such as '[A-Z]{3}'"
                raise self.refusal("pattern", pattern, need) from None
        if secret and (value or default is not MISSING):
            what = "value=" if value else "default="
            raise self.refusal("secret", secret, f"a secret is typed by a person, so leave {what} out")
        question = TextPrompt(
            prompt=prompt, multiline=multiline, placeholder=placeholder, secret=secret, min_length=min_length,
            max_length=max_length, pattern=pattern, hint=hint, value=value,
        )  # fmt: skip
        return self.wait(question, timeout, default)

    async def on_resume(self, reply: Reply, wait: Wait) -> dict[str, Any]:  # type: ignore[override]  # noqa: ARG002 - needs no context
        """Stage B."""
        return {"text": reply.value}


class AskApproval(Ask):
    """Ask a person to choose one of a few options. Outputs: `choice`, `approved`, `reason`.

    Inputs: `prompt` (Markdown), `options`, `approve` (which option approves; the first when None), `danger` (an option,
    or several, that is drawn as dangerous and must be pressed twice), `reason` (`"optional"` or `"required"`: a reason
    is asked for, too), `timeout` and `default` as for `ask_text`.
    """

    name = "ask_approval"
    outputs = ("choice", "approved", "reason")

    async def setup(
        self,
        prompt: str,
        *,
        options: Sequence[str] = ("Approve", "Reject"),
        approve: str | None = None,
        danger: Sequence[str] | str = (),
        reason: Reason = "no",
        timeout: Any = None,
        default: Any = MISSING,
    ) -> Wait:
        """Stage A."""
        self.check(prompt=prompt)
        choices = texts(options) or ()
        if len(set(choices)) < max(len(choices), 1) or not all(choices):
            raise self.refusal("options", options, "give a list of different texts, such as ['Yes', 'No']")
        if approve is not None and approve not in choices:
            raise self.refusal("approve", approve, f"it is none of the options {_listed(choices)}")
        dangerous = texts([danger] if isinstance(danger, str) else danger)
        if dangerous is None or not set(dangerous) <= set(choices):
            raise self.refusal("danger", danger, f"give one of the options {_listed(choices)}, or several")
        if reason not in {"no", "optional", "required"}:
            raise self.refusal("reason", reason, "it is 'no', 'optional' or 'required'")
        question = ApprovalPrompt(
            prompt=prompt, options=choices, approve=approve or choices[0], danger=dangerous, reason=reason
        )
        return self.wait(question, timeout, default)

    async def on_resume(self, reply: Reply, wait: Wait) -> dict[str, Any]:  # type: ignore[override]  # noqa: ARG002 - needs no context
        """Stage B."""
        given = reply.value
        return {"choice": given["choice"], "approved": given["approved"], "reason": given.get("reason", "")}


def _listed(choices: Sequence[str]) -> str:
    return ", ".join(map(written, choices))


ask_text = AskText()
ask_approval = AskApproval()
