"""The pytest plug-in out of the built wheel: pytest finds it by itself, and what it costs who does not use it."""

from __future__ import annotations

import subprocess
import sys
import zipfile

import pytest
from helpers import ROOT, clean_environment
from unit.testing.test_plugin import PROJECT

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def run(tmp_path):
    """Run pytest in a folder of its own, with the wheel as it is installed: its files on the path."""
    (wheel,) = (ROOT / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(tmp_path / "installed")
    (tmp_path / "project").mkdir()

    def run_pytest(tests):
        (tmp_path / "project" / "test_my_agent.py").write_text(tests)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-o", "asyncio_mode=auto", "-p", "no:cacheprovider"],
            cwd=tmp_path / "project", env=clean_environment(PYTHONPATH=tmp_path / "installed"), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        return done.stdout

    return run_pytest


def test_who_installed_us_has_the_fixtures(run):
    said = run(PROJECT)
    assert "1 failed, 4 passed" in said, said


ELSEWHERE = """
import sys

def test_of_something_else():
    assert [name for name in sys.modules if "aether" in name] == ["pytest_aether_nb"]
"""


def test_where_no_test_uses_them_nothing_else_of_ours_is_imported(run):
    assert "1 passed" in (said := run(ELSEWHERE)), said
