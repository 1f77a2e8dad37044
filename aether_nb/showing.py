"""Runs as they are shown where the process stands: live, from the log, again, in text for a script.

Called by the runtime and by what it gives out; the widgets themselves are the host's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aether_nb.engine.ports import Observer
from aether_nb.graph.model import GraphSpec

if TYPE_CHECKING:
    from aether_nb.run import Run
    from aether_nb.runtime import Runtime


def followers(runtime: Runtime, run: Run, spec: GraphSpec) -> Sequence[Observer]:
    """Whatever the host shows a fresh run with."""
    return [] if runtime.host is None or runtime.scripted else runtime.host.follow(run, spec)


def show(runtime: Runtime, run: Run, spec: GraphSpec | None = None) -> None:
    """Show any run in the cell that is being executed: live if this process drives it.

    Args:
        runtime: the run's.
        run: the run.
        spec: its graph; None takes the one that it is driven with, or else was started with.
    """
    driver = runtime.driver(run.run_id)
    if spec is None:
        spec = driver.graph.spec if driver is not None else runtime.find_spec(runtime.row(run.run_id).spec)
    if spec is None:
        return
    for observer in followers(runtime, run, spec):
        observer.on_events(run.run_id, runtime.store.events(run.run_id), run.status)
        if runtime.drives(run.run_id):
            runtime.engine().follow(run.run_id, observer)


def redraw(runtime: Runtime, run: Run) -> None:
    """A run is a cell's last value, or printed by a terminal."""
    if runtime.host is not None and not runtime.scripted:
        runtime.host.redraw(run)
    else:
        print(repr(run))  # noqa: T201 - what a terminal shows


def told(runtime: Runtime, run: Run) -> None:
    """Somebody awaited a run to its end: under a script, say in text how it went, once."""
    if runtime.scripted and runtime.host is not None:
        runtime.host.tell(run)
