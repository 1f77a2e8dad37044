"""Where the kernel died, and how often: counted when a run is taken up again; the third time in one place blocks it.

Part of `state.py`, and as pure. The log does not say that a kernel died, only that another one took the run up:
what was at work then is counted. A body that stands in a recorded call, or sleeps, is not at work: its kernel may
be restarted as often as people like. `Driver.begin` asks `fatal` before anything of the run goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aether_nb.engine.records import Entry, JournalLog, NodeState, WaitState
from aether_nb.ids import ROOT, NodeId

if TYPE_CHECKING:
    from aether_nb.engine.state import RunState

_CRASHES = 3  # what died with the kernel this often is not tried again by itself


@dataclass(frozen=True, slots=True)
class Fatal:
    """A place in which the kernel died again and again."""

    node: NodeId
    """Whose it is; `""` for the run's own function."""
    times: int
    what: str
    """The place, for a sentence."""
    is_body: bool = False
    """A graph function's: it may have waited for a run that it started, which its log does not tell."""
    is_parting: bool = False
    """An `on_cancel`: it is also called when the run is cancelled or put aside."""


def count(state: RunState, began_us: int) -> None:
    """A kernel took the run up: note what was at work in the life before.

    Args:
        state: the run, with its log until then.
        began_us: when that life began; a sleep that ended later may have been what it did.
    """
    for node in state.nodes.values():
        if node.at_work and node.status == "running":
            node.crashes += not _stands(state.journals.get(node.id), began_us)
            node.at_work = node.kind != "tool"  # a tool says when it begins again, Stage B does not
    for body, _ in _bodies(state):
        log = state.journal(body)
        if not _stands(log, began_us):
            recorded = len(log.entries) + len(log.outcomes)
            log.crashes = log.crashes + 1 if log.died_at == recorded else 1
            log.died_at = recorded
    for wait in state.waits.values():
        if wait.status == "open" and wait.opened.poll is not None:
            wait.crashes += wait.looking
            wait.looking, wait.wary = False, True
        elif wait.status == "withdrawn" and wait.opened.on_cancel and not wait.told:
            wait.crashes += 1


def forget(state: RunState) -> None:
    """A person has looked at a run that was blocked, and wants it to try again."""
    counted: list[NodeState | JournalLog | WaitState]
    counted = [*state.nodes.values(), *state.journals.values(), *state.waits.values()]
    for one in counted:
        one.crashes = 0


def fatal(state: RunState) -> Fatal | None:
    """The place of which the run must be kept, if there is one; asked right after `count`."""
    for wait in state.waits.values():
        if wait.crashes >= _CRASHES and wait.status == "withdrawn" and not wait.told:
            return _of_wait(state.nodes[wait.opened.node], "on_cancel", wait.crashes)
    if state.cancel_requested:
        return None
    for node in state.nodes.values():
        if node.crashes >= _CRASHES and node.status == "running" and not state.is_gone(node):
            return Fatal(node.id, node.crashes, repr(node.label))
        asked = node.wait
        if (
            asked is not None
            and asked.crashes >= _CRASHES
            and asked.status == "open"
            and not state.is_gone(node)
        ):
            return _of_wait(node, "poll", asked.crashes)
    for body, name in _bodies(state):
        log = state.journals.get(body)
        if log is not None and log.crashes >= _CRASHES:
            last = log.entries[-1].call if log.entries else None
            where = "before its first step" if last is None else f"after `{last.name}` of line {last.line}"
            return Fatal(body, log.crashes, f"{name!r} itself ({where})", is_body=True)
    return None


def _of_wait(node: NodeState, method: str, times: int) -> Fatal:
    return Fatal(node.id, times, f"`{method}` of {node.label!r}", is_parting=method == "on_cancel")


def _bodies(state: RunState) -> Iterator[tuple[NodeId, str]]:
    """The graph functions that have begun and not ended, with what they are called."""
    if state.spec.kind == "function":
        yield ROOT, state.spec.name
    for node in state.nodes.values():
        if node.kind == "fn" and node.status == "running":
            yield node.id, node.label


def _stands(log: JournalLog | None, began_us: int) -> bool:
    """Whether a body waits for something that its journal tells."""
    return log is not None and any(_is_open(entry, began_us) for entry in reversed(log.entries))


def _is_open(entry: Entry, began_us: int) -> bool:
    if entry.outcome is None:
        return not entry.left
    return entry.node is None and entry.call.name == "sleep" and entry.value > began_us
