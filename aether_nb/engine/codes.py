"""The code of graphs in the store: written once per content, found by the key that is in the log."""

from __future__ import annotations

from collections.abc import Mapping

from aether_nb.calling import GraphTarget, Target
from aether_nb.engine.ports import Store
from aether_nb.graph.code import Code, Piece
from aether_nb.prompts import schema_hash


class Codes:
    """The codes that this process has put into a store.

    Args:
        store: the store.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._keys: dict[tuple[int, ...], tuple[tuple[Target, ...], str]] = {}

    def keep(self, graph: GraphTarget) -> str:
        """Put a graph's code into the store, once; its hex key."""
        parts = graph.parts()
        version = tuple(map(id, parts.values()))
        known = self._keys.get(version)
        if known is None:
            body = code_of(parts).model_dump_json()
            key = schema_hash({"code": body}).hex()
            self._store.put_spec("code", key, body)
            known = self._keys[version] = tuple(parts.values()), key  # kept with them: their ids stay theirs
        return known[1]


def code_of(parts: Mapping[str, Target]) -> Code:
    """The code of steps as it is in this process now."""
    pieces = {
        name: Piece(fingerprint=p.fingerprint, source=p.source.encode("utf-8", "replace").decode())
        for name, p in parts.items()
        if p.fingerprint or p.source
    }
    return Code(pieces=pieces)


def find_code(store: Store, key: str) -> Code | None:
    """A code by its key; None when the run was driven by a version that kept none."""
    body = store.spec(key) if key else None
    return None if body is None else Code.model_validate_json(body)
