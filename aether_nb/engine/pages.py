"""What a page of a list asks of a store: some runs or open waits of very many, and whether anything changed.

Counted are questions: open waits that ask somebody, `WaitRow.is_question`.
A part of `engine.ports.Store`, and held to the same contract tests. The Jupyter server's routes ask it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from aether_nb.ids import RunId, Token

if TYPE_CHECKING:
    from aether_nb.engine.ports import RunRow, WaitRow


@dataclass(frozen=True, slots=True)
class Tally:
    """How far a run is. Counted are its own nodes, not what stands inside one of them."""

    open: int
    """Questions."""
    done: int
    """Nodes that succeeded."""
    added: int
    """Nodes that came as it ran; those of a static graph are in its spec."""


@dataclass(frozen=True, slots=True)
class Asked:
    """When a question was asked."""

    at_ms: int
    seq: int
    """Its place in the run's log."""


@dataclass(frozen=True, slots=True)
class Pulse:
    """A short look at the whole store: equal to an earlier one when nothing happened to runs and waits."""

    open: int
    """Questions."""
    waits: int
    """Open waits, questions and others."""
    runs: int
    written: int
    """Events in all logs."""
    claimed: int
    """How often runs were taken up."""


class Pages(Protocol):
    """The part of a store that lists are made of.

    `search` finds what has this text in it; letters of ASCII are alike in both cases, and `""` finds everything.
    """

    def find_runs(
        self, *, status: str | None = None, search: str = "", offset: int = 0, limit: int
    ) -> tuple[int, list[RunRow]]:
        """Runs, newest first: how many there are, and those of the page. Searched are id, graph and home."""

    def find_waits(
        self, *, search: str = "", homes: Collection[str] | None = None, offset: int = 0, limit: int
    ) -> tuple[int, list[WaitRow]]:
        """Open waits, questions first, each in the order of `Store.waits`: how many, and those of the page.

        Searched are the question, and the id, graph and home of its run; `homes` are those of the runs, None is any.
        """

    def open_homes(self) -> Mapping[str, int]:
        """How many questions the runs of each home have, where there are some."""

    def tallies(self, runs: Collection[RunId]) -> Mapping[RunId, Tally]:
        """How far these runs are. Reads their logs."""

    def asked(self, tokens: Collection[Token]) -> Mapping[Token, Asked]:
        """When these waits were opened. Reads the logs of their runs."""

    def alive_drivers(self, now_ms: int) -> frozenset[str]:
        """The kernels that live and have an unfinished run."""

    def pulse(self) -> Pulse:
        """See `Pulse`; a millisecond for 10,000 runs."""

    def tokens(self, beginning: str) -> list[Token]:
        """The tokens that begin so, of waits and of those that Stage A was promised (see `Store.promised`)."""

    def setting(self, name: str) -> str:
        """What somebody decided about this store, for whoever opens it; empty when nobody did."""

    def put_setting(self, name: str, value: str) -> None:
        """Decide it; fsynced."""
