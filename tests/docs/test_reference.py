"""The reference, as `make docs` has built it, has every public name."""

from __future__ import annotations

import pytest
from helpers import BUILD
from sphinx.util.inventory import InventoryFile

import aether_nb
import aether_nb.testing
import aether_nb.tools

MODULES = (aether_nb, aether_nb.tools, aether_nb.testing)


@pytest.fixture(scope="module")
def described():
    """Names that stand in the reference, whatever module they are said to be of."""
    built = BUILD / "docs" / "objects.inv"
    assert built.exists(), "make docs"
    found = InventoryFile.loads(built.read_bytes(), uri="")
    return {
        entry.rpartition(".")[2]
        for kind, names in found.data.items()
        if kind.startswith("py:")
        for entry in names
    }


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_every_public_name_is_in_the_reference(module, described):
    assert set(module.__all__) - described == set()


def test_what_users_hold_is_there_with_its_methods(described):
    assert {
        "start",
        "run_sync",
        "ask_text",
        "send_text",
        "progress",
        "map",
        "next_wait",
        "fork",
        "report",
    } <= described
