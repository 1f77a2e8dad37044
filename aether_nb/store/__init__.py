"""The two stores: `SqliteStore(path)` keeps runs in a file, `MemoryStore()` for as long as it lives.

Both are `engine.ports.Store` and pass `tests/contract/test_store.py`. Read `sql/queries.sql`, then
`sqlite.py`.
"""

from aether_nb.store.memory import MemoryStore
from aether_nb.store.sqlite import SqliteStore

__all__ = ["MemoryStore", "SqliteStore"]
