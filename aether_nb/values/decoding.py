"""JSON trees back to values. The twin of `encoding`.

A tree may come from somebody else's store: nothing here imports a module, runs users' code or
trusts a name, and what does not fit is a `NotRestorable`, whatever went wrong underneath.
"""

from __future__ import annotations

import base64
import datetime as dt
import enum
import json
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from aether_nb.errors import NotRestorable, SecretGone
from aether_nb.values import arrays, classes, secrets
from aether_nb.values.encoding import Blobs
from aether_nb.values.kinds import FACTORIES, TAG
from aether_nb.values.outputs import Outputs

_PLAIN = frozenset({str, int, float, bool, type(None)})


@dataclass(frozen=True)
class Opaque:
    """Stands in for a value that cannot be made here, for looking at only."""

    type: str
    """The name of its class."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """What is known of it."""

    def __hash__(self) -> int:  # it may stand in for an item of a set
        return hash(self.type)

    def __repr__(self) -> str:
        return f"{self.type}({', '.join(f'{k}={v!r}' for k, v in self.fields.items())})"


def decode(data: Any, blobs: Blobs | None = None, strict: bool = True) -> Any:
    """The value of a tree that `encode` made; it shares no mutable part with the tree.

    Args:
        data: JSON.
        blobs: where references lead; without it they cannot be followed.
        strict: False puts an `Opaque` in the place of what cannot be made here.

    Raises:
        NotRestorable: a class is not defined here, a blob is gone, the tree is damaged; only if strict.
    """
    kind = type(data)
    if kind in _PLAIN:
        return data
    if kind is dict and TAG not in data and _PLAIN.issuperset(map(type, data.values())):
        return data.copy()
    return Decoder(blobs, strict).value(data)


def recalled(data: Any, blobs: Blobs | None = None) -> Any:
    """The value of a tree that is looked back at: a secret that is gone only shows that there was one.

    Raises:
        NotRestorable: as `decode`, for anything else.
    """
    try:
        return decode(data, blobs)
    except SecretGone:
        return decode(data, blobs, strict=False)


class Decoder:
    """One walk over one tree."""

    __slots__ = ("blobs", "strict")

    def __init__(self, blobs: Blobs | None, strict: bool) -> None:
        self.blobs = blobs
        self.strict = strict

    def value(self, data: Any) -> Any:
        """The value of a tree."""
        kind = type(data)
        if kind in _PLAIN:
            return data
        if kind is list or kind is tuple:
            return list(data) if _PLAIN.issuperset(map(type, data)) else [self.value(v) for v in data]
        if TAG not in data:
            return self.values(data)
        try:
            return self._tagged(data)
        except NotRestorable:
            if self.strict:
                raise
        except Exception as e:  # damaged or forged: any library below may trip over it in its own way
            if self.strict:
                raise NotRestorable(
                    f"A stored {data.get(TAG)} is damaged ({type(e).__name__}: {e}); "
                    f"restore the store from a copy, or start the run over."
                ) from e
        return self._stand_in(data)

    def values(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """The values of a dict of trees."""
        return {k: v if type(v) in _PLAIN else self.value(v) for k, v in data.items()}

    def bytes(self, ref: Mapping[str, Any]) -> bytes:
        """The bytes that a reference leads to.

        Raises:
            NotRestorable: they are not there.
        """
        if self.blobs is None:
            raise NotRestorable(
                "A stored value has a part in the store's artifacts, which are not at hand here."
            )
        try:
            return self.blobs.get(ref["sha"])
        except NotRestorable:
            raise
        except Exception as e:
            raise NotRestorable(
                f"A part of a stored value is gone: artifact {str(ref.get('sha'))[:12]} cannot be read "
                f"({e}); bring the store's folder of artifacts back beside it."
            ) from e

    def _tagged(self, data: Mapping[str, Any]) -> Any:
        tag = data[TAG]
        handler = _BY_TAG.get(tag)
        if handler is None:
            raise NotRestorable(
                f"A stored value is of a kind {tag!r} unknown here; a newer aether_nb reads it."
            )
        return handler(self, data)

    def _stand_in(self, data: Mapping[str, Any]) -> Any:
        """For looking at: whatever of a tree can be read."""
        name = str(data.get("c") or data.get(TAG)).rpartition(":")[2].rpartition(".")[2]
        if data.get(TAG) == "enum":
            return Opaque(f"{name}.{data.get('v')}")
        if data.get(TAG) == "class":
            return Opaque(name)
        inner = data.get("v")
        if data.get(TAG) == "obj" and isinstance(inner, Mapping):
            return Opaque(name, self.values(inner))
        return Opaque(name, {k: v for k, v in data.items() if k != TAG and type(v) in _PLAIN})


# -- one function a tag --------------------------------------------------------------------------


def _blob(d: Decoder, data: Mapping[str, Any]) -> Any:
    raw = d.bytes(data)
    if data["media"].startswith("application/json"):
        return d.value(json.loads(raw))
    return raw.decode() if data["media"].startswith("text/") else raw


def _zone(data: Mapping[str, Any]) -> dict[str, Any]:
    zone = data.get("tz")
    tzinfo: dt.tzinfo | None = None
    if isinstance(zone, str):
        tzinfo = ZoneInfo(zone)
    elif zone is not None:
        offset = dt.timedelta(microseconds=zone[0])
        tzinfo = dt.timezone(offset, zone[1]) if len(zone) == 2 else dt.timezone(offset)
    return {"tzinfo": tzinfo, "fold": data.get("fold", 0)}


def _defaultdict(d: Decoder, data: Mapping[str, Any]) -> Any:
    factory = data["factory"]
    return defaultdict(None if factory is None else FACTORIES[factory], _pairs(d, data))


def _pairs(d: Decoder, data: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    return [(d.value(k), d.value(v)) for k, v in data["v"]]


def _class(data: Mapping[str, Any]) -> type:
    name = data["c"]
    found = classes.find(name)
    if found is None:
        module, _, qualname = name.partition(":")
        remedy = "run the cell that defines it" if module == "__main__" else f"import {module}"
        raise NotRestorable(
            f"A stored value needs the class {qualname}, which is not defined here; {remedy} first."
        )
    return found


def _obj(d: Decoder, data: Mapping[str, Any]) -> Any:
    cls = _class(data)
    stored = d.values(data["v"])
    if not issubclass(cls, BaseModel):
        return classes.build(cls, stored)
    fields_set = set(data["set"]) if "set" in data else None
    extra, private = (d.values(data[k]) if k in data else None for k in ("extra", "private"))
    return classes.build_model(cls, stored, fields_set, extra, private)


def _model_class(_d: Decoder, data: Mapping[str, Any]) -> type[BaseModel]:
    cls = _class(data)
    if not issubclass(cls, BaseModel):
        raise NotRestorable(f"{cls.__qualname__} was a pydantic model when it was stored; make it one again.")
    return cls


def _secret(d: Decoder, data: Mapping[str, Any]) -> Any:
    if not d.strict:
        return secrets.MASKED
    found = secrets.find(data["id"], data["v"])
    if found is None:
        raise SecretGone(
            f"The secret that {data['v']!r} asked for is not in memory any more, and was never stored; "
            "the run that asked for it must ask again.",
            data["v"],
        )
    return found


def _enum(d: Decoder, data: Mapping[str, Any]) -> Any:
    cls = _class(data)
    if not issubclass(cls, enum.Enum):
        raise NotRestorable(
            f"{cls.__qualname__} was an enum when a value of it was stored; make it one again."
        )
    return classes.member(cls, data["v"], d.value(data.get("value")))


def _made(make: Callable[[Any], Any]) -> _Handler:
    return lambda _d, data: make(data["v"])


def _filled(make: Callable[[list[Any]], Any]) -> _Handler:
    return lambda d, data: make([d.value(v) for v in data["v"]])


_Handler = Callable[[Decoder, Mapping[str, Any]], Any]

_BY_TAG: dict[str, _Handler] = {
    "blob": _blob,
    "int": _made(lambda v: int(v, 16)),
    "float": _made(float),
    "bytes": _made(base64.b64decode),
    "bytearray": lambda d, data: bytearray(d.value(data["v"])),
    "tuple": _filled(tuple),
    "set": _filled(set),
    "frozenset": _filled(frozenset),
    "deque": lambda d, data: deque((d.value(v) for v in data["v"]), data["maxlen"]),
    "dict": lambda d, data: dict(_pairs(d, data)),
    "ordered": lambda d, data: OrderedDict(_pairs(d, data)),
    "counter": lambda d, data: Counter(dict(_pairs(d, data))),
    "defaultdict": _defaultdict,
    "outputs": lambda d, data: Outputs(d.values(data["v"])),
    "range": _filled(lambda v: range(*v)),
    "complex": _filled(lambda v: complex(*v)),
    "decimal": _made(Decimal),
    "uuid": _made(UUID),
    "datetime": lambda _d, data: dt.datetime.fromisoformat(data["v"]).replace(**_zone(data)),
    "time": lambda _d, data: dt.time.fromisoformat(data["v"]).replace(**_zone(data)),
    "date": _made(dt.date.fromisoformat),
    "timedelta": _made(lambda v: dt.timedelta(*v)),
    "path": _made(Path),
    "posixpath": _made(PurePosixPath),
    "windowspath": _made(PureWindowsPath),
    "enum": _enum,
    "obj": _obj,
    "class": _model_class,
    secrets.TAG_OF_SECRETS: _secret,
    "array": lambda d, data: arrays.decode_array(d.value(data["v"])),
    "scalar": lambda d, data: arrays.decode_scalar(data["type"], d.value(data["v"])),
    "frame": lambda d, data: arrays.decode_frame(d, data["v"]),
    "series": lambda d, data: arrays.decode_series(d, data["v"]),
}
