"""`python -m benchmarks`: run programs, print the table, and, when all were run, write `RESULTS.md`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.machine import described
from benchmarks.running import PEERS, PROGRAMS, run
from benchmarks.table import render, unmet

RESULTS = Path(__file__).parent / "RESULTS.md"
_INTRODUCTION = """# Results

Written by `make bench`. A row is met when the median is at most its target. Everything is committed to SQLite, each
figure comes from a process of its own, and the programs of this folder say what exactly they measure. A peer's figure
is followed by how many times ours it is; what it guarantees for that stands at the top of its program in `peers/`."""


def main() -> int:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("programs", nargs="*", metavar="program", help=", ".join(PROGRAMS))
    parser.add_argument("--quick", action="store_true", help="a smoke run, whose figures mean nothing")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured")
    given = parser.parse_args()
    unknown = [name for name in given.programs if name not in PROGRAMS]
    if unknown:
        parser.error(f"there is no program {unknown[0]!r}; there is: {', '.join(PROGRAMS)}")
    rounds = 1 if given.quick else given.rounds
    found = run(
        given.programs or list(PROGRAMS), rounds=rounds, quick=given.quick,
        progress=lambda one: print(one, file=sys.stderr, flush=True),
    )  # fmt: skip
    tables = render(found)
    print(tables)
    if not given.programs and not given.quick:
        machine = "\n".join(f"- {line}" for line in described(found, rounds))
        RESULTS.write_text(f"{_INTRODUCTION}\n\n{machine}\n\n{tables}\n", encoding="utf-8")
    if not given.quick:
        print(f"\nnot met: {', '.join(unmet(found)) or 'none'}")
    return any(one.split()[0] not in PEERS for one in found.failed)


if __name__ == "__main__":
    sys.exit(main())
