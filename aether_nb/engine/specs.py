"""The specs of graphs in the store: written once per content, found by the key that is in the log."""

from __future__ import annotations

from aether_nb.engine.ports import Store
from aether_nb.graph.model import GraphSpec, spec_from_json, spec_to_json
from aether_nb.prompts import schema_hash


class Specs:
    """The specs that this process has put into a store or found there.

    Args:
        store: the store.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._by_key: dict[str, GraphSpec] = {}
        self._keys: dict[int, tuple[GraphSpec, str]] = {}

    def keep(self, spec: GraphSpec) -> str:
        """Put a graph's spec into the store, once; its hex key."""
        known = self._keys.get(id(spec))
        if known is not None:
            return known[1]
        body = spec_to_json(spec)
        key = schema_hash({"graph": body}).hex()
        if key not in self._by_key:
            self._store.put_spec("graph", key, body)
            self._by_key[key] = spec
        self._keys[id(spec)] = spec, key  # kept with it, so that its id stays its own
        return key

    def find(self, key: str) -> GraphSpec | None:
        """A spec by its key."""
        spec = self._by_key.get(key) or find_spec(self._store, key)
        if spec is not None:
            self._by_key[key] = spec
        return spec


def find_spec(store: Store, key: str) -> GraphSpec | None:
    """A graph's spec by its hex key."""
    body = store.spec(key) if key else None
    return None if body is None else spec_from_json(body)
