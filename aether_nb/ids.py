"""Names of things: runs, nodes, waits. Every id is a string that a person may read, copy and type."""

from __future__ import annotations

import hashlib
import os
import re
import string
import threading
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
    return RunId(f"{graph}-{letters(_chance.take(8))}")


def new_token() -> Token:
    """A fresh wait token of 130 random bits, in letters and digits that survive any shell."""
    return Token(letters(_chance.take(26)))


def new_uid() -> str:
    """A fresh random id for a kernel's life or a store."""
    return letters(_chance.take(26))


def is_uid(name: str) -> bool:
    """Whether `new_token` or `new_uid` may have made this: before a file of that name is taken for ours and deleted."""
    return re.fullmatch("[a-z2-7]{26}", name) is not None


def is_name(given: object) -> bool:
    """Whether this can name something, such as a run: text that can be read, typed and stored."""
    return isinstance(given, str) and bool(given.strip()) and given.isprintable()


def letters(raw: bytes) -> str:
    """One of 32 letters and digits for each byte: five bits of it."""
    return raw.translate(_LETTERS).decode()


def letters_of(*parts: str) -> str:
    """Ten letters (50 bits) that stand for some texts: the same in every process."""
    text = "\0".join(parts).encode("utf-8", "surrogatepass")
    return letters(hashlib.blake2b(text, digest_size=10).digest())


_LETTERS = (string.ascii_lowercase + "234567").encode() * 8


class _Chance:
    """Random bytes, fetched many at a time: asking the system for each lets go of the GIL each time.

    Forgotten in a forked child, which would else make the same ids as its parent.
    """

    def __init__(self) -> None:
        self._left = b""
        self._lock = threading.Lock()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.__init__)  # type: ignore[misc]  # begins anew, lock included

    def take(self, n: int) -> bytes:
        with self._lock:
            if len(self._left) < n:
                self._left = os.urandom(4096)
            taken, self._left = self._left[:n], self._left[n:]
        return taken


_chance = _Chance()
