"""Which artifacts a stored text names: what lets them be collected with the last run that names them.

Called by both stores for every event that is written, so a text that names none must cost next to nothing.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from aether_nb.errors import StoreError
from aether_nb.store.codec import loads

SHA_LENGTH = 64
_SHA = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_STRIDE = 16
_HINT = re.compile(r"[0-9a-f]{4}")
"""64 hex digits in a row leave four in a row among every 16th character: a look at a sixteenth of the text."""


class Named(NamedTuple):
    """An artifact as a text tells of it."""

    sha: str
    size: int = 0
    """Bytes; 0 when the text does not say."""
    media: str = ""


def named(text: str) -> list[Named]:
    """The artifacts that a JSON text may name: in a reference, in the label of a file, or in any string, as a path is.

    A sha256 of something else counts too; it keeps nothing from being deleted that is there.
    """
    if not _HINT.search(text[::_STRIDE]):
        return []
    found = {sha: Named(sha) for sha in _SHA.findall(text)}
    if found:
        with contextlib.suppress(StoreError):  # nested too deep to be read: then without size and type
            for told in _told(loads(text)):
                found[told.sha] = max(told, found.get(told.sha, told))
    return list(found.values())


def _told(tree: Any) -> Iterator[Named]:
    """References and labels in a tree, with what they say of the artifact."""
    rest = [tree]
    while rest:
        part = rest.pop()
        if isinstance(part, list):
            rest += part
        elif isinstance(part, dict):
            rest += part.values()
            sha = part.get("sha", part.get("sha256"))
            if isinstance(sha, str) and _SHA.fullmatch(sha):
                size, media = part.get("size"), part.get("media", part.get("media_type"))
                known = size if isinstance(size, int) else 0
                yield Named(sha, known, media if isinstance(media, str) else "")
