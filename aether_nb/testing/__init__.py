"""What helps to test agents, and what our own tests use.

A test of an agent::

    # test_my_agent.py
    from aether_nb.testing import trace
    from my_agent import release

    def test_it_asks_before_it_deploys(scripted):            # pytest fixtures: they come with aether_nb
        scripted({"Proceed?": "Yes"})
        release.run_sync(run_id="r", version="1.2")
        trace("r").asked("Proceed?").answered("Yes").before("deploy").ran_once("deploy")

    async def test_it_gives_up_after_a_week(aether, fake_clock):    # async tests: pytest-asyncio
        run = release.start(version="1.2")
        await run.next_wait()
        fake_clock.advance(days=8)
        with pytest.raises(ae.AetherError, match="Nobody answered"):
            await run
        trace(run).never_ran("deploy")

Answers: the fixture `scripted`, or `ScriptedChannel`, by prompt, node, kind, or from a function; from a YAML file
also for whole notebooks (`AETHER_NB_ANSWERS=answers.yaml`), and `ae.record("answers.yaml")` writes that file while
a person answers.

What happened: `trace(run)` and its assertions; `EventRecorder` for the bare events.

Time: the fixture `fake_clock`, a `FakeClock`; it skips days.

Crashes: `CrashKit` runs a script in a process of its own, kills that at a commit and runs it again until it ends;
a `Ledger` has what was really done; see `crash.py`.

Without pytest: `with Stage(folder) as stage:` is what the fixtures stand on.
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
from aether_nb.testing.stage import Stage
from aether_nb.testing.trace import Asked, Trace, trace

__all__ = [
    "Asked",
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
    "Stage",
    "Trace",
    "check_invariants",
    "crash_at",
    "trace",
]
