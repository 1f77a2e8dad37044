"""Runs the programs, each case in a process of its own, in rounds, so that a busy moment hits all alike."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
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
    "live_view": ("chain", "function", "messages"),
    "langgraph": ("chain", "fan_out", "wait", "waits", "import"),
    "dbos": ("chain", "fan_out", "replay", "wait", "waits", "import"),
    "llama_index": ("chain", "fan_out", "wait", "import"),
}
"""The cases of every program."""

TIMEOUT_S = 300


@dataclass(slots=True)
class Found:
    """What was measured.

    Attributes:
        quick: whether it was a smoke run, whose figures mean nothing.
        values: by row and engine, one for each round.
        failed: programs and cases that ended badly, with the last line they said.
        loads: the machine's load average before each round and after the last.
    """

    quick: bool = False
    values: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    failed: dict[str, str] = field(default_factory=dict)
    loads: list[float] = field(default_factory=list)

    @property
    def peers(self) -> list[str]:
        """The peers that gave any figure."""
        return [peer for peer in PEERS if any(by == peer for _, by in self.values)]


def interpreter(program: str) -> Path:
    """The interpreter that runs a program."""
    return PEERS_PYTHON if program in PEERS else Path(sys.executable)


def run_case(program: str, name: str, *, quick: bool) -> Iterator[tuple[str, str, float]]:
    """Run one case in a fresh process; its figures as row, engine and value.

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
    for line in done.stdout.splitlines():
        if line.startswith('{"row"'):
            said = json.loads(line)
            yield said["row"], said["by"], said["value"]


def run(
    programs: Sequence[str], *, rounds: int, quick: bool, progress: Callable[[str], object] = lambda _: None
) -> Found:
    """Run programs in rounds; what cannot be run is in `failed`, and not tried again."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    found = Found(quick)
    cases = [(p, name) for p in programs for name in PROGRAMS[p] if interpreter(p).exists()]
    for _ in range(rounds):
        found.loads.append(os.getloadavg()[0])
        for program, name in cases:
            one = f"{program} {name}"
            if one in found.failed:
                continue
            progress(one)
            try:
                for row, by, value in run_case(program, name, quick=quick):
                    found.values[row, by].append(value)
            except RuntimeError as error:
                found.failed[one] = str(error)
    found.loads.append(os.getloadavg()[0])
    return found
