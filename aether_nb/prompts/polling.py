"""How often a tool is asked for the reply that nobody sends."""

from __future__ import annotations

import math
from dataclasses import dataclass

from aether_nb.errors import GraphError

_LONGEST_S = 1000 * 365.25 * 86_400


@dataclass(frozen=True, slots=True)
class Poll:
    """How often to look for the reply: after `every` seconds, then `backoff` times as long, up to `max`.

    To each pause up to a tenth is added, so that what began together does not look together for ever.

    Raises:
        GraphError: it would look without a pause, or ever faster, or never; or these are no numbers.
    """

    every: float
    backoff: float = 1.0
    max: float | None = None

    def __post_init__(self) -> None:
        numbers: list[object] = [self.every, self.backoff, 1 if self.max is None else self.max]
        sound = all(
            isinstance(n, (int, float)) and not isinstance(n, bool) and 0 < n <= _LONGEST_S for n in numbers
        )
        if not sound or self.backoff < 1:
            raise GraphError(
                f"{self!r:.200}: seconds must be more than 0, and not more than a thousand years, and `backoff` at "
                "least 1, all of them numbers."
            )

    def pause(self, n: int) -> float:
        """Seconds before the n-th look, counted from 1, at least."""
        try:
            pause = self.every * self.backoff ** (n - 1)
        except OverflowError:
            pause = math.inf
        return pause if self.max is None else min(pause, self.max)
