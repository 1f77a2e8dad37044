"""Runs the programs, each case in a process of its own, in rounds, so that a busy moment hits all alike.

A figure taken while other processes were at work says little: such a case is run again, and of its tries the one
that was disturbed least is kept.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.harness import ROOT, SCRATCH

PEERS_PYTHON = ROOT / ".venvs" / "peers" / "bin" / "python"
PEERS = {"langgraph": "LangGraph", "dbos": "DBOS", "llama_index": "LlamaIndex workflows"}
"""Peers by the name of their program, with the name that the table gives them."""

PROGRAMS: Mapping[str, Sequence[str]] = {
    "baselines": ("commit", "task", "loop"),
    "nodes": ("chain", "fan_out", "chain_growth", "fan_out_growth"),
    "graph_function": ("call", "replay"),
    "suspend": ("alone", "together"),
    "reply": ("here", "elsewhere"),
    "waiting": ("100", "1000", "10000", "function"),
    "resume_all": ("resume",),
    "import_time": ("import",),
    "live_view": ("chain", "function", "messages", "bar"),
    "sidebar": ("lab",),
    "langgraph": ("chain", "fan_out", "wait", "waits", "import"),
    "dbos": ("chain", "fan_out", "replay", "wait", "waits", "import"),
    "llama_index": ("chain", "fan_out", "wait", "import"),
}
"""The cases of every program."""

TIMEOUT_S = 300
CALM = 0.05  # of the machine, which other processes may take meanwhile
TRIES = 3


Figure = tuple[str, str, float]
"""A row, whose it is, and the value."""


@dataclass(slots=True)
class Found:
    """What was measured.

    Attributes:
        programs: what was to be measured.
        quick: whether it was a smoke run, whose figures mean nothing.
        values: by row and engine, one for each round.
        failed: programs and cases that ended badly, with the last line they said.
        loads: the machine's load average before each round and after the last.
        others: how much of the machine other processes took during each case that was kept, 0 to 1.
    """

    programs: Sequence[str]
    quick: bool = False
    values: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    failed: dict[str, str] = field(default_factory=dict)
    loads: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)

    @property
    def peers(self) -> list[str]:
        """The peers that were to be measured."""
        return [peer for peer in PEERS if peer in self.programs]


def interpreter(program: str) -> Path:
    """The interpreter that runs a program."""
    return PEERS_PYTHON if program in PEERS else Path(sys.executable)


def run_case(program: str, name: str, *, quick: bool) -> list[Figure]:
    """Run one case in a fresh process.

    Raises:
        RuntimeError: it ended badly; the message is the last line it said.
    """
    module = f"benchmarks.peers.with_{program}" if program in PEERS else f"benchmarks.{program}"
    command = [str(interpreter(program)), "-W", "ignore", "-m", module, name, *(["--quick"] if quick else [])]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AETHER_NB_")}
    environment["PYTHONPATH"] = str(ROOT)
    try:
        done = subprocess.run(
            command,
            env=environment,
            cwd=SCRATCH,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        raise RuntimeError((error.stderr.strip().splitlines() or ["it said nothing"])[-1]) from None
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"it took longer than {TIMEOUT_S} s") from None
    said = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"row"')]
    return [(one["row"], one["by"], one["value"]) for one in said]


def run_calmly(program: str, name: str, *, quick: bool) -> tuple[float, list[Figure]]:
    """Run one case until nobody disturbs it, or often enough.

    Returns:
        How much of the machine others took during the calmest try, and what was measured in it.
    """
    tries = []
    for _ in range(1 if quick else TRIES):
        began, busy_s, own_s = time.perf_counter(), _busy_s(), _own_s()
        figures = run_case(program, name, quick=quick)
        wall_s, others_s = time.perf_counter() - began, _busy_s() - busy_s - (_own_s() - own_s)
        tries.append((max(0.0, others_s / wall_s / (os.cpu_count() or 1)), figures))
        if tries[-1][0] <= CALM:
            break
    return min(tries, key=lambda one: one[0])


def _busy_s() -> float:
    """CPU time that all processes of the machine have had, seconds."""
    user, nice, system, _, _, irq, softirq, steal = map(
        int, Path("/proc/stat").read_text("ascii").split()[1:9]
    )
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _own_s() -> float:
    """CPU time that this process and the ended ones among its descendants have had, seconds."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def run(
    programs: Sequence[str], *, rounds: int, quick: bool, progress: Callable[[str], object] = lambda _: None
) -> Found:
    """Run programs in rounds; what cannot be run is in `failed`, and not tried again."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    found = Found(programs, quick)
    cases = [(p, name) for p in programs for name in PROGRAMS[p] if interpreter(p).exists()]
    for _ in range(rounds):
        found.loads.append(os.getloadavg()[0])
        for program, name in cases:
            one = f"{program} {name}"
            if one in found.failed:
                continue
            progress(one)
            try:
                others, figures = run_calmly(program, name, quick=quick)
            except RuntimeError as error:
                found.failed[one] = str(error)
                continue
            found.others.append(others)
            for row, by, value in figures:
                found.values[row, by].append(value)
    found.loads.append(os.getloadavg()[0])
    return found
