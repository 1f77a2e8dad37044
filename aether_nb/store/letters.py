"""The mailbox of the store in memory. Used by `store/memory.py` alone, under its lock."""

from __future__ import annotations

import itertools
from collections.abc import Collection
from dataclasses import dataclass

from aether_nb.engine.ports import Mail
from aether_nb.store.codec import loads
from aether_nb.store.rows import mailed_run


@dataclass(slots=True)
class _Letter:
    address: str
    value: str
    by: str
    at_ms: int
    taken_by: str | None


class Letters:
    """Mail by id, in the order in which it came."""

    def __init__(self) -> None:
        self._letters: dict[int, _Letter] = {}
        self._ids = itertools.count(1)

    def post(self, address: str, value: str, by: str, at_ms: int, taken_by: str | None) -> None:
        """Leave mail, or record what was delivered at once; the value is JSON."""
        self._letters[next(self._ids)] = _Letter(address, value, by, at_ms, taken_by)

    def waiting(self) -> list[Mail]:
        """Mail not taken yet, oldest first."""
        return [
            Mail(id=n, address=letter.address, value=loads(letter.value), by=letter.by, at_ms=letter.at_ms)
            for n, letter in self._letters.items()
            if letter.taken_by is None
        ]

    def take(self, mail_id: int, taken_by: str) -> bool:
        """Mark mail as taken. False: there is none, or it was taken already."""
        letter = self._letters.get(mail_id)
        if letter is None or letter.taken_by is not None:
            return False
        letter.taken_by = taken_by
        return True

    def texts(self) -> list[str]:
        """The values of all mail."""
        return [letter.value for letter in self._letters.values()]

    def useless(self, before_ms: int, gone: Collection[str], runs: Collection[str]) -> list[int]:
        """Mail to addresses that are gone, and old mail that was taken or that nobody will come for any more.

        Args:
            before_ms: what is older is old.
            gone: runs, and addresses of waits.
            runs: those that there are.
        """
        return [n for n, one in self._letters.items() if self._is_useless(one, before_ms, gone, runs)]

    def drop(self, mail_ids: Collection[int]) -> None:
        """Throw mail away."""
        for n in mail_ids:
            del self._letters[n]

    def _is_useless(
        self, letter: _Letter, before_ms: int, gone: Collection[str], runs: Collection[str]
    ) -> bool:
        run_id = mailed_run(letter.address)
        if letter.address in gone or run_id in gone:
            return True
        homeless = run_id not in runs if run_id is not None else letter.address.startswith("correlator:")
        return letter.at_ms < before_ms and (letter.taken_by is not None or homeless)
