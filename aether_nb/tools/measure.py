"""Tools that ask a person for a number, or for a date."""

from __future__ import annotations

import datetime as dt
from math import isfinite
from typing import Any

from aether_nb.authoring.dualstage import Wait
from aether_nb.calling import MISSING
from aether_nb.prompts import DatePrompt, NumberPrompt, Reply
from aether_nb.tools.options import Ask

Day = dt.date | dt.datetime | str
"""A date, or a point in time; a text is ISO."""


class AskNumber(Ask):
    """Ask a person for a number. Output: `value`.

    Inputs: `prompt` (Markdown); `min` and `max`, both inclusive; `step`: the answer is `min` (else 0) and so many
    steps; `integer`: a whole number; `slider`: drawn as one, which needs `min` and `max`; `unit`, said behind the
    number; `value`, a suggestion; `timeout` and `default` as for `ask_text`.
    """

    name = "ask_number"
    outputs = ("value",)

    async def setup(
        self,
        prompt: str,
        *,
        min: float | None = None,  # noqa: A002 - the words that everybody has for it
        max: float | None = None,  # noqa: A002
        step: float | None = None,
        integer: bool = False,
        slider: bool = False,
        unit: str = "",
        value: float | None = None,
        timeout: Any = None,
        default: Any = MISSING,
    ) -> Wait:
        """Stage A."""
        self.check(prompt=prompt, integer=integer, slider=slider, unit=unit)
        for name, number in (("min", min), ("max", max), ("step", step), ("value", value)):
            if number is not None and (type(number) not in {int, float} or not isfinite(number)):
                raise self.refusal(name, number, "give a number, or None")
        if step is not None and step <= 0:
            raise self.refusal("step", step, "it is more than 0")
        if min is not None and max is not None and max < min:
            raise self.refusal("max", max, f"it is less than min={min}, so that nothing fits")
        if slider and (min is None or max is None):
            raise self.refusal("slider", slider, "a slider needs min= and max=")
        question = NumberPrompt(
            prompt=prompt, min=min, max=max, step=step, integer=integer, slider=slider, unit=unit, value=value
        )
        return self.wait(question, timeout, default)

    async def on_resume(self, reply: Reply, wait: Wait) -> dict[str, Any]:  # type: ignore[override]  # noqa: ARG002 - needs no context
        """Stage B."""
        return {"value": reply.value}


class AskDate(Ask):
    """Ask a person for a date, or with `time` for a date and time. Output: `value`, a date or an aware datetime.

    Inputs: `prompt` (Markdown), `time`; `min` and `max`, both inclusive, and `value`, a suggestion: dates, datetimes
    or ISO texts, in local time where they name no time zone; `timeout` and `default` as for `ask_text`.
    """

    name = "ask_date"
    outputs = ("value",)

    async def setup(
        self,
        prompt: str,
        *,
        time: bool = False,
        min: Day | None = None,  # noqa: A002 - the words that everybody has for it
        max: Day | None = None,  # noqa: A002
        value: Day | None = None,
        timeout: Any = None,
        default: Any = MISSING,
    ) -> Wait:
        """Stage A."""
        self.check(prompt=prompt, time=time)
        bare = DatePrompt(prompt=prompt, time=time)
        read = {
            name: self._read(bare, name, day) for name, day in (("min", min), ("max", max), ("value", value))
        }
        if read["min"] is not None and read["max"] is not None and read["max"] < read["min"]:
            raise self.refusal("max", max, "it is before min=, so that nothing fits")
        given = {name: None if day is None else day.isoformat() for name, day in read.items()}
        return self.wait(bare.model_copy(update=given), timeout, default)

    async def on_resume(self, reply: Reply, wait: Wait) -> dict[str, Any]:  # type: ignore[override]
        """Stage B."""
        assert isinstance(wait.prompt, DatePrompt)
        return {"value": wait.prompt.read(reply.value)}

    def _read(self, bare: DatePrompt, name: str, day: Any) -> Any:
        found = None if day is None else bare.read(day)
        if day is not None and found is None:
            kind, example = ("datetime", "2026-11-27T14:00") if bare.time else ("date", "2026-11-27")
            raise self.refusal(name, day, f"give a {kind}, or a text such as '{example}'")
        return found


ask_number = AskNumber()
ask_date = AskDate()
