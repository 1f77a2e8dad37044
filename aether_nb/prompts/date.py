"""Questions for a date, or for a point in time."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from aether_nb.errors import ReplyInvalid
from aether_nb.prompts.base import PromptBase, kind_of


class DatePrompt(PromptBase):
    """Asks for a date, or with `time` for a date and time of day.

    The reply is ISO text, `2026-11-27`, or `2026-11-27T14:00:00+01:00` with its offset from UTC. A date or datetime
    will do; what has no offset is in the local time of this machine.
    """

    kind: Literal["date"] = "date"
    time: bool = False
    min: str | None = None
    """ISO text, as the reply's."""
    max: str | None = None
    value: str | None = None
    """A suggested answer, which stands in the field already."""

    def check(self, value: Any) -> str:
        """The date, if it is one between the bounds."""
        given = self.read(value)
        if given is None:
            example = "2026-11-27T14:00" if self.time else "2026-11-27"
            what = "a date and time" if self.time else "a date"
            seen = f"{value!r:.100} is none" if isinstance(value, str) else kind_of(value)
            raise ReplyInvalid({"": f"{what} such as {example} is needed, and {seen}"})
        low, high = self.read(self.min), self.read(self.max)
        if low is not None and given < low:
            raise ReplyInvalid({"": f"{self.said(low)} at the earliest"})
        if high is not None and given > high:
            raise ReplyInvalid({"": f"{self.said(high)} at the latest"})
        return str(given.isoformat())

    def read(self, value: Any) -> Any:
        """The date, or aware datetime, that a reply is; None when it is none."""
        try:
            if not self.time:
                if isinstance(value, str):
                    return dt.date.fromisoformat(value.strip())
                is_date = isinstance(value, dt.date) and not isinstance(value, dt.datetime)
                return dt.date(value.year, value.month, value.day) if is_date else None
            if isinstance(value, str):
                value = dt.datetime.fromisoformat(value.strip())
            if not isinstance(value, dt.datetime):
                return None
            offset = value.utcoffset()
            if offset is None:
                offset = value.astimezone().utcoffset()
            zone = dt.timezone(offset or dt.timedelta())
            moment = value.replace(tzinfo=zone)
            moment.astimezone(dt.UTC)  # at either end of the calendar there is none
        except (ValueError, OverflowError, OSError):
            return None
        return moment

    def said(self, value: Any) -> str:
        """A date for people."""
        return f"{value:%Y-%m-%d %H:%M}" if self.time else str(value.isoformat())

    def reply_schema(self) -> dict[str, Any]:
        """ISO text."""
        return {"type": "string", "format": "date-time" if self.time else "date"}
