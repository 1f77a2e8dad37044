"""Users' classes by name: finding them again, taking instances apart, putting them together.

Traps: a stored name must never make us import or run anything, so classes are looked up only in
modules that are loaded, through their plain `__dict__`, and must call themselves by that name; and
instances are put together without `__init__`, `__post_init__` or validators. Called by `encoding`
and `decoding` only.
"""

from __future__ import annotations

import dataclasses
import enum
import sys
import types
from collections.abc import Mapping
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from aether_nb.errors import NotRestorable

_FIELDS: WeakKeyDictionary[type, tuple[str, ...] | None] = WeakKeyDictionary()


def name_of(cls: type) -> str:
    """The name under which a class is stored, `module:qualname`."""
    return f"{cls.__module__}:{cls.__qualname__}"


def find(name: str) -> type | None:
    """The class of that stored name, if its module is loaded and has it."""
    module_name, _, qualname = name.partition(":")
    module = sys.modules.get(module_name)
    if not isinstance(module, types.ModuleType):
        return None
    scope = object.__getattribute__(module, "__dict__")  # a lazy module would load itself if asked nicely
    found: Any = scope.get(qualname)
    if found is None:  # Outer.Inner; the names of generic models have dots in their brackets
        for part in qualname.split("."):
            found = scope.get(part)
            if not isinstance(found, type):
                return None
            scope = type.__getattribute__(found, "__dict__")
    return found if isinstance(found, type) and name_of(found) == name and is_known(found) else None


def is_known(cls: type) -> bool:
    """Whether instances of the class are stored: enums by name, the others by their fields."""
    return issubclass(cls, (enum.Enum, BaseModel)) or fields_of(cls) is not None


def fields_of(cls: type) -> tuple[str, ...] | None:
    """The fields of a dataclass or a class of named tuples; None if it is neither."""
    try:
        return _FIELDS[cls]
    except KeyError:
        found: tuple[str, ...] | None = None
        if issubclass(cls, tuple):
            names = getattr(cls, "_fields", None)
            found = names if isinstance(names, tuple) else None
        elif dataclasses.is_dataclass(cls) and all(b is object or b.__flags__ & _HEAP for b in cls.__mro__):
            found = tuple(f.name for f in dataclasses.fields(cls))
        _FIELDS[cls] = found
        return found


_HEAP = 1 << 9  # made by a class statement; a dataclass that is also a list holds more than its fields


# -- taking apart --------------------------------------------------------------------------------


def parts(value: Any, fields: tuple[str, ...]) -> dict[str, Any]:
    """The fields of a dataclass or named tuple, and what else was set on a dataclass."""
    cls = type(value)
    if issubclass(cls, tuple):
        return dict(zip(fields, tuple.__iter__(value), strict=True))
    own = getattr(value, "__dict__", {})
    found = {n: own[n] if n in own else getattr(value, n) for n in fields if n in own or hasattr(value, n)}
    if len(own) > len(fields):
        found |= {n: v for n, v in own.items() if n not in found and _is_state(cls, n)}
    return found


def _is_state(cls: type, name: str) -> bool:
    return not name.startswith("__") and not isinstance(getattr(cls, name, None), cached_property)


def model_parts(value: BaseModel) -> dict[str, dict[str, Any]]:
    """Fields, extra fields and private attributes of a model; the last two only if there are any."""
    fields = type(value).model_fields
    found = {"v": {n: v for n, v in value.__dict__.items() if n in fields}}
    if value.__pydantic_extra__:
        found["extra"] = value.__pydantic_extra__
    if value.__pydantic_private__:
        found["private"] = value.__pydantic_private__
    return found


# -- putting together ----------------------------------------------------------------------------


def build(cls: type, stored: dict[str, Any]) -> Any:
    """An instance of a dataclass or named tuple.

    Raises:
        NotRestorable: the class has a field that the stored value lacks, without a default.
    """
    if issubclass(cls, tuple):
        names = fields_of(cls) or ()
        defaults: Mapping[str, Any] = getattr(cls, "_field_defaults", {})
        whole = {**defaults, **stored}
        _complete(cls, [n for n in names if n not in whole])
        return tuple.__new__(cls, [whole[n] for n in names])
    fields: tuple[dataclasses.Field[Any], ...] = dataclasses.fields(cls)  # type: ignore[arg-type] # `find` knows it
    _complete(cls, [f.name for f in fields if f.name not in stored and f.init and not _has_default(f)])
    made = object.__new__(cls)
    for f in fields:
        if f.name not in stored and _has_default(f):
            default = f.default if f.default_factory is dataclasses.MISSING else f.default_factory()
            object.__setattr__(made, f.name, default)
    names_of_fields = {f.name for f in fields}
    for name, value in stored.items():
        if name in names_of_fields or hasattr(made, "__dict__"):  # a removed field of a slots class goes
            object.__setattr__(made, name, value)
    return made


def build_model(
    cls: type[BaseModel],
    stored: dict[str, Any],
    fields_set: set[str] | None,
    extra: dict[str, Any] | None,
    private: dict[str, Any] | None,
) -> BaseModel:
    """An instance of a model, as unpickling would set it up: no validator, no `model_post_init`.

    Raises:
        NotRestorable: the model has a required field that the stored value lacks.
    """
    fields = cls.model_fields
    values = {n: v for n, v in stored.items() if n in fields}
    _complete(cls, [n for n, f in fields.items() if n not in values and f.is_required()])
    for name, field in fields.items():
        if name not in values:
            values[name] = field.get_default(call_default_factory=True)
    if cls.model_config.get("extra") == "allow":
        extra = {**(extra or {}), **{n: v for n, v in stored.items() if n not in fields}}
    else:
        extra = None
    if cls.__private_attributes__:
        defaults = {
            n: a.get_default() for n, a in cls.__private_attributes__.items() if n not in (private or {})
        }
        private = {**{n: v for n, v in defaults.items() if v is not PydanticUndefined}, **(private or {})}
    else:
        private = None
    made = object.__new__(cls)
    BaseModel.__setstate__(
        made,
        {
            "__dict__": values,
            "__pydantic_fields_set__": set(stored) & set(fields) if fields_set is None else fields_set,
            "__pydantic_extra__": extra,
            "__pydantic_private__": private,
        },
    )
    return made


def member(cls: type[enum.Enum], name: str | None, value: Any) -> enum.Enum:
    """A member of an enum by its name; of a flag, also a combination by its value.

    Raises:
        NotRestorable: it has no such member (any more).
    """
    if name is not None and name in cls._member_map_:
        return cls._member_map_[name]
    if issubclass(cls, enum.Flag) and isinstance(value, int):
        known = cls._value2member_map_.get(value)
        # the base's own lookup makes combinations; a users' `_missing_` is not asked
        return known or enum.Flag.__dict__["_missing_"].__func__(cls, value)
    raise NotRestorable(f"{cls.__qualname__} has no member {name!r} any more; put it back into the class.")


def _has_default(field: dataclasses.Field[Any]) -> bool:
    return field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING


def _complete(cls: type, missing: list[str]) -> None:
    if missing:
        names = ", ".join(map(repr, missing))
        raise NotRestorable(
            f"A stored {cls.__qualname__} has no value for {names}, which the class needs now; "
            f"give {'it' if len(missing) == 1 else 'them'} a default."
        )
