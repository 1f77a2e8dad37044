"""A failure of user code as data, and back: what is recorded, and what is raised alike live and replayed."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from aether_nb.errors import NodeFailed
from aether_nb.events import ErrorInfo
from aether_nb.frames import user_frames
from aether_nb.ids import NodeId
from aether_nb.values import show


def error_info(error: BaseException, inputs: Mapping[str, Any] | None = None) -> ErrorInfo:
    """What is kept of an exception that a body raised.

    A failure of another node that passed through keeps its own frames and name.
    """
    if isinstance(error, NodeFailed):
        return ErrorInfo(
            message=str(error), error_type=error.error_type, builtin=_builtin_of(type(error)).__name__,
            frames=error.frames, inputs=error.inputs,
        )  # fmt: skip
    return ErrorInfo(
        message=str(error) or type(error).__name__,
        error_type=type(error).__name__,
        builtin=_builtin_of(type(error)).__name__,
        frames=user_frames(error),
        inputs={k: show(v) for k, v in (inputs or {}).items()},
    )


def node_failed(node: NodeId, label: str, attempt: int, error: ErrorInfo) -> NodeFailed:
    """The exception that a failed node raises in who awaits it."""
    what = f"{error.error_type}: {error.message}" if error.error_type != "NodeFailed" else error.message
    prefix = f"{label} failed: "
    message = what if what.startswith(prefix) or " failed: " in error.message else prefix + what
    failed: NodeFailed = _class_for(error.builtin)(
        message, node=node, error_type=error.error_type, attempt=attempt, frames=error.frames,
        inputs=error.inputs,
    )  # fmt: skip
    return failed


@lru_cache
def _class_for(builtin: str) -> type[NodeFailed]:
    """NodeFailed that is also the builtin class, where Python allows the two in one."""
    base = getattr(builtins, builtin, Exception)
    if not (isinstance(base, type) and issubclass(base, Exception)) or base is Exception:
        return NodeFailed
    try:
        made = type(
            "NodeFailed",
            (NodeFailed, base),
            {"__doc__": NodeFailed.__doc__, "__module__": NodeFailed.__module__},
        )
        made("probe")
    except TypeError:  # the builtin's memory layout or constructor does not go with ours
        return NodeFailed
    return made


def _builtin_of(cls: type[BaseException]) -> type[BaseException]:
    for base in cls.__mro__:
        if base.__module__ == "builtins" and issubclass(base, Exception):
            return base
    return Exception
