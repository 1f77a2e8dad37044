"""What was edited between two lives of a run: compared by fingerprint, shown as diffs.

Called by the runtime before it takes a run up, and by `run.changes`. What a graph is made of is in
`authoring/parts.py`; what of its code was kept, in `engine/codes.py`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from aether_nb import history
from aether_nb.calling import GraphTarget
from aether_nb.engine.codes import code_of, find_code
from aether_nb.engine.ports import RunRow, Store
from aether_nb.engine.specs import find_spec
from aether_nb.engine.state import RunState
from aether_nb.errors import BadInputs, CodeChanged, RunError
from aether_nb.events import AnyEvent, RunResumed, RunStarted
from aether_nb.graph.code import Code, Piece
from aether_nb.markup import Showable, diff


@dataclass(frozen=True, slots=True, repr=False)
class Change(Showable):
    """One tool or graph whose code has changed, or one node that an edited graph does not have any more.

    Attributes:
        name: of the tool or graph; the id of the node.
        before: its source then; empty when it was not kept. For a node what it was.
        after: its source now; empty when it cannot be had.
        diff: from the one to the other.
        gone: it is a node that is recorded and has no counterpart; what it recorded is kept and not used.
    """

    name: str
    before: str
    after: str
    diff: str
    gone: bool = False

    def __repr__(self) -> str:
        return self.diff

    def _repr_html_(self) -> str:
        return diff(self.diff)


class Changes(Showable, tuple[Change, ...]):
    """Changes, that print as their diffs."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "\n\n".join(map(repr, self)) or "No change of the code is known."

    def _repr_html_(self) -> str:
        return diff(repr(self))

    @property
    def names(self) -> list[str]:
        """The tools and graphs that differ."""
        return [change.name for change in self if not change.gone]

    @property
    def note(self) -> str:
        """For the end of a handle's note; empty when there is none."""
        if not self:
            return ""
        return f", the code of {', '.join(self.names)} has changed: run.changes shows the diff"


def since(store: Store, log: Sequence[AnyEvent], graph: GraphTarget, key: str = "") -> Changes:
    """What differs between the code that a run was last driven with and the code that there is now.

    Args:
        store: the run's.
        log: the run's.
        graph: as it is defined here.
        key: of its code, when that is known: then a run of the same code costs nothing.
    """
    driven = list(_codes(log))
    if driven and driven[-1] == key:
        return Changes()
    before = find_code(store, driven[-1]) if driven else None
    found = _between(_drawn(store, log) if before is None else before, code_of(graph.parts()))
    return Changes([*found, *_gone(store, log, graph)] if found else [])


def latest(store: Store, log: Sequence[AnyEvent], graph: GraphTarget | None) -> Changes:
    """The newest edit that a run has seen, or would see if it went on now; see `Run.changes`."""
    now = Changes() if graph is None else since(store, log, graph)
    if now:
        return now
    for then, later in reversed(list(pairwise(_codes(log)))):
        before, after = find_code(store, then), find_code(store, later)
        if before is not None and after is not None and (found := _between(before, after)):
            return Changes([*found, *(_gone(store, log, graph) if graph is not None else [])])
    return Changes()


def check_wish(on_change: object) -> None:
    """Refuse what `on_change` cannot be.

    Raises:
        BadInputs: it is none of the three.
    """
    if on_change not in {"use_new", "error", "fork"}:
        raise BadInputs(f"on_change={on_change!r}: it is 'use_new', 'error' or 'fork'.")


def check_decision(store: Store, row: RunRow, reworded: object) -> None:
    """Refuse a decision about a reworded call where none is due.

    Raises:
        BadInputs: it is none of the three.
        RunError: the run is not blocked by such a call.
    """
    if reworded not in {"reuse", "again", "new"}:
        raise BadInputs(f"reworded={reworded!r}: it is 'reuse', 'again' or 'new'.")
    blocked = history.fold(store, row).blocked if row.status == "blocked" else None
    if blocked is None or blocked.call is None:
        raise RunError(
            f"reworded={reworded!r} decides about the call that blocks a run; run {row.run_id!r} is "
            f"{row.status}, and no call of it waits for such a decision."
        )


def refuse(run_id: str, changes: Changes) -> CodeChanged:
    """The error of a resume that wanted none."""
    return CodeChanged(
        f"The code of {', '.join(changes.names)} has changed since run {run_id!r} was driven last; nothing was "
        f"done. ae.resume({run_id!r}) goes on with the new code, ae.resume({run_id!r}, on_change='fork') leaves "
        f"the run as it is and goes on in a new one.\n{changes!r}",
        changes,
    )


def _codes(log: Iterable[AnyEvent]) -> Iterable[str]:
    """The keys of the codes that a run was driven with, each change once."""
    last = ""
    for event in log:
        if isinstance(event, (RunStarted, RunResumed)) and event.code and event.code != last:
            last = event.code
            yield last


def _drawn(store: Store, log: Sequence[AnyEvent]) -> Code:
    """What a log tells in which no code is named: the fingerprints in its spec."""
    spec = find_spec(store, history.last_spec(log))
    prints = {} if spec is None else spec.fingerprints
    return Code(pieces={name: Piece(fingerprint=print_) for name, print_ in prints.items()})


def _between(before: Code, after: Code) -> list[Change]:
    then, now = before.pieces, after.pieces
    return [
        Change(name, then[name].source, now[name].source, _diff(name, then[name].source, now[name].source))
        for name in now
        if name in then and _differ(now[name].fingerprint, then[name].fingerprint)
    ]


def _differ(now: str, then: str) -> bool:
    """Whether two fingerprints say that code changed: those of source and of compiled code cannot tell."""
    alike = now.rpartition(":")[0] == then.rpartition(":")[0]
    return bool(now and then) and alike and now != then


def _diff(name: str, before: str, after: str) -> str:
    heads = f"{name}, as the run had it", f"{name}, as it is now"
    if not before or not after:
        return f"--- {heads[0]}\n+++ {heads[1]}\n(there is no source to compare)"
    rows = difflib.unified_diff(before.splitlines(), after.splitlines(), *heads, lineterm="")
    return (
        "\n".join(rows) or f"--- {heads[0]}\n+++ {heads[1]}\n(the source is the same, what it draws is not)"
    )


def _gone(store: Store, log: Sequence[AnyEvent], graph: GraphTarget) -> list[Change]:
    """The nodes that only the log knows."""
    state = RunState(graph.spec, lambda key: find_spec(store, key))
    for event in log:
        state.apply(event)
    old = find_spec(store, history.last_spec(log))
    labels = {} if old is None else {node.id: node.label or node.name for node in old.nodes}
    found = []
    for node in state.nodes.values():
        if state.is_gone(node):
            was = f"{node.id} ({labels.get(node.id, node.label)!r}, {node.status})"
            where = (
                "list"
                if node.parent in state.frames and state.frames[node.parent].items is not None
                else "graph"
            )
            text = (
                f"- node {was}: the {where} does not have it any more; what it recorded is kept and not used"
            )
            found.append(Change(node.id, was, "", text, gone=True))
    return found
