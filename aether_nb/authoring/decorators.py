"""The three decorators: `tool`, `graph_fn`, `graphify`. They work without the source of what they decorate.

What they give takes any arguments as far as types go: in a builder a tool is called with handles where
its function wants values, and gives a handle back.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, overload

from aether_nb.authoring.fingerprint import fingerprint, source_of
from aether_nb.authoring.graphify import build
from aether_nb.authoring.graphs import START_WORDS, Graph
from aether_nb.authoring.policy import policy_of
from aether_nb.authoring.steps import CALL_WORDS, SINGLE, read
from aether_nb.authoring.tools import Tool
from aether_nb.authoring.unawaited import forgotten_awaits
from aether_nb.errors import GraphProblems
from aether_nb.graph.model import GraphSpec, OnFailure

Function = Callable[..., Any]


@overload
def tool(fn: Function, /) -> Tool: ...


@overload
def tool(
    *,
    name: str | None = None,
    outputs: Sequence[str] | None = None,
    effects: bool = False,
    retries: int = 0,
    backoff: float = 1.0,
    max_backoff: float = 60.0,
    jitter: bool = True,
    retry_on: type[Exception] | Sequence[type[Exception]] = Exception,
    timeout: float | None = None,
    on_failure: OnFailure = "fail",
    max_concurrency: int | None = None,
) -> Callable[[Function], Tool]: ...


def tool(
    fn: Function | None = None,
    /,
    *,
    name: str | None = None,
    outputs: Sequence[str] | None = None,
    effects: bool = False,
    retries: int = 0,
    backoff: float = 1.0,
    max_backoff: float = 60.0,
    jitter: bool = True,
    retry_on: type[Exception] | Sequence[type[Exception]] = Exception,
    timeout: float | None = None,
    on_failure: OnFailure = "fail",
    max_concurrency: int | None = None,
) -> Tool | Callable[[Function], Tool]:
    """Make a function a tool: a step of graphs, and an ordinary function outside of them.

    Sync functions run in a thread, so they may block. Retries, limits and the rest hold where it is a node;
    called in the body of another tool, or outside a run, it is a plain call.

    Args:
        fn: the function, when the decorator is used bare.
        name: what it is called; the function's name when None.
        outputs: names of what it returns, as a mapping with exactly these; without them whatever it
            returns is its one output, `result`.
        effects: it touches the world: everything before it is on disk before its body starts.
        retries: further attempts after the first, exactly; a crash of the kernel uses none up. What an
            attempt asked and was answered is not asked again by the next.
        backoff: seconds before the first retry; doubles with each further one.
        max_backoff: seconds that a pause has at most.
        jitter: whether a pause is any time up to its length, by chance ("full jitter").
        retry_on: the exception class, or classes, that are worth another attempt. What another attempt
            cannot mend (outputs that do not fit, a value that cannot be stored) is never tried again.
        timeout: seconds that one attempt may take, waiting for people and for a free place not counted; then
            it fails with a `ToolTimeout`. A thread cannot be stopped: `context.cancelled` is set, and the
            next attempt waits until it has returned. None is no limit.
        on_failure: "fail" the graph, once all that does not depend on this is done; "skip" what depends on
            this; or "continue" with None for its outputs. In a graph function the last two both give None for
            every output, and raise nothing; in the lists of a `map` they leave None for the item.
        max_concurrency: how many bodies of tools of this name compute at once, over all runs.

    Raises:
        GraphProblems: something is wrong with the function or an option; all of it at once.
    """
    __tracebackhide__ = True
    policy: dict[str, Any] = {
        "retries": retries,
        "backoff": backoff,
        "max_backoff": max_backoff,
        "jitter": jitter,
        "retry_on": retry_on,
        "timeout": timeout,
    }

    def decorate(fn: Function) -> Tool:
        __tracebackhide__ = True
        called = _name(fn, name)
        return Tool(
            fn, name=called, outputs=outputs, effects=effects,
            policy=policy_of(called, policy, on_failure, max_concurrency),
            on_failure=on_failure, max_concurrency=max_concurrency,
        )  # fmt: skip

    return decorate if fn is None else decorate(fn)


@overload
def graph_fn(fn: Function, /) -> Graph: ...


@overload
def graph_fn(
    *, name: str | None = None, outputs: Sequence[str] | None = None
) -> Callable[[Function], Graph]: ...


def graph_fn(
    fn: Function | None = None, /, *, name: str | None = None, outputs: Sequence[str] | None = None
) -> Graph | Callable[[Function], Graph]:
    """Make an `async def` a graph: ordinary control flow, in which each tool it awaits becomes a node.

    After a restart it is run again, and every call that is recorded gives what it gave. So it must make the same
    calls again: clocks, random numbers, and reads and writes of its own belong into a tool, or
    `context.now()` and `context.uuid()` take their place.

    Args:
        fn: the function, when the decorator is used bare.
        name: what the graph is called; the function's name when None.
        outputs: names of what it returns, as a mapping with exactly these; without them whatever it
            returns is its one output, `result`.

    Raises:
        GraphProblems: something is wrong with the function, or it calls a tool and does not await it.
    """
    __tracebackhide__ = True

    def decorate(fn: Function) -> Graph:
        __tracebackhide__ = True
        return _graph_function(fn, _name(fn, name), outputs)

    return decorate if fn is None else decorate(fn)


@overload
def graphify(fn: Function, /) -> Graph: ...


@overload
def graphify(
    *, name: str | None = None, inputs: Sequence[str] | None = None, outputs: Sequence[str] | None = None
) -> Callable[[Function], Graph]: ...


def graphify(
    fn: Function | None = None,
    /,
    *,
    name: str | None = None,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
) -> Graph | Callable[[Function], Graph]:
    """Make a builder a static graph: it is called once, now, and the tools it calls become nodes.

    Args:
        fn: the builder, when the decorator is used bare. It takes handles and returns a mapping of
            handles or literals by output name, or one handle when there is one output.
        name: what the graph is called; the builder's name when None.
        inputs: the builder's parameters once more; None leaves them to its signature.
        outputs: names of what it returns; None takes them from what it returns.

    Raises:
        GraphProblems: the graph has problems; all of them at once.
        HandleMisuse: the builder used a handle as if it were a value.
    """
    __tracebackhide__ = True

    def decorate(fn: Function) -> Graph:
        __tracebackhide__ = True
        return build(fn, name=_name(fn, name), inputs=inputs, outputs=outputs)

    return decorate if fn is None else decorate(fn)


def _name(fn: Function, name: str | None) -> str:
    return str(getattr(fn, "__name__", "")) if name is None else name


def _graph_function(fn: Function, name: str, outputs: Sequence[str] | None) -> Graph:
    __tracebackhide__ = True
    signature, problems = read(fn, name, outputs, (*CALL_WORDS, *START_WORDS))
    if inspect.isasyncgenfunction(fn):
        problems.append(
            "a graph function returns its outputs once, it cannot `yield`; return a list instead."
        )
    elif not inspect.iscoroutinefunction(fn):
        problems.append("a graph function is an `async def`; for a plain `def` that draws use `@graphify`.")
    if signature is not None:
        problems += forgotten_awaits(fn)
    if problems or signature is None:
        raise GraphProblems(str(name), problems)
    print_ = fingerprint(fn)
    spec = GraphSpec(
        name=name,
        kind="function",
        inputs=signature.params,
        outputs=(SINGLE,) if outputs is None else tuple(outputs),
        doc=inspect.getdoc(fn) or "",
        fingerprints={name: print_},
    )
    return Graph(
        fn, spec, signature=signature, fingerprint=print_, source=source_of(fn), single=outputs is None
    )
