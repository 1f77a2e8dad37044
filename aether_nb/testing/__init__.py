"""What helps to test agents, and what our own tests use.

Answers from a script, a clock moved by hand, a recorder: a test of an agent needs no more than
`ae.configure(store=":memory:", channel=ScriptedChannel({...}))`; the clock is for deadlines and sleeps:
`Runtime(..., clock=FakeClock())`.

The crash kit shows that an agent survives: `CrashKit` runs a script in a process of its own, kills that at a
commit and runs it again until it ends; see `crash.py`.
"""

from __future__ import annotations

from aether_nb.channels.scripted import ScriptedChannel
from aether_nb.errors import CrashKitError, InvariantBroken
from aether_nb.testing.clock import FakeClock
from aether_nb.testing.crash import CrashKit
from aether_nb.testing.invariants import check_invariants
from aether_nb.testing.ledger import Ledger, Note
from aether_nb.testing.points import crash_at
from aether_nb.testing.recorder import EventRecorder
from aether_nb.testing.report import Report, Snapshot

__all__ = [
    "CrashKit",
    "CrashKitError",
    "EventRecorder",
    "FakeClock",
    "InvariantBroken",
    "Ledger",
    "Note",
    "Report",
    "ScriptedChannel",
    "Snapshot",
    "check_invariants",
    "crash_at",
]
