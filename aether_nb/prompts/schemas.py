"""JSON Schemas of replies: which ones will do, their keys in a store, and what they have against a value."""

from __future__ import annotations

import functools
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic_core import to_json

from aether_nb.errors import BadInputs

_SHORT = 4096  # bytes


def can_check() -> bool:
    """Whether what checks is loaded: with all its extras that takes a second, which a loop does not have."""
    return "jsonschema" in sys.modules


def load() -> None:
    """Load what checks. From any thread."""
    import jsonschema  # noqa: F401, PLC0415 - see can_check


def check_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON Schema that replies can be checked against, as plain JSON.

    Raises:
        BadInputs: it is none, or refers to something outside of itself, which nobody would fetch.
    """
    import jsonschema  # noqa: PLC0415 - slow to load, and few waits have a schema: see `can_check`

    try:
        plain = json.loads(json.dumps(schema))
        if not isinstance(plain, dict):
            raise TypeError("it is no mapping")  # noqa: TRY301 - told like the other faults
        jsonschema.Draft202012Validator.check_schema(plain)
        for ref in _refs(plain):
            _lookup(plain, ref)
        list(faults(plain, None))
    except (TypeError, ValueError, RecursionError, jsonschema.SchemaError) as wrong:
        fault = getattr(wrong, "message", None) or str(wrong)
        raise BadInputs(
            f"schema={schema!r:.200} is no JSON Schema: {fault}. Mend it, or leave it out."
        ) from None
    return plain


def schema_hash(schema: Mapping[str, Any]) -> bytes:
    """The key under which a schema is stored once: 16 bytes."""
    text = to_json(schema)
    return _hash(text) if len(text) < _SHORT else _hash.__wrapped__(text)


@functools.lru_cache(256)  # a thousand questions have few schemas
def _hash(text: bytes) -> bytes:
    in_order = json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(in_order.encode(), digest_size=16).digest()


def faults(schema: Mapping[str, Any], value: Any) -> Iterator[Any]:
    """What a JSON Schema that was checked has against a value: errors of the `jsonschema` library."""
    import jsonschema  # noqa: PLC0415 - see check_schema
    import referencing  # noqa: PLC0415

    # a registry of its own, which fetches nothing: a schema from a store must not reach for the network
    validator = jsonschema.Draft202012Validator(schema, registry=referencing.Registry())
    yield from validator.iter_errors(value)


def _refs(schema: Any) -> Iterator[str]:
    """Everything that a schema refers to."""
    if isinstance(schema, dict):
        ref = schema.get("$ref")
        if isinstance(ref, str):
            yield ref
    for inner in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from _refs(inner)


def _lookup(schema: dict[str, Any], ref: str) -> None:
    """Raises ValueError when a reference does not lead to something inside the schema."""
    from referencing import Registry, exceptions  # noqa: PLC0415 - see check_schema
    from referencing.jsonschema import DRAFT202012  # noqa: PLC0415

    uri = schema.get("$id", "")
    registry: Registry[Any] = Registry().with_resource(uri, DRAFT202012.create_resource(schema))
    try:
        registry.resolver(uri).lookup(ref)
    except exceptions.Unresolvable as error:
        raise ValueError(f"{ref!r} is not to be found in it") from error
