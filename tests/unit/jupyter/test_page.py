"""What is built for the page: its size, and how the kernel hands it out."""

from __future__ import annotations

import gzip

import pytest

from aether_nb.jupyter.desk import chunk
from aether_nb.jupyter.widget import CHUNKS, built


class Page:
    """The page's end of a widget: keeps what it is told."""

    def __init__(self):
        self.heard = []

    def say(self, content, buffers=None):
        self.heard.append((dict(content), buffers))


SIZES = [("widget.js", 60), ("forms.js", 100), ("closeup.js", 20), ("markdown.js", 30)]


@pytest.mark.parametrize(("name", "kb"), SIZES)
def test_what_the_page_loads_stays_small(name, kb):
    size = len(gzip.compress(built(name).encode()))

    assert size <= kb * 1000, f"{name} has {size} bytes gzipped"


@pytest.mark.parametrize("name", sorted(CHUNKS))
def test_a_file_that_the_page_may_ask_for_is_sent_whole(name):
    page = Page()

    chunk(page, {"type": "chunk", "name": name})

    assert page.heard == [({"type": "chunk", "name": name, "ok": True}, [built(name).encode()])]


@pytest.mark.parametrize("name", ["../prompts/text.py", "widget.js", "", None])
def test_other_files_are_not_sent(name):
    page = Page()

    chunk(page, {"type": "chunk", "name": name})

    assert page.heard == [({"type": "chunk", "name": str(name), "ok": False}, None)]
