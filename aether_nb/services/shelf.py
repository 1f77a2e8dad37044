"""All services of a store together: what the engine hands to `context`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aether_nb.services.artifacts import Artifacts
from aether_nb.services.kv import Kv
from aether_nb.services.logbook import Logbook
from aether_nb.services.memory import Memory


class Shelf:
    """Memory, kv and artifacts beside a store, and the user's own objects.

    Args:
        store_path: the store's file; `":memory:"` keeps memory and kv in memory too.
        artifacts_dir: the store's folder for artifacts.
        named: the user's objects by name.
        callback_url: where replies from outside come in; empty when nobody said.
    """

    def __init__(
        self, store_path: str, artifacts_dir: str, named: Mapping[str, Any], callback_url: str = ""
    ) -> None:
        self.named = dict(named)
        self.callback_url = callback_url
        self.artifacts = Artifacts(artifacts_dir)
        self.logbook = Logbook()
        base = Path(store_path)
        inside = store_path == ":memory:"
        self.work_dir = Path(artifacts_dir, "jobs") if inside else base.absolute().with_name("jobs")
        self.memory = Memory(":memory:" if inside else str(base.with_name(f"{base.stem}.memory.db")))
        self._kv = Kv(":memory:" if inside else str(base.with_name(f"{base.stem}.kv.db")))

    def kv(self, namespace: str) -> Kv:
        """The dict of that name."""
        return self._kv.space(namespace)

    def texts(self) -> list[str]:
        """All that memory and kv hold, as it is stored."""
        return [*self.memory.texts(), *self._kv.texts()]

    def close(self) -> None:
        """Let go of the files."""
        self.memory.close()
        self._kv.close()
