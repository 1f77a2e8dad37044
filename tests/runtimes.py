"""A runtime of a test's own, on a store in its folder, and where questions wait for the test to answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aether_nb import api
from aether_nb.channels.widget import WidgetChannel
from aether_nb.runtime import Runtime


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Runtime]]:
    """`configure(...)` makes a runtime on `runs.db` in the test's folder; nobody is asked unless it says so.

    Called again it stands for the next life of a kernel.
    """
    monkeypatch.delenv("AETHER_NB_ANSWERS", raising=False)
    monkeypatch.delenv("AETHER_NB_STORE", raising=False)

    def make(**options: Any) -> Runtime:
        api.configure(**{"store": tmp_path / "runs.db", "channel": WidgetChannel(), **options})
        return api.current()

    yield make
    api.close()


@pytest.fixture
def ours(configure: Callable[..., Runtime]) -> Runtime:
    """The runtime of this test."""
    return configure()
