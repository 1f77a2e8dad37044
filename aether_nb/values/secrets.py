"""Secrets: texts that are in the memory of this process alone. What is stored of one is a mark.

A mark names the secret (`id`) and the node that asked for it (`v`). The node is what counts for the identity of a
call, so that a secret that was asked for again makes the same calls; the id finds the text, as long as this
process has it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any, Self
from uuid import uuid4

from aether_nb.errors import SecretGone

MASK = "••••"
"""What is shown of a secret."""

TAG_OF_SECRETS = "secret"

_held: dict[str, str] = {}
_guard = threading.Lock()


class Secret(str):
    """A secret as code gets it: a `str` that hides when it is shown, and is stored as a mark.

    What is made of it (an f-string, a slice, `.encode()`, a field of a pydantic model) is a value like others.

    Attributes:
        id: which secret it is.
        node: the node that asked for it.
    """

    __slots__ = ("id", "node")
    id: str
    node: str

    def __new__(cls, text: str, id: str, node: str) -> Self:  # noqa: A002 - its field in the mark
        """Make one of the text that was typed."""
        made = super().__new__(cls, text)
        made.id, made.node = id, node
        return made

    def __getnewargs__(self) -> tuple[str, str, str]:  # type: ignore[override] # what __new__ takes
        return str(self), self.id, self.node

    def __repr__(self) -> str:
        return MASK


class Masked:
    """Stands in for a secret where values are only looked at."""

    def __repr__(self) -> str:
        return MASK

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # probes by IPython, copy and others, not meant for us
            raise AttributeError(name)
        raise SecretGone(
            f"This is a secret that was never stored and is not in memory any more, so it has no `{name}`; run again "
            "what asked for it."
        )


MASKED = Masked()


def keep(text: str, node: str) -> dict[str, Any]:
    """Keep the text of a secret that was typed for a node; gives its mark, which can be stored."""
    name = uuid4().hex
    with _guard:
        _held[name] = text
    return {"$": TAG_OF_SECRETS, "v": node, "id": name}


def find(name: str, node: str) -> Secret | None:
    """The secret of that id, if this process has it."""
    text = _held.get(name)
    return None if text is None else Secret(text, name, node)


def share(name: str, old: str) -> None:
    """What was typed anew is what an older mark stands for, too."""
    with _guard:
        if name in _held:
            _held[old] = _held[name]


def drop(tree: Any) -> None:
    """Forget the secrets whose marks stand in a tree."""
    with _guard:
        for name, _ in marks(tree):
            _held.pop(name, None)


def forget_all() -> None:
    """Forget every secret, as a kernel does that ends."""
    with _guard:
        _held.clear()


def is_mark(tree: Any) -> bool:
    """Whether what is stored there is a secret's mark."""
    return isinstance(tree, dict) and tree.get("$") == TAG_OF_SECRETS


def marks(tree: Any) -> Iterator[tuple[str, str]]:
    """Ids and nodes of the secrets in a tree."""
    if is_mark(tree):
        yield str(tree.get("id")), str(tree.get("v"))
    elif isinstance(tree, (dict, list)):
        for inner in tree.values() if isinstance(tree, dict) else tree:
            yield from marks(inner)


def hidden(text: str) -> str:
    """The text with each secret in it masked, as far as this process knows them; for what is only shown."""
    if not _held:
        return text
    with _guard:
        known = sorted(set(_held.values()), key=len, reverse=True)
    for one in known:
        if len(one) >= _TELLING:
            text = text.replace(one, MASK)
    return text


def hidden_so_far(text: str) -> str:
    """The same of a text that grows, without its end, where a secret may have begun."""
    with _guard:
        longest = max(map(len, _held.values()), default=0)
    seen = hidden(text)
    return seen if longest < _TELLING else seen[: max(0, len(seen) - longest + 1)]


def any_held() -> bool:
    """Whether there is a secret in this process."""
    return bool(_held)


_TELLING = 4  # a shorter one stands in many a word by chance
