"""The code of a graph, as data: of every part its fingerprint and, where it can be had, its source.

Kept in the store once per content; `RunStarted` and `RunResumed` say with which one a run was driven.
`authoring` makes them, `edits.py` compares two of them.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Piece(BaseModel):
    """The code of one tool or graph."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    fingerprint: str = ""
    """Hash of the normalised code (of what was drawn, for a static graph); `""` when unknown."""
    source: str = ""


class Code(BaseModel):
    """The code of a graph and of what it is made of."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    pieces: dict[str, Piece] = {}
    """By name; what nothing is known of is left out."""
