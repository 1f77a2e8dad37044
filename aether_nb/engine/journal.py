"""How a body comes back: its durable calls are known again by what they are, and not done again.

Used by `activation.py`, one `Journal` per running body (a graph function's, or a tool's with asks).
The rules are numbered in the durability notes, section 4; the numbers stand at the code that keeps them.

- A `Scope` is the task that a call is made in; a task factory gives every task that is created inside a
  body a scope of its own, named after its coroutine and counted (rule 2).
- `identify` names a call when it is called (rule 1), by key (3) or by scope, name, arguments and
  occurrence (4), and finds it in the record.
- `replay.py` is the record: for a call that is not there it tells what it has in its place, before the call
  has any effect (7, 8, 9), and it hands out the outcomes.
"""

from __future__ import annotations

import asyncio
import contextvars
import sys
from collections.abc import Callable, Collection, Coroutine, Mapping
from contextvars import ContextVar
from types import FrameType
from typing import Any

from msgspec import Struct, field

from aether_nb.engine.records import Entry, JournalLog
from aether_nb.engine.replay import NOTHING, Replay
from aether_nb.errors import BadInputs, DuplicateKey
from aether_nb.events import Call
from aether_nb.ids import NodeId


class Scope(Struct, eq=False):
    """One task inside a body."""

    path: str
    parent: Scope | None = None
    frontier: dict[NodeId, None] = field(default_factory=dict)
    """The nodes that succeeded last in this task: what the next call comes after, in the picture."""
    children: dict[str, int] = field(default_factory=dict)
    over: bool = False
    """The body has returned; tasks that live on are strangers."""
    living: set[asyncio.Task[Any]] = field(default_factory=set)
    """Tasks created in the bodies of this run and not done, one set for all of its scopes."""

    def child(self, name: str) -> Scope:
        """The scope of a task created in this one."""
        k = self.children.get(name, 0)
        self.children[name] = k + 1
        path = f"{self.path}/{name}#{k}" if self.path else f"{name}#{k}"
        return Scope(path, self, dict(self.frontier), living=self.living)

    def done(self, node: NodeId, before: Collection[NodeId]) -> None:
        """A node called here is done; `before` was the frontier when it was called."""
        scope: Scope | None = self
        while scope is not None:
            for one in before:
                scope.frontier.pop(one, None)
            scope.frontier[node] = None
            scope = scope.parent


SCOPE: ContextVar[Scope | None] = ContextVar("aether_nb_scope", default=None)
"""The task of a body that this code runs in; None outside bodies."""


class Journal:
    """Names the durable calls of one body, and finds what is recorded of them.

    Args:
        log: what was recorded before, if anything.
        changed: whether the body's code differs from the code that made the record.
        keys: the keys in use in this run, shared by all its bodies.
        stage: see `Replay`.
        again: see `Replay`.

    Attributes:
        replay: the record, and how far its replay has come.
    """

    def __init__(
        self,
        log: JournalLog | None,
        *,
        changed: bool,
        keys: dict[str, None],
        stage: str = "",
        again: bool = False,
    ) -> None:
        self.replay = Replay(log, stage=stage, again=again) if log is not None and log.entries else NOTHING
        self.changed = changed
        self._counts: dict[tuple[str, str, str], int] = {}
        self._keys = keys
        self._own_keys: dict[str, None] = {}

    def identify(
        self, scope: str, name: str, digest: str, key: str | None, line: int
    ) -> tuple[Call, Entry | None]:
        """Name the call that is being made, and find its recorded entry; None when the record does not have it.

        The call of an entry is the recorded one: making thousands of them anew is a good part of a replay.

        Raises:
            DuplicateKey: the key is in use.
            BadInputs: the key cannot be an id.
        """
        if key is not None:
            key = str(key)  # numbers are keys that people write
            if not key or not key.isprintable() or "/" in key or "#" in key:
                raise BadInputs(
                    f"key={key!r:.200} at line {line} cannot be an id; use a short text without `/`, `#` and "
                    "control characters."
                )
            if key in self._keys:
                raise DuplicateKey(
                    f"key={key!r} is used twice in this run, here at line {line}; every key names one call. "
                    f"In a loop, make it different each time: key=f'{key}-{{i}}'."
                )
            self._keys[key] = self._own_keys[key] = None
            entry = self.replay.claim((name, key))
            return entry.call if entry else Call(scope=scope, name=name, key=key, line=line), entry
        n = self._count((scope, name, digest))
        entry = self.replay.claim((scope, name, digest, str(n)))
        return entry.call if entry else Call(scope=scope, name=name, digest=digest, n=n, line=line), entry

    def foresee(self, scope: str, name: str, inputs: Mapping[str, Any]) -> Entry | None:
        """The call that the record has next in this scope, claimed, if it is plainly the one being made.

        It is what `identify` would find, without the digest: that is a quarter of a replay.
        """
        entry = self.replay.next_if(scope, name, inputs)
        if entry is None:
            return None
        triple = (scope, name, entry.call.digest)
        n = self._counts.get(triple, 0)
        if n != entry.call.n:
            return None
        self._counts[triple] = n + 1
        self.replay.claim_next(scope)
        return entry

    def _count(self, triple: tuple[str, str, str]) -> int:
        """How often such a call came before."""
        n = self._counts.get(triple, 0)
        self._counts[triple] = n + 1
        return n

    def close(self) -> None:
        """The body is over: its keys are free for its next attempt."""
        for key in self._own_keys:
            self._keys.pop(key, None)


def scoped_task_factory(previous: Callable[..., Any] | None) -> Callable[..., Any]:
    """A task factory that gives each task created inside a body its scope; outside it only delegates."""
    make = previous or _make_task

    def factory(loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, Any], **kwargs: Any) -> Any:
        scope = SCOPE.get()
        if scope is None or scope.over:
            return make(loop, coro, **kwargs)
        context = kwargs.get("context") or contextvars.copy_context()
        if not _made_by_wait_for():
            context.run(SCOPE.set, scope.child(getattr(coro, "__qualname__", "task")))
        task = make(loop, coro, **kwargs | {"context": context})
        scope.living.add(task)
        task.add_done_callback(scope.living.discard)
        return task

    factory.aether_nb = True  # type: ignore[attr-defined]  # marks it as installed
    return factory


def _made_by_wait_for() -> bool:
    """Whether a task comes of `asyncio.wait_for(...)`: its scope is that of who waits, as if there were none.

    Since Python 3.12 there is none, and a run may go on under another version than it began with.
    """
    frame: FrameType | None = sys._getframe(2)  # who has called the factory
    while frame is not None and frame.f_globals.get("__name__", "").startswith("asyncio."):
        if frame.f_code is asyncio.wait_for.__code__:
            return True
        frame = frame.f_back
    return False


def _make_task(loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, Any], **kwargs: Any) -> Any:
    return asyncio.Task(coro, loop=loop, **kwargs)


def install_scopes(loop: asyncio.AbstractEventLoop) -> None:
    """Install the task factory on a loop, once."""
    current = loop.get_task_factory()
    if not getattr(current, "aether_nb", False):
        loop.set_task_factory(scoped_task_factory(current))
