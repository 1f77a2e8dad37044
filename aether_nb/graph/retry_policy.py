"""When a node that failed is tried again, and how long one try may take.

Belongs to the code of a tool, is never stored: what it decides is in the log (`NodeFailed.retry_at_us`).
`authoring/decorators.py` makes one from the options of `@tool`, `engine/bodies.py` goes by it.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

_LONGEST_S = 1000 * 365.25 * 86_400


class RetryPolicy(BaseModel):
    """What to do when a tool's body fails or takes too long."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)

    retries: int = Field(default=0, ge=0, strict=True)
    """Further attempts after the first, exactly."""
    backoff: float = Field(default=1.0, ge=0, le=_LONGEST_S, strict=True)
    """Seconds before the first retry; doubles with each further one."""
    max_backoff: float = Field(default=60.0, ge=0, le=_LONGEST_S, strict=True)
    """Seconds that a pause has at most."""
    jitter: bool = Field(default=True, strict=True)
    """Whether a pause is any time up to its length, by chance, so that many do not come back at once."""
    retry_on: tuple[type[Exception], ...] = (Exception,)
    """What is worth another attempt."""
    timeout: float | None = Field(default=None, gt=0, le=_LONGEST_S, strict=True)
    """Seconds that one attempt may compute, waiting for people not counted; None is no limit."""

    def pause(self, failures: int, chance: float) -> float:
        """Seconds to wait after the attempts failed that often.

        With jitter it is "full jitter" (Marc Brooker, Exponential Backoff And Jitter, AWS Architecture Blog,
        2015): evenly from nothing to the whole pause, which of all kinds brings competing callers apart with
        the least work.

        Args:
            failures: counted from 1.
            chance: a random number from 0 to 1.
        """
        # the exponent is capped because 2.0**1024 overflows; a pause is at its maximum long before
        pause = min(self.backoff * 2.0 ** min(failures - 1, 64), self.max_backoff)
        return pause * chance if self.jitter else pause


ONCE = RetryPolicy.model_construct()
"""One attempt, no limit: what a step does unless it says otherwise."""
