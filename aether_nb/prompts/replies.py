"""The answer to a wait."""

from __future__ import annotations

from typing import Any

from aether_nb.prompts.base import Data


class Reply(Data):
    """The answer to a wait."""

    value: Any = None
    """JSON, as `check_reply` gave it back."""
    by: str = ""
    """Who answered, as they call themselves."""
    door: str = ""
    """Which way it came: widget, console, scripted, api, http, cli, default."""
    at_ms: int = 0
    """When it was accepted, milliseconds since 1970, UTC."""
