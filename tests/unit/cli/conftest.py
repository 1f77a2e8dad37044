"""The command line on a store in the test's folder, and runs that a process which has ended left there."""

from __future__ import annotations

import sys

import pytest

from aether_nb import cli


@pytest.fixture
def aether_nb(configure, tmp_path, monkeypatch, capsys):
    """The command line on the test's store: exit code, what it said, what it complained of."""
    monkeypatch.setenv("AETHER_NB_STORE", str(tmp_path / "runs.db"))
    monkeypatch.chdir(tmp_path)

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["aether-nb", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        said = capsys.readouterr()
        return end.value.code, said.out.strip(), said.err.strip()

    return call
