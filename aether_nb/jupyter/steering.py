"""Cancel, retry, delete: what the sidebar does to a run whose kernel it does not know.

    POST cancel, retry, delete {store, run, node}   200 {"done", "note"}   node null: the run

To a kernel that drives the run it goes as mail in the store; the answer waits a moment for what comes of it. A run
that nobody drives is cancelled here, in its log, as its driver would do it; what needs a kernel says so in a
sentence. `note` is for people, and empty when there is nothing to say.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

from jupyter_server.auth.decorator import authorized
from pydantic import BaseModel, ConfigDict
from tornado import web

from aether_nb import history
from aether_nb.engine.ports import RunRow, Store
from aether_nb.engine.records import DONE
from aether_nb.errors import StoreError, UnknownNode
from aether_nb.events import FINAL
from aether_nb.ids import NodeId, RunId, new_uid
from aether_nb.jupyter.door import Door, now_ms, opened, unusable
from aether_nb.nodes import find_node
from aether_nb.tools.subprocess import abandon

NO_RUN = "this store has no such run; it may have been deleted"
_LOOK_S = 0.1
_PATIENCE_S = 2.0


class Told(NamedTuple):
    """What came of a wish."""

    done: bool
    note: str = ""
    until: Callable[[Store], bool] | None = None
    """For one that went by mail: whether it has come about."""


class _Wish(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    store: str
    run: str
    node: str | None = None


Act = Callable[[Store, RunRow, str | None, str], Told]
"""Carries a wish out: the store, the run, the node, who wishes it."""


def cancel(store: Store, row: RunRow, node: str | None, by: str) -> Told:
    """Cancel a run and the unfinished ones that it started, or a node of it; blocks."""
    if row.status in FINAL:
        return Told(done=False, note=f"It is over already: {row.status}.")
    if node is not None:
        state = history.fold(store, row)
        try:
            found = find_node(state, node)
        except UnknownNode as e:
            return Told(done=False, note=str(e))
        if found.status in DONE:
            return Told(done=False, note=f"Nothing to cancel: this node is {found.status}.")
        node = found.id
    told = _cancelled(store, row, None if node is None else NodeId(node), by)
    if node is None:
        for child in store.runs(parent=row.run_id):
            cancel(store, child, None, by)
    return told


def _cancelled(store: Store, row: RunRow, node: NodeId | None, by: str) -> Told:
    away = partial(abandon, Path(store.path).with_name("jobs"))
    mailed = _lives(store, row) or not history.cancel_idle(
        store, row, new_uid(), by, now_ms() * 1000, node, away
    )
    if mailed:
        store.post(f"run:{row.run_id}:cancel", node, by, now_ms())
        fence, seq = row.fence, row.last_seq
        return Told(done=True, until=lambda store: _moved(store, row.run_id, fence, seq))
    now = store.run(row.run_id)
    if node is None and now is not None and now.status not in FINAL:
        return Told(
            done=True,
            note="It is cancelled when its notebook resumes it: a tool of it must hear of that, and no kernel has it.",
        )
    return Told(done=True)


def retry(store: Store, row: RunRow, node: str | None, by: str) -> Told:
    """Have a failed node tried again, the one that the run failed of when none is named; blocks."""
    if row.status not in {"failed", "succeeded"}:
        return Told(done=False, note=f"Nothing to retry: the run is {row.status}.")
    state = history.fold(store, row)
    try:
        found = history.failed_node(store, row, state) if node is None else find_node(state, node)
    except UnknownNode as e:
        return Told(done=False, note=str(e))
    if found is None:
        return Told(
            done=False, note="Nothing to retry: no node failed there. It can be started over in its notebook."
        )
    if problem := history.why_not_again(row, state, found):
        return Told(done=False, note=problem)
    if not _lives(store, row):
        return Told(
            done=False,
            note="No kernel has this run any more. Run the cells of its notebook, and there "
            f"ae.get({row.run_id!r}).retry({found.id!r}).",
        )
    store.post(f"run:{row.run_id}:retry", found.id, by, now_ms())
    fence, seq = row.fence, row.last_seq
    return Told(done=True, until=lambda store: _moved(store, row.run_id, fence, seq))


def delete(store: Store, row: RunRow, node: str | None, by: str) -> Told:  # noqa: ARG001 - no trace stays of who did it
    """Delete a finished run and those that it started, with all that is theirs; blocks.

    Its files go with the next `ae.store().gc()`, unless something else needs them.
    """
    if node is not None:
        return Told(done=False, note="A run is deleted as a whole.")
    family = _family(store, row)
    going_on = next((one for one in family if one.status not in FINAL), None)
    if going_on is not None:
        which = "It" if going_on is row else f"Run {going_on.run_id}, which it started,"
        return Told(done=False, note=f"{which} is {going_on.status}: cancel it first.")
    if row.parent is not None and store.run(row.parent) is not None:
        return Told(done=False, note=f"Run {row.parent} started it: delete that one.")
    gone = store.discard([[(one.run_id, one.fence) for one in family]], now_ms())
    if row.run_id not in gone.runs:
        return Told(done=False, note="A kernel took it up just now; it is not deleted.")
    return Told(done=True)


def _family(store: Store, row: RunRow) -> list[RunRow]:
    children = [one for child in store.runs(parent=row.run_id) for one in _family(store, child)]
    return [row, *children]


def _lives(store: Store, row: RunRow) -> bool:
    kernel = store.kernel(row.kernel, now_ms()) if row.kernel else None
    return kernel is not None and kernel.alive


def _moved(store: Store, run_id: RunId, fence: int, seq: int) -> bool:
    now = store.run(run_id)
    return now is None or now.fence != fence or now.last_seq != seq


async def settled(store: Store, told: Told) -> Told:
    """Wait a moment for what comes of a wish that went by mail."""
    if told.until is None:
        return told
    for _ in range(round(_PATIENCE_S / _LOOK_S)):
        if await asyncio.to_thread(told.until, store):
            return told
        await asyncio.sleep(_LOOK_S)
    return told._replace(note="Its kernel has been told and is busy; it does this when it is free.")


class SteeringHandler(Door):
    """One kind of wish."""

    def initialize(self, act: Act) -> None:
        """Called by tornado for each request; `act` carries it out."""
        self._act = act

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Carry it out, and say what came of it."""
        asked, by = self.asked(_Wish), self.who()

        def do(store: Store) -> Told:
            row = store.run(RunId(asked.run))
            if row is None:
                raise web.HTTPError(404, NO_RUN)
            return self._act(store, row, asked.node, by)

        try:
            served = await asyncio.to_thread(opened, self.stores, asked.store)
            with closing(served.store) as store:
                told = await settled(store, await asyncio.to_thread(do, store))
        except StoreError as e:
            raise unusable(e) from e
        self.send({"done": told.done, "note": told.note})
