"""A failure of user code as data, and back: what is recorded, and what is raised alike live and replayed."""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeGuard

from aether_nb import errors
from aether_nb.errors import AetherError, NodeFailed
from aether_nb.events import ErrorInfo
from aether_nb.frames import user_frames
from aether_nb.graph.retry_policy import RetryPolicy
from aether_nb.ids import NodeId
from aether_nb.values import show
from aether_nb.values.secrets import hidden

_CANCELLED = errors.NodeCancelled.__name__
_NOT_MENDED = (
    errors.GraphError, errors.RunBlocked, errors.RunOver, errors.OutsideRun, errors.NoLoop, errors.DuplicateKey,
    errors.NotAwaited, errors.BadOutputs, errors.NotStorable, errors.NotRestorable, errors.NodeCancelled,
)  # fmt: skip


class _Raised(NodeFailed):
    """A NodeFailed that knows the record it was made from."""

    info: ErrorInfo


def error_info(error: BaseException, inputs: Mapping[str, Any] | None = None) -> ErrorInfo:
    """What is kept of an exception that a body raised.

    A failure of another node that passed through stays what it was: its own message, frames and inputs.
    """
    error = cause_of(error)
    if isinstance(error, _Raised):
        return error.info
    return ErrorInfo(
        message=writable(hidden(_text_of(error))),
        error_type=type(error).__name__,
        builtin=_builtin_of(type(error)).__name__,
        frames=tuple(map(writable, user_frames(error))),
        inputs={k: writable(show(v)) for k, v in (inputs or {}).items()},
    )


def cause_of(error: BaseException) -> BaseException:
    """The first of the failed nodes of which a `TaskGroup` made a group; every other exception is its own cause."""
    found = _ungrouped(error)
    return found[0] if all(isinstance(one, _Raised) for one in found) else error


def in_words(error: BaseException) -> str:
    """An exception of the user's in one text that every store can hold."""
    return writable(hidden(f"{type(error).__name__}: {_text_of(error)}"))


def asked_to_stop() -> bool:
    """Whether a cancellation that is raised here was asked for, by whoever: else the user's code raised it."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _ungrouped(error: BaseException) -> list[BaseException]:
    """The exceptions in a group, and in the groups in it; else the one."""
    if not isinstance(error, BaseExceptionGroup):
        return [error]
    return [one for inside in error.exceptions for one in _ungrouped(inside)]


def _text_of(error: BaseException) -> str:
    try:
        if isinstance(error, BaseExceptionGroup):
            return f"{error}: {', '.join(map(in_words, _ungrouped(error)))}"
        return str(error)
    except Exception as worse:  # noqa: BLE001 - the class is the user's
        return f"(its text could not be made: {type(worse).__name__})"


def cancelled_by(who: str) -> ErrorInfo:
    """What is kept of a node that a person cancelled while its run goes on."""
    return ErrorInfo(message=f"cancelled by {who}", error_type=_CANCELLED)


def is_worth_a_retry(error: BaseException, policy: RetryPolicy) -> bool:
    """Whether another attempt may mend it: the policy says so; no mistake in the code, no wish of a person."""
    return isinstance(error, policy.retry_on) and not isinstance(error, _NOT_MENDED)


def node_failed(node: NodeId, label: str, attempt: int, error: ErrorInfo) -> NodeFailed:
    """The exception that a failed node raises in who awaits it."""
    what = f"{error.error_type}: {error.message}" if error.message else error.error_type
    said = f"was {error.message}" if error.error_type == _CANCELLED else f"failed: {what}"
    failed = _class_for(error.builtin, error.error_type)(
        f"{label} {said}", node=node, error_type=error.error_type, attempt=attempt,
        frames=error.frames, inputs=error.inputs,
    )  # fmt: skip
    failed.info = error
    return failed


@lru_cache
def _class_for(builtin: str, error_type: str) -> type[_Raised]:
    """NodeFailed that is also the builtin class, and ours of that name, where Python allows them in one."""
    named = (getattr(errors, error_type, None), getattr(builtins, builtin, None))
    bases: list[type] = [base for base in named if _fits(base)]
    space = {"__doc__": NodeFailed.__doc__, "__module__": NodeFailed.__module__, "__str__": Exception.__str__}
    for mixed in (bases, bases[1:], []):
        try:
            called = next((base.__name__ for base in mixed if issubclass(base, NodeFailed)), "NodeFailed")
            made: type[_Raised] = type(called, (_Raised, *mixed), space)
            made("probe", node="", error_type="", attempt=1, frames=(), inputs={})
        except Exception:  # noqa: BLE001, S112 - their memory layouts or constructors do not go together
            continue
        return made
    return _Raised


def _fits(base: Any) -> TypeGuard[type]:
    if not isinstance(base, type) or not issubclass(base, Exception):
        return False
    return base not in {Exception, AetherError} and not issubclass(NodeFailed, base)


def _builtin_of(cls: type[BaseException]) -> type[BaseException]:
    for base in cls.__mro__:
        if base.__module__ == "builtins" and issubclass(base, Exception):
            return base
    return Exception


def writable(text: str) -> str:
    """The text as every store can hold it: half a character becomes a question mark."""
    return text.encode("utf-8", "replace").decode()
