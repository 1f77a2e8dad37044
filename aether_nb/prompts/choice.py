"""Questions with options to choose from: one, or several."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import StrictBool, StrictFloat, StrictInt, StrictStr

from aether_nb.errors import ReplyInvalid
from aether_nb.prompts.base import Data, PromptBase, kind_of

Scalar = StrictBool | StrictInt | StrictFloat | StrictStr | None
"""What an option may stand for: what is one value in JSON."""

_SHOWN = 8


class Option(Data):
    """One thing to choose."""

    value: Scalar
    """What the reply has for it."""
    label: str
    """What a person reads."""
    help: str = ""
    """What else there is to say about it."""


class ChoicePrompt(PromptBase):
    """Asks to choose from options.

    The reply is the value of one, or with `multiple` the list of values, in the order of the options; a label will do
    for the value that it stands for, and one value for a list of one.
    """

    kind: Literal["choice"] = "choice"
    options: tuple[Option, ...]
    multiple: bool = False
    min: int = 0
    """How many at least, where several may be chosen."""
    max: int | None = None
    value: tuple[Scalar, ...] | None = None
    """What is chosen already, as a suggestion: of one choice at most one value."""

    def check(self, value: Any) -> Any:
        """The value, or the list of values."""
        if not self.multiple:
            return self.options[self._place(value)].value
        if isinstance(value, (list, tuple, set, frozenset)):
            chosen = {self._place(one) for one in value}
        else:
            chosen = {self._place(value)}
        if len(chosen) < self.min:
            raise ReplyInvalid({"": f"choose at least {self.min}; {len(chosen) or 'none'} chosen"})
        if self.max is not None and len(chosen) > self.max:
            raise ReplyInvalid({"": f"choose at most {self.max}; {len(chosen)} chosen"})
        return [self.options[place].value for place in sorted(chosen)]

    def _place(self, value: Any) -> int:
        """Which option a value is, or a label."""
        found = place_of(value, (o.value for o in self.options))
        if found is None:
            found = place_of(value, (o.label for o in self.options))
        if found is None:
            names = [o.label for o in self.options[:_SHOWN]]
            more = f", ... ({len(self.options)} in all)" if len(self.options) > _SHOWN else ""
            if type(value) in _SCALARS:
                raise ReplyInvalid({"": f"{value!r:.200} is none of {', '.join(names)}{more}"})
            raise ReplyInvalid({"": f"one of {', '.join(names)}{more} is needed, and {kind_of(value)}"})
        return found

    def reply_schema(self) -> dict[str, Any]:
        """One of the values, or a list of them."""
        one = {"enum": [o.value for o in self.options]}
        if not self.multiple:
            return one
        schema = {"type": "array", "items": one, "uniqueItems": True, "minItems": self.min}
        return schema if self.max is None else {**schema, "maxItems": self.max}


_SCALARS = (str, int, float, bool, type(None))


def place_of(value: Any, among: Iterable[Any]) -> int | None:
    """Where a value stands among others; True is not 1."""
    for place, one in enumerate(among):
        if (type(value) is bool) is (type(one) is bool) and type(value) in _SCALARS and value == one:
            return place
    return None
