"""On what a table was measured, in words: nothing that names a host or a folder."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sqlite3
import statistics
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.harness import ROOT, SCRATCH
from benchmarks.running import CALM, PEERS_PYTHON, TRIES, Found

_DISTRIBUTIONS = ("langgraph", "langgraph-checkpoint-sqlite", "dbos", "llama-index-workflows")


def described(found: Found, rounds: int) -> list[str]:
    """The machine and the run, as items of a list."""
    return [
        f"Measured on {datetime.now(UTC):%Y-%m-%d}, rounds: {rounds}; the median, and the lowest to the highest.",
        f"aether_nb {importlib.metadata.version('aether_nb')}, commit {_said('git', 'rev-parse', '--short', 'HEAD')}.",
        f"{_cpu()}, {os.cpu_count()} cores, {_memory_gb():.0f} GB of memory.",
        f"{platform.freedesktop_os_release()['PRETTY_NAME']}, {platform.system()} {platform.release()}.",
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, disk {_disk()}.",
        f"Load average before the rounds and after the last: {', '.join(f'{n:.2f}' for n in found.loads)}.",
        _disturbed(found.others),
        f"Peers: {_peers()}.",
    ]


def _disturbed(others: Sequence[float]) -> str:
    took = f"Other processes took {statistics.median(others):.0%} of the machine meanwhile, at most {max(others):.0%}"
    return f"{took}; a case that they disturb by more than {CALM:.0%} is run up to {TRIES} times."


def _said(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def _disk() -> str:
    """The file system of the folder that holds the stores."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    holding = [m for m in mounts if SCRATCH.is_relative_to(m[1])]
    return max(holding, key=lambda mount: len(mount[1]))[2]


def _peers() -> str:
    if not PEERS_PYTHON.exists():
        return "not installed"
    code = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    versions = _said(str(PEERS_PYTHON), "-c", code, *_DISTRIBUTIONS).split()
    return ", ".join(f"{name} {version}" for name, version in zip(_DISTRIBUTIONS, versions, strict=True))
