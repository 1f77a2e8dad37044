"""Where the time of a run went and what it left in the store: a fold over its events, and nothing else.

`run.metrics` and `run.nodes[...].metrics` read a log through a `Meter`; an observer may feed one live, and any
tracer can do the same from the events alone, of this process or another's.

What a body calls stands inside it, and while anything of it is under way its own time stands still: so a
tool that asks does not compute while it waits, and a graph function computes only between its calls. What a
kernel that died did after its last event is not known, and not counted. What stands in line says so when it gets
its place or ends: until then only the kernel that drives the run knows, and says it to who reads the meter there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from aether_nb import events as ev
from aether_nb.ids import ROOT, NodeId
from aether_nb.markup import Head, Showable, table

_TIMES = ("queued", "computing", "waiting")
_NOTHING: Mapping[NodeId, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True, repr=False)
class Metrics(Showable):
    """Times in seconds, of a node with all that stands inside it, or of a run; what goes on at once adds up.

    Attributes:
        queued: ready, and no place was free.
        computing: a body was at work.
        waiting: a question was open, to people or to what else answers it.
        attempts: how often it was begun; of a run, all of its nodes.
        bytes_stored: of its events, and, once each, of the artifacts and files that these refer to.
    """

    queued: float = 0.0
    computing: float = 0.0
    waiting: float = 0.0
    attempts: int = 0
    bytes_stored: int = 0

    def __repr__(self) -> str:
        times = ", ".join(f"{n} {_duration(getattr(self, n))}" for n in _TIMES)
        tried = f"{self.attempts} attempt{'s' * (self.attempts != 1)}"
        return f"<metrics: {tried}; {times}; {_size(self.bytes_stored)} stored>"

    def _repr_html_(self) -> str:
        shown = {n: _duration(getattr(self, n)) for n in _TIMES}
        shown |= {"attempts": str(self.attempts), "stored": _size(self.bytes_stored)}
        return table([Head(name, "right") for name in shown], [list(shown.values())])


@dataclass(slots=True)
class _Gauge:
    """What is known of one body, or of one question."""

    queued_us: int = 0
    computing_us: int = 0
    waiting_us: int = 0
    attempts: int = 0
    bytes_stored: int = 0
    at_work: bool = False
    """Its body has begun and not come to an end."""
    since_us: int | None = None
    """When it last went on with its own work; None while it does not."""
    asked_us: int | None = None
    """When its question was opened; None while none is open."""
    answered: bool = False
    """It is in its second half, which begins again by itself in the next kernel."""
    under_way: int = 0
    """How many of its calls have no outcome yet."""
    done: bool = False
    draws: bool = False
    """It is a static graph or a map, which does nothing itself."""


class Meter:
    """The fold. Feed it the events of one run in order, then read `of` and `total`."""

    def __init__(self) -> None:
        self._gauges: dict[NodeId, _Gauge] = {ROOT: _Gauge()}
        self._parents: dict[NodeId, NodeId] = {}
        self._inside: dict[NodeId, list[NodeId]] = {}
        self._artifacts: set[str] = set()
        self._last_us = 0

    def apply(self, event: ev.AnyEvent) -> None:
        """Fold one event in."""
        node = getattr(event, "node", ROOT)
        if isinstance(event, ev.NodeAdded):
            self._add(node, event.parent)
            self._gauges[event.node].draws = event.kind in {"graph", "map"}
            self._begin_call(event.parent, event.at_us)
        elif node not in self._gauges:  # of a static graph: what it stands inside does nothing itself
            parent = NodeId(node.rpartition("/")[0])
            self._add(node, parent)
            if parent in self._gauges:
                self._stop(self._gauges[parent], self._gauges[parent].since_us or 0)
                self._gauges[parent].draws = True
        self._gauges[node].bytes_stored += self._stored(event)
        fold = _FOLDS.get(type(event))
        if fold is not None:
            fold(self, self._gauges[node], event)
        self._last_us = event.at_us

    def of(
        self, node: NodeId, now_us: int | None = None, *, in_line: Mapping[NodeId, int] | None = _NOTHING
    ) -> Metrics:
        """A node with what stands inside it.

        Args:
            node: its id; nothing is known of one that has no events.
            now_us: what is under way counts up to here; None is the last event.
            in_line: of the kernel that works on it now, how long bodies stand in line, or did, beyond what the
                events tell: microseconds by node. None: none works on it, so that bodies count up to the last
                event, and only open questions up to `now_us`: they wait whether a kernel runs or not.
        """
        own = self._gauges.get(node, _Gauge())
        return self._sum(node, now_us, in_line, lambda _: own.attempts)

    def total(self, now_us: int | None = None, *, in_line: Mapping[NodeId, int] | None = _NOTHING) -> Metrics:
        """The run, with all of its nodes; the arguments are those of `of`."""
        return self._sum(ROOT, now_us, in_line, lambda all_: sum(g.attempts for g in all_))

    def _sum(
        self, top: NodeId, now_us: int | None, in_line: Mapping[NodeId, int] | None,
        attempts: Callable[[list[_Gauge]], int],
    ) -> Metrics:  # fmt: skip
        now_us = now_us or self._last_us
        worked_us = self._last_us if in_line is None else now_us
        found, heap = [], [top]
        while heap:
            node = heap.pop()
            if node in self._gauges:
                found.append(self._gauges[node])
            heap += self._inside.get(node, ())
        queued = sum(g.queued_us for g in found)
        computing = sum(g.computing_us + _open(g.since_us, worked_us) for g in found)
        waiting = sum(g.waiting_us + _open(g.asked_us, now_us) for g in found)
        for node, stood_us in (in_line or _NOTHING).items():
            if top in (ROOT, node) or node.startswith(f"{top}/"):
                queued += stood_us
                gauge = self._gauges.get(node)
                if gauge is not None and gauge.at_work:
                    computing -= min(stood_us, gauge.computing_us + _open(gauge.since_us, worked_us))
        return Metrics(
            queued=queued / 1e6,
            computing=computing / 1e6,
            waiting=waiting / 1e6,
            attempts=attempts(found),
            bytes_stored=sum(g.bytes_stored for g in found),
        )

    def _stored(self, event: ev.AnyEvent) -> int:
        body = event.to_json()
        size = len(body)
        if b'"sha' in body:
            for sha, more in _artifacts(event.to_tree()):
                size += 0 if sha in self._artifacts else more
                self._artifacts.add(sha)
        return size

    # -- bodies ----------------------------------------------------------------------------------

    def _add(self, node: NodeId, parent: NodeId) -> None:
        if node not in self._gauges:
            self._gauges[node] = _Gauge()
            self._parents[node] = parent
            self._inside.setdefault(parent, []).append(node)

    def _begin_call(self, parent: NodeId, at_us: int) -> None:
        caller = self._gauges.get(parent)
        if caller is not None:
            self._stop(caller, at_us)
            caller.under_way += 1

    def _begin_anew(self, gauge: _Gauge, event: ev.NodeEvent) -> None:
        """A node that was done is not any more: it was sent back, or its caller is tried again."""
        if gauge.done:
            gauge.done = False
            self._begin_call(self._parents.get(event.node, ROOT), event.at_us)

    def _end_call(self, gauge: _Gauge, event: ev.NodeEvent) -> None:
        """A node is done: whoever called it goes on, when this was the last that it waited for."""
        gauge.done = True
        caller = self._gauges.get(self._parents.get(event.node, ROOT))
        if caller is not None and caller.under_way:
            caller.under_way -= 1
            if not caller.under_way and caller.at_work:
                self._go_on(caller, event.at_us)

    def _go_on(self, gauge: _Gauge, at_us: int) -> None:
        gauge.at_work = True
        if not gauge.draws and not gauge.under_way:
            gauge.since_us = at_us

    def _stop(self, gauge: _Gauge, at_us: int) -> None:
        if gauge.since_us is not None:
            gauge.computing_us += max(at_us - gauge.since_us, 0)
            gauge.since_us = None

    def _end(self, gauge: _Gauge, at_us: int) -> None:
        self._stop(gauge, at_us)
        self._close(gauge, at_us)
        gauge.at_work = gauge.answered = False

    # -- events ----------------------------------------------------------------------------------

    def _on_run_started(self, gauge: _Gauge, event: ev.RunStarted) -> None:
        self._go_on(gauge, event.at_us)

    def _on_run_resumed(self, gauge: _Gauge, event: ev.RunResumed) -> None:
        for one in self._gauges.values():
            self._stop(one, self._last_us)
            if one.answered:
                self._go_on(one, event.at_us)
            elif one is not gauge:
                one.at_work = False
        self._go_on(gauge, event.at_us)

    def _on_run_over(self, gauge: _Gauge, event: ev.Event) -> None:
        self._end(gauge, event.at_us)

    def _on_node_added(self, gauge: _Gauge, event: ev.NodeAdded) -> None:
        if event.started:
            self._begin_attempt(gauge, event, 1)

    def _on_node_started(self, gauge: _Gauge, event: ev.NodeStarted) -> None:
        self._begin_attempt(gauge, event, event.attempt)
        gauge.queued_us += event.queued_ms * 1000

    def _begin_attempt(self, gauge: _Gauge, event: ev.NodeEvent, attempt: int) -> None:
        self._begin_anew(gauge, event)
        gauge.attempts = attempt
        self._stop(gauge, event.at_us)
        self._go_on(gauge, event.at_us)

    def _on_attempt_over(self, gauge: _Gauge, event: ev.NodeFinished | ev.NodeFailed) -> None:
        self._end(gauge, event.at_us)
        queued_us = min(event.queued_ms * 1000, gauge.computing_us)
        gauge.queued_us += queued_us
        gauge.computing_us -= queued_us
        if isinstance(event, ev.NodeFinished) or event.retry_at_us is None:
            self._end_call(gauge, event)

    def _on_node_cancelled(self, gauge: _Gauge, event: ev.NodeCancelled) -> None:
        self._end(gauge, event.at_us)
        if not gauge.done:
            self._end_call(gauge, event)

    def _on_wait_opened(self, gauge: _Gauge, event: ev.WaitOpened) -> None:
        self._begin_anew(gauge, event)
        gauge.attempts = max(gauge.attempts, 1)
        self._stop(gauge, event.at_us)
        gauge.asked_us = event.at_us

    def _on_reply_taken(self, gauge: _Gauge, event: ev.ReplyTaken) -> None:
        replied_us = event.reply.at_ms * 1000 or event.at_us
        self._close(gauge, min(replied_us, event.at_us))
        gauge.answered = True
        self._go_on(gauge, event.at_us)

    def _on_reply_rejected(self, gauge: _Gauge, event: ev.ReplyRejected) -> None:
        self._stop(gauge, event.at_us)
        gauge.answered = False
        gauge.asked_us = event.at_us

    def _on_wait_expired(self, gauge: _Gauge, event: ev.WaitExpired) -> None:
        self._close(gauge, event.at_us)
        gauge.answered = True
        self._go_on(gauge, event.at_us)

    def _on_wait_withdrawn(self, gauge: _Gauge, event: ev.WaitWithdrawn) -> None:
        self._close(gauge, event.at_us)

    def _close(self, gauge: _Gauge, at_us: int) -> None:
        if gauge.asked_us is not None:
            gauge.waiting_us += max(at_us - gauge.asked_us, 0)
            gauge.asked_us = None


_FOLDS: dict[type[ev.Event], Callable[[Meter, _Gauge, Any], None]] = {
    ev.RunStarted: Meter._on_run_started,
    ev.RunResumed: Meter._on_run_resumed,
    ev.RunFinished: Meter._on_run_over,
    ev.RunFailedEvent: Meter._on_run_over,
    ev.RunCancelledEvent: Meter._on_run_over,
    ev.RunBlockedEvent: Meter._on_run_over,
    ev.NodeAdded: Meter._on_node_added,
    ev.NodeStarted: Meter._on_node_started,
    ev.NodeFinished: Meter._on_attempt_over,
    ev.NodeFailed: Meter._on_attempt_over,
    ev.NodeCancelled: Meter._on_node_cancelled,
    ev.WaitOpened: Meter._on_wait_opened,
    ev.ReplyTaken: Meter._on_reply_taken,
    ev.ReplyRejected: Meter._on_reply_rejected,
    ev.WaitExpired: Meter._on_wait_expired,
    ev.WaitWithdrawn: Meter._on_wait_withdrawn,
}


def _artifacts(tree: Any) -> Iterator[tuple[str, int]]:
    """What a tree of an event refers to outside of it: hash and size."""
    heap = [tree]
    while heap:
        one = heap.pop()
        if isinstance(one, dict):
            sha, size = one.get("sha") or one.get("sha256"), one.get("size")
            if isinstance(sha, str) and isinstance(size, int):
                yield sha, size
            heap += one.values()
        elif isinstance(one, (list, tuple)):
            heap += one


def _open(since_us: int | None, now_us: int) -> int:
    return 0 if since_us is None else max(now_us - since_us, 0)


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {left} s"


def _size(size: int) -> str:
    if size < 1000:
        return f"{size} B"
    return f"{size / 1000:.1f} kB" if size < 1_000_000 else f"{size / 1e6:.1f} MB"
