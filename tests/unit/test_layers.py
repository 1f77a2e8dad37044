"""The arrows of the house, drawn from the import statements. The tables are the rule; the code has to fit."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from helpers import ROOT

FLOOR = {"errors", "ids", "frames", "markup"}
WORDS = {*FLOOR, "values", "prompts", "graph", "facts", "messages", "events"}
ROOMS = {
    "authoring",
    "calling",
    "channels",
    "display",
    "engine",
    "engine.ports",
    "services",
    "store",
    "tools",
}
ROOF = {
    "answering", "api", "clock", "closeup", "comparing", "edits", "forking", "history", "home", "housekeeping",
    "naming", "nodes", "openwaits", "pictures", "recording", "redacting", "reporting", "resuming", "run", "runtime", "showing",
    "starting", "tables",
}  # fmt: skip

MAY_IMPORT: dict[str, set[str]] = {
    # the floor, and the words that are spoken everywhere
    "ids": set(),
    "frames": set(),
    "markup": set(),
    "errors": {"frames"},
    "values": FLOOR,
    "prompts": FLOOR,
    "graph": FLOOR,
    "facts": {*FLOOR, "prompts", "values"},
    "messages": {*FLOOR, "facts"},
    "events": {*FLOOR, "facts", "graph", "messages", "prompts"},
    # where authoring and engine meet without knowing each other; what the engine needs of others
    "calling": {*FLOOR, "graph", "prompts"},
    "engine.ports": WORDS,
    # the rooms
    "authoring": {*WORDS, "calling"} - {"facts", "messages", "events"},
    "tools": {*WORDS, "authoring", "calling"} - {"facts", "messages", "events"},
    "engine": {*WORDS, "calling", "engine.ports"},
    "store": {*WORDS, "engine.ports"} - {"values", "graph"},
    "channels": {*WORDS, "calling", "engine.ports"} - {"graph"},
    "display": WORDS,
    "services": {*WORDS, "engine.ports"} - {"graph"},
    # the roof: wiring, and what users hold
    "clock": set(),
    "tables": {*FLOOR, "display"},
    "pictures": {*WORDS, "calling", "display", "engine", "engine.ports"},
    "answering": {*WORDS, "engine.ports", "services"},
    "history": {*WORDS, "calling", "engine", "engine.ports"},
    "edits": {*WORDS, "calling", "engine", "engine.ports", "history"},
    "closeup": {*WORDS, "display", "engine", "engine.ports"},
    "home": {*WORDS, "engine.ports"},
    "naming": {*WORDS, "calling", "engine.ports", "history", "home"},
    "housekeeping": {*WORDS, "engine.ports", "services", "store", "tables"},
    "showing": {*WORDS, "engine.ports"},
    "recording": WORDS,
    "redacting": {*WORDS, "openwaits"},
    "reporting": {
        *WORDS,
        "calling",
        "display",
        "engine",
        "engine.ports",
        "closeup",
        "edits",
        "history",
        "openwaits",
        "pictures",
        "redacting",
    },
    "nodes": {*WORDS, "display", "engine", "tables"},
    "openwaits": {*WORDS, "display", "engine.ports", "tables"},
    "run": {
        *WORDS,
        "calling",
        "engine",
        "engine.ports",
        "answering",
        "edits",
        "home",
        "nodes",
        "openwaits",
        "pictures",
        "redacting",
        "reporting",
        "showing",
        "tables",
    },
    "comparing": {*WORDS, "engine", "engine.ports", "history", "tables"},
    "forking": {
        *WORDS,
        "calling",
        "engine",
        "engine.ports",
        "answering",
        "edits",
        "history",
        "naming",
        "nodes",
        "run",
    },
    "resuming": {
        *WORDS,
        "calling",
        "engine",
        "engine.ports",
        "edits",
        "forking",
        "history",
        "nodes",
        "run",
        "showing",
    },
    "starting": {
        *WORDS,
        "calling",
        "engine",
        "engine.ports",
        "edits",
        "forking",
        "history",
        "naming",
        "run",
        "showing",
    },
    "runtime": {*WORDS, *ROOMS, *ROOF} - {"api"},
    "api": {*WORDS, *ROOMS, *ROOF},
    # the doors
    "jupyter": {*WORDS, *ROOMS, *ROOF},
    "testing": {*WORDS, *ROOMS, "api", "history", "run", "runtime"},
    "demo": {"authoring", "engine", "tools"},
    "cli": {*WORDS, *ROOMS, *ROOF, "demo", "jupyter"},  # the doctor is found there
    "__main__": {"cli"},
    "__init__": {*WORDS, *ROOMS, *ROOF, "jupyter"},  # %load_ext aether_nb is found here
}

FOR_TYPES: dict[str, set[str]] = {
    # a host is found for a runtime and shows its runs: it is spoken of here, and made above
    "home": {"engine", "run", "runtime"},
    "housekeeping": {"runtime"},
    "pictures": {"services"},
    "recording": {"runtime"},
    "reporting": {"runtime"},
    "run": {"display", "runtime"},
    "showing": {"run", "runtime"},
    "forking": {"runtime"},
    "resuming": {"runtime"},
    "starting": {"runtime"},
}
"""What may be named under TYPE_CHECKING besides."""

NOTEBOOK = {
    "IPython", "anywidget", "comm", "ipykernel", "ipywidgets", "jupyter_client", "jupyter_core", "jupyter_server",
    "nest_asyncio", "tornado", "traitlets", "zmq",
}  # fmt: skip
FOREIGN: dict[str, set[str]] = {
    "msgspec": {"graph", "facts", "events", "store", "jupyter", "engine"},
    "pydantic": {"values", "prompts", "graph", "facts", "authoring", "tools", "store", "jupyter"},
    "pydantic_core": {"values", "prompts", "store"},
    "jsonschema": {"prompts"},
    "referencing": {"prompts"},
    "sqlite3": {"store", "services"},
    "sqlitedict": {"services"},
    "graphviz": {"display"},
    "pandas": {"tables", "nodes"},
    "pytest": {"testing"},
    "yaml": {"channels", "recording"},
    "typer": {"cli"},
    "rich": {"cli"},
    **{name: {"jupyter"} for name in NOTEBOOK},
}
"""Which parts may import what is not in the standard library, and SQL."""


class Import(NamedTuple):
    """One import statement."""

    where: str
    part: str
    of: str
    types_only: bool
    in_function: bool

    def __str__(self) -> str:
        return f"{self.where} imports {self.of}"


def part_of(module: str) -> str:
    """`aether_nb.engine.driver` is in the part `engine`; the ports are a part of their own."""
    _, *path = module.split(".")
    ports = (["engine", "ports"], ["engine", "pages"], ["engine", "upkeep"])
    return "engine.ports" if path[:2] in ports else (path or ["__init__"])[0]


def names_of(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif node.module == "aether_nb":
        yield from (f"aether_nb.{alias.name}" for alias in node.names)
    else:
        assert node.module is not None
        assert node.level == 0, "imports are absolute"
        yield node.module


def walk(node: ast.AST, *, types_only: bool = False, in_function: bool = False) -> Iterator[tuple]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.Import, ast.ImportFrom)):
            yield from ((name, types_only, in_function) for name in names_of(child))
        guarded = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
        function = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef))
        yield from walk(child, types_only=types_only or guarded, in_function=in_function or function)


def imports() -> Iterator[Import]:
    for path in sorted((ROOT / "aether_nb").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for name, types_only, in_function in walk(ast.parse(path.read_text(encoding="utf-8"))):
            yield Import(f"{path.relative_to(ROOT)}", part_of(module), name, types_only, in_function)


ALL = list(imports())
OURS = [i for i in ALL if i.of.partition(".")[0] == "aether_nb"]
THEIRS = [i for i in ALL if i.of.partition(".")[0] != "aether_nb"]


def test_every_part_of_the_house_is_in_the_table():
    assert {i.part for i in ALL} <= MAY_IMPORT.keys()


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_a_part_imports_only_what_stands_below_it(part):
    allowed = {part, *MAY_IMPORT[part]}
    wrong = [
        str(i)
        for i in OURS
        if i.part == part
        and part_of(i.of) not in allowed | (FOR_TYPES.get(part, set()) if i.types_only else set())
    ]
    assert wrong == []


def test_the_arrows_never_turn_back():
    """No order of the parts would do otherwise."""
    left = {part: MAY_IMPORT[part] - {part} for part in MAY_IMPORT}
    while ready := [part for part, needs in left.items() if not needs & left.keys()]:
        for part in ready:
            del left[part]
    assert left == {}


def test_foreign_libraries_stay_in_the_parts_that_are_about_them():
    wrong = [
        str(i)
        for i in THEIRS
        if (top := i.of.partition(".")[0]) not in sys.stdlib_module_names or top in FOREIGN
        if i.part not in FOREIGN.get(top, set())
    ]
    assert wrong == []


def test_graphviz_is_imported_only_when_something_is_drawn():
    found = [i for i in THEIRS if i.of.partition(".")[0] == "graphviz"]
    assert {i.where for i in found} == {"aether_nb/display/render.py"}
    assert all(i.in_function for i in found)


def test_the_notebook_is_imported_by_nobody_when_the_package_is():
    assert [
        str(i) for i in OURS if part_of(i.of) == "jupyter" and i.part != "jupyter" and not i.in_function
    ] == []
