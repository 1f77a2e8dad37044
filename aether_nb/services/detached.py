"""What a context stands on outside a run: the services work, questions are refused with the remedy."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NoReturn

from aether_nb.engine.ports import Clock, Services
from aether_nb.errors import OutsideRun
from aether_nb.events import Message


class DetachedBody:
    """The `engine.context.Body` of a tool that is called as an ordinary function.

    Args:
        name: the tool's name.
        services: as in a run.
        clock: as in a run.
    """

    run_id = ""
    attempt = 1
    generation = 0
    asleep = False
    wait_token: str | None = None

    def __init__(self, name: str, services: Services, clock: Clock) -> None:
        self.node_id = name
        self.services = services
        self._clock = clock

    def ask(
        self, tool: str, inputs: dict[str, Any], key: str | None, *, pick: str | None = None  # noqa: ARG002 - refused
    ) -> NoReturn:  # fmt: skip
        """Nobody can be asked here."""
        raise OutsideRun(
            f"{self.node_id} was called outside a run, where nobody can be asked {inputs['prompt']!r}. Await it "
            "in a @graph_fn, or put it into a @graphify graph, and start that."
        )

    async def send(self, message: Message) -> None:
        """Print it."""
        print(message.text or message.name)  # noqa: T201 - there is no run to show it in

    def recorded(self, name: str, make: Callable[[], Any]) -> Any:  # noqa: ARG002 - no journal here
        """Made anew each time."""
        return make()

    async def remember(self, kind: str, data: Any) -> Any:
        """Record a fact, each time."""
        return self.services.memory.record(
            kind, data, run_id="", node_id=self.node_id, at_ms=self.now_us() // 1000, item_id=None
        )

    async def sleep_until(self, at_us: int) -> None:
        """Sleep on the loop."""
        await asyncio.sleep(max(0.0, (at_us - self.now_us()) / 1e6))

    def now_us(self) -> int:
        """The clock."""
        return self._clock.now_us()
