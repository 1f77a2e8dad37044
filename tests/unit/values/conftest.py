"""A place for blobs, in memory."""

from __future__ import annotations

import hashlib

import pytest


class Box:
    """Blobs in memory."""

    def __init__(self):
        self.kept = {}
        self.media = []

    def put(self, data, media_type):
        sha = hashlib.sha256(data).hexdigest()
        self.kept[sha] = data
        self.media.append(media_type)
        return sha

    def get(self, sha):
        return self.kept[sha]


@pytest.fixture
def box():
    """An empty place for blobs."""
    return Box()
