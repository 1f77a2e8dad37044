"""What names may be, and how sentences list them. Used wherever a tool or graph is decorated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from aether_nb.values import RESERVED_OUTPUTS, show


def listed(names: Iterable[str]) -> str:
    """Names as a sentence has them: `a`, `b` and `c`."""
    *first, last = [f"`{name}`" for name in names] or ["none"]
    return f"{', '.join(first)} and {last}" if first else last


def said(value: Any) -> str:
    """A value and its type: `'two' (str)`."""
    shown = show(value)
    return f"{shown!r} (str)" if isinstance(value, str) else f"{shown} ({type(value).__name__})"


def name_problems(name: object) -> Iterator[str]:
    """What is wrong with the name of a tool or graph: node ids and run ids are made of it."""
    if not isinstance(name, str) or not name:
        yield f"the name {name!r} is not a text; pass `name=`."
    elif name == "<lambda>":
        yield "a lambda has no name; pass `name=`."
    elif not name.isprintable() or set(name) & set("/#"):
        yield f"the name {name!r} cannot be part of an id; leave out `/`, `#` and control characters."


def output_problems(outputs: object) -> Iterator[str]:
    """What is wrong with an `outputs=` list."""
    if isinstance(outputs, str):
        yield f'`outputs` is a list of names: write `outputs=["{outputs}"]`.'
        return
    if not isinstance(outputs, Iterable):
        yield f"`outputs` is a list of names, not {outputs!r}."
        return
    names = list(outputs)
    for name, times in Counter(map(repr, names)).items():
        if times > 1:
            yield f"the output {name} is declared {times} times; once is enough."
    for name in names:
        if not isinstance(name, str) or not name.isidentifier() or name.startswith("_"):
            yield f"the output {name!r} is no name for an attribute; use letters, digits and `_`."
        elif name in RESERVED_OUTPUTS:
            yield f"an output cannot be called `{name}`, every mapping has that already; take another name."
