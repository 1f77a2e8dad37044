"""The tool that has a person choose from options."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import isfinite
from typing import Any

from aether_nb.authoring.dualstage import Wait
from aether_nb.calling import MISSING
from aether_nb.prompts import ChoicePrompt, Option, Reply
from aether_nb.prompts.choice import place_of
from aether_nb.tools.options import Ask

Options = Sequence[Any] | Mapping[Any, str]
"""Values that are their own labels, labels by value, or `Option`s."""

_NEED = "give a list of different values, such as ['red', 'blue'], or labels by value"


class AskChoices(Ask):
    """Ask a person to choose from options. Outputs: `choice` (the value), `choices` (the list of values).

    Inputs: `prompt` (Markdown); `options`: a list of values (text, numbers, True, False, None), a mapping from
    value to label, or a list of `ae.Option`, which may have a help text; `multiple`: several may be chosen, `min` and
    `max` of them, and `choice` is then the first; `value`: what is chosen already, as a suggestion; `timeout` and
    `default` as for `ask_text`.
    """

    name = "ask_choices"
    outputs = ("choice", "choices")

    async def setup(
        self,
        prompt: str,
        options: Options,
        *,
        multiple: bool = False,
        min: int = 0,  # noqa: A002 - the words that everybody has for it
        max: int | None = None,  # noqa: A002
        value: Any = None,
        timeout: Any = None,
        default: Any = MISSING,
    ) -> Wait:
        """Stage A."""
        self.check(prompt=prompt, multiple=multiple, min=min, max=max)
        choices = self._choices(options)
        if not multiple and (min or max is not None):
            raise self.refusal("min" if min else "max", min or max, "that is for multiple=True")
        if min > len(choices):
            raise self.refusal("min", min, f"there are {len(choices)} options, so that nothing fits")
        if max is not None and max < (min or 1):
            raise self.refusal("max", max, f"with min={min} nothing fits")
        chosen = self._chosen(choices, value, multiple)
        question = ChoicePrompt(
            prompt=prompt, options=choices, multiple=multiple, min=min, max=max, value=chosen
        )
        return self.wait(question, timeout, default)

    async def on_resume(self, reply: Reply, wait: Wait) -> dict[str, Any]:  # type: ignore[override]
        """Stage B."""
        several = isinstance(wait.prompt, ChoicePrompt) and wait.prompt.multiple
        choices = list(reply.value) if several else [reply.value]
        return {"choice": choices[0] if choices else None, "choices": choices}

    def _choices(self, options: Any) -> tuple[Option, ...]:
        if isinstance(options, Mapping):
            given: list[Any] = [(value, label) for value, label in options.items()]
        elif isinstance(options, Collection) and not isinstance(options, (str, bytes)):
            given = [(o.value, o.label, o.help) if isinstance(o, Option) else (o, _label(o)) for o in options]
        else:
            given = []
        values: list[Any] = []
        for value, label, *_ in given:
            if not _is_scalar(value) or not isinstance(label, str) or place_of(value, values) is not None:
                raise self.refusal("options", options, _NEED)
            values.append(value)
        if not given:
            raise self.refusal("options", options, _NEED)
        return tuple(Option(value=v, label=label, help=more[0] if more else "") for v, label, *more in given)

    def _chosen(self, options: Sequence[Option], value: Any, multiple: bool) -> tuple[Any, ...] | None:
        if value is None:
            return None
        several = isinstance(value, (list, tuple, set, frozenset))
        chosen = tuple(value) if several else (value,)
        places = [place_of(one, (o.value for o in options)) for one in chosen]
        if None in places or (len(chosen) > 1 and not multiple):
            raise self.refusal(
                "value", value, "give one of the options, or several where several may be chosen"
            )
        return chosen


def _is_scalar(value: Any) -> bool:
    if isinstance(value, float):
        return type(value) is float and isfinite(value)
    return type(value) in {str, int, bool, type(None)}


def _label(value: Any) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return str(value)


ask_choices = AskChoices()
