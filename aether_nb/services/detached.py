"""What a context stands on outside a run: the services work, questions are refused with the remedy."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NoReturn

from aether_nb.engine.ports import Clock, Services
from aether_nb.errors import OutsideRun
from aether_nb.messages import Message, message_text


class Printed:
    """A bar or a stream of a tool that is called as an ordinary function: its end is printed.

    Args:
        source: the user's end of it.
        now_us: the clock.
    """

    def __init__(self, source: Any, now_us: Callable[[], int]) -> None:
        self._source, self._now_us = source, now_us
        self._over = False

    def touch(self) -> bool:
        """Nothing is shown in between."""
        return False

    def end(self, error: BaseException | None = None) -> None:  # noqa: ARG002 - the caller has it
        """Print how far it came."""
        if not self._over:
            self._over = True
            _, message = self._source.draw(self._now_us(), whole=True, replayed=False)
            print(message_text(message))  # noqa: T201

    leave = end

    async def outcome(self) -> str | None:
        """Nothing is recorded here."""

    def failure(self, error: Exception) -> Exception:
        """It is raised as it is."""
        return error


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

    async def send(
        self, name: str, inputs: Mapping[str, Any], message: Message | Callable[[], Awaitable[Message]]  # noqa: ARG002 - no journal here
    ) -> None:  # fmt: skip
        """Print it; there is no run to show it in."""
        print(message_text(message if isinstance(message, Message) else await message()))  # noqa: T201

    def tell(self, name: str, inputs: Mapping[str, Any], source: Any, *, awaited: bool = False) -> Printed:  # noqa: ARG002 - no journal here
        """Print it when it is over."""
        return Printed(source, self.now_us)

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
