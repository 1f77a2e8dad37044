"""Waiting for a time: nobody is asked, nothing runs meanwhile, and a restart changes nothing."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from aether_nb.authoring.dualstage import DualStageTool, Wait
from aether_nb.errors import BadInputs
from aether_nb.prompts import CallbackPrompt, Reply
from aether_nb.values import written

_LONGEST_S = 1000 * 365.25 * 86_400
_NEVER = 3000  # the year


class _Timer(DualStageTool):
    outputs = ()
    pure_setup = True

    async def on_resume(self, reply: Reply, wait: Wait) -> dict[str, Any]:  # type: ignore[override]  # noqa: ARG002 - it is time
        """Stage B."""
        return {}


class Sleep(_Timer):
    """Wait for a while. Input: `seconds`, or a timedelta. No outputs; `after=` puts it between two nodes.

    It counts from when the node begins, restarts and nights with the lid down included. Whoever answers the
    wait (`run.answer(None)`) ends it early. A span below 0 does not wait.
    """

    async def setup(self, seconds: float | timedelta) -> Wait:
        """Stage A."""
        span = seconds.total_seconds() if isinstance(seconds, timedelta) else seconds
        if not _is_span(span):
            raise BadInputs(
                f"sleep({written(seconds)}): give seconds, not more than a thousand years of them; for a point in "
                "time there is sleep_until."
            )
        return _wait(f"Sleeping for {span:g} s", span)


class SleepUntil(_Timer):
    """Wait for a point in time. Input: `when`, a datetime; without a time zone it is local time.

    One that is past does not wait. Otherwise as `sleep`.
    """

    async def setup(self, when: datetime) -> Wait:
        """Stage A."""
        if not isinstance(when, datetime):
            raise BadInputs(f"sleep_until({written(when)}): give a datetime; for a span there is sleep.")
        if when.year >= _NEVER:
            raise BadInputs(f"sleep_until({when!r}): nobody will be there; give an earlier time.")
        return _wait(f"Sleeping until {when.isoformat(sep=' ', timespec='seconds')}", when)


def _is_span(span: object) -> bool:
    return isinstance(span, (int, float)) and not isinstance(span, bool) and span <= _LONGEST_S


def _wait(said: str, timeout: float | datetime) -> Wait:
    return Wait(kind="timer", prompt=CallbackPrompt(prompt=said), timeout=timeout, default=None)


sleep = Sleep()
sleep_until = SleepUntil()
