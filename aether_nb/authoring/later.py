"""Calls that nobody has awaited yet, and that say so when a notebook shows them.

`graphs.py` has one for a graph, `tools.py` uses `ToolCall` for a plain async tool, both outside runs.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Coroutine, Generator
from typing import Any


class Later(Coroutine[Any, Any, Any]):
    """A coroutine to `create_task`, `gather` and `asyncio.run` that does nothing before it is awaited.

    So nothing is lost and nobody is warned when it is dropped.
    """

    @abstractmethod
    def __repr__(self) -> str:
        """One line that says how to go on."""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:  # noqa: ARG002 - the notebook's protocol
        return {"text/plain": repr(self)}


class ToolCall(Later):
    """A call of a plain async tool; like any coroutine it can be awaited once."""

    def __init__(self, name: str, call: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        self._name = name
        self._call = call
        self._body: Coroutine[Any, Any, Any] | None = None

    def _begun(self) -> Coroutine[Any, Any, Any]:
        if self._body is None:
            self._body = self._call()
        return self._body

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._begun().__await__()

    def send(self, value: Any, /) -> Any:
        """Go on; for event loops."""
        return self._begun().send(value)

    def throw(self, *exc: Any) -> Any:
        """Raise inside; for event loops."""
        return self._begun().throw(*exc)

    def close(self) -> None:
        """Never begin, or stop."""
        self._begun().close()

    def __repr__(self) -> str:
        if self._body is not None:
            return f"{self._name}: awaited"
        return f"{self._name}: not awaited - write `await {self._name}(...)`"
