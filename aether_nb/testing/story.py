"""The log of a run as a story: which nodes ran from where to where, what was asked and said, and the list of it all.

A fold over the events, once; `trace.py` asserts on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from aether_nb import history
from aether_nb.display.words import error_text, reply_text, sentence
from aether_nb.engine.records import NodeState
from aether_nb.events import (
    AnyEvent,
    BranchTaken,
    MessageSent,
    NodeCancelled,
    NodeFailed,
    NodeFinished,
    NodeRetried,
    ReplyRejected,
    ReplyTaken,
    RunBlockedEvent,
    RunCancelledEvent,
    RunFailedEvent,
    RunResumed,
    RunStarted,
    WaitExpired,
    WaitOpened,
    WaitWithdrawn,
    begins,
)
from aether_nb.ids import NodeId, Token
from aether_nb.prompts import Reply, headline
from aether_nb.run import Run

_LINES = 40
_REPLAYED = frozenset({"fn", "graph", "map", "when"})
"""Kinds that take their past from the log when they begin again, so that nothing is done twice."""
_OVER = (RunFailedEvent, RunCancelledEvent, RunBlockedEvent)


@dataclass(slots=True)
class Span:
    """A node from its beginning to its outcome, by the numbers of the events."""

    state: NodeState
    begun: int
    ended: int | None = None
    succeeded: bool = False
    again: int = 0
    """How often it was begun again though no attempt of it had failed."""
    expected: bool = False
    """Whether another attempt is to come."""


@dataclass(frozen=True, slots=True)
class Question:
    """One time that something was asked."""

    opened: WaitOpened
    outcome: str = "still open"
    closed: int | None = None
    """The event by which it was over."""
    reply: Reply | None = None


class Story:
    """See the module.

    Args:
        run: whose.
    """

    def __init__(self, run: Run) -> None:
        runtime = run._runtime
        row, log = runtime.row(run.run_id), runtime.store.events(run.run_id)
        name = (
            row.graph if runtime.scripted else f"{row.graph} ({run.run_id})"
        )  # then the same text every time
        self._title = f"{name}: {row.status}"
        self._states = history.fold(runtime.store, row, log).nodes
        self._spans: dict[NodeId, Span] = {}
        self._questions: dict[Token, Question] = {}
        self._lines: list[tuple[str, str]] = []
        self.messages: list[str] = []
        self.resumed = False
        self._seq = 0
        self._created_us, self._is_to_part = row.created_ms * 1000, False
        before: AnyEvent | None = None
        for event in log:
            self._apply(event, before)
            before = before if isinstance(event, NodeRetried) else event

    @property
    def nodes(self) -> Iterable[NodeState]:
        """All that the run has come to know of."""
        return self._states.values()

    @property
    def questions(self) -> Iterable[Question]:
        """Every time that something was asked, in order."""
        return self._questions.values()

    def named(self, name: str) -> list[NodeState]:
        """The nodes of a name: label, tool, id or question. A map gives way to its items."""
        asking = {one.opened.node for one in self.asked(name)}
        called = (name, headline(name))
        found = [n for n in self.nodes if n.label in called or name in (n.name, n.id) or n.id in asking]
        inside = {n.parent for n in found}
        return [n for n in found if n.kind != "map" or n.id not in inside]

    def spans(self, name: str) -> list[Span]:
        """What ran of the nodes of a name, in the order in which they began."""
        ids = {n.id for n in self.named(name)}
        return [span for node, span in self._spans.items() if node in ids]

    def asked(self, question: str) -> list[Question]:
        """Each time that it was asked: by its text, the first line of that, or the label of its node."""
        return [
            one
            for one in self.questions
            if question in (one.opened.prompt.prompt, headline(one.opened.prompt.prompt), self._label(one.opened.node))
        ]  # fmt: skip

    def history(self) -> str:
        """What happened, a line for each thing, in order; of a long one the beginning and the end."""
        rows = list(self._all_lines())
        width = max((len(what) for what, _ in rows), default=0)
        lines = [f"  {what:<{width}}  {of}".rstrip() for what, of in rows]
        if len(lines) > _LINES:
            half = _LINES // 2
            lines[half:-half] = [f"  ... {len(lines) - 2 * half} more ..."]
        return "\n".join([f"What happened in {self._title}", *lines])

    def _all_lines(self) -> Iterator[tuple[str, str]]:
        yield from self._lines
        at_work = [n for n in self.nodes if n.status == "running" and n.id in self._spans]
        yield from (("at work", node.label) for node in at_work)
        yield from (("skipped", node.label) for node in self.nodes if node.status == "skipped")

    # -- the fold --------------------------------------------------------------------------------

    def _apply(self, event: AnyEvent, before: AnyEvent | None) -> None:
        self._seq = event.seq
        if begins(event) or isinstance(event, BranchTaken):
            self._begin(event)
        match event:
            case RunStarted(forked_from=source):
                self._is_to_part = source is not None
            case RunResumed():
                self._resumed(event, before)
            case NodeFinished():
                self._end(event.node, "ran", succeeded=True)
            case NodeFailed():
                self._failed(event)
            case NodeRetried():
                self._tell("sent back", self._label(event.node))
                for span in self._spans.values():
                    span.expected = span.expected or not span.succeeded
            case NodeCancelled():
                self._end(event.node, "cancelled")
            case WaitOpened() | ReplyTaken() | ReplyRejected() | WaitExpired() | WaitWithdrawn():
                self._talk(event)
            case MessageSent():
                self.messages.append(event.message.text)
                self._tell("said", sentence(event.message.text))
            case RunBlockedEvent():
                self._tell("blocked", sentence(event.reason))
            case RunFailedEvent():
                self._tell("failed", f"the run: {sentence(error_text(event.error))}")
            case RunCancelledEvent():
                self._tell("cancelled", "the run")

    def _talk(self, event: WaitOpened | ReplyTaken | ReplyRejected | WaitExpired | WaitWithdrawn) -> None:
        if isinstance(event, WaitOpened):
            if event.again:  # a secret that is fetched once more
                return
            if event.node not in self._spans:
                self._begin(event)
            self._questions[event.token] = Question(event)
            self._tell("asked", headline(event.prompt.prompt))
            return
        one = self._questions.get(event.token)
        if one is None:
            return
        text = headline(one.opened.prompt.prompt)
        match event:
            case ReplyTaken():
                reply = event.reply
                who = "a script" if reply.door == "scripted" else f"{reply.by or 'somebody'}, {reply.door}"
                said = reply_text(one.opened.prompt.model_dump(mode="json"), reply.value)
                now = replace(one, outcome=f"answered {said!r} by {who}", closed=event.seq, reply=reply)
                self._tell("answered", f"{text} -> {said} ({who})")
            case ReplyRejected():
                now = Question(one.opened)
                self._tell("refused", f"{text}: {'; '.join(event.problems.values())}")
            case WaitExpired():
                now = replace(one, outcome="not answered in time", closed=event.seq)
                self._tell("expired", text)
            case WaitWithdrawn():
                now = replace(one, outcome="withdrawn", closed=event.seq)
                self._tell("withdrawn", text)
        self._questions[event.token] = now

    def _begin(self, event: AnyEvent) -> None:
        node: NodeId = getattr(event, "node", NodeId(""))
        state = self._states.get(node)
        if state is None:
            return
        span = self._spans.get(node)
        if span is None:
            self._spans[node] = Span(state, event.seq)
            if state.kind in {"fn", "graph"}:
                self._tell("began", state.label)
            return
        if not span.expected and state.kind not in _REPLAYED:
            span.again += 1
            self._tell("began again", state.label)
        span.expected, span.ended = False, None

    def _resumed(self, event: RunResumed, before: AnyEvent | None) -> None:
        if (
            self._is_to_part and event.at_us >= self._created_us
        ):  # a fork begins so; what stands before is shared
            self._is_to_part = False
            self._tell("forked", "")
        elif isinstance(before, _OVER):
            self._tell("resumed", "after it was over")
        else:
            self.resumed = True
            self._tell("resumed", "by another kernel")

    def _failed(self, event: NodeFailed) -> None:
        span = self._spans.get(event.node)
        error = sentence(error_text(event.error))
        if event.retry_at_us is None or span is None:
            self._end(event.node, "failed", f": {error}")
            return
        span.expected = True
        self._tell("tried", f"{self._label(event.node)}, attempt {event.attempt}: {error}")

    def _end(self, node: NodeId, how: str, why: str = "", *, succeeded: bool = False) -> None:
        span = self._spans.get(node)
        if span is not None:
            span.ended, span.succeeded = self._seq, succeeded
        state = self._states.get(node)
        if state is not None and not (state.kind in {"ask", "wait"} and succeeded):  # which its answer tells
            self._tell(how, f"{state.label}, for each" if state.kind == "map" else state.label + why)

    def _label(self, node: NodeId) -> str:
        state = self._states.get(node)
        return state.label if state is not None else node

    def _tell(self, what: str, of: str) -> None:
        self._lines.append((what, of))
