"""Values to JSON trees, and the digest of a value, which is a hash over such a tree.

On the engine's hot path: scalars and small flat dicts leave `encode` before an `Encoder` is made.
An `Encoder` walks the rest; it counts the size as it goes, so that what is large becomes a blob
from the inside out, and a refusal collects its path on the way back up. Read `kinds` next; the twin
is `decoding`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any, Protocol

from aether_nb.errors import NotStorable
from aether_nb.values import classes
from aether_nb.values.kinds import BY_TYPE, INLINE, MAX, MIN, TAG, other, too_deep, well_formed
from aether_nb.values.refusal import Refused
from aether_nb.values.text import show

DEPTH = 150
"""Levels of JSON that a value may nest; pydantic reads an event of at most 200 back."""

_SHORT = 512  # characters; strings and dicts beyond the short way out are worth a closer look
_FEW = 32


class Blobs(Protocol):
    """Where large pieces of values go. `services.artifacts.Artifacts` is one."""

    def put(self, data: bytes, media_type: str) -> str:
        """Keep the bytes, durable on return, and give their sha256 as hex."""

    def get(self, sha: str) -> bytes:
        """The bytes of that sha256."""


def encode(value: Any, blobs: Blobs | None = None, *, name: str = "value") -> Any:
    """The JSON tree of a value; it shares no mutable part with the value.

    Args:
        value: anything that `decode` can give back with the type it has.
        blobs: takes bytes, texts and containers of more than 64 KiB, and all arrays and tables. Without
            it the former stay in the tree, and the latter are refused.
        name: what the message of a refusal calls the value.

    Raises:
        NotStorable: says where in the value, which type, and what to do instead.
    """
    made = _at_once(value)
    if made is not _LATER:
        return made
    try:
        return Encoder(blobs).tree(value, 0)
    except Refused as r:
        raise NotStorable(r.sentence(name)) from None
    except RecursionError:
        raise NotStorable(
            f"{name} nests too deep for the stack it is stored from; make it flatter."
        ) from None


def digest(value: Any) -> str:
    """16 hex digits for the identity of a value: the same for equal values in any process.

    Types count (1, True, 1.0 and "1" differ), the order of sets and of the keys of dicts does not.
    What cannot be stored counts as the name of its type, and the digest then begins with "~".
    """
    partial = False
    tree = _at_once(value)
    if tree is _LATER:
        encoder = Encoder(_Hashing(), canonical=True)
        try:
            tree = encoder.tree(value, 0)
            partial = encoder.partial
        except (Refused, RecursionError):
            tree, partial = classes.name_of(type(value)), True
    # the standard library's JSON: its floats are written the same by every version, and digests are kept
    found = hashlib.blake2b(_SORTED(tree).encode(), digest_size=8).hexdigest()
    return "~" + found if partial else found


def alike(value: Mapping[str, Any], tree: Mapping[str, Any]) -> bool:
    """Whether `tree` is what this encodes to; False also when that is not to be seen at a glance."""
    if len(value) != len(tree):
        return False
    for name, one in value.items():
        kind, kept = type(one), tree.get(name, _LATER)
        if kind not in _AS_THEY_ARE or type(kept) is not kind or kept != one:
            return False
    return True


def outputs_tree(trees: Mapping[str, Any]) -> dict[str, Any]:
    """The tree of `Outputs` whose entries are encoded already."""
    return {TAG: "outputs", "v": dict(trees)}


def boxed(tree: Any, blobs: Blobs) -> Any:
    """A tree that was put together of others, as `encode` would have it: as a reference when it is large."""
    put_together = isinstance(tree, list) or (isinstance(tree, dict) and tree.get(TAG) != "blob")
    return Encoder(blobs)._boxed(tree, 0) if put_together else tree


NAMING = "; names=artifacts"
"""Ends the media type of a blob that may name other artifacts: they are needed as long as it is."""

_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_SORTED = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


_LATER = object()
_AS_THEY_ARE = frozenset(
    {str, int, bool, type(None)}
)  # equal ones of one type are the same; 0.0 and -0.0 are not


def _at_once(value: Any) -> Any:
    """The tree of a scalar or a small flat dict that is its own JSON at a glance, else `_LATER`."""
    kind = type(value)
    if kind is str:
        return value if len(value) <= _SHORT and value.isascii() else _LATER
    if kind is bool or value is None or (kind is int and MIN <= value <= MAX):
        return value
    if kind is float:
        return value if isfinite(value) else _LATER
    if kind is not dict or len(value) > _FEW or TAG in value:
        return _LATER
    for k, v in value.items():
        if type(k) is not str or not k.isascii() or len(k) > _SHORT:
            return _LATER
        kind = type(v)
        if kind is str:
            if len(v) > _SHORT or not v.isascii():
                return _LATER
        elif kind is int:
            if not MIN <= v <= MAX:
                return _LATER
        elif kind is float:
            if not isfinite(v):
                return _LATER
        elif v is not None and kind is not bool:
            return _LATER
    return value.copy()


class _Hashing:
    """Blobs for a digest: only their hash is wanted."""

    def put(self, data: bytes, media_type: str) -> str:  # noqa: ARG002 - the port's signature
        return hashlib.sha256(data).hexdigest()

    def get(self, sha: str) -> bytes:
        raise KeyError(sha)


class Encoder:
    """One walk over one value.

    Attributes:
        blobs: where large pieces go.
        canonical: the tree is for a digest: order is taken out, nothing is refused below the top, classes
            need not be found again, and nothing but arrays becomes a blob.
        partial: something in a canonical tree counts as the name of its type.
        size: about how many bytes of JSON the tree has so far.
    """

    __slots__ = ("blobs", "canonical", "partial", "size")

    in_order = staticmethod(_SORTED)
    """The key by which the trees of a set are sorted."""

    def __init__(self, blobs: Blobs | None, *, canonical: bool = False) -> None:
        self.blobs = blobs
        self.canonical = canonical
        self.partial = False
        self.size = 0

    def tree(self, value: Any, depth: int) -> Any:
        """The tree of a value that stands at that many levels of JSON."""
        kind = type(value)
        if value is None or kind is bool:
            self.size += 6
            return value
        if kind is int and MIN <= value <= MAX:
            self.size += 8
            return value
        if kind is float and isfinite(value):
            self.size += 18
            return value
        if kind is str and len(value) <= _SHORT and value.isascii():
            self.size += len(value) + 3
            return value
        start = self.size
        try:
            made = (BY_TYPE.get(kind, other) if depth < DEPTH else too_deep)(self, value, depth)
        except Refused as r:
            if self.canonical and not r.deep:
                self.partial = True
                return {TAG: "~", "v": classes.name_of(kind)}
            if r.deep and r.culprit is value and r.steps:
                r.found_cycle()
            raise
        if self.size - start > INLINE and self.blobs is not None and not self.canonical:
            return self._boxed(made, start)
        return made

    def items(self, values: Iterable[Any], depth: int) -> list[Any]:
        """The trees of a sequence."""
        made: list[Any] = []
        try:
            for v in values:
                made.append(self.tree(v, depth))  # noqa: PERF401 - its length is the index of a refusal
        except Refused as r:
            r.steps.append(f"[{len(made)}]")
            raise
        return made

    def entries(self, values: Mapping[str, Any], depth: int, step: str = "[{!r}]") -> dict[str, Any]:
        """The trees of a mapping's values; its keys must be strings."""
        made: dict[str, Any] = {}
        k = ""
        try:
            for k, v in values.items():
                if not k.isascii():
                    well_formed(k)
                self.size += len(k) + 4
                made[k] = self.tree(v, depth)
        except Refused as r:
            r.steps.append(step.format(k) if k.isprintable() and len(k) < _SHORT else f"[{show(k)!r}]")
            raise
        return made

    def pairs(self, values: Mapping[Any, Any], depth: int) -> list[Any]:
        """The trees of keys and values, for keys that are not all plain strings."""
        made: list[Any] = []
        k = None
        try:
            for k, v in values.items():
                made.append([self.tree(k, depth + 1), self.tree(v, depth + 1)])
        except Refused as r:
            r.steps.append(f"[{show(k) if type(k) is not str else repr(k)}]")
            raise
        return made

    def blob(self, data: bytes, media_type: str) -> dict[str, Any]:
        """Put bytes away; the reference to them."""
        assert self.blobs is not None, "whoever needs a place for blobs has checked that there is one"
        self.size += 150
        if media_type != "application/x-npy" and (b'"sha' in data or b"artifacts" in data):
            media_type += NAMING
        return {
            TAG: "blob",
            "sha": self.blobs.put(data, media_type),
            "size": len(data),
            "media": media_type,
        }

    def _boxed(self, made: Any, start: int) -> Any:
        data = _COMPACT(made).encode()
        self.size = start + len(data)
        if len(data) <= INLINE:
            return made
        self.size = start
        return self.blob(data, "application/json")
