"""Names of things: runs, nodes, waits. Every id is a string that a person may read, copy and type."""

from __future__ import annotations

import base64
import re
import secrets
from typing import NewType

RunId = NewType("RunId", str)
"""Names one run; unique in a store. Chosen by the user, or made by `new_run_id`."""

NodeId = NewType("NodeId", str)
"""Names one node of a run. Children of a node are written `parent/child`; the run itself is `""`."""

Token = NewType("Token", str)
"""Names one wait; unguessable, so that it can stand in a URL."""

ROOT = NodeId("")
"""The node id of the run's own graph: the parent of every top-level node."""


def new_run_id(graph: str) -> RunId:
    """A fresh run id that starts with the graph's name, `greet-k3f9x2ma`."""
    return RunId(f"{graph}-{_letters(5)}")


def new_token() -> Token:
    """A fresh wait token of 128 random bits, in letters and digits that survive any shell."""
    return Token(_letters(16))


def new_uid() -> str:
    """A fresh random id for a kernel's life or a store."""
    return _letters(16)


def is_uid(name: str) -> bool:
    """Whether `new_token` or `new_uid` may have made this: before a file of that name is taken for ours and deleted."""
    return re.fullmatch("[a-z2-7]{26}", name) is not None


def _letters(n_bytes: int) -> str:
    return base64.b32encode(secrets.token_bytes(n_bytes)).decode().rstrip("=").lower()
