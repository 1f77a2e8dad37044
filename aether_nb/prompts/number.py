"""Questions for a number."""

from __future__ import annotations

from decimal import Decimal
from math import isfinite
from typing import Any, Literal

from pydantic import StrictFloat, StrictInt

from aether_nb.errors import ReplyInvalid
from aether_nb.prompts.base import PromptBase, kind_of

_EXACT = 2**53  # whole numbers up to here are what they are on a page, too

Number = StrictInt | StrictFloat


class NumberPrompt(PromptBase):
    """Asks for a number. The reply is the number."""

    kind: Literal["number"] = "number"
    min: Number | None = None
    max: Number | None = None
    step: Number | None = None
    """The answer is `min` (else 0) and so many steps."""
    integer: bool = False
    slider: bool = False
    """Drawn as a slider; it needs `min` and `max`."""
    unit: str = ""
    """Stands behind the number."""
    value: Number | None = None
    """A suggested answer, which stands in the field already."""

    def check(self, value: Any) -> int | float:
        """The number, if it is one that fits."""
        if type(value) not in {int, float} or not isfinite(value):
            raise ReplyInvalid(
                {
                    "": f"a number is needed, and {kind_of(value)}"
                    if type(value) is not float
                    else "a number is needed"
                }
            )
        if isinstance(value, int) and abs(value) > _EXACT:
            raise ReplyInvalid({"": f"a whole number has at most the size {_EXACT}"})
        if self.integer and value != int(value):
            raise ReplyInvalid({"": f"a whole number is needed, and {value} is none"})
        if self.min is not None and value < self.min:
            raise ReplyInvalid({"": f"at least {self._said(self.min)} is needed"})
        if self.max is not None and value > self.max:
            raise ReplyInvalid({"": f"at most {self._said(self.max)} is wanted"})
        if self.step is not None and not _is_step(value, self.min or 0, self.step):
            start = f", beginning at {self._said(self.min)}" if self.min else ""
            raise ReplyInvalid({"": f"it goes in steps of {self._said(self.step)}{start}"})
        return int(value) if self.integer else value

    def _said(self, number: float) -> str:
        return f"{number:g} {self.unit}".rstrip() if abs(number) < 1e6 else f"{number} {self.unit}".rstrip()

    def reply_schema(self) -> dict[str, Any]:
        """A number, and between what."""
        schema: dict[str, Any] = {"type": "integer" if self.integer else "number"}
        if self.min is not None:
            schema["minimum"] = self.min
        if self.max is not None:
            schema["maximum"] = self.max
        if isinstance(self.step, int) and not (self.min or 0) % self.step:
            schema["multipleOf"] = self.step  # of a fraction it would say what is not so
        return schema


def _is_step(value: float, start: float, step: float) -> bool:
    """Whether so many steps lead to a value, counted as they are written: in tenths there is no rounding."""
    return not (Decimal(str(value)) - Decimal(str(start))) % Decimal(str(step))
