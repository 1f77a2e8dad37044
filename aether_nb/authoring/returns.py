"""The types of outputs, as far as the hint of what a function returns tells them.

Text for pictures; nothing is checked by it.
"""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_SAYS_NOTHING = (inspect.Signature.empty, Any, object, None, type(None))


def returned(fn: Callable[..., Any], outputs: Sequence[str], *, single: bool) -> dict[str, str]:
    """The types of the outputs of a function, by name; those that are not known are left out.

    Args:
        fn: the function, or a bound method.
        outputs: what it gives.
        single: it gives its one output as it is, and not in a mapping.
    """
    hint = _hint(fn)
    if hint in _SAYS_NOTHING:
        return {}
    if single:
        return {outputs[0]: _text(hint, fn)}
    found = _entries(hint, outputs)
    return {name: _text(of, fn) for name, of in found.items() if of not in _SAYS_NOTHING}


def _hint(fn: Callable[..., Any]) -> Any:
    bare = inspect.unwrap(getattr(fn, "__func__", fn))
    try:
        hint = inspect.signature(bare).return_annotation
        if isinstance(hint, str):
            holder = type("_Holder", (), {"__annotations__": {"returned": hint}})
            hint = typing.get_type_hints(holder, bare.__globals__, include_extras=True)["returned"]
        hash(hint)
    except Exception:  # noqa: BLE001 - a hint that cannot be read says nothing
        return inspect.Signature.empty
    return hint


def _entries(hint: Any, outputs: Sequence[str]) -> dict[str, Any]:
    """What a mapping of this type has under the names of the outputs."""
    if typing.get_origin(hint) in {dict, Mapping}:
        of = typing.get_args(hint)[1:]
        return dict.fromkeys(outputs, *of)
    if typing.is_typeddict(hint) or dataclasses.is_dataclass(hint):
        try:
            hints = typing.get_type_hints(hint)
        except Exception:  # noqa: BLE001 - as above
            return {}
        return {name: hints[name] for name in outputs if name in hints}
    return {}


def _text(hint: Any, fn: Callable[..., Any]) -> str:
    text = hint if isinstance(hint, str) else inspect.formatannotation(hint, getattr(fn, "__module__", None))
    return text.replace("typing.", "").replace("pathlib._local.", "").replace("pathlib.", "")
