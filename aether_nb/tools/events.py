"""Waiting for an event that somebody posts by name: `ae.post_event(correlator, value)`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aether_nb.authoring.dualstage import DualStageTool, Wait
from aether_nb.calling import MISSING
from aether_nb.prompts import CallbackPrompt, Reply, check_schema


class WaitForEvent(DualStageTool):
    """Wait until an event of this name is posted, from any process that has the store. Output: `value`.

    Inputs: `correlator`, the name; `timeout` (seconds, timedelta, datetime; None waits for ever), `default`
    (the value when none comes in time) and `schema` (JSON Schema; an event that does not fit is not taken).

    One event reaches every wait of that name that is open then. One that no wait is open for is kept for the
    first that opens.
    """

    outputs = ("value",)
    pure_setup = True

    async def setup(
        self,
        correlator: str,
        *,
        timeout: Any = None,
        default: Any = MISSING,
        schema: Mapping[str, Any] | None = None,
    ) -> Wait:
        """Stage A."""
        fits = None if schema is None else check_schema(schema)
        prompt = CallbackPrompt(
            prompt=f"Waiting for the event {correlator!r}", job=str(correlator), reply=fits
        )
        return Wait(kind="event", prompt=prompt, correlator=correlator, timeout=timeout, default=default)

    async def on_resume(self, reply: Reply, wait: Wait) -> dict[str, Any]:  # type: ignore[override]  # noqa: ARG002 - needs no context
        """Stage B."""
        return {"value": reply.value}


wait_for_event = WaitForEvent()
