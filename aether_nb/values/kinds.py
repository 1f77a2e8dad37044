"""One function for every kind of value that is not its own JSON, and the table that finds it.

Each takes the walking `Encoder`, the value and how many levels of JSON it stands at, and gives its
tree. A new kind is a function here, a line in `BY_TYPE`, a line in `decoding`, and a test.
"""

from __future__ import annotations

import base64
import datetime as dt
import enum
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from decimal import Decimal
from math import isfinite
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from aether_nb.values import arrays, classes
from aether_nb.values.outputs import Outputs
from aether_nb.values.refusal import Refused, remedy_for
from aether_nb.values.secrets import TAG_OF_SECRETS, Secret

if TYPE_CHECKING:
    from aether_nb.values.encoding import Encoder

TAG = "$"
INLINE = 64 * 1024
"""Bytes of JSON above which a value becomes a blob, where there is a place for blobs."""

MIN, MAX = -(2**63), 2**63 - 1
"""Whole numbers that every reader of JSON takes as they are."""


def too_deep(_e: Encoder, value: Any, _depth: int) -> Any:
    """Refuse a value for where it stands."""
    raise Refused(value, deep=True)


def well_formed(text: str) -> bytes:
    """A text as UTF-8; one that has none is refused."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise Refused(
            text,
            what="is a text with half of a surrogate pair",
            remedy="decode the bytes it came from with errors='replace', or keep the bytes",
        ) from None


def _str(e: Encoder, value: str, _depth: int) -> Any:
    data = well_formed(value)
    if len(data) > INLINE and e.blobs is not None and not e.canonical:
        return e.blob(data, "text/plain; charset=utf-8")
    e.size += len(data) + 3
    return value


def _int(e: Encoder, value: int, _depth: int) -> Any:
    text = hex(value)  # hex has no limit of digits, and no reader of JSON rounds it
    e.size += len(text) + 20
    return {TAG: "int", "v": text}


def _bytes(e: Encoder, value: bytes, _depth: int) -> Any:
    if len(value) > INLINE * 3 // 4 and e.blobs is not None and not e.canonical:
        return e.blob(value, "application/octet-stream")
    text = base64.b64encode(value).decode()
    e.size += len(text) + 20
    return {TAG: "bytes", "v": text}


def _list(e: Encoder, value: list[Any], depth: int) -> Any:
    kinds = set(map(type, value))
    if len(kinds) == 1:  # the common long lists, at the speed of C
        if kinds == {int} and min(value) >= MIN and max(value) <= MAX:
            e.size += 8 * len(value)
            return value.copy()
        if kinds == {float} and all(map(isfinite, value)):
            e.size += 18 * len(value)
            return value.copy()
    return e.items(value, depth + 1)


def _dict(e: Encoder, value: dict[Any, Any], depth: int) -> Any:
    if TAG not in value and set(map(type, value)) <= {str}:
        return e.entries(value, depth + 1)
    return _tagged(e, "dict", _unordered(e, e.pairs(value, depth + 2)))


def _unordered(e: Encoder, made: list[Any]) -> list[Any]:
    return sorted(made, key=e.in_order) if e.canonical else made


def _tagged(e: Encoder, tag: str, v: Any, **more: Any) -> dict[str, Any]:
    e.size += 20 + sum(len(str(m)) + 10 for m in more.values())
    return {TAG: tag, "v": v, **more}


def _sequence(tag: str) -> _Handler:
    return lambda e, value, depth: _tagged(e, tag, e.items(value, depth + 2))


def _set(tag: str) -> _Handler:
    def handle(e: Encoder, value: set[Any], depth: int) -> Any:
        try:
            return _tagged(e, tag, sorted((e.tree(v, depth + 2) for v in value), key=e.in_order))
        except Refused as r:
            r.steps.append("{...}")
            raise

    return handle


def _text(tag: str) -> _Handler:
    return lambda e, value, _depth: _tagged(e, tag, str(value))


def _path(tag: str) -> _Handler:
    return lambda e, value, _depth: _tagged(e, tag, well_formed(str(value)).decode())


def _zone(value: Any) -> dict[str, Any]:
    """What a datetime or time has besides its digits."""
    found: dict[str, Any] = {"fold": 1} if value.fold else {}
    zone = value.tzinfo
    if zone is None:
        return found
    if type(zone) is ZoneInfo and zone.key:
        return {**found, "tz": zone.key}
    if type(zone) is dt.timezone:
        offset = zone.utcoffset(None)
        micros, zone_name = offset // dt.timedelta(microseconds=1), zone.tzname(None)
        named = zone_name != dt.timezone(offset).tzname(None)
        return {**found, "tz": [micros, zone_name] if named else [micros]}
    raise Refused(
        zone,
        step=".tzinfo",
        remedy="use zoneinfo.ZoneInfo or datetime.timezone for the time zone",
    )


def _moment(tag: str) -> _Handler:
    return lambda e, value, _depth: _tagged(
        e, tag, value.replace(tzinfo=None, fold=0).isoformat(), **_zone(value)
    )


def _timedelta(e: Encoder, value: dt.timedelta, _depth: int) -> Any:
    return _tagged(e, "timedelta", [value.days, value.seconds, value.microseconds])


def _range(e: Encoder, value: range, depth: int) -> Any:
    return _tagged(e, "range", e.items((value.start, value.stop, value.step), depth + 2))


def _float(e: Encoder, value: float, _depth: int) -> Any:
    return _tagged(e, "float", repr(value))  # nan, inf, -inf


def _complex(e: Encoder, value: complex, depth: int) -> Any:
    return _tagged(e, "complex", e.items((value.real, value.imag), depth + 2))


def _outputs(e: Encoder, value: Outputs, depth: int) -> Any:
    return _tagged(e, "outputs", e.entries(value, depth + 2))


def _deque(e: Encoder, value: deque[Any], depth: int) -> Any:
    return _tagged(e, "deque", e.items(value, depth + 2), maxlen=value.maxlen)


def _counter(e: Encoder, value: Counter[Any], depth: int) -> Any:
    return _tagged(e, "counter", _unordered(e, e.pairs(value, depth + 2)))


def _ordered(e: Encoder, value: OrderedDict[Any, Any], depth: int) -> Any:
    return _tagged(e, "ordered", e.pairs(value, depth + 2))


FACTORIES: dict[str, type] = {c.__name__: c for c in (list, dict, set, int, float, str, bool, tuple)}
"""What a stored defaultdict may make its values with."""


def _defaultdict(e: Encoder, value: defaultdict[Any, Any], depth: int) -> Any:
    factory: Any = value.default_factory
    if factory is not None and factory not in FACTORIES.values():
        raise Refused(factory, step=".default_factory", remedy="make a plain dict of it with dict(...)")
    pairs = _unordered(e, e.pairs(value, depth + 2))
    return _tagged(e, "defaultdict", pairs, factory=factory and factory.__name__)


def other(e: Encoder, value: Any, depth: int) -> Any:
    """The tree of what has no line in the table: users' classes, numpy, pandas, and the refused."""
    cls = type(value)  # never isinstance: a proxy or mock may lie about its class
    if issubclass(cls, enum.Enum):
        return _enum(e, value, depth)
    if issubclass(cls, BaseModel):
        return _model(e, value, depth)
    if issubclass(cls, type) and issubclass(value, BaseModel):
        return _tagged(e, "class", None, c=_class_name(e, value, value))
    fields = classes.fields_of(cls)
    if fields is not None:
        name = _class_name(e, value, cls)
        return _tagged(e, "obj", e.entries(classes.parts(value, fields), depth + 2, ".{}"), c=name)
    if cls.__module__.partition(".")[0] in {"numpy", "pandas"}:
        found = arrays.encode(e, value, depth)
        if found is not None:
            return found
    raise Refused(value, remedy=remedy_for(cls))


