"""Waiting for a service that calls back: it is given a URL, and what it sends there is the reply."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, overload

from aether_nb.authoring.dualstage import DualStageTool, Wait
from aether_nb.authoring.fingerprint import fingerprint, source_of
from aether_nb.calling import MISSING
from aether_nb.errors import GraphProblems
from aether_nb.prompts import CallbackPrompt, Reply, check_schema

_OWN = ("timeout", "default")  # inputs that the tool adds to those of the function
_GIVEN = ("url", "token", "context")  # what the function may take and the caller does not give


class HttpCallback(DualStageTool):
    """What `http_callback` makes subclasses of: `submit` has told a service of the wait's URL; it answers there."""

    outputs = ("value",)
    submit: Callable[..., Any]

    async def on_resume(self, reply: Reply, wait: Wait) -> dict[str, Any]:  # type: ignore[override]  # noqa: ARG002 - needs no context
        """Stage B."""
        return {"value": reply.value}


@overload
def http_callback(
    submit: Callable[..., Any], *, name: str | None = ..., schema: Mapping[str, Any] | None = ...
) -> DualStageTool: ...


@overload
def http_callback(
    *, name: str | None = ..., schema: Mapping[str, Any] | None = ...
) -> Callable[[Callable[..., Any]], DualStageTool]: ...


def http_callback(
    submit: Any = MISSING, *, name: str | None = None, schema: Mapping[str, Any] | None = None
) -> Any:
    """A tool that hands a service a URL and waits until something is sent there. Output: `value`.

    `submit` is an async function that tells the service; it may stand below `@http_callback`, or below
    `@http_callback(schema=...)`. It takes `url`
    (what the service is to call) or `token` (the last part of it) or both, `context` if it wants that, and
    whatever else are the tool's inputs::

        @http_callback
        async def render(scene: str, *, url):
            await client.post("https://farm.example/render", json={"scene": scene, "done": url})

        out = await render(scene="a")          # in a graph function; in a builder it becomes a node

    The tool takes `timeout` and `default` besides. URL and token are stored before `submit` begins and are the
    same when it runs again after a crash; a reply that comes before `submit` returned is kept. Where the
    URL begins is said by `ae.configure(callback_url=...)` or AETHER_NB_CALLBACK_URL, or it is the hook of the
    Jupyter server after `ae.configure(hook=True)`; without a server, `ae.answer(token, value)` replies.

    Args:
        submit: the function.
        name: the tool's name; the function's own when None.
        schema: JSON Schema of the reply; others are refused.

    Raises:
        GraphProblems: the function cannot be one.
        BadInputs: the schema is none.
    """
    if submit is MISSING:
        return lambda fn: http_callback(fn, name=name, schema=schema)
    called: str = str(name or getattr(submit, "__name__", "http_callback"))
    if problems := _problems(submit):
        raise GraphProblems(called, problems)
    made: DualStageTool = _subclass(submit, called, None if schema is None else check_schema(schema))()
    return made


def _subclass(submit: Callable[..., Any], called: str, schema: Any) -> type[HttpCallback]:
    """The tool's class: its Stage A takes what `submit` takes, and tells it the URL."""
    takes = inspect.signature(submit).parameters

    async def setup(
        self: HttpCallback, *, context: Any, timeout: Any = None, default: Any = MISSING, **inputs: Any
    ) -> Wait:
        """Stage A."""
        told: dict[str, Any] = {"url": context.wait_url} if "url" in takes else {}
        told |= {"token": context.wait_token} if "token" in takes else {}
        told |= {"context": context} if "context" in takes else {}
        await type(self).submit(**inputs, **told)
        prompt = CallbackPrompt(prompt=f"Waiting for {called}", reply=schema)
        return Wait(kind="callback", prompt=prompt, timeout=timeout, default=default)

    setup.__signature__ = _signature(takes.values())  # type: ignore[attr-defined]
    setup.__wrapped__ = submit  # type: ignore[attr-defined]  # hints are looked up where it was written
    space = {
        "name": called, "submit": staticmethod(submit), "setup": setup, "__doc__": inspect.getdoc(submit),
        "__module__": __name__,
    }  # fmt: skip
    cls: type[HttpCallback] = type("HttpCallback", (HttpCallback,), space)
    cls.fingerprint, cls.source = fingerprint(submit), source_of(submit)
    return cls


def _problems(submit: Any) -> Sequence[str]:
    if not inspect.iscoroutinefunction(submit):
        return [f"{submit!r} is no async function; write `async def submit(..., *, url)`."]
    takes = inspect.signature(submit).parameters
    problems = [f"no input can be called `{n}`, the tool adds that one itself." for n in _OWN if n in takes]
    if "url" not in takes and "token" not in takes:
        problems.append("it takes neither `url` nor `token`, so the service cannot know where to reply.")
    return problems


def _signature(takes: Iterable[inspect.Parameter]) -> inspect.Signature:
    """Of Stage A: the function's inputs, and the tool's own."""
    kinds = inspect.Parameter
    inputs = [p for p in takes if p.name not in _GIVEN]
    own = [
        kinds("timeout", kinds.KEYWORD_ONLY, default=None),
        kinds("default", kinds.KEYWORD_ONLY, default=MISSING),
        kinds("context", kinds.KEYWORD_ONLY),
    ]
    me = kinds("self", kinds.POSITIONAL_OR_KEYWORD)
    return inspect.Signature([me, *inputs, *own])
