from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

from aether_nb.authoring.decorators import graphify, tool
from aether_nb.errors import GraphProblems, HandleMisuse


@tool(outputs=["text", "size"])
def read(path): ...


MISUSES = {
    "f-string": lambda h: f"{h}",
    "str": str,
    "format": format,
    "bool": lambda h: 1 if h else 2,
    "not": lambda h: not h,
    "iter": list,
    "unpack": lambda h: (*h,),
    "loop": lambda h: [x + 1 for x in h],
    "len": len,
    "in": lambda h: 1 in h,
    "in list": lambda h: h in [1, 2],
    "equal": lambda h: h == "x",
    "unequal": lambda h: h != "x",
    "less": lambda h: h < 3,
    "sorted": lambda h: sorted([h, 1]),
    "add": lambda h: h + 1,
    "radd": lambda h: "a" + h,
    "mul": lambda h: 2 * h,
    "or": lambda h: h | {},
    "neg": lambda h: -h,
    "int": int,
    "float": float,
    "round": round,
    "index": lambda h: [1][h],
    "sqrt": math.sqrt,
    "path": Path,
    "open": os.fspath,
    "call": lambda h: h(),
    "with": lambda h: h.__enter__(),
    "set": lambda h: h.__setitem__("a", 1),
    "kwargs": lambda h: dict(**h),
}


@pytest.mark.parametrize("misuse", MISUSES.values(), ids=MISUSES.keys())
@pytest.mark.parametrize("which", ["input", "output", "node"])
def test_a_handle_used_as_a_value_gets_one_sentence_with_the_remedy(misuse, which):
    def builder(path):
        node = read(path)
        misuse({"input": path, "output": node.text, "node": node}[which])
        return {}

    with pytest.raises((HandleMisuse, GraphProblems)) as e:
        graphify(builder)
    assert "\n" not in str(e.value).replace("builder has 2 problems:\n", "")
    assert "does not exist yet; " in str(e.value) or "has no output" in str(e.value)


@pytest.mark.parametrize("access", [lambda h: h.upper(), lambda h: h["x"], lambda h: h[0], lambda h: h.text])
def test_a_value_cannot_be_taken_apart_while_building(access):
    def of_an_input(path):
        return access(path)

    def of_an_output(path):
        return access(read(path).size)

    with pytest.raises(HandleMisuse, match="pass it to a tool and do that there"):
        graphify(of_an_input)
    with pytest.raises(HandleMisuse, match=r"`read\.size`"):
        graphify(of_an_output)


def test_an_await_in_a_builder_gets_a_sentence():
    def builder(path):
        return read(path).__await__()

    with pytest.raises(HandleMisuse, match="take the `await` out"):
        graphify(builder)


def test_the_line_of_the_misuse_is_told():
    def builder(path):
        return {"x": f"{path}"}

    line = builder.__code__.co_firstlineno + 1
    with pytest.raises(HandleMisuse, match=f"^line {line}: `path` cannot be put into a text"):
        graphify(builder)


def test_handles_can_be_looked_at_kept_in_sets_and_probed():
    seen = []

    @graphify
    def g(path):
        node = read(path)
        seen.extend([repr(path), repr(node), repr(node["text"]), dir(node), {node: 1}[node]])
        seen.append(hasattr(node, "_repr_html_") or hasattr(path, "__array__"))
        return {"x": node.text}

    assert seen == ["<handle path>", "<handle read>", "<handle read.text>", ["size", "text"], 1, False]


def test_problems_found_before_a_misuse_are_noted_on_it():
    def builder(path):
        read()
        return f"{path}"

    with pytest.raises(HandleMisuse) as e:
        graphify(builder)
    assert "`path` is missing" in e.value.__notes__[0]
