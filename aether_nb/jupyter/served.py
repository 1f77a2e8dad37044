"""Which stores this server knows, by what names pages call them, and how they are opened.

Those are the stores that kernels of this user announced (`registry.py`) and that lie under the server's root, and those
that its configuration names. A page gets an id for each, which says nothing of the path and is never read as one;
it may also call a store by the announcement of its kernel, wherever that lies. Either way a store is opened only
when its file belongs to this user alone, and when it is the very store that was announced.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from aether_nb.errors import StoreError
from aether_nb.jupyter import registry
from aether_nb.store.sqlite import SqliteStore

BUSY_S = 5.0
"""How long a request waits for somebody else's write, seconds."""


@dataclass(frozen=True, slots=True)
class Known:
    """One store that may be opened."""

    id: str
    """What pages call it."""
    path: str
    uids: frozenset[str] | None
    """Which stores were announced there; None is any, for one that the configuration names."""


@dataclass(frozen=True, slots=True)
class Served:
    """One store, open."""

    id: str
    name: str
    """Its path for people, from the server's root on where it lies there."""
    store: SqliteStore
    kernel: str
    """The kernel life whose announcement it was called by; empty when it was called by its id."""
    nonce: str
    """What proves it to that kernel's pages; empty likewise."""


class Stores:
    """See the module. All methods block, and may be called from any thread.

    Args:
        root: the server's root folder; empty when it has none.
        named: paths that its configuration names, from the root on where they are relative.
    """

    def __init__(self, root: str, named: Sequence[str] = ()) -> None:
        self.root = os.path.realpath(Path(root).expanduser()) if root else ""
        self._named = [os.path.realpath(Path(self.root, Path(path).expanduser())) for path in named]

    def known(self, *, listed: bool = True) -> list[Known]:
        """The stores that there are now, those of the configuration first; or all that were announced besides."""
        found: dict[str, Known] = {
            path: Known(_id(path), path, None) for path in self._named if registry.trusted(path)
        }
        for entry in registry.entries():
            known = found.get(entry.path)
            if known is None and (not listed or self._is_mine(entry.path)):
                found[entry.path] = Known(_id(entry.path), entry.path, frozenset({entry.store}))
            elif known is not None and known.uids is not None:
                found[entry.path] = Known(known.id, known.path, known.uids | {entry.store})
        return list(found.values())

    def open(self, name: str) -> Served | None:
        """Open a store by its id, or by an announcement; to be closed by who asked.

        Returns:
            None when there is none of that name.

        Raises:
            StoreError: it cannot be used now.
        """
        if not registry.is_name(name):
            return None
        entry = registry.find(name)
        if entry is not None:
            store = SqliteStore(entry.path, busy_s=BUSY_S, create=False)
            if store.uid == entry.store and store.kernel(entry.kernel, 0) is not None:
                return Served(_id(entry.path), self.name(entry.path), store, entry.kernel, entry.nonce)
            store.close()
            return None
        known = next((one for one in self.known() if one.id == name), None)
        return None if known is None else self.open_known(known)

    def open_known(self, known: Known, *, busy_s: float | None = None) -> Served | None:
        """Open a store of `known()`; None when another one lies there now. Raises as `open` does."""
        if not registry.trusted(known.path):
            return None
        store = SqliteStore(known.path, busy_s=BUSY_S if busy_s is None else busy_s, create=False)
        if known.uids is None or store.uid in known.uids:
            return Served(known.id, self.name(known.path), store, "", "")
        store.close()
        return None

    def open_all(self) -> tuple[list[Served], ExitStack]:
        """Open all that can be used now, and what closes them."""
        with ExitStack() as closes:
            found = []
            for known in self.known():
                try:
                    one = self.open_known(known)
                except StoreError:
                    continue
                if one is not None:
                    closes.enter_context(closing(one.store))
                    found.append(one)
            return found, closes.pop_all()

    def name(self, path: str) -> str:
        """A path for people and for the page's file browser: from the root on, with slashes, where it lies there."""
        return _name(self.root, path)

    def notebook(self, home: str, store: str) -> str:
        """The notebook that a run belongs to, likewise; what is none is called what it is.

        Args:
            home: as the run has it, from its store's folder on.
            store: where that lies.
        """
        return _notebook(self.root, home, store)

    def _is_mine(self, path: str) -> bool:
        return _is_below(self.root, path)


def _id(path: str) -> str:
    return hashlib.blake2b(f"store {path}".encode("utf-8", "replace"), digest_size=16).hexdigest()


def _is_below(root: str, path: str) -> bool:
    # As texts: a `Path` has Python remember each of its parts, and this is asked with every request.
    above = os.path.normcase(root).rstrip(os.sep)
    return bool(root) and f"{os.path.normcase(path)}{os.sep}".startswith(above + os.sep)


def _name(root: str, path: str) -> str:
    return os.path.relpath(path, root).replace(os.sep, "/") if _is_below(root, path) else path


@lru_cache(maxsize=4096)  # a page of runs has few homes, and paths are slow to compare
def _notebook(root: str, home: str, store: str) -> str:
    if home in {"", "python"} or home.startswith("module:"):
        return home
    return _name(root, os.path.normpath(Path(store).parent / home))
