"""Runs that begin, and what it means when a `run_id` is used again.

Part of the runtime. Fresh, found again by name, left behind by a dead kernel, over and wanted anew, or forked.
Start with `start` and `again`; `resuming.py` is how this process becomes the driver of a run that there is.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aether_nb import edits, forking, history, naming, showing
from aether_nb.calling import CALLER, GraphTarget
from aether_nb.engine.ports import NewRun, Observer, RunRow
from aether_nb.errors import BadInputs, RunHeldElsewhere, RunIdTaken
from aether_nb.events import FINAL
from aether_nb.ids import RunId, new_run_id
from aether_nb.run import Run
from aether_nb.values import digest, encode

if TYPE_CHECKING:
    from aether_nb.runtime import Runtime

Earlier = dict[tuple[str, str], list[RunId]]
"""Unfinished runs by the cell that began them, and their inputs."""


class Starting:
    """See the module.

    Args:
        runtime: where the runs begin.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._execution = ""
        self._begun: set[RunId] = set()  # in this execution of a cell
        self._earlier: dict[str, Earlier] = {}  # by graph; read once per execution, which may start many

    def start(
        self, graph: GraphTarget, inputs: Mapping[str, Any], *, run_id: str | None = None, new: bool = False,
        if_finished: str = "return", on_change: str = "use_new", priority: int = 0,
    ) -> Run:  # fmt: skip
        """Start a run, or find it again; see `Graph.start`."""
        naming.checked(run_id)
        edits.check_wish(on_change)
        if if_finished not in {"return", "rerun"}:
            raise BadInputs(f"if_finished={if_finished!r}: it is 'return' or 'rerun'.")
        if type(priority) is not int:
            raise BadInputs(f"priority={priority!r} is no whole number; 0 is the usual one, more is sooner.")
        runtime = self._runtime
        runtime.engine()
        encoded = {k: encode(v, runtime.services.artifacts, name=k) for k, v in inputs.items()}
        input_hash = digest(encoded)
        parent = CALLER.get()
        if parent is not None and run_id is None:
            run_id = parent.context._body.recorded(f"start:{graph.name}", lambda: new_run_id(graph.name))
        if run_id is not None:
            row = runtime.store.run(RunId(run_id))
            if row is not None:
                naming.check_same(runtime.store, row, graph, input_hash, encoded, runtime.home)
                return self.again(row, graph, if_finished, on_change)
        cell = runtime.cell()
        row, beside = (None, "") if run_id is not None or new else self._left_behind(graph, cell, input_hash)
        if row is not None:
            note = "went on where it was; start(new=True) starts afresh"
            return runtime.resuming.left_alone(row) or runtime.resuming.take(
                row, graph, note, on_change=on_change
            )
        name = RunId(run_id or new_run_id(graph.name))
        try:
            if self._runtime.host is not None:
                self._begun.add(name)
            return self._begin(graph, encoded, name, input_hash, cell, None, priority, beside)
        except RunIdTaken:
            if run_id is None:
                raise
            return self.start(  # another process was quicker
                graph, inputs, run_id=run_id, if_finished=if_finished, on_change=on_change, priority=priority
            )

    def _left_behind(self, graph: GraphTarget, cell: str, input_hash: str) -> tuple[RunRow | None, str]:
        """The oldest unfinished run that this cell of a notebook has started and that nobody drives.

        When there is none, a word about one that an earlier execution of the cell left and that goes on here.
        """
        runtime = self._runtime
        if runtime.host is None:
            return None, ""
        execution, beside = runtime.host.execution(), ""
        if execution != self._execution:
            self._execution, self._begun, self._earlier = execution, set(), {}
        if graph.name not in self._earlier:
            self._earlier[graph.name] = self._unfinished(graph)
        for run_id in self._earlier[graph.name].get((cell, input_hash), ()):
            row = runtime.store.run(run_id)  # as it is by now
            if row is None or row.status in FINAL:
                continue
            if not runtime.alive(row):
                return row, ""
            if row.run_id not in self._begun:
                beside = (
                    f"this cell's earlier run {row.run_id} is {row.status} still: ae.get({row.run_id!r}) shows it, "
                    "and ae.inbox() has what it asks"
                )
        return None, beside

    def _unfinished(self, graph: GraphTarget) -> Earlier:
        """The unfinished runs of a graph in this notebook, oldest first."""
        found: Earlier = defaultdict(list)
        for row in reversed(self._runtime.store.runs(graph=graph.name, home=self._runtime.home)):
            if row.status not in FINAL:
                found[row.cell, row.input_hash].append(row.run_id)
        return found

    def _begin(
        self, graph: GraphTarget, inputs: Mapping[str, Any], run_id: RunId, input_hash: str, cell: str,
        shown: Sequence[Observer] | None, priority: int, note: str = "",
    ) -> Run:  # fmt: skip
        """Create a run; `shown` follow it, or, when that is None, whatever the host shows it with."""
        runtime = self._runtime
        engine = runtime.engine()
        made = self.new_run(run_id, graph, input_hash, cell)
        run = Run(runtime, run_id, note)
        if engine.start(made, graph, inputs, priority) is None:
            raise RunIdTaken(f"run_id={run_id!r} was taken by another process just now; start it again.")
        for observer in shown or showing.followers(runtime, run, graph.spec):
            engine.follow(run_id, observer)
        return run

    def new_run(self, run_id: RunId, graph: GraphTarget, input_hash: str, cell: str) -> NewRun:
        """What the store is told of a run that this process begins now, in the run around this code if there is one."""
        runtime, parent = self._runtime, CALLER.get()
        return NewRun(
            run_id, graph.name, runtime.home, cell, runtime.engine().specs.keep(graph.spec), input_hash,
            runtime.kernel, runtime.now_ms(), parent=None if parent is None else RunId(parent.context.run_id),
        )  # fmt: skip

    def again(
        self, row: RunRow, graph: GraphTarget, if_finished: str = "return", on_change: str = "use_new"
    ) -> Run:
        """The run of a run_id that is used again."""
        runtime = self._runtime
        if row.status in FINAL:
            if if_finished == "rerun":
                return self._renew(row, graph)
            changes = runtime.resuming.since(row, graph)
            return runtime.found(row, graph.spec, history.ending(row) + changes.note)
        if runtime.drives(row.run_id):
            run = Run(runtime, row.run_id)
            showing.show(runtime, run, graph.spec)
            return run
        if not runtime.alive(row):
            if (blocked := runtime.resuming.left_alone(row)) is not None:
                return blocked
            with contextlib.suppress(RunHeldElsewhere):
                return runtime.resuming.take(row, graph, "went on where it was", on_change=on_change)
            row = runtime.row(row.run_id)  # another kernel was quicker
        return runtime.found(row, graph.spec, f"driven by {runtime.holder(row)}")

    def over(self, run: Run) -> Run:
        """See `Run.start_over`."""
        runtime = self._runtime
        runtime.engine()
        row = runtime.row(run.run_id)
        driver = runtime.awake(row.run_id)
        if driver is None and row.status not in FINAL:
            if runtime.alive(row):
                raise RunHeldElsewhere(
                    f"Run {row.run_id!r} is driven by {runtime.holder(row)}; start it over there."
                )
            state = history.fold(runtime.store, row)
            for token in state.half_begun:
                runtime.abandon(token)
            if state.to_be_told:  # by whoever drives it, and that is nobody
                graph = runtime.graph_of(row.graph)
                driver = runtime.resuming.load(runtime.resuming.claimed(row), graph, ())
        return self._renew(row, driver.graph if driver is not None else runtime.graph_of(row.graph))

    def _renew(self, row: RunRow, graph: GraphTarget) -> Run:
        """The same run again, from its beginning; the old one is put aside under another id."""
        runtime = self._runtime
        began = history.started(runtime.store, row.run_id)
        driver = runtime.awake(row.run_id)
        if driver is not None:
            driver.engine.writer.sync(driver.lane, full=True)
            driver.leave()
        runtime.store.archive(row.run_id, runtime.now_ms())
        runtime.services.logbook.forget(row.run_id)
        if driver is not None:
            driver.partings.farewell()
        shown = [] if runtime.host is None else runtime.host.take_back(row.run_id)
        return self._begin(graph, began.inputs, row.run_id, row.input_hash, row.cell, shown, began.priority)

    def fork(self, run: Run, *, at: str | None, answer: Any, run_id: str | None) -> Run:
        """See `Run.fork`."""
        row = self._runtime.row(run.run_id)
        return forking.fork(self._runtime, row, at=at, answer=answer, run_id=run_id)
