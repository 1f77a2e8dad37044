"""Why a value cannot be stored, in one sentence: where it is, what it is, what to do."""

from __future__ import annotations

import io
import threading
import types
from collections.abc import Callable, Coroutine, Generator, Iterator
from typing import Any

from aether_nb.values.text import show

_SHOWN_STEPS = 8


class Refused(Exception):
    """Raised where the value is found; containers add their step on the way up.

    Attributes:
        culprit: the value that was refused.
        deep: because of its depth; it may contain itself.
        steps: how to come to it, the last step first.
    """

    def __init__(
        self, culprit: Any, *, what: str = "", remedy: str = "", step: str = "", deep: bool = False
    ) -> None:
        super().__init__()
        self.culprit = culprit
        self.what = what
        self.remedy = remedy
        self.deep = deep
        self.steps: list[str] = [step] if step else []

    def found_cycle(self) -> None:
        """The culprit was met again further up: it contains itself, and the way there starts here."""
        self.what = "contains itself"
        self.remedy = "break the circle, for example by an id instead of the object"
        self.steps.clear()

    def sentence(self, name: str) -> str:
        """The message of the NotStorable."""
        steps = self.steps[::-1]
        if len(steps) > _SHOWN_STEPS:
            steps = [*steps[: _SHOWN_STEPS - 1], "...", steps[-1]]
        where = name + "".join(steps)
        kind = _kind_name(type(self.culprit))
        if self.deep and not self.what:
            return f"{where} ({kind}) is nested too deep to be stored; make the value flatter."
        what = f"({kind}) {self.what}" if self.what else f"is {_article(kind)} {kind}"
        remedy = self.remedy or "return plain data instead"
        return f"{where} {what}, which cannot be stored: {remedy}."


def _kind_name(cls: type) -> str:
    module, name = cls.__module__, cls.__qualname__
    return show(name if module in {"builtins", "__main__"} else f"{module}.{name}")


def _article(noun: str) -> str:
    return "an" if noun[:1].lower() in "aeiou" else "a"


_LOCKS = (
    type(threading.Lock()),
    type(threading.RLock()),
    threading.Condition,
    threading.Event,
    threading.Thread,
)

_REMEDIES: tuple[tuple[tuple[Any, ...], str], ...] = (
    ((io.IOBase,), "return its path or its content"),
    (_LOCKS, "make it inside the tool that needs it"),
    ((types.ModuleType,), "import it inside the tool that needs it"),
    ((type,), "pass its name instead"),
    ((Coroutine,), "await it first"),
    ((Generator, Iterator), "make a list of it with list(...)"),
    ((memoryview,), "make bytes of it with bytes(...)"),
    ((BaseException,), "return str(...) of it, or raise it"),
    ((Callable,), "pass its name or its arguments, and look it up in the tool"),
)


def remedy_for(cls: type) -> str:
    """What to do instead of storing an instance of this class."""
    for base in (str, int, float, bytes, dict, list, tuple, set, frozenset):
        if issubclass(cls, base):
            return f"its own type would be lost, make a plain {base.__name__} of it with {base.__name__}(...)"
    for kinds, remedy in _REMEDIES:
        if issubclass(cls, kinds):
            return remedy
    return "return JSON, a dataclass, a pydantic model, bytes, or the path of a file"
