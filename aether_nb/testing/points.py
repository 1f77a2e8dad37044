"""Where a process is to be killed, as text, and the killing.

    after:commit:NodeFinished:train      a node has finished, and that is in the store
    before:commit:WaitOpened             a question is about to be written
    after:answer:ask_text                a reply is accepted, and its run has not taken it yet
    after:commit:MessageSent#3           the third message

`when:step[:event][:node][#times]`. The steps are `commit` (events of a run's log; with an event's type, any
when left out), `answer` (a reply is accepted), `expire` (a deadline is decided) and `claim` (a kernel takes
a run up). A node is named by its id, by its name, or by what the picture says.

`before` loses the whole batch of events that the commit would have carried; `after` cuts the batch behind
the event, so that it is the last thing in the log (behind a `WaitWithdrawn` with the end of its node, which is
always written with it). Both are what a kill leaves.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NoReturn

from aether_nb.engine.ports import Append
from aether_nb.errors import CrashKitError
from aether_nb.events import EVENTS, AnyEvent, NodeAdded, WaitWithdrawn
from aether_nb.graph.model import GraphSpec, spec_from_json
from aether_nb.ids import RunId, Token
from aether_nb.store.sqlite import SqliteStore

DEATH: int = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows: any number there ends the process at once
KILLED = DEATH if os.name == "nt" else -DEATH
"""Exit code of a process that was killed so."""

STEPS = ("commit", "answer", "expire", "claim")
_TYPES: frozenset[str] = frozenset(EVENTS)
_MADE_UP = re.compile(r"-[a-z2-7]{10}$")  # what follows a name in an id


@dataclass(frozen=True, slots=True)
class Point:
    """An instant in the life of a process: before or after it writes something."""

    when: Literal["before", "after"]
    step: str
    event: str = ""
    node: str = ""
    times: int = 1
    """At which time it is met, counted from 1."""

    @classmethod
    def parse(cls, text: str) -> Point:
        """Read it.

        Raises:
            CrashKitError: it is no such point.
        """
        plain, _, times = text.rpartition("#") if re.search(r"#[1-9]\d*$", text) else (text, "", "1")
        when, _, rest = plain.partition(":")
        step, _, rest = rest.partition(":")
        event, _, node = rest.partition(":") if step == "commit" else ("", "", rest)
        if when not in {"before", "after"} or step not in STEPS:
            raise CrashKitError(
                f"{text!r} is no point to crash at: it begins with before: or after:, then comes one of "
                f"{', '.join(STEPS)}, as in 'after:commit:NodeFinished:train'."
            )
        if event and event not in _TYPES:
            raise CrashKitError(
                f"{text!r}: there is no event {event!r}; there is: {', '.join(sorted(_TYPES))}."
            )
        return cls("before" if when == "before" else "after", step, event, node, int(times))

    def __str__(self) -> str:
        parts = [self.when, self.step, self.event, self.node] if self.step == "commit" else [
            self.when, self.step, self.node]  # fmt: skip
        return ":".join(parts).rstrip(":") + (f"#{self.times}" if self.times > 1 else "")


def crash_at(point: str) -> None:
    """Kill this very process (`SIGKILL`) when it comes to a point; for scripts that a test starts.

    Counts from now on, for every store on disk that the process has open or opens later. `CrashKit` calls
    it in the processes that it runs; call it yourself in one that you start.

    Args:
        point: such as `"after:commit:NodeFinished:train"`; the module tells how it is written.

    Raises:
        CrashKitError: it is no such point.
    """
    _Doom(Point.parse(point)).arm()


class _Doom:
    """Waits for a point in what a process writes."""

    def __init__(self, point: Point) -> None:
        self._point = point
        self._left = point.times
        self._labels: dict[str, str] = {}

    def arm(self) -> None:
        """Stand around every method that writes; what stood around it before still does."""
        met_in: dict[str, Callable[..., bool]] = {
            "create_run": lambda _store, _new, events, **_: any(
                self._meets("commit", e.type) for e in events
            ),
            "answer": lambda store, token, *_, **__: self._meets_wait("answer", store, token),
            "expire": lambda store, token, *_: self._meets_wait("expire", store, token),
            "claim_runs": lambda *_: self._meets("claim"),
        }
        for name, met in met_in.items():
            self._stand_around(name, met)
        self._cut_batches()
        self._read_labels()

    def _stand_around(self, name: str, meets: Callable[..., bool]) -> None:
        """Die before or after a method when `meets`, called with what it is called with, says that this is it."""
        method = getattr(SqliteStore, name)

        def around(*args: Any, **options: Any) -> Any:
            met = meets(*args, **options)
            self._die_before(met)
            done = method(*args, **options)
            self._die_after(met and done is not False)
            return done

        setattr(SqliteStore, name, around)

    def _cut_batches(self) -> None:
        append = SqliteStore.append

        def appended(
            store: SqliteStore, batch: Sequence[Append], *, full: bool, now_ms: int
        ) -> frozenset[RunId]:
            found = self._find(batch)
            if found is None:
                return append(store, batch, full=full, now_ms=now_ms)
            self._die_before(True)
            last, seen = found
            ends = len(seen) == len(last.events)
            cut = replace(last, events=seen, status=last.status if ends else "running")
            left = [cut if entry is last else entry for entry in batch]
            refused = append(store, left, full=full, now_ms=now_ms)
            self._die_after(last.run_id not in refused)
            return refused

        SqliteStore.append = appended  # type: ignore[method-assign, assignment]

    def _read_labels(self) -> None:
        put_spec = SqliteStore.put_spec

        def labelled(store: SqliteStore, kind: Any, key: str, body: str) -> None:
            if kind == "graph":
                self._learn(spec_from_json(body))
            put_spec(store, kind, key, body)

        SqliteStore.put_spec = labelled  # type: ignore[method-assign, assignment]

    def _find(self, batch: Sequence[Append]) -> tuple[Append, Sequence[AnyEvent]] | None:
        """The entry that carries the event that is waited for, and its events up to that one."""
        for entry in batch:
            for n, event in enumerate(entry.events, 1):
                if isinstance(event, NodeAdded):
                    self._labels[event.node] = event.label
                if self._meets("commit", event.type, getattr(event, "node", "")):
                    ends = n + isinstance(event, WaitWithdrawn)  # never without the end of its node
                    return entry, entry.events[:ends]
        return None

    def _meets_wait(self, step: str, store: SqliteStore, token: Token) -> bool:
        row = store.wait(token)
        return row is not None and row.status == "open" and self._meets(step, node=row.node_id)

    def _meets(self, step: str, event: str = "", node: str = "") -> bool:
        """Whether this is it; counts how often it was met."""
        point = self._point
        if step != point.step or point.event not in {"", event}:
            return False
        local = node.rpartition("/")[2]
        label = self._labels.get(node) or self._labels.get(local)
        if point.node not in {"", node, local, _MADE_UP.sub("", local), label}:
            return False
        self._left -= 1
        return self._left == 0

    def _learn(self, spec: GraphSpec) -> None:
        """Note what the pictures say of the nodes of a graph."""
        for node in spec.nodes:
            self._labels[node.id] = node.label
        for inner in spec.subgraphs.values():
            self._learn(inner)

    def _die_before(self, met: bool) -> None:
        if met and self._point.when == "before":
            _die()

    def _die_after(self, met: bool) -> None:
        if met and self._point.when == "after":
            _die()


def _die() -> NoReturn:
    os.kill(os.getpid(), DEATH)
    raise AssertionError("nobody comes here")
