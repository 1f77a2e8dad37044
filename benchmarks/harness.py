"""What every program starts from: its case, a folder on the local disk, and how it says what it measured.

Standard library only: the peers' programs run where nothing of ours is installed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.rows import ROWS

ROOT = Path(__file__).resolve().parent.parent
SCRATCH = ROOT / ".build" / "benchmarks"
US = "aether_nb"


@dataclass(frozen=True, slots=True)
class Case:
    """What a program is to do.

    Attributes:
        name: which of its cases.
        quick: a smoke run: small sizes, whose figures mean nothing.
        folder: for the second process of a case: the folder of the first.
    """

    name: str
    quick: bool
    folder: Path

    def many(self, full: int) -> int:
        """How many there are to be; a fiftieth of it in a smoke run."""
        return max(2, full // 50) if self.quick else full


def case(*names: str) -> Case:
    """The case that the command line names, one of `names`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("case", choices=names)
    parser.add_argument("folder", nargs="?", type=Path, default=Path())
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    return Case(given.case, given.quick, given.folder)


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A folder on the disk that the checkout is on, for as long as it is needed."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=SCRATCH) as path:
        yield Path(path)


def say(row: str, value: float, by: str = US) -> None:
    """Print a figure as a line of JSON."""
    known = ROWS[row]
    line = {"row": row, "value": value, "unit": known.unit, "target": known.at_most, "by": by}
    print(json.dumps(line), flush=True)


def left_behind(program: str, name: str, where: Path, *, quick: bool) -> None:
    """Run another process of a program until it says `ready`, and kill it: what it left is for the next life."""
    options = ["--quick"] if quick else []
    command = [sys.executable, "-m", f"benchmarks.{program}", name, str(where), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.readline().strip()
        process.kill()
    if said != "ready":
        raise RuntimeError(f"{program} {name} ended before it was ready; run it alone to see why")


def import_seconds(code: str) -> float:
    """How long an import takes in an interpreter that has imported nothing yet, its bytecode being there."""
    timed = f"import time; began = time.perf_counter(); {code}; print(time.perf_counter() - began)"
    return float(_fresh(timed))


def loaded_by(code: str) -> set[str]:
    """The packages and modules of the top level that an import loads."""
    return set(
        _fresh(f"import sys; {code}; print(*{{name.partition('.')[0] for name in sys.modules}})").split()
    )


def _fresh(code: str) -> str:
    """What some code prints in an interpreter of its own."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def resident_mb() -> float:
    """What this process holds in memory now."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("/proc/self/status has no VmRSS; memory is measured on Linux only")


def disk_kb(where: Path) -> float:
    """How large the files of a folder are together."""
    return sum(path.stat().st_size for path in where.rglob("*") if path.is_file()) / 1024
