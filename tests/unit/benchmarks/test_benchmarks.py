"""The benchmarks' own house-keeping; nothing here is timed."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys

import pytest
from helpers import ROOT, clean_environment

from benchmarks.harness import US
from benchmarks.rows import ROWS
from benchmarks.running import PEERS, PROGRAMS, Found, run
from benchmarks.table import render, unmet


@pytest.fixture
def found():
    return Found(list(PROGRAMS))


def line_of(row, table):
    return next(line for line in table.splitlines() if line.startswith(f"| {ROWS[row].what}"))


def test_a_program_prints_each_figure_as_json_with_its_target():
    said = subprocess.run(
        [sys.executable, "-m", "benchmarks.nodes", "chain", "--quick"],
        env=clean_environment(PYTHONPATH=ROOT), capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    figure = json.loads(said)
    assert figure.pop("value") > 0
    assert figure == {"row": "chain", "unit": "ms", "target": 0.1, "by": US}


def test_a_smoke_run_fills_the_table_and_judges_nothing():
    quick = run(["suspend"], rounds=1, quick=True)
    assert quick.failed == {}
    assert {row for row, _ in quick.values} == {"suspend_alone", "suspend_together"}
    assert "met" not in line_of("suspend_alone", render(quick))
    assert unmet(quick) == []


def test_a_row_is_met_when_the_median_of_the_rounds_is_at_most_its_target(found):
    found.values["chain", US] = [0.09, 0.1, 0.5]
    found.values["fan_out", US] = [0.09, 0.11, 0.5]
    table = render(found)
    assert "| 0.1 (0.09 - 0.5)" in line_of("chain", table)
    assert "**not met**" not in line_of("chain", table)
    assert "**not met**" in line_of("fan_out", table)
    assert unmet(found) == ["fan_out"]


def test_a_peer_stands_beside_ours_with_how_many_times_as_much_it_takes(found):
    found.values["chain", US] = [0.1]
    found.values["chain", "dbos"] = [4.0]
    assert "| 4, 40x" in line_of("chain", render(found))


def test_a_peer_that_is_not_installed_and_one_that_failed_are_told_apart(found):
    found.values["chain", US] = [0.1]
    found.failed["dbos chain"] = "no such thing"
    table = render(found)
    assert [cell.strip() for cell in line_of("chain", table).split("|")[6:9]] == [
        "not installed", "failed", "not installed",
    ]  # fmt: skip
    assert "- dbos chain: no such thing" in table


def test_a_program_that_ends_badly_is_named_with_its_last_word(monkeypatch):
    monkeypatch.setitem(PROGRAMS, "nodes", ("nonsense",))
    broken = run(["nodes"], rounds=2, quick=True)
    assert "invalid choice: 'nonsense'" in broken.failed["nodes nonsense"]


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_program_is_there(program):
    name = f"benchmarks.peers.with_{program}" if program in PEERS else f"benchmarks.{program}"
    assert importlib.util.find_spec(name) is not None
