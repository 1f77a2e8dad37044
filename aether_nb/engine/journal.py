"""How a body comes back: its durable calls are known again by what they are, and not done again.

Used by `activation.py`, one `Journal` per running body (a graph function's, or a tool's with asks).
The rules are numbered in the durability notes, section 4; the numbers stand at the code that keeps them.

- A `Scope` is the task that a call is made in; a task factory gives every task that is created inside a
  body a scope of its own, named after its coroutine and counted (rule 2).
- `identify` names a call when it is called (rule 1), by key (3) or by scope, name, arguments and
  occurrence (4), and finds it in the record.
- For a call that is not there, `expected` tells what the record has in its place, before it has any
  effect (7, 8, 9).
- Recorded outcomes are handed out in the order of the log, so that a race goes as it went (5).
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable, Collection, Coroutine, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from aether_nb.engine.records import Entry, Identity, JournalLog, identity
from aether_nb.errors import BadInputs, DuplicateKey
from aether_nb.events import Call
from aether_nb.ids import NodeId
from aether_nb.values import alike

_SETTLE_TURNS = 16  # loop turns that tasks may take to react to a replayed outcome before the next


@dataclass(slots=True)
class Scope:
    """One task inside a body."""

    path: str
    parent: Scope | None = None
    frontier: set[NodeId] = field(default_factory=set)
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
        return Scope(path, self, set(self.frontier), living=self.living)

    def done(self, node: NodeId, before: Collection[NodeId]) -> None:
        """A node called here is done; `before` was the frontier when it was called."""
        scope: Scope | None = self
        while scope is not None:
            scope.frontier.difference_update(before)
            scope.frontier.add(node)
            scope = scope.parent


SCOPE: ContextVar[Scope | None] = ContextVar("aether_nb_scope", default=None)
"""The task of a body that this code runs in; None outside bodies."""


class Journal:
    """The record of one body, and where its replay stands.

    Args:
        log: what was recorded before; later entries are not its concern.
        changed: whether the body's code differs from the code that made the record.
        keys: the keys in use in this run, shared by all its bodies.
        stage: the scope that all calls of this body stand in; the two stages of one node share a log.
        again: an earlier attempt of this body failed, so that this one may well take another way: what it
            calls again is known again, the rest of the record binds it to nothing.
    """

    def __init__(
        self,
        log: JournalLog | None,
        *,
        changed: bool,
        keys: set[str],
        stage: str = "",
        again: bool = False,
    ) -> None:
        entries = log.entries if log is not None else []
        self._inserted = log.inserted if log is not None else set()
        if stage:
            entries = [e for e in entries if e.call.scope.partition("/")[0] == stage]
        # what was left over and cut off has no outcome to give: made again, it is a new call
        self._recorded = {identity(e.call): e for e in entries if not (e.left and e.outcome == "cancelled")}
        self._unclaimed: dict[str, dict[Identity, Entry]] = {}
        for i, e in () if again else self._recorded.items():
            if not e.left:
                self._unclaimed.setdefault(e.call.scope, {})[i] = e
        self._ahead = {scope: deque(left.items()) for scope, left in self._unclaimed.items()}
        self._order = deque(log.outcomes) if log is not None else deque[Entry]()
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._passed: set[int] = set()
        self._counts: dict[tuple[str, str, str], int] = {}
        self.changed = changed
        self._keys = keys
        self._own_keys: list[str] = []
        self._pumping = False

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
            self._keys.add(key)
            self._own_keys.append(key)
            entry = self._claim((name, key))
            return entry.call if entry else Call(scope=scope, name=name, key=key, line=line), entry
        triple = (scope, name, digest)
        n = self._counts.get(triple, 0)
        self._counts[triple] = n + 1
        entry = self._claim((*triple, str(n)))
        return entry.call if entry else Call(scope=scope, name=name, digest=digest, n=n, line=line), entry

    def foresee(self, scope: str, name: str, inputs: Mapping[str, Any]) -> Entry | None:
        """The call that the record has next in this scope, claimed, if it is plainly the one being made.

        It is what `identify` would find, without the digest: that is a quarter of a replay.
        """
        ahead = self._ahead.get(scope)
        while ahead:
            i, entry = ahead[0]
            if i in self._unclaimed[scope]:
                break
            ahead.popleft()
        else:
            return None
        call = entry.call
        if (
            call.name != name
            or call.key is not None
            or entry.inputs is None
            or not alike(inputs, entry.inputs)
        ):
            return None
        triple = (scope, name, call.digest)
        n = self._counts.get(triple, 0)
        if n != call.n:
            return None
        self._counts[triple] = n + 1
        ahead.popleft()
        del self._unclaimed[scope][i]
        return entry

    def _claim(self, i: Identity) -> Entry | None:
        entry = self._recorded.get(i)
        if entry is not None:
            left = self._unclaimed.get(entry.call.scope)
            if left is not None:
                left.pop(i, None)
        return entry

    def expected(self, call: Call) -> Entry | None:
        """What the record has next where this call, which it does not have, is about to be made.

        None: nothing, the call is simply new (rule 7). To be asked when the call is awaited: others, that
        were called after it and awaited before, may be recorded without it.
        """
        left = self._unclaimed.get(call.scope)
        return next(iter(left.values())) if left and identity(call) not in self._inserted else None

    def give_up(self, entry: Entry) -> None:
        """Another call takes the place of this one, and its recorded outcome does not count. Before that is logged."""
        self._claim(identity(entry.call))
        del self._recorded[identity(entry.call)]
        if entry.outcome is not None:
            self._order.remove(entry)

    def leftover(self) -> list[Entry]:
        """Recorded entries that no call has claimed, in the order of the log."""
        return [e for left in self._unclaimed.values() for e in left.values()]

    def close(self) -> None:
        """The body is over: its keys are free for its next attempt."""
        self._keys.difference_update(self._own_keys)

    # -- handing out recorded outcomes (rule 5) --------------------------------------------------

    def turn_nowait(self, entry: Entry) -> bool:
        """Whether this recorded outcome may be handed out now: it is the next in the log, or overdue."""
        if id(entry) in self._passed:
            return True
        if self._order and self._order[0] is entry:
            self._pass_head()
            if self._waiting:
                self._pump_soon()
            return True
        return False

    async def turn(self, entry: Entry) -> None:
        """Wait until every outcome recorded before this one has been handed out."""
        future = asyncio.get_running_loop().create_future()
        self._waiting[id(entry)] = future
        self._pump_soon()
        await future

    def _pass_head(self) -> None:
        self._passed.add(id(self._order.popleft()))

    def _pump_soon(self) -> None:
        if self._waiting and not self._pumping:
            self._pumping = True
            asyncio.get_running_loop().call_soon(self._pump, _SETTLE_TURNS)

    def _pump(self, turns: int) -> None:
        """Hand out the next outcome, once the tasks have settled after the one before.

        A head that nobody has come for when all is quiet is passed over: what would call it waits for
        something outside the journal, or is not in the code any more (`leftover` reports that).
        """
        loop = asyncio.get_running_loop()
        if turns and getattr(loop, "_ready", None):
            loop.call_soon(self._pump, turns - 1)
            return
        self._pumping = False
        while self._order and self._waiting:
            future = self._waiting.pop(id(self._order[0]), None)
            self._pass_head()
            if future is not None and not future.done():
                future.set_result(None)
                break
        self._pump_soon()


def scoped_task_factory(previous: Callable[..., Any] | None) -> Callable[..., Any]:
    """A task factory that gives each task created inside a body its scope; outside it only delegates."""
    make = previous or _make_task

    def factory(loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, Any], **kwargs: Any) -> Any:
        scope = SCOPE.get()
        if scope is None or scope.over:
            return make(loop, coro, **kwargs)
        context = kwargs.get("context") or contextvars.copy_context()
        context.run(SCOPE.set, scope.child(getattr(coro, "__qualname__", "task")))
        task = make(loop, coro, **kwargs | {"context": context})
        scope.living.add(task)
        task.add_done_callback(scope.living.discard)
        return task

    factory.aether_nb = True  # type: ignore[attr-defined]  # marks it as installed
    return factory


def _make_task(loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, Any], **kwargs: Any) -> Any:
    return asyncio.Task(coro, loop=loop, **kwargs)


def install_scopes(loop: asyncio.AbstractEventLoop) -> None:
    """Install the task factory on a loop, once."""
    current = loop.get_task_factory()
    if not getattr(current, "aether_nb", False):
        loop.set_task_factory(scoped_task_factory(current))
