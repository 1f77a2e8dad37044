from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from lives import Life, ran

from aether_nb.store.memory import MemoryStore


@pytest.fixture
def store() -> Iterator[MemoryStore]:
    made = MemoryStore()
    yield made
    made.close()


@pytest.fixture
async def live(store: MemoryStore):
    """`live(answers, store=...)` begins a life; all of them end with the test."""
    lives: list[Life] = []

    def begin(answers: Any = None, store: Any = store, **options: Any) -> Life:
        lives.append(Life(store, answers, **options))
        return lives[-1]

    yield begin
    for one in lives:
        await one.end()
    for one in lives:  # a later life may have taken the services of an earlier one
        one.runtime.services.close()


@pytest.fixture(autouse=True)
def _nothing_ran_yet():
    ran.clear()
