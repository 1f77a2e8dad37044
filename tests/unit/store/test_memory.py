"""What only a store in memory does; `tests/contract/test_store.py` has the rest."""

from __future__ import annotations

import gc
from pathlib import Path

from aether_nb.services.artifacts import Artifacts
from aether_nb.store.memory import MemoryStore


def test_the_files_of_a_store_in_memory_go_with_it() -> None:
    store = MemoryStore()
    folder = Path(store.artifacts_dir)
    Artifacts(store.artifacts_dir).save("b.csv", b"1,2")
    assert any(file.is_file() for file in folder.rglob("*"))
    store.close()
    del store
    gc.collect()
    assert not folder.exists()
