"""What tests of every kind share: where things lie, and how a test waits for another process."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build"
ENVIRONMENTS = ROOT / ".venvs"


def poll(look: Callable[[], T | None], *, timeout_s: float, what: str) -> T:
    """Look until ``look`` returns something true, and return that.

    For what another process does and no callback tells. ``what`` completes "waited 10 s for ...".
    """
    deadline = time.monotonic() + timeout_s
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_s:g} s for {what}")
        time.sleep(0.05)
    return seen


def clean_environment(**more: str | Path) -> dict[str, str]:
    """This process's environment without what would point a child at our own notebooks, packages or stores."""
    ours = ("AETHER_", "IPYTHON", "JUPYTER", "PYTHON", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {name: str(value) for name, value in more.items()}
