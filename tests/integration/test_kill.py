"""`kill -9` at any instant: no reply is lost, nothing that was committed runs again, the outcome is the same.

A process drives a run and is killed again and again; this one answers its questions through the store, while
it lives or while nobody does. What is done and when comes from one seed, counted in what the process has been
seen to do.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest
from helpers import ROOT, clean_environment
from integration import journey

import aether_nb as ae
from aether_nb import ScriptedChannel
from aether_nb.events import NodeFinished, ReplyTaken, WaitOpened, begins
from aether_nb.testing import Ledger

KILLS = 25
FRAGILE = 2  # crashes after which a node is let finish: at the third the run would stop and ask


class Journey:
    """One run, driven by a process that is killed and started again until it comes to the end."""

    def __init__(self, store, folder, run_id, rng):
        self.store, self.folder, self.run_id, self.rng = store, folder, run_id, rng
        self.ledger = Ledger(folder / f"{run_id}.ledger")
        self.accepted = Counter()
        self.deaths = []  # what was committed and how long the ledger was at each

    def travel(self, most_kills):
        while True:
            life = self.start()
            if len(self.deaths) == most_kills:
                self.accompany(life)
            if not self.comes_to_its_moment(life):
                assert life.returncode == 0
                return
            time.sleep(self.rng.random() * 0.015)  # the instant itself: anywhere between two writes
            life.send_signal(signal.SIGKILL)
            life.wait()
            self.deaths.append((self.finished(), len(self.lines())))
            for wait in self.open_waits():
                if self.rng.random() < 0.8:
                    self.answer(wait)

    def start(self):
        return subprocess.Popen(
            [sys.executable, journey.__file__, self.store.path, self.ledger.path, self.run_id],
            cwd=self.folder, env=clean_environment(PYTHONPATH=ROOT),
        )  # fmt: skip

    def accompany(self, life):
        """Answer everything, until the end."""
        while life.poll() is None:
            for wait in self.open_waits():
                self.answer(wait)
            time.sleep(0.005)

    def comes_to_its_moment(self, life):
        """Watch until it is to be killed; False when it ended before."""
        fence, already, fragile = self.fence(), len(self.lines()), self.fragile()
        in_its_cradle = self.rng.random() < 0.1
        lines_to_live = self.rng.choice([0, 0, 1, 1, 2, 3, 5])
        answered_alive = {}
        while life.poll() is None:
            if not fragile - self.finished() and (in_its_cradle or self.fence() > fence):
                waits = self.open_waits()
                for wait in waits:
                    if answered_alive.setdefault(wait.token, self.rng.random() < 0.6):
                        self.answer(wait)
                        if self.rng.random() < 0.3:
                            return True
                stands_still = waits and not any(answered_alive[w.token] for w in waits)
                if in_its_cradle or stands_still or len(self.lines()) - already >= lines_to_live:
                    return True
            time.sleep(0.002)
        return False

    def answer(self, wait):
        self.accepted[wait.token] += bool(
            ae.answer(wait.token, journey.ANSWERS[wait.prompt.prompt], by="the parent")
        )

    def open_waits(self):
        return self.store.waits(runs=[self.run_id])

    def events(self, kind):
        return [e for e in self.store.events(self.run_id) if isinstance(e, kind)]

    def finished(self):
        return {e.node for e in self.events(NodeFinished)}

    def fragile(self):
        starts = Counter(e.node for e in self.store.events(self.run_id) if begins(e))
        return {node for node, times in starts.items() if times >= FRAGILE} - self.finished()

    def fence(self):
        row = self.store.run(self.run_id)
        return 0 if row is None else row.fence

    def lines(self):
        return [note.what for note in self.ledger]


@pytest.mark.timeout(120)
async def test_a_run_that_is_killed_again_and_again_ends_as_if_it_never_was(configure, tmp_path):
    configure(store=":memory:", channel=ScriptedChannel(journey.ANSWERS))
    expected = await journey.journey(seed="s")
    store, rng, killed, n = configure().store, random.Random(4), 0, 0
    while killed < KILLS:
        n += 1
        run = Journey(store, tmp_path, f"journey-{n}", rng)
        run.travel(KILLS - killed)
        killed += len(run.deaths)

        assert ae.get(run.run_id).outputs == expected
        opened = run.events(WaitOpened)
        assert Counter(e.prompt.prompt for e in opened) == Counter(journey.ANSWERS.keys())
        assert run.accepted == Counter(e.token for e in opened)
        assert Counter(e.token for e in run.events(ReplyTaken)) == run.accepted
        finished = Counter(e.node for e in run.events(NodeFinished))
        assert set(finished.values()) == {1}
        assert len(finished) == journey.NODES
        for committed, already in run.deaths:
            assert not committed & set(run.lines()[already:])
    assert killed == KILLS
