"""What is in the wheel besides the code, and that it is found there."""

from __future__ import annotations

import subprocess
import sys
import zipfile

import pytest
from helpers import ROOT, clean_environment


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of this tree, unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (file,) = folder.glob("*.whl")
    zipfile.ZipFile(file).extractall(folder / "unpacked")
    return folder / "unpacked"


@pytest.mark.timeout(120)
def test_the_lessons_are_in_the_wheel_and_are_copied_from_there(wheel, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "aether_nb", "lessons", "mine"], cwd=tmp_path, timeout=30, capture_output=True,
        text=True, check=True, env=clean_environment(PYTHONPATH=wheel),
    )  # fmt: skip
    assert "copied to mine" in done.stdout
    in_git = subprocess.run(
        ["git", "ls-files", "notebooks"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    ours = {name.removeprefix("notebooks/") for name in in_git.stdout.split("\n") if name}
    copied = {
        f.relative_to(tmp_path / "mine").as_posix() for f in (tmp_path / "mine").rglob("*") if f.is_file()
    }
    assert ours <= copied
    assert all(
        (tmp_path / "mine" / name).read_bytes() == (ROOT / "notebooks" / name).read_bytes() for name in ours
    )
    assert (wheel / "aether_nb" / "lessons").is_dir()
