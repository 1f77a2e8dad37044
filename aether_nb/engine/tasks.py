"""The tasks that work for one run: the engine's own, and those of the user that await its nodes.

Part of a driver, which says what the end of a task means. Every task of the engine's own stands in
nobody's scope: what it calls is no call of a body.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Collection, Coroutine
from typing import Any

from aether_nb.engine.journal import SCOPE
from aether_nb.ids import NodeId

Task = asyncio.Task[Any]


class Tasks:
    """See the module.

    Args:
        loop: the engine's.
        standing: tasks, of any run, that wait for the outcome of a node, and for nothing else.

    Attributes:
        living: tasks that the user's code has created in its bodies and that are not done.
        standing: see above.
    """

    __slots__ = ("_base", "_by_node", "_loop", "living", "standing")

    def __init__(self, loop: asyncio.AbstractEventLoop, standing: set[Task]) -> None:
        self._loop = loop
        self._base = contextvars.copy_context()
        if SCOPE.get() is not None:
            self._base.run(SCOPE.set, None)
        self._by_node: dict[NodeId, set[Task]] = {}
        self.living: set[Task] = set()
        self.standing = standing

    def __bool__(self) -> bool:
        return bool(self._by_node)

    def new(self, work: Coroutine[Any, Any, object]) -> Task:
        """A task of the engine's own, that works for no node."""
        token = SCOPE.set(None) if SCOPE.get() is not None else None  # each set makes the context anew
        try:
            return self._loop.create_task(work, context=self._base.copy())
        finally:
            if token is not None:
                SCOPE.reset(token)

    def spawn(
        self, node: NodeId, work: Coroutine[Any, Any, None], done: Callable[[asyncio.Task[None]], None]
    ) -> Task:
        """A task of the engine's own that works for a node until it is `done`, which calls `part`."""
        task = self.new(work)
        self._by_node.setdefault(node, set()).add(task)
        task.add_done_callback(done)
        return task

    def join(self, node: NodeId) -> Task:
        """Note that the current task, which is the user's, carries this node out."""
        task = asyncio.current_task()
        assert task is not None
        self._by_node.setdefault(node, set()).add(task)
        return task

    def part(self, node: NodeId, task: Task) -> None:
        """Note that a task does not work for a node any more."""
        tasks = self._by_node[node]
        tasks.discard(task)
        if not tasks:
            del self._by_node[node]

    def of(self, node: NodeId) -> set[Task]:
        """The tasks that work for a node, the current one included."""
        return self._by_node.get(node, set())

    def others(self, node: NodeId) -> list[Task]:
        """The tasks that work for a node, without the current one."""
        me = asyncio.current_task() if asyncio._get_running_loop() is not None else None
        return [task for task in self.of(node) if task is not me]

    def working(self) -> set[Task]:
        """All tasks but the current one."""
        return {task for node in self._by_node for task in self.others(node)}

    def only_stand(self, timed: Collection[Task] | None) -> bool:
        """Whether nothing is lost with these tasks: each only waits for the outcome of a node.

        Args:
            timed: tasks inside `asyncio.timeout`, whose timers only live here; None when that is not known.
        """
        if self.living:
            return False
        tasks = set().union(*self._by_node.values())
        return not tasks or (timed is not None and tasks <= self.standing and tasks.isdisjoint(timed))
