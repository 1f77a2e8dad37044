"""The picture of the layers on the page about the architecture shows the imports that there are."""

from __future__ import annotations

import json
import subprocess

from docs.pages import DOCS
from unit.test_layers import FLOOR, OURS, ROOF, WORDS, part_of

PICTURE = DOCS / "images" / "layers.dot"
DOORS = {"__init__", "__main__", "demo"}  # of which no picture is needed


def box(part):
    """In which box of the picture a part of the package is drawn."""
    if part in ROOF | {"api"}:
        return "runtime"
    if part in {"calling", "engine.ports"}:
        return "ports"
    return "ids" if part in FLOOR else "events" if part in WORDS else part


def arrows():
    """The arrows of the picture, as Graphviz reads it."""
    drawn = subprocess.run(["dot", "-Tjson0", PICTURE], check=True, capture_output=True, text=True)
    graph = json.loads(drawn.stdout)
    names = {each["_gvid"]: each["name"] for each in graph["objects"]}
    return {(names[each["tail"]], names[each["head"]]) for each in graph["edges"]}


def below(top, drawn):
    """All boxes that stand below one."""
    next_ones = {head for tail, head in drawn if tail == top}
    return next_ones.union(*(below(each, drawn) for each in next_ones))


def imports():
    pairs = {
        (box(i.part), box(part_of(i.of)))
        for i in OURS
        if not i.types_only and not {i.part, part_of(i.of)} & DOORS
    }
    return {(tail, head) for tail, head in pairs if tail != head}


def test_every_import_goes_down_along_the_arrows_of_the_picture():
    drawn = arrows()
    assert [(tail, head) for tail, head in sorted(imports()) if head not in below(tail, drawn)] == []


def test_every_arrow_of_the_picture_is_an_import():
    assert sorted(arrows() - imports()) == []
