"""A lock says who lives, and the traps of POSIX locks do not bite."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from aether_nb.store import locks

TRY = "import sys, pathlib; from aether_nb.store import locks; p = pathlib.Path(sys.argv[1]); print({}(p))"


def elsewhere(function: str, path: Path) -> str:
    """What another process says."""
    code = TRY.format(f"locks.{function}")
    return subprocess.run(
        [sys.executable, "-c", code, str(path)], check=True, capture_output=True, text=True
    ).stdout.strip()


def test_a_lock_nobody_took_is_not_held(tmp_path: Path) -> None:
    assert not locks.is_held(tmp_path / "nobody.lock")


def test_a_held_lock_is_seen_here_and_elsewhere_and_looking_does_not_drop_it(tmp_path: Path) -> None:
    path = tmp_path / "kernels" / "a.lock"

    assert locks.hold(path)

    assert locks.is_held(path)
    assert elsewhere("is_held", path) == "True"
    assert elsewhere("hold", path) == "False"
    assert locks.is_held(path)
    assert elsewhere("is_held", path) == "True"
    locks.release(path)


def test_a_lock_taken_twice_goes_with_the_second_release(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    assert locks.hold(path)
    assert locks.hold(path)

    locks.release(path)
    assert elsewhere("is_held", path) == "True"

    locks.release(path)
    assert elsewhere("is_held", path) == "False"
    assert not path.exists()
    locks.release(path)


def test_a_lock_left_by_a_process_that_ended_is_free(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"

    assert elsewhere("hold", path) == "True"

    assert path.exists()
    assert not locks.is_held(path)
    assert locks.hold(path)
    locks.release(path)
