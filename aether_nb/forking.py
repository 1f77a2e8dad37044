"""A fork: a new run that begins with a part of another run's log, and goes on from there by itself.

`fork` is `Run.fork`; `past` picks the part. In short: what happened because of the node's outcome is
left out, all else is shared. Read `resuming.py` for how the new run is then driven.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from aether_nb import edits, history, naming
from aether_nb.answering import fitting
from aether_nb.calling import CALLER, MISSING, GraphTarget
from aether_nb.engine.ports import RunRow
from aether_nb.engine.records import DONE, NodeState
from aether_nb.engine.state import RunState
from aether_nb.errors import RunIdTaken, WaitError
from aether_nb.events import (
    AnyEvent,
    CallInserted,
    CallRecorded,
    CallReworded,
    JournalLeftover,
    MessageSent,
    NodeAdded,
    NodeCancelled,
    NodeEvent,
    NodeFailed,
    NodeFinished,
    NodeRetried,
    ReplyTaken,
    RunResumed,
    RunStarted,
    WaitExpired,
    WaitOpened,
    WaitWithdrawn,
)
from aether_nb.facts import replace
from aether_nb.ids import ROOT, NodeId, RunId, new_run_id, new_token
from aether_nb.nodes import find_node
from aether_nb.prompts import Reply
from aether_nb.run import Run
from aether_nb.values import secrets, written

if TYPE_CHECKING:
    from aether_nb.runtime import Runtime

_DOOR = "fork"
_OUTCOMES = (NodeFinished, NodeFailed, NodeCancelled)
_ENDS = (*_OUTCOMES, ReplyTaken, WaitExpired, WaitWithdrawn)
_OF_BODIES = (MessageSent, CallRecorded, CallInserted, CallReworded, JournalLeftover)


def fork(
    runtime: Runtime,
    row: RunRow,
    *,
    at: str | None = None,
    answer: Any = MISSING,
    run_id: str | None = None,
    graph: GraphTarget | None = None,
) -> Run:
    """Make a run that shares the past of another one, and drive it here; see `Run.fork`.

    Args:
        runtime: where it is driven.
        row: the other run, which is left as it is.
        at: a node or a question; None shares everything.
        answer: to the question at that node.
        run_id: of the new run.
        graph: the code to go on with; None takes the graph of that name that is defined here.

    Raises:
        UnknownNode: `at` names none, or several.
        WaitError: there is an answer and no question.
        ReplyInvalid: the answer does not fit.
        RunIdTaken: `run_id` is another run.
        GraphError: the graph is not defined here.
    """
    engine = runtime.engine()
    graph = graph or runtime.graph_of(row.graph)
    driver = runtime.driver(row.run_id)
    if driver is not None:
        engine.writer.sync(driver.lane, full=False)
    log = runtime.store.events(row.run_id)
    state = history.fold(runtime.store, row, log)
    node = None if at is None else _node(state, at)
    now_us = runtime.clock.now_us()
    events = past(log, state, node, now_us)
    replied = [] if answer is MISSING else [_reply(runtime, row, node, events, answer)]
    name = RunId(naming.checked(run_id) or _made_up(row, at))
    found = runtime.store.run(name)
    if found is not None:
        return _again(runtime, found, row, node, replied, graph)
    forked_at = None if node is None else node.id
    first = replace(_first(log), at_us=now_us, forked_from=row.run_id, forked_at=forked_at)
    copied = [replace(event, run=name, seq=seq) for seq, event in enumerate([first, *events, *replied], 1)]
    made = _created(runtime, row, graph, copied)
    where = "" if node is None else f" at {node.label!r}"
    changes = edits.since(runtime.store, copied, graph)
    note = f"forked from {row.run_id!r}{where}{changes.note}"
    return runtime.resuming.drive(made, graph, note, changes.names)


def _created(runtime: Runtime, row: RunRow, graph: GraphTarget, log: Sequence[AnyEvent]) -> RunRow:
    """A new run in the store that begins with this log."""
    name = log[0].run
    new = runtime.starting.new_run(name, graph, row.input_hash, runtime.cell())
    status = history.fold(runtime.store, row, log).status
    if not runtime.store.create_run(new, log, status=status, full=True):
        raise RunIdTaken(f"run_id={name!r} was taken by another process just now; fork again to see by what.")
    return runtime.row(name)


def past(log: Sequence[AnyEvent], state: RunState, at: NodeState | None, now_us: int) -> list[AnyEvent]:
    """The events of a run, after its first, that a fork of it shares; numbered as they were.

    A body that was at work runs again, and questions that are open are asked anew, with as much time as they
    had. The node `at` is as it was before it began, or, when it asked something, as when it had asked.

    Args:
        log: the run's.
        state: the fold of it.
        at: the node whose outcome is not shared; None shares all outcomes.
        now_us: the time.
    """
    shared = _shared(log, state, at)
    then = RunState(state.spec, state._specs)
    for event in [_first(log), *shared]:
        then.apply(event)
    tokens = {}
    bare = set()  # nodes at work: of them only that they were called is kept, and what failed before
    for node in then.nodes.values():
        if node.status in DONE or node.kind in {"fn", "graph", "map", "when"}:
            continue
        if node.kind == "tool" or node.wait is None or node.wait.status == "withdrawn":
            bare.add(node.id)
        elif node.wait.status == "open":
            tokens[node.wait.opened.token] = new_token()
    over = {event.node: i for i, event in enumerate(shared) if isinstance(event, _OUTCOMES)}
    events = [
        _only_called(event)
        if isinstance(event, NodeAdded) and event.node in bare and event.node not in over
        else _renewed(event, tokens, now_us)
        for i, event in enumerate(shared)
        if not isinstance(event, NodeEvent)
        or event.node not in bare
        or i <= over.get(event.node, -1)
        or not _is_own(event)
    ]
    if at is not None and at.wait is not None:
        opened = at.wait.opened
        events.append(_renewed(opened, {opened.token: new_token()}, now_us))
    return events


def _shared(log: Sequence[AnyEvent], state: RunState, at: NodeState | None) -> list[AnyEvent]:
    # of a node and what stands inside it, what the log has from there on is left out
    until: dict[NodeId, int] = {}
    undone: set[NodeId] = set()
    sent_back = _sent_back(log, state)
    until[ROOT] = next((i for i, e in enumerate(log) if e.type == "CancelRequested"), len(log))

    def is_shared(i: int, event: AnyEvent) -> bool:
        if isinstance(event, RunResumed):
            return i < until[ROOT]
        if not isinstance(event, NodeEvent):
            return False
        if event.node in undone and isinstance(event, _OUTCOMES):
            back = next((j for j, nodes in sent_back.items() if j > i and event.node in nodes), None)
            if back is None or not is_shared(back, log[back]):
                return False
        stands_in: NodeId = event.node
        if at is not None and event.node == at.id and isinstance(event, NodeAdded):
            stands_in = at.parent
        while True:
            if i >= until.get(stands_in, len(log)):
                return False
            if stands_in == ROOT:
                return True
            stands_in = NodeId(
                stands_in.rpartition("/")[0]
            )  # what was sent back may have dropped the node itself

    if at is not None:
        until[at.id] = 0
        node = at
        while True:
            if node.spec is not None:
                again, choices = state.frames.after(state.frames[node.parent], [node])
                until.update((n.id, 0) for n in again)
                undone.update(n.id for n in choices)
            else:  # its caller went on with its outcome
                end = _end_of(log, node, sent_back, is_shared)
                until[node.parent] = min(until.get(node.parent, len(log)), end)
            if node.parent == ROOT:
                break
            node = state.nodes[node.parent]
            if node.spec is not None:
                undone.add(node.id)

    return [event for i, event in enumerate(log) if is_shared(i, event)]


def _end_of(
    log: Sequence[AnyEvent], node: NodeState, sent_back: Mapping[int, set[NodeId]],
    is_shared: Callable[[int, AnyEvent], bool],
) -> int:  # fmt: skip
    """Where the log first tells what came of a node: its outcome, or what became of its question.

    What a failure elsewhere had cut short, and a retry that is shared took up again, did not come of it.
    """
    end = len(log)
    for i, event in enumerate(log):
        if node.id in sent_back.get(i, ()):
            if not is_shared(i, event):
                break
            end = len(log)
        if end == len(log) and isinstance(event, _ENDS) and event.node == node.id and not _goes_on(event):
            end = i
    return end


def _sent_back(log: Sequence[AnyEvent], state: RunState) -> dict[int, set[NodeId]]:
    """The nodes whose outcome did not count any more after an event, by where in the log that is."""
    then = RunState(state.spec, state._specs)
    found = {}
    for i, event in enumerate(log):
        if not isinstance(event, NodeRetried) and not _goes_on(event):
            then.apply(event)
            continue
        done = {node.id for node in then.nodes.values() if node.status in DONE}
        then.apply(event)
        found[i] = {n for n in done if n not in then.nodes or then.nodes[n].status not in DONE}
    return found


def _goes_on(event: AnyEvent) -> bool:
    """Whether it tells of a failed attempt after which another one comes by itself."""
    return isinstance(event, NodeFailed) and event.retry_at_us is not None


def _only_called(event: NodeAdded) -> NodeAdded:
    """The event without the word that the node has begun."""
    return replace(event, started=False) if event.started else event


def _is_own(event: NodeEvent) -> bool:
    """Whether it tells of the node itself, beyond that it was called; else of what its body did."""
    return not isinstance(event, (NodeAdded, NodeRetried, *_OF_BODIES))


def _renewed(event: AnyEvent, tokens: dict[Any, Any], now_us: int) -> AnyEvent:
    """The event with a token of the fork's own, when its question is open there.

    What its tool submitted stays the other run's: the fork takes the result too, and withdraws nothing.
    """
    if isinstance(event, WaitOpened) and event.on_cancel:
        event = replace(event, on_cancel=False)  # it is the other run's to withdraw
    token = getattr(event, "token", None)
    if token not in tokens:
        return event
    update: dict[str, Any] = {"token": tokens[token]}
    if isinstance(event, WaitOpened):
        update["at_us"] = now_us
        if event.deadline_ms is not None:
            update["deadline_ms"] = event.deadline_ms + (now_us - event.at_us) // 1000
    return replace(event, **update)


def _first(log: Sequence[AnyEvent]) -> RunStarted:
    first = log[0]
    assert isinstance(first, RunStarted)
    return first


def _node(state: RunState, at: str) -> NodeState:
    """The node of that id or label, or that asks this."""
    asks = [n for n in state.nodes.values() if n.wait is not None and n.wait.opened.prompt.prompt == at]
    if len(asks) == 1:
        return asks[0]
    return find_node(state, at)


def _reply(
    runtime: Runtime, row: RunRow, node: NodeState | None, events: Sequence[AnyEvent], answer: Any
) -> ReplyTaken:
    if node is None:
        raise WaitError(
            f"answer={written(answer)}: say with at= which question of run {row.run_id!r} it answers."
        )
    if node.wait is None:
        raise WaitError(
            f"{node.label!r} of run {row.run_id!r} has asked nothing, so answer={written(answer)} means nothing "
            "there; fork at the question."
        )
    opened = events[-1]
    assert isinstance(opened, WaitOpened)
    secret = partial(secrets.keep, node=node.id)
    value = fitting(opened.prompt, answer, runtime.services.artifacts, secret=secret)
    reply = Reply(value=value, by=runtime.me(), door=_DOOR, at_ms=runtime.now_ms())
    return ReplyTaken(
        run=row.run_id, seq=1, at_us=runtime.clock.now_us(), node=node.id, token=opened.token, reply=reply
    )


def _made_up(row: RunRow, at: str | None) -> str:
    """A fresh run id; in a graph function the same one again when it is replayed."""
    parent = CALLER.get()
    if parent is None:
        return new_run_id(row.graph)
    made: str = parent.context._body.recorded(f"fork:{row.run_id}:{at}", lambda: new_run_id(row.graph))
    return made


def _again(
    runtime: Runtime, found: RunRow, row: RunRow, node: NodeState | None, replied: Sequence[ReplyTaken],
    graph: GraphTarget,
) -> Run:  # fmt: skip
    """A run_id that is used again: the same fork is found again, as with `start`."""
    log = runtime.store.events(found.run_id)
    first = _first(log)
    at = None if node is None else node.id
    if (first.forked_from, first.forked_at) != (row.run_id, at):
        what = "the run that is to be forked" if found.run_id == row.run_id else _described(first)
        raise RunIdTaken(
            f"run_id={found.run_id!r} is taken: it is {what}, and no fork of {row.run_id!r}{_place(node)}. Take "
            "another run_id, or leave it out."
        )
    said = [
        e.reply.value for e in log if isinstance(e, ReplyTaken) and e.reply.door == _DOOR and e.node == at
    ]
    wanted = [e.reply.value for e in replied]
    if said[-1:] != wanted:
        raise RunIdTaken(
            f"run_id={found.run_id!r} is taken: it is a fork of {row.run_id!r}{_place(node)} with another answer, "
            f"{_last(said)} then and {_last(wanted)} now. Take another run_id, or leave it out."
        )
    return runtime.starting.again(found, graph)


def _described(first: RunStarted) -> str:
    """What a run is that is not the fork that is wanted."""
    if first.forked_from is None:
        return f"a run of {first.graph!r} that was started by itself"
    return f"a fork of {first.forked_from!r}" + (
        "" if first.forked_at is None else f" at {first.forked_at!r}"
    )


def _place(node: NodeState | None) -> str:
    return " as a whole" if node is None else f" at {node.label!r}"


def _last(answers: Sequence[Any]) -> str:
    return written(answers[-1]) if answers else "none"
