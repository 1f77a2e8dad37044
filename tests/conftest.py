"""Every test, and every process it starts, reads the package from this tree, and finds its own graphs."""

from __future__ import annotations

import os

import pytest
from helpers import ROOT

from aether_nb.authoring.graphs import Graph
from aether_nb.calling import GRAPHS

# A child interpreter may run in another folder; what is installed may be older than the tree.
os.environ["PYTHONPATH"] = str(ROOT)


@pytest.fixture(autouse=True)
def graphs_of_the_module(request: pytest.FixtureRequest) -> None:
    """What a module defines counts in its tests, whatever other modules call by the same names."""
    for value in vars(request.module).values():
        if isinstance(value, Graph):
            GRAPHS[value.name] = value
