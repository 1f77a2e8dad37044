"""Lists of runs and open questions, of one store or of all that the server knows, a page at a time; a whole run.

The rows are made here, the routes are below them; `handlers.py` says what they are asked and what they answer. All
of it is read through `Store`, and what is counted is counted in SQL, so that the last of 10,000 runs costs what the
first does.
"""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, get_args

from jupyter_server.auth.decorator import authorized
from tornado import web

from aether_nb import pictures
from aether_nb.display.dot import to_dot
from aether_nb.display.folding import folded
from aether_nb.display.render import have_dot, svg
from aether_nb.display.talk import reply_shape
from aether_nb.engine.pages import Asked
from aether_nb.engine.ports import KernelRow, RunRow, Store, WaitRow
from aether_nb.engine.specs import find_spec
from aether_nb.errors import StoreError
from aether_nb.events import FINAL, RunStatus
from aether_nb.ids import RunId
from aether_nb.jupyter.door import Door, encoded, login, now_ms, plain
from aether_nb.jupyter.served import Served, Stores
from aether_nb.jupyter.steering import NO_RUN
from aether_nb.services.artifacts import Artifacts

PAGE = 50
MOST = 500
"""Rows of a page."""

_EVENTS = 1_000
_MOST_EVENTS = 10_000
_LONGEST_SEARCH = 200
_FAR = 1_000_000_000


class _Kernels:
    """Who drives runs, looked up once each."""

    def __init__(self, store: Store, at_ms: int) -> None:
        self._store = store
        self._at_ms = at_ms
        self._known: dict[str, KernelRow | None] = {}

    def alive(self, uid: str) -> KernelRow | None:
        """The kernel, if it lives."""
        if uid not in self._known:
            kernel = self._store.kernel(uid, self._at_ms) if uid else None
            self._known[uid] = kernel if kernel is not None and kernel.alive else None
        return self._known[uid]


class _Line(NamedTuple):
    """A row, and where it is from."""

    place: tuple[Any, ...]
    served: Served
    row: Any


def stores(known: Stores) -> list[dict[str, Any]]:
    """What there is, and what is wrong with it."""
    said = []
    for one in known.known():
        line: dict[str, Any] = {"store": one.id, "name": known.name(one.path), "open": 0, "runs": 0}
        try:
            served = known.open_known(one)
            if served is None:
                continue
            try:
                pulse = served.store.pulse()
            finally:
                served.store.close()
            said.append(line | {"open": pulse.open, "runs": pulse.runs, "trouble": ""})
        except StoreError as e:
            said.append(line | {"trouble": str(e)})
    return said


def runs(
    known: Stores, found: Sequence[Served], *, status: str | None, search: str, offset: int, limit: int
) -> dict[str, Any]:
    """A page of runs, newest first."""

    def lines(served: Served, first: int, most: int) -> tuple[int, list[_Line]]:
        total, rows = served.store.find_runs(status=status, search=search, offset=first, limit=most)
        return total, [_Line((-row.created_ms,), served, row) for row in rows]

    total, page = _page(found, lines, offset, limit)
    shapes: dict[int, dict[str, Any]] = {}
    for served in found:
        mine = {n: line.row for n, line in enumerate(page) if line.served is served}
        shapes |= zip(mine, _run_shapes(known, served, list(mine.values())), strict=True)
    return {"total": total, "runs": [shapes[n] for n in range(len(page))]}


def _run_shapes(known: Stores, served: Served, rows: Sequence[RunRow]) -> list[dict[str, Any]]:
    store, kernels = served.store, _Kernels(served.store, now_ms())
    tallies = store.tallies([row.run_id for row in rows])
    here, shapes = socket.gethostname(), []
    for row in rows:
        tally, kernel = tallies.get(row.run_id), kernels.alive(row.kernel)
        total = _steps(store, row.spec) + (0 if tally is None else tally.added)
        done = 0 if tally is None else min(tally.done, total)
        shapes.append({
            "store": served.id, "run_id": row.run_id, "graph": row.graph, "status": row.status,
            "created_ms": row.created_ms, "ended_ms": row.updated_ms if row.status in FINAL else None,
            "notebook": known.notebook(row.home, store.path), "cell": row.cell,
            "done": total if row.status == "succeeded" else done, "total": total,
            "open": 0 if tally is None else tally.open,
            "driver": "" if kernel is None else "here" if kernel.host == here else "elsewhere",
        })  # fmt: skip
    return shapes


def waits(
    known: Stores, found: Sequence[Served], *, notebook: str | None, search: str, offset: int, limit: int
) -> dict[str, Any]:
    """A page of open waits, questions first, and how many questions each notebook has whatever is searched."""
    counts: Counter[str] = Counter()
    homes: dict[str, list[str] | None] = {}
    for served in found:
        open_here = served.store.open_homes()
        of = {home: known.notebook(home, served.store.path) for home in open_here}
        for home, count in open_here.items():
            counts[of[home]] += count
        homes[served.id] = None if notebook is None else [home for home in of if of[home] == notebook]

    def lines(served: Served, first: int, most: int) -> tuple[int, list[_Line]]:
        total, rows = served.store.find_waits(search=search, homes=homes[served.id], offset=first, limit=most)
        asked = served.store.asked([row.token for row in rows]) if len(found) > 1 else {}
        return total, [_Line(_order(row, asked.get(row.token)), served, row) for row in rows]

    total, page = _page(found, lines, offset, limit)
    shapes: dict[int, dict[str, Any]] = {}
    for served in found:
        mine = {n: line.row for n, line in enumerate(page) if line.served is served}
        shapes |= zip(mine, _wait_shapes(known, served, list(mine.values())), strict=True)
    return {"total": total, "waits": [shapes[n] for n in range(len(page))], "notebooks": counts}


