"""The calls that a body has made and nobody has awaited yet: a call is identified before it is carried out.

Part of an activation, which takes a call out when it is awaited; what is left at the body's end was forgotten.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Coroutine, Iterable
from typing import Any

from aether_nb.calling import Target
from aether_nb.errors import BadInputs, NotAwaited
from aether_nb.events import Call
from aether_nb.values import show


class Unawaited(dict[int, tuple[Coroutine[Any, Any, Any], Call, Target, int]]):
    """By the `id` of the call: its coroutine, the call, what is called, and at which line.

    The line is not that of the call when that is recorded and the code was edited.
    """

    def waits(self, calls: Iterable[Any], what: str) -> list[Call]:
        """The calls of dual-stage tools that these coroutines stand for.

        Raises:
            BadInputs: one of them is no such call, or is there twice; `what` says who asks.
        """
        made = {id(coro): (call, target) for coro, call, target, _ in self.values()}
        found = []
        for one in calls:
            call, target = made.pop(id(one), (None, None))
            if call is None or target is None or target.kind not in {"ask", "wait"}:
                raise BadInputs(
                    f"{what} takes calls of dual-stage tools that are not awaited yet, such as ask_text(...) and "
                    f"wait_for_event(...), each once; it got {_named(one)}."
                )
            found.append(call)
        return found

    def check(self) -> None:
        """The body returns now.

        Raises:
            NotAwaited: it made calls that it never awaited.
        """
        forgotten = [
            f"line {line}: {call.name}(...)"
            for coro, call, _, line in self.values()
            if inspect.getcoroutinestate(coro) == inspect.CORO_CREATED  # else its task was cancelled at once
        ]
        if forgotten:
            raise NotAwaited(f"Called and never awaited: {'; '.join(forgotten)}. Write `await` before it.")

    def drop(self) -> None:
        """The body is over: close what will never run."""
        if self:
            in_tasks = {task.get_coro() for task in asyncio.all_tasks()}  # these find out that it is over
            for coro, *_ in self.values():
                if coro not in in_tasks:
                    coro.close()


def _named(given: Any) -> str:
    """What was given in place of a call, in words; a coroutine of somebody else's is not run."""
    if not inspect.iscoroutine(given):
        return show(given)
    given.close()
    return f"a coroutine of `{given.__qualname__.lstrip('_')}`"