def _class_name(e: Encoder, value: Any, cls: type) -> str:
    name = classes.name_of(cls)
    if e.canonical or classes.find(name) is not None:
        return name
    if "<locals>" in name:
        remedy = f"define {cls.__name__} at the top of a cell or module, not inside a function"
    else:
        remedy = f"give the class a name in its module under which it is found again ({cls.__qualname__})"
    what = (
        "cannot be found again by its name"
        if value is cls
        else "has a class that cannot be found again by its name"
    )
    raise Refused(value, what=what, remedy=remedy)


def _enum(e: Encoder, value: enum.Enum, depth: int) -> Any:
    name = _class_name(e, value, type(value))
    if value._name_ in type(value)._member_map_:
        return _tagged(e, "enum", value._name_, c=name)
    return _tagged(e, "enum", None, c=name, value=e.tree(value._value_, depth + 1))  # flags, combined


def _model(e: Encoder, value: BaseModel, depth: int) -> Any:
    name = _class_name(e, value, type(value))
    found = classes.model_parts(value)
    trees = {part: e.entries(v, depth + 2, ".{}") for part, v in found.items()}
    made = _tagged(e, "obj", trees.pop("v"), c=name, **trees)
    if value.model_fields_set != set(found["v"]):
        made["set"] = sorted(value.model_fields_set)
    return made


def _secret(e: Encoder, value: Secret, _depth: int) -> Any:
    if e.canonical:
        return _tagged(e, TAG_OF_SECRETS, value.node)  # the same call, when it was asked for again
    return _tagged(e, TAG_OF_SECRETS, value.node, id=value.id)


_Handler = Callable[["Encoder", Any, int], Any]

BY_TYPE: dict[type, _Handler] = {
    str: _str,
    int: _int,
    float: _float,
    bytes: _bytes,
    bytearray: lambda e, value, depth: _tagged(e, "bytearray", e.tree(bytes(value), depth + 1)),
    list: _list,
    dict: _dict,
    tuple: _sequence("tuple"),
    set: _set("set"),
    frozenset: _set("frozenset"),
    deque: _deque,
    Counter: _counter,
    OrderedDict: _ordered,
    defaultdict: _defaultdict,
    Outputs: _outputs,
    Secret: _secret,
    range: _range,
    complex: _complex,
    Decimal: _text("decimal"),
    UUID: _text("uuid"),
    dt.datetime: _moment("datetime"),
    dt.time: _moment("time"),
    dt.date: lambda e, value, _depth: _tagged(e, "date", value.isoformat()),
    dt.timedelta: _timedelta,
    type(Path()): _path("path"),
    PurePosixPath: _path("posixpath"),
    PureWindowsPath: _path("windowspath"),
}
