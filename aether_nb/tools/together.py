"""Several waits at once: the first of them, or all."""

from __future__ import annotations

from typing import Any

from aether_nb.calling import BUILDER, CALLER
from aether_nb.errors import BadInputs, GraphError, OutsideRun
from aether_nb.values import Outputs

_DECIDES = "which of them comes first shows while the graph runs"


async def _wait_any(waits: tuple[Any, ...], named: dict[str, Any]) -> Outputs:
    labels, calls = _members("wait_any", waits, named)
    which, [outputs] = await _caller("wait_any").together(calls, first=True, what="wait_any")
    return Outputs({"index": which, "label": labels[which], "outputs": outputs})


def wait_any(*waits: Any, **named: Any) -> Any:
    """Wait for the first of several waits; the others are withdrawn.

    `first = await wait_any(ask_text("Go on?"), wait_for_event("stop"))` in a graph function: asks, events,
    sleeps, jobs, dual-stage tools of your own, and the asks of `context.channel()`. Either all have names or
    none: `wait_any(go=ask_text("Go on?"), stop=wait_for_event("stop"))`.

    The first accepted reply decides, and so does a deadline's default, a failure or a deadline without one.
    The others are withdrawn in the same transaction, and their `on_cancel` is called.

    Returns:
        A mapping: `index` (which one, counted from 0), `label` (its name; without names the index as text) and
        `outputs`, what it gave.

    Raises:
        BadInputs: one of them is no wait, or was awaited before.
        GraphError: a static graph is being drawn.
        NodeFailed: the first that came to anything failed.
    """
    if BUILDER.get() is not None:
        raise GraphError(
            f"wait_any cannot be drawn, {_DECIDES}: write it in a `@graph_fn`, and call that one here."
        )
    return _wait_any(waits, named)


async def _wait_all(waits: tuple[Any, ...], named: dict[str, Any]) -> Any:
    labels, calls = _members("wait_all", waits, named)
    _, outputs = await _caller("wait_all").together(calls, first=False, what="wait_all")
    return Outputs(dict(zip(labels, outputs, strict=True))) if named else outputs


def wait_all(*waits: Any, **named: Any) -> Any:
    """Wait for all of several waits, which are open at the same time.

    `a, b = await wait_all(ask_text("One?"), ask_text("Two?"))`; what can be waited for is told at `wait_any`.
    When one fails, the others are withdrawn.

    Returns:
        What each gave, in the order written; with names (`wait_all(one=..., two=...)`) a mapping. While a
        static graph is drawn, the handles as they are: there every node waits for all that it takes.

    Raises:
        BadInputs: one of them is no wait, or was awaited before.
        NodeFailed: one of them failed.
    """
    if BUILDER.get() is not None:
        labels, handles = _members("wait_all", waits, named)
        return dict(zip(labels, handles, strict=True)) if named else handles
    return _wait_all(waits, named)


def _members(what: str, waits: tuple[Any, ...], named: dict[str, Any]) -> tuple[list[str], list[Any]]:
    if bool(waits) == bool(named):
        how = "either all waits by name or none" if waits else "at least one wait"
        raise BadInputs(f"{what} takes {how}, such as {what}(ask_text('Go on?'), wait_for_event('stop')).")
    return (
        (list(named), list(named.values())) if named else ([str(i) for i in range(len(waits))], list(waits))
    )


def _caller(what: str) -> Any:
    caller = CALLER.get()
    if caller is None:
        raise OutsideRun(f"{what} works inside a run: await it in a `@graph_fn`, and start that.")
    return caller
