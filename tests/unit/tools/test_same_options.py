"""A question has the same options, with the same defaults, through the channel and as a tool in a graph."""

from __future__ import annotations

import inspect

import pytest

from aether_nb import tools
from aether_nb.engine.asking import Asks

ASKS = [name for name in dir(Asks) if name.startswith("ask_")]


def options(function: object) -> dict[str, object]:
    parameters = inspect.signature(function).parameters  # type: ignore[arg-type]
    return {name: p.default for name, p in parameters.items() if name not in {"self", "key"}}


@pytest.mark.parametrize("name", ASKS)
def test_both_ways_to_ask_have_the_same_options(name):
    assert options(getattr(Asks, name)) == options(getattr(tools, name).setup)
