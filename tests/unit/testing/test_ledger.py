"""The ledger of side effects."""

from __future__ import annotations

import pytest

from aether_nb.testing import Ledger
from aether_nb.testing.ledger import LEDGER, LIFE


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    monkeypatch.delenv(LEDGER, raising=False)
    monkeypatch.delenv(LIFE, raising=False)


def test_notes_are_read_back_in_order_with_whose_they_are(tmp_path, monkeypatch):
    ledger = Ledger(tmp_path / "ledger")
    ledger.note("train", "trip/train/0")
    monkeypatch.setenv(LIFE, "2")
    ledger.note("naïve\nline")
    assert [(n.what, n.key, n.life) for n in ledger] == [("train", "trip/train/0", 1), ("naïve\nline", "", 2)]
    first, second = ledger
    assert first.at <= second.at


def test_a_ledger_without_a_file_takes_the_one_that_the_kit_names_else_none(tmp_path, monkeypatch):
    ledger = Ledger()
    ledger.note("nothing happens")
    assert list(ledger) == []
    monkeypatch.setenv(LEDGER, str(tmp_path / "ledger"))
    assert list(ledger) == []
    ledger.note("train")
    assert [n.what for n in ledger] == ["train"]
