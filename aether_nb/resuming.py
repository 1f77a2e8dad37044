"""Runs that go on: how this process becomes the driver of a run that nobody drives (any more).

Part of the runtime. By name, all of a home at once, when whoever follows a run finds its driver dead, or
to try a failed node again. Start with `resume` and `take`; `dormant.py` loads many a few at a time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from aether_nb import edits, forking, history, showing
from aether_nb.calling import GRAPHS, GraphTarget
from aether_nb.engine.divergence import Reworded
from aether_nb.engine.dormant import Dormant
from aether_nb.engine.driver import Driver
from aether_nb.engine.ports import Observer, RunRow
from aether_nb.errors import LogDamaged, RunError, RunHeldElsewhere, StoreTooNew
from aether_nb.events import FINAL, RunResumed, RunStarted
from aether_nb.ids import NodeId, RunId
from aether_nb.nodes import find_node
from aether_nb.run import Run

if TYPE_CHECKING:
    from aether_nb.runtime import Runtime

_FEW = 20  # so many runs that go on are shown each by itself


class Resuming:
    """See the module.

    Args:
        runtime: whose runs.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def resume(self, run_id: str, *, on_change: str = "use_new", reworded: Reworded | None = None) -> Run:
        """Go on with an unfinished run; a finished one is given as it is. See `api.resume`."""
        edits.check_wish(on_change)
        row = self._runtime.row(run_id)
        if reworded is not None:
            edits.check_decision(self._runtime.store, row, reworded)
        if row.status in FINAL:
            return self._runtime.found(row, None, history.ending(row))
        if self._runtime.drives(row.run_id):
            return Run(self._runtime, row.run_id)
        if self._runtime.alive(row):
            raise RunHeldElsewhere(
                f"Run {run_id!r} is driven by {self._runtime.holder(row)}, which is alive; answer it from here "
                "(ae.get(run_id).answer(...)), or stop that one."
            )
        graph = self._runtime.graph_of(row.graph)
        return self.take(row, graph, "went on where it was", on_change=on_change, reworded=reworded)

    def resume_all(self) -> list[Run]:
        """Go on with every unfinished run of this home whose graph is defined here and whose kernel is dead.

        Those that crash again and again are given first, and left alone; one that cannot be read here says so.
        """
        rows = [
            row
            for row in reversed(self._runtime.store.runs(home=self._runtime.home))
            if row.status not in FINAL and row.graph in GRAPHS and not self._runtime.drives(row.run_id)
        ]
        alive = {row.kernel: self._runtime.alive(row) for row in {row.kernel: row for row in rows}.values()}
        rows = [row for row in rows if not alive[row.kernel]]
        resumed = [run for run in map(self.left_alone, rows) if run is not None]
        left = {run.run_id for run in resumed}
        rows = [row for row in rows if row.run_id not in left]
        if len(rows) > _FEW:
            return resumed + self._resume_many(rows)
        for row in rows:
            try:
                resumed.append(self.take(row, self._runtime.graph_of(row.graph), "went on where it was"))
            except RunHeldElsewhere:
                continue
            except (StoreTooNew, LogDamaged) as error:
                resumed.append(Run(self._runtime, row.run_id, note=f"left alone: {error}"))
        return resumed

    def _resume_many(self, rows: Sequence[RunRow]) -> list[Run]:
        """Claim them in one step and load them while the loop turns; the inbox shows what they ask."""
        engine = self._runtime.engine()
        claimed = self._runtime.store.claim_runs(
            [(row.run_id, row.fence) for row in rows], self._runtime.kernel, self._runtime.now_ms()
        )

        def dormant(row: RunRow) -> Dormant:
            graph = self._runtime.graph_of(row.graph)
            changes = partial(self.since, row, graph)
            return Dormant(graph, row.fence, load=lambda: self.load(row, graph, changes().names))

        engine.dormant.load_soon([(row.run_id, dormant(row)) for row in claimed])
        if self._runtime.host is not None and not self._runtime.scripted:
            self._runtime.host.inbox()
        return [Run(self._runtime, row.run_id, note="goes on where it was") for row in claimed]

    def undefined(self) -> list[str]:
        """Names of graphs that unfinished runs of this home need, and that are not defined here."""
        rows = self._runtime.store.runs(home=self._runtime.home)
        return sorted({row.graph for row in rows if row.status not in FINAL and row.graph not in GRAPHS})

    def take_over(self, run_id: RunId) -> bool:
        """Drive a run that nobody drives any more; False when somebody does, or it is over.

        Raises:
            GraphError: its graph is not defined here.
        """
        row = self._runtime.row(run_id)
        if row.status in FINAL or self._runtime.alive(row):
            return False
        with contextlib.suppress(RunHeldElsewhere):
            self.take(row, self._runtime.graph_of(row.graph), "went on where it was")
            return True
        return False

    def retry(self, run: Run, node: str) -> None:
        """See `Run.retry`."""
        row = self._runtime.row(run.run_id)
        state = run._state()
        sent = find_node(state, node)
        if problem := history.why_not_again(row, state, sent):
            raise RunError(problem)
        shown = [] if self._runtime.host is None else self._runtime.host.shown(row.run_id)
        self.take(row, self._runtime.graph_of(row.graph), "", retry=sent.id, shown=shown)

    def take(
        self,
        row: RunRow,
        graph: GraphTarget,
        note: str,
        *,
        on_change: str = "use_new",
        retry: NodeId | None = None,
        reworded: Reworded | None = None,
        shown: Sequence[Observer] = (),
    ) -> Run:
        """Become the driver of a run that nobody drives; `shown` follow it, if anything shows it already.

        Raises:
            CodeChanged: it has, and `on_change` is `error`; the run is as it was.
            RunHeldElsewhere: another kernel was quicker.
        """
        changes = self.since(row, graph)
        if changes and on_change == "error":
            raise edits.refuse(row.run_id, changes)
        if changes and on_change == "fork":
            return forking.fork(self._runtime, row, graph=graph)
        self._runtime.engine()
        return self.drive(
            self.claimed(row), graph, note + changes.note, changes.names, retry=retry, reworded=reworded, shown=shown
        )  # fmt: skip

    def claimed(self, row: RunRow) -> RunRow:
        """A run that nobody drives, as this kernel's; raises RunHeldElsewhere when another one was quicker."""
        claimed = self._runtime.store.claim_runs(
            [(row.run_id, row.fence)], self._runtime.kernel, self._runtime.now_ms()
        )
        if not claimed:
            raise RunHeldElsewhere(f"Another kernel took run {row.run_id!r} up just now; it is driven there.")
        return claimed[0]

    def drive(
        self, row: RunRow, graph: GraphTarget, note: str, changed: Sequence[str], *, retry: NodeId | None = None,
        reworded: Reworded | None = None, shown: Sequence[Observer] = (),
    ) -> Run:  # fmt: skip
        """Drive a run whose row says that it is ours, from where its log ends; see `Engine.resume`."""
        run = Run(self._runtime, row.run_id, note=note)
        try:
            followers = shown or showing.followers(self._runtime, run, graph.spec)
            self.load(row, graph, changed, followers, retry, reworded)
        except BaseException:
            if not self._runtime.drives(row.run_id):
                self._runtime.engine().give_back(row.run_id, row.fence)
            raise
        return run

    def load(
        self,
        claimed: RunRow,
        graph: GraphTarget,
        changed: Sequence[str],
        followers: Sequence[Observer] = (),
        retry: NodeId | None = None,
        reworded: Reworded | None = None,
    ) -> Driver:
        """Have a run that this kernel has claimed in memory, and going; see `Engine.resume`."""
        engine = self._runtime.engine()
        spec = engine.specs.keep(graph.spec)
        return engine.resume(claimed, graph, spec, changed, followers, retry, reworded)

    def since(self, row: RunRow, graph: GraphTarget) -> edits.Changes:
        """What of the code differs from when the run was last driven."""
        key = self._runtime.engine().codes.keep(graph)
        lives = self._runtime.store.events(row.run_id, of=[RunStarted, RunResumed])
        if not edits.since(self._runtime.store, lives, graph, key):
            return edits.Changes()
        return edits.since(self._runtime.store, self._runtime.store.events(row.run_id), graph, key)

    def changes(self, run_id: RunId) -> edits.Changes:
        """See `Run.changes`."""
        row = self._runtime.row(run_id)
        return edits.latest(self._runtime.store, self._runtime.store.events(run_id), GRAPHS.get(row.graph))

    def left_alone(self, row: RunRow) -> Run | None:
        """The run, when it is blocked because the kernel dies of it: whether it goes on, a person says by name."""
        blocked = self._runtime.fold(row.run_id).blocked if row.status == "blocked" else None
        if blocked is None or not (blocked.crashes or blocked.crashed):
            return None
        return self._runtime.found(row, None, "left alone")
