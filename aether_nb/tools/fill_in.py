"""The tool that has a person fill in a form: an instance of a pydantic model."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from aether_nb.authoring.dualstage import Wait
from aether_nb.calling import MISSING
from aether_nb.errors import ReplyInvalid
from aether_nb.prompts import FormPrompt, Reply, form_of, instance_of, schemas
from aether_nb.tools.options import Ask


class AskForm(Ask):
    """Ask a person to fill in a form. Output: `value`, an instance of the model.

    Inputs: `model`, a pydantic model: its fields are the form's, with their titles, descriptions, bounds and
    defaults, and its validators decide; `prompt` (Markdown; the first line of the model's docstring, or its name, when
    empty); `value`, suggested values, by field or as an instance; `submit`, the words on the button; `timeout` and
    `default` (an instance, or values by field) as for `ask_text`.

    The model is one at the top of a cell or module: the log has its name, by which it is found again after a restart.
    """

    name = "ask_form"
    outputs = ("value",)

    async def setup(
        self,
        model: type[BaseModel],
        prompt: str = "",
        *,
        value: Any = None,
        submit: str = "",
        timeout: Any = None,
        default: Any = MISSING,
    ) -> Wait:
        """Stage A."""
        self.check(prompt=prompt, submit=submit)
        given: Any = model
        if not isinstance(given, type) or not issubclass(given, BaseModel):
            raise self.refusal("model", model, "give a class with fields, `class Person(BaseModel): ...`")
        question = form_of(model, prompt, value, submit=submit)
        if default is not MISSING:
            try:
                instance_of(model, question.fields, question.check(default))
            except ReplyInvalid as invalid:
                raise self.refusal(
                    "default", default, f"it is no answer to the question: {invalid}"
                ) from None
        _load_soon()
        return self.wait(question, timeout, default)

    async def on_resume(self, reply: Reply, wait: Wait) -> dict[str, Any]:  # type: ignore[override]
        """Stage B: the model decides, whatever the doors could see."""
        return {"value": self.filled(wait.prompt, wait.inputs, reply.value)}

    def filled(self, prompt: Any, inputs: Mapping[str, Any], value: Any) -> BaseModel:
        """The instance; raises ReplyInvalid."""
        assert isinstance(prompt, FormPrompt)
        model: type[BaseModel] = inputs["model"]
        return instance_of(model, prompt.fields, value)


ask_form = AskForm()


_SHOWN_S = 0.5  # by then the question is shown


@functools.cache  # once is enough
def _load_soon() -> None:
    """Have what checks the answer loaded while a person reads the question."""
    if not schemas.can_check():
        load = threading.Thread(target=schemas.load, daemon=True)
        asyncio.get_running_loop().call_later(_SHOWN_S, load.start)
