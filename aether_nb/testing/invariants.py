"""What must hold when a script was killed and run again: the promises of the engine, checked from the outside.

Each is a function of a report and of the one that nobody disturbed, and gives a sentence for every
breach. They read the store and the ledger, and nothing of the engine's memory.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise

from aether_nb.errors import InvariantBroken
from aether_nb.events import (
    AnyEvent,
    MessageSent,
    NodeCancelled,
    NodeEvent,
    NodeFailed,
    NodeFinished,
    NodeRetried,
    NodeStarted,
    ReplyRejected,
    ReplyTaken,
    WaitExpired,
    WaitOpened,
    WaitWithdrawn,
    begins,
)
from aether_nb.facts import replace
from aether_nb.ids import NodeId, RunId, Token
from aether_nb.testing.ledger import Note
from aether_nb.testing.report import Report, Snapshot

_OUTCOMES = (NodeFinished, NodeFailed, NodeCancelled)
_ENDS = {"RunFinished", "RunFailed", "RunCancelled"}


def check_invariants(report: Report, calm: Report) -> None:
    """Check that a killed script came back as it should.

    Args:
        report: the story with deaths.
        calm: the same script, not disturbed.

    Raises:
        InvariantBroken: with all that was found, each under the promise that it breaks.
    """
    broken = [
        f"{promise}: {what}" for promise, breaches in INVARIANTS.items() for what in breaches(report, calm)
    ]
    if broken:
        raise InvariantBroken(", then ".join(map(repr, report.at)) or "never", broken)


def _it_ends(report: Report, calm: Report) -> Iterator[str]:
    if report.code != 0:
        yield f"the last life ended with exit code {report.code} and said:\n{report.said[-2000:]}"
    for run, log in report.end.logs.items():
        if log[-1].type not in _ENDS:
            yield f"run {run!r} stands at {log[-1].type} (event {log[-1].seq})"
    for run in calm.end.logs.keys() - report.end.logs.keys():
        yield f"run {run!r} is missing"
    for run in report.end.logs.keys() - calm.end.logs.keys():
        yield f"run {run!r} is one too many; start runs by a run_id, so that the next life finds them"


def _same_outcome(report: Report, calm: Report) -> Iterator[str]:
    for run, (log, expected) in _both(report, calm).items():
        came, should = (_ending(end) for end in (log[-1], expected[-1]))
        if came != should:
            yield f"run {run!r} came to {came}, undisturbed to {should}"


def _no_gaps(report: Report, calm: Report) -> Iterator[str]:  # noqa: ARG001 - one signature for all
    for run, log in report.end.logs.items():
        numbers = [event.seq for event in log]
        if numbers != list(range(1, len(log) + 1)):
            yield f"run {run!r} has the numbers {numbers}"


def _log_only_grows(report: Report, calm: Report) -> Iterator[str]:  # noqa: ARG001
    for life, (before, after) in enumerate(pairwise((*report.deaths, report.end)), 1):
        for run, log in before.logs.items():
            kept = after.logs.get(run, ())
            lost = next((e for i, e in enumerate(log) if kept[i : i + 1] != (e,)), None)
            if lost is not None:
                yield (
                    f"event {lost.seq} ({lost.type}) of run {run!r} was there when life {life} died, and is "
                    "another one or gone now"
                )


def _no_reply_lost(report: Report, calm: Report) -> Iterator[str]:  # noqa: ARG001
    taken: defaultdict[Token, list[object]] = defaultdict(list)
    for event in (e for log in report.end.logs.values() for e in log if isinstance(e, ReplyTaken)):
        taken[event.token].append(event.reply.value)
    now = {wait.token: wait for wait in report.end.waits}
    told = set()
    for life, seen in enumerate((*report.deaths, report.end), 1):
        for wait in seen.waits:
            if wait.reply is None or wait.token in told or wait.reply.value in taken[wait.token]:
                continue
            told.add(wait.token)
            kept, log = now.get(wait.token), report.end.logs.get(wait.run_id)
            over_and_well = log is not None and log[-1].type == "RunFinished"
            if over_and_well or kept is None or kept.reply != wait.reply:
                yield (
                    f"{wait.reply.value!r} to {wait.prompt.prompt!r} was there when life {life} was over, and what "
                    f"was taken into the log is {taken[wait.token] or 'nothing'}"
                )


def _finished_stays(report: Report, calm: Report) -> Iterator[str]:  # noqa: ARG001
    for run, log in report.end.logs.items():
        finished: set[NodeId] = set()
        for event in log:
            if isinstance(event, NodeFinished):
                if event.node in finished:
                    yield f"{event.node!r} of run {run!r} finished twice (event {event.seq})"
                finished.add(event.node)
            elif isinstance(event, NodeRetried):
                finished.clear()  # what a person sends back takes what depends on it along
            elif isinstance(event, (NodeStarted, WaitOpened)) and event.node in finished:
                yield f"{event.node!r} of run {run!r} had finished and began again (event {event.seq})"
    for life, seen in enumerate(report.deaths, 1):
        done = {(run, e.node) for run, log in seen.logs.items() for e in log if isinstance(e, NodeFinished)}
        for note in report.end.ledger:
            if note.life > life and _whose(note, seen) in done:
                yield f"{note.what!r} of {note.key!r} was done in life {note.life}, finished when life {life} died"


def _stage_a_stays(report: Report, calm: Report) -> Iterator[str]:  # noqa: ARG001
    for run, log in report.end.logs.items():
        open_now: set[NodeId] = set()
        for event in log:
            if isinstance(event, (WaitOpened, ReplyRejected)):
                open_now.add(event.node)
            elif isinstance(event, (ReplyTaken, WaitExpired, WaitWithdrawn, *_OUTCOMES)):
                open_now.discard(event.node)
            elif isinstance(event, NodeStarted) and event.node in open_now:
                yield f"{event.node!r} of run {run!r} started again while its question was open (event {event.seq})"
    for life, seen in enumerate(report.deaths, 1):
        opened: dict[tuple[str, str], int] = {
            (run, e.node): e.at_us for run, log in seen.logs.items() for e in log if isinstance(e, WaitOpened)
        }
        # What was noted before a wait opened was noted by the half that opens it.
        stage_a = {(n.what, n.key) for n in seen.ledger if n.at * 1e6 < opened.get(_whose(n, seen), 0)}
        for note in report.end.ledger:
            if note.life > life and (note.what, note.key) in stage_a:
                yield f"{note.what!r} of {note.key!r} was done in life {note.life}, its wait open when life {life} died"


def _at_least_once(report: Report, calm: Report) -> Iterator[str]:
    for run, log in report.end.logs.items():
        if log[-1].type != "RunFinished":
            continue
        done = {event.node for event in log if isinstance(event, _OUTCOMES)}
        begun = {e.node for e in log if isinstance(e, NodeEvent) and (begins(e) or isinstance(e, WaitOpened))}
        for node in begun - done:
            yield f"{node!r} of run {run!r} started and came to nothing"
    missing = {(n.what, n.key) for n in calm.end.ledger} - {(n.what, n.key) for n in report.end.ledger}
    for what, key in sorted(missing):
        yield f"{what!r} of {key!r} was never done"


def _asked_once(report: Report, calm: Report) -> Iterator[str]:
    for run, (log, expected) in _both(report, calm).items():
        came, should = _said(log), _said(expected)
        for node, text in sorted(came.keys() | should.keys()):
            if came[node, text] != should[node, text]:
                yield (
                    f"{text!r} in {node or 'the function'!r} of run {run!r} was asked or said {came[node, text]} "
                    f"times, undisturbed {should[node, text]}"
                )


INVARIANTS: dict[str, Callable[[Report, Report], Iterator[str]]] = {
    "the script ends": _it_ends,
    "it ends as if it had never been killed": _same_outcome,
    "sequence numbers have no gaps": _no_gaps,
    "what was in the log stays": _log_only_grows,
    "no accepted reply is lost": _no_reply_lost,
    "no node whose success was committed runs again": _finished_stays,
    "Stage A of a committed wait does not run again": _stage_a_stays,
    "what started is done at least once": _at_least_once,
    "each question is asked once": _asked_once,
}
"""Every promise, and what finds its breaches."""


def _both(report: Report, calm: Report) -> dict[RunId, tuple[tuple[AnyEvent, ...], tuple[AnyEvent, ...]]]:
    """The logs of the runs that both have."""
    ours, theirs = report.end.logs, calm.end.logs
    return {run: (log, theirs[run]) for run, log in ours.items() if run in theirs}


def _ending(event: AnyEvent) -> str:
    """How a log ends, without what differs from time to time."""
    return replace(event, run=RunId(""), seq=0, at_us=0).to_json().decode()


def _said(log: tuple[AnyEvent, ...]) -> Counter[tuple[str, str]]:
    """What was asked and said, and where."""
    asked = [(e.node, e.prompt.prompt) for e in log if isinstance(e, WaitOpened)]
    return Counter(asked + [(e.node, e.message.text) for e in log if isinstance(e, MessageSent)])


def _whose(note: Note, seen: Snapshot) -> tuple[str, str]:
    """The run and node of a note, by its key; empty when it has none or is of a run not seen yet."""
    for run in seen.logs:
        if note.key.startswith(f"{run}/"):
            return run, note.key.removeprefix(f"{run}/").rpartition("/")[0]
    return "", ""
