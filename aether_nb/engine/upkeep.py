"""What housekeeping asks of a store: figures, and to part with what nobody needs any more.

A part of `engine.ports.Store`, and held to the same contract tests. `housekeeping.py` decides which runs go.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from aether_nb.ids import RunId

KEPT_MS = 7 * 86_400_000
"""How long mail waits for who may come for it, and a kernel of another machine may sleep: seven days."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What is in a store."""

    runs: Mapping[str, int]
    """By status."""
    events: int
    waits: Mapping[str, int]
    """By status."""
    untaken: int
    """Replies that were accepted and are not in their run's log yet."""
    mail: int
    """Kept for who comes."""
    kernels: int
    """That are alive."""
    oldest_ms: int | None
    """When the oldest run began; None without runs."""
    newest_ms: int | None
    file_bytes: int


@dataclass(frozen=True, slots=True)
class Discarded:
    """What a store parted with."""

    runs: tuple[RunId, ...]
    events: int
    waits: int
    mail: int
    specs: int
    kernels: int


class Upkeep(Protocol):
    """The part of a store that keeps the house."""

    def figures(self, now_ms: int) -> Figures:
        """Count what there is."""

    def discard(
        self, families: Sequence[Sequence[tuple[RunId, int]]], now_ms: int, *, dry_run: bool = False
    ) -> Discarded:
        """Delete runs with all that is theirs, then what nobody needs: old mail, unused specs, dead kernels.

        Done in pieces, so that nobody waits long; after a crash each family is there or gone as a whole,
        and the next call does the rest.

        Args:
            families: runs that go together or not at all, each with the fence that it must still have; one
                that is not finished keeps its family.
            now_ms: what is old is measured from here.
            dry_run: only say what would go.
        """

    def named_artifacts(self, *, without: Collection[RunId] = ()) -> Mapping[str, str]:
        """Media types (empty if unknown) of the artifacts that runs, but for these, and mail name, by sha256."""

    def drop_unnamed(self, shas: Collection[str], drop: Callable[[str], object]) -> None:
        """Call `drop` for each of these artifacts that nothing names, while nobody can write a name of it."""

    def give_back(self) -> None:
        """Give free space of the file back to the disk, as far as that holds nobody up."""