def _order(row: WaitRow, asked: Asked | None) -> tuple[Any, ...]:
    return (
        not row.is_question,
        row.deadline_ms is None,
        row.deadline_ms or 0,
        0 if asked is None else asked.at_ms,
    )


def _wait_shapes(known: Stores, served: Served, rows: Sequence[WaitRow]) -> list[dict[str, Any]]:
    store, kernels = served.store, _Kernels(served.store, now_ms())
    asked = store.asked([row.token for row in rows])
    of = {run_id: store.run(run_id) for run_id in {row.run_id for row in rows}}
    shapes = []
    for row in rows:
        run, when = of[row.run_id], asked.get(row.token)
        prompt = row.prompt.model_dump(mode="json")
        shapes.append({
            "token": row.token, "node": row.node_id, "seq": 0 if when is None else when.seq, "kind": row.prompt.kind,
            "prompt": prompt, "state": row.status, "deadline_ms": row.deadline_ms, "source": row.run_id,
            "reply": None if row.reply is None else reply_shape(prompt, row.reply, login()), "problems": {},
            "store": served.id, "run_id": row.run_id, "graph": "" if run is None else run.graph,
            "notebook": "" if run is None else known.notebook(run.home, store.path),
            "cell": "" if run is None else run.cell, "asked_ms": 0 if when is None else when.at_ms,
            "driven": run is not None and kernels.alive(run.kernel) is not None,
        })  # fmt: skip
    return shapes


def _page(
    found: Sequence[Served], lines: Callable[[Served, int, int], tuple[int, list[_Line]]], offset: int, limit: int
) -> tuple[int, list[_Line]]:  # fmt: skip
    """A page of what all these stores have together: of several, each gives all up to its end."""
    if len(found) == 1:
        return lines(found[0], offset, limit)
    total, merged = 0, []
    for served in found:
        n, some = lines(served, 0, offset + limit)
        total += n
        merged += some
    merged.sort(key=lambda line: line.place)
    return total, merged[offset : offset + limit]


def _steps(store: Store, spec: str) -> int:
    """How many nodes of its own a graph has before it runs."""
    if spec not in _STEPS:
        found = find_spec(store, spec)
        if found is None:
            return 0
        if len(_STEPS) > MOST * 10:
            _STEPS.clear()
        _STEPS[spec] = len(found.nodes)
    return _STEPS[spec]


_STEPS: dict[str, int] = {}
"""By key of the spec, which is a hash of it."""


def whole(store: Store, run_id: RunId) -> Mapping[str, Any] | None:
    """A run as a page shows it, with its picture; None when it is not there."""
    row = store.run(run_id)
    if row is None:
        return None
    shape = pictures.now(store, Artifacts(store.artifacts_dir), row, me=login()).peek()
    dot = to_dot(shape, folded=folded(shape["nodes"], {}))
    return {**shape, "svg": svg(dot) or "", "dot": "" if have_dot() else dot}


class StoresHandler(Door):
    """The stores that this server knows."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """List them."""
        known = self.stores
        self.send(await self.in_thread(lambda: {"stores": stores(known)}))


class _Paged(Door):
    """A list of one store or of all."""

    def page(self) -> dict[str, Any]:
        """Which part of it is asked for."""
        search = self.get_query_argument("q", "").strip()
        if len(search) > _LONGEST_SEARCH:
            raise web.HTTPError(400, f"q has at most {_LONGEST_SEARCH} letters")
        return {
            "search": search, "offset": self.number("offset", 0, _FAR), "limit": self.number("limit", PAGE, MOST),
        }  # fmt: skip


class RunsHandler(_Paged):
    """Runs."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """List some."""
        status, page, known = self.get_query_argument("status", ""), self.page(), self.stores
        if status and status not in get_args(RunStatus):
            raise web.HTTPError(400, plain(f"status={status!r:.100} is none that a run can have"))
        name = self.get_query_argument("store", "")
        self.send(
            await self.with_stores(
                name, lambda found: encoded(runs(known, found, status=status or None, **page))
            )
        )


class WaitsHandler(_Paged):
    """Open questions."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """List some."""
        page, known = self.page(), self.stores
        name, notebook = self.get_query_argument("store", ""), self.get_query_argument("notebook", None)
        self.send(
            await self.with_stores(
                name, lambda found: encoded(waits(known, found, notebook=notebook, **page))
            )
        )


class RunHandler(Door):
    """A run."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Show it."""
        run_id = RunId(self.get_query_argument("run", ""))

        def look(served: Served) -> bytes:
            shape = whole(served.store, run_id)
            if shape is None:
                raise web.HTTPError(404, NO_RUN)
            return encoded({"view": shape})

        self.send(await self.with_store(self.get_query_argument("store", ""), look))


class EventsHandler(Door):
    """The log of a run."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Show what of it is after `since`."""
        run_id = RunId(self.get_query_argument("run", ""))
        since = self.number("since", 0, _FAR)
        limit = self.number("limit", _EVENTS, _MOST_EVENTS)

        def look(served: Served) -> bytes:
            if served.store.run(run_id) is None:
                raise web.HTTPError(404, NO_RUN)
            log = served.store.events(run_id, since)[:limit]
            events = [{"type": event.type, **event.to_tree()} for event in log]
            return encoded({"events": events, "seq": log[-1].seq if log else since})

        self.send(await self.with_store(self.get_query_argument("store", ""), look))
