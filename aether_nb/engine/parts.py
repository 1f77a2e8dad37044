"""A part of a driver that is made when it is first needed: thousands of runs may stand in memory, and few need all."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from aether_nb.engine.driver import Driver

P = TypeVar("P")


class Part(Generic[P]):
    """Stands in the class; what it has made for a driver stands in that one's `made`, by the name of the part.

    Args:
        make: makes it. From any thread, and perhaps twice: the first to come has made the part.
    """

    def __init__(self, make: Callable[[Driver], P]) -> None:
        self._make = make

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, driver: Driver, owner: type) -> P:
        part: P | None = driver.made.get(self._name)
        if part is None:
            part = driver.made.setdefault(self._name, self._make(driver))
        return part
