"""A runtime of a test's own, on a store in its folder, and where questions wait for the test to answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aether_nb import runtime
from aether_nb.channels.widget import WidgetChannel


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., runtime.Runtime]]:
    """`configure(...)` makes a runtime on `runs.db` in the test's folder; nobody is asked unless it says so.

    Called again it stands for the next life of a kernel.
    """
    monkeypatch.delenv("AETHER_NB_ANSWERS", raising=False)
    monkeypatch.delenv("AETHER_NB_STORE", raising=False)

    def make(**options: Any) -> runtime.Runtime:
        runtime.configure(**{"store": tmp_path / "runs.db", "channel": WidgetChannel(), **options})
        return runtime.current()

    yield make
    runtime.close()


@pytest.fixture
def ours(configure: Callable[..., runtime.Runtime]) -> runtime.Runtime:
    """The runtime of this test."""
    return configure()
