"""The options of the asks: each is checked when the question is put, and refused in one sentence."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from aether_nb.authoring.dualstage import DualStageTool, Wait
from aether_nb.errors import BadInputs, ReplyInvalid
from aether_nb.prompts import DatePrompt, NumberPrompt, Prompt
from aether_nb.values import written


class Ask(DualStageTool):
    """What all tools have that ask a person: Stage A only says what is asked, so that it may run again."""

    asks = True
    pure_setup = True

    def check(self, **given: object) -> None:
        """Refuse what no question can be made of.

        Raises:
            BadInputs: one of these is not what it should be.
        """
        for name, value in given.items():
            fits, need = _FIELDS[name]
            if not fits(value):
                raise self.refusal(name, value, need)

    def refusal(self, name: str, value: object, need: str) -> BadInputs:
        """The error about one option."""
        return BadInputs(f"{self.name}: {name}={written(value)}: {need}.")

    def wait(self, prompt: Prompt, timeout: Any, default: Any) -> Wait:
        """What Stage A returns; a suggested number or date must be an answer."""
        if isinstance(prompt, (NumberPrompt, DatePrompt)) and prompt.value is not None:
            try:
                prompt.check(prompt.value)
            except ReplyInvalid as invalid:
                raise self.refusal(
                    "value", prompt.value, f"it is no answer to the question: {invalid}"
                ) from None
        return Wait(kind=prompt.kind, prompt=prompt, timeout=timeout, default=default)


def texts(options: Any) -> tuple[str, ...] | None:
    """Options as texts; None when they are no texts, or numbers that can be shown as such."""
    listed = isinstance(options, Collection) and not isinstance(options, (str, bytes))
    fits = listed and all(isinstance(o, (str, int, float)) for o in options)
    return tuple(map(str, options)) if fits else None


def _one_of(*kinds: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kinds)


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_limit(value: Any) -> bool:
    return value is None or _is_count(value)


_TEXT = (_one_of(str), "give a text")
_FLAG = (_one_of(bool), "it is True or False")
_COUNT = (_is_count, "give a whole number from 0 up")
_LIMIT = (_is_limit, "give a whole number from 0 up, or None")

_FIELDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "prompt": (_one_of(str), "give the question as a text, such as 'Your name?'"),
    "placeholder": _TEXT,
    "hint": _TEXT,
    "unit": _TEXT,
    "submit": _TEXT,
    "multiline": _FLAG,
    "multiple": _FLAG,
    "secret": _FLAG,
    "integer": _FLAG,
    "slider": _FLAG,
    "time": _FLAG,
    "min_length": _COUNT,
    "max_length": _LIMIT,
    "max_bytes": _LIMIT,
    "min": _COUNT,
    "max": _LIMIT,
    "value": _TEXT,
}
