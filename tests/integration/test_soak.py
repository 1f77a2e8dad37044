"""Some seconds of what `make soak` does for ten minutes: the server half under load, in processes of its own."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from benchmarks.soak import PAGES, soak


@pytest.mark.timeout(120)
@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
def test_under_load_no_answer_is_lost_and_no_request_fails(tmp_path: Path) -> None:
    load = asyncio.run(soak(4, tmp_path))
    assert (load.lost, dict(load.errors)) == (set(), {})
    assert load.accepted
    assert load.news >= PAGES
