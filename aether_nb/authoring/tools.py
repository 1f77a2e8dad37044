"""`Tool`: a function that can be a step of a graph, and stays an ordinary function outside of one.

Made by the decorator in `decorators.py`; the engine calls `fn` and checks what comes back with `pack`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from aether_nb.authoring.fingerprint import fingerprint, source_of
from aether_nb.authoring.later import ToolCall
from aether_nb.authoring.returns import returned
from aether_nb.authoring.signature import CONTEXT
from aether_nb.authoring.steps import CALL_WORDS, SINGLE, Step, read
from aether_nb.calling import BUILDER, CALLER, launcher
from aether_nb.errors import GraphProblems
from aether_nb.graph.model import OnFailure
from aether_nb.graph.retry_policy import ONCE, RetryPolicy


class Tool(Step):
    """A reusable operation.

    Called in a graph that is being built it becomes a node and gives a handle; called in a graph function
    it becomes a node and gives a coroutine of its outputs; called anywhere else it is the function itself.

    Attributes:
        fn: the function, as it was written.
        is_async: `fn` is a coroutine function; others run in a thread.
        effects: it touches the world, so that everything before it is fsynced before its body starts.
        on_failure: what a failure means for what depends on it.
        max_concurrency: how many of its bodies compute at once, over all runs; None is no limit of its own.
    """

    kind = "tool"

    def __init__(
        self,
        fn: Callable[..., Any],
        *,
        name: str,
        outputs: Sequence[str] | None = None,
        effects: bool = False,
        policy: RetryPolicy = ONCE,
        on_failure: OnFailure = "fail",
        max_concurrency: int | None = None,
    ) -> None:
        self.name = name
        self.fn = fn
        signature, problems = read(fn, self.name, outputs, CALL_WORDS)
        if inspect.isgeneratorfunction(fn) or inspect.isasyncgenfunction(fn):
            problems.append("a tool returns its outputs once, it cannot `yield`; return a list instead.")
        if problems or signature is None:
            raise GraphProblems(self.name, problems)
        self.signature = signature
        self.outputs = (SINGLE,) if outputs is None else tuple(outputs)
        self.single = outputs is None
        self.params = self.signature.params
        self.wants_context = self.signature.wants_context
        self.is_async = inspect.iscoroutinefunction(fn) or inspect.iscoroutinefunction(
            getattr(fn, "__call__", None)  # noqa: B004 - whether its call is async, not whether it has one
        )
        self.effects = effects
        self.policy = policy
        self.on_failure = on_failure
        self.max_concurrency = max_concurrency
        self.fingerprint = fingerprint(fn)
        self.source = source_of(fn)
        functools.update_wrapper(self, fn, updated=())

    def __call__(self, /, *args: Any, key: str | None = None, after: Any = None, **kwargs: Any) -> Any:
        """Take part in what is going on here: be drawn, be recorded, or just be called.

        Returns:
            In a builder a `Handle`. In a graph function a coroutine of the outputs. Elsewhere, in the body
            of another tool too, whatever the function itself returns; outside a run the coroutine of an async
            tool is one that says how to go on when it is shown instead of awaited.

        Raises:
            BadInputs: the inputs do not fit; in a builder that is a problem of the graph instead.
        """
        builder = BUILDER.get()
        if builder is not None:
            return self._draw(builder, args, kwargs, key, after)
        caller = CALLER.get()
        if caller is not None and caller.kind == "fn":
            return self._record(caller, args, kwargs, key, after)
        __tracebackhide__ = True
        own: dict[str, Any] = {}
        if self.wants_context and CONTEXT in kwargs:  # a test that brings its own
            own[CONTEXT] = kwargs.pop(CONTEXT)
        elif self.wants_context:
            own[CONTEXT] = launcher().detached_context(self.name) if caller is None else caller.context
        call = functools.partial(self.fn, **self.signature.bind(args, kwargs, what=self.name), **own)
        return ToolCall(self.name, call) if self.is_async and caller is None else call()

    def _returned(self) -> dict[str, str]:
        return returned(self.fn, self.outputs, single=self.single)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002 - the notebook's protocol
        return self._shown("tool", inspect.getdoc(self.fn) or "")

    def __repr__(self) -> str:
        inputs = ", ".join(p.name if p.required else f"{p.name}=" for p in self.params)
        return f"<tool {self.name}({inputs}) -> {', '.join(self.outputs)}>"
