"""The fixtures of our own pytest plug-in, from this tree, and what only our own tests need besides."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aether_nb.runtime import Runtime
from aether_nb.testing.pytest_aether_nb import aether, fake_clock, scripted

__all__ = ["aether", "configure", "fake_clock", "ours", "scripted"]


@pytest.fixture
def configure(aether) -> Callable[..., Runtime]:
    """`configure(...)` makes a runtime on `runs.db` in the test's folder; nobody is asked unless it says so.

    Called again it stands for the next life of a kernel.
    """
    return aether.restart


@pytest.fixture
def ours(configure) -> Runtime:
    """The runtime of this test."""
    return configure()
