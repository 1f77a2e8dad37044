"""The rules of a `run_id`: what can be one, and that it means one run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aether_nb import history
from aether_nb.calling import GraphTarget
from aether_nb.engine.ports import RunRow, Store
from aether_nb.errors import BadInputs, RunIdTaken
from aether_nb.home import differing, shown_home
from aether_nb.ids import is_name


def checked(run_id: str | None) -> str | None:
    """The id that a user gave, or None.

    Raises:
        BadInputs: it is no name.
    """
    if run_id is not None and not is_name(run_id):
        raise BadInputs(f"run_id={run_id!r} is no name; give a text such as 'lesson-1'.")
    return run_id


def check_same(
    store: Store, row: RunRow, graph: GraphTarget, input_hash: str, inputs: Mapping[str, Any], home: str
) -> None:
    """Refuse a run_id that is used again for something else.

    Args:
        store: where the run is.
        row: the run that has the id.
        graph: what is to be run under it.
        input_hash: of its inputs.
        inputs: encoded, for the message.
        home: where it is to be run.

    Raises:
        RunIdTaken: it means another run.
    """
    if row.graph != graph.name:
        raise RunIdTaken(
            f"run_id={row.run_id!r} is a run of {row.graph!r}, not of {graph.name!r}. Take another run_id."
        )
    if row.input_hash != input_hash:
        before = history.started(store, row.run_id).inputs
        raise RunIdTaken(
            f"run_id={row.run_id!r} was started with other inputs ({differing(inputs, before)}). Take another "
            "run_id, or start it over with ae.get(run_id).start_over()."
        )
    if row.home != home:
        there, here = shown_home(row.home, store.path), shown_home(home, store.path)
        raise RunIdTaken(
            f"run_id={row.run_id!r} belongs to {there!r}, and this is {here!r}. Take another run_id, or "
            f"ae.resume({row.run_id!r}) to drive it from here."
        )
