"""The vocabulary of facts. A run is the list of its events; all else is a fold over them.

Every event says of which run it is, its place in that run's log and when it happened (`at_us`,
microseconds since 1970, UTC). Values in events are encoded (`aether_nb.values`): plain JSON.
`engine/driver.py` is the only writer; `store` keeps them; `engine/state.py` and `display/view.py`
fold them. Read `graph/model.py` next.

A new event: a class here, a line in `state.py` and in `view.py`, the round-trip test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

from msgspec import field

from aether_nb.facts import Fact
from aether_nb.graph.model import Branch, Each, NodeKind, OnFailure
from aether_nb.ids import ROOT, NodeId, RunId, Token
from aether_nb.messages import Message
from aether_nb.prompts import Poll, Reply

if TYPE_CHECKING:
    from aether_nb.prompts import Prompt
else:  # where a log is read, the class that all prompts share stands for their union
    from aether_nb.prompts import PromptBase as Prompt


class Call(Fact, frozen=True, kw_only=True):
    """What a durable call of a journalled function is, so that a replay knows it again."""

    scope: str = ""
    """The task it was called in: `""` for the function itself, else `parent/qualname#k`."""
    name: str
    digest: str = ""
    """Of the bound arguments, defaults included."""
    n: int = 0
    """How many calls with the same scope, name and digest came before it."""
    key: str | None = None
    """The author's own name for it; then scope, digest and n do not count."""
    line: int = 0
    """Line of the user's code that made the call, for messages only."""


class ErrorInfo(Fact, frozen=True, kw_only=True):
    """A failure, as data."""

    message: str
    error_type: str
    """Class name of what was raised."""
    builtin: str = "Exception"
    """The nearest builtin exception class, re-raised alike on replay."""
    frames: tuple[str, ...] = ()
    """The user's own frames, `file:line in function: source`, innermost last."""
    inputs: dict[str, str] = field(default_factory=dict)
    """Short text of the node's inputs."""


class Event(Fact, frozen=True, kw_only=True):
    """What every event has."""

    type: ClassVar[str]

    run: RunId
    seq: int
    """1, 2, 3 ... within the run, no gaps."""
    at_us: int


class NodeEvent(Event, frozen=True, kw_only=True):
    """What every event about one node has."""

    node: NodeId


class RunStarted(Event, frozen=True, kw_only=True):
    """The run exists. The graph's spec is kept under `spec`."""

    type: ClassVar[Literal["RunStarted"]] = "RunStarted"
    graph: str
    inputs: dict[str, Any] = field(default_factory=dict)
    spec: str = ""
    """Hex key of the GraphSpec in the store."""
    code: str = ""
    """Hex key of the code in the store; empty when an older version wrote this."""
    forked_from: RunId | None = None
    """The run whose log begins like this one's."""
    forked_at: NodeId | None = None
    """The node whose outcome is not shared; None when all was shared."""
    priority: int = 0
    """Tools of runs with a higher one compute first, in whichever kernel drives it."""


class RunResumed(Event, frozen=True, kw_only=True):
    """A kernel took the run up again, from the log."""

    type: ClassVar[Literal["RunResumed"]] = "RunResumed"
    kernel: str = ""
    changed: tuple[str, ...] = ()
    """Names of tools and graphs whose code differs from when the run was last driven."""
    spec: str = ""
    """The spec it goes on with."""
    code: str = ""
    """Hex key of the code that it goes on with."""


class NodeAdded(NodeEvent, frozen=True, kw_only=True):
    """A graph function (or a tool's body) made a durable call that became a node."""

    type: ClassVar[Literal["NodeAdded"]] = "NodeAdded"
    name: str
    kind: NodeKind = "tool"
    parent: NodeId = ROOT
    """The node whose body made the call; `""` for the run's own graph function."""
    call: Call
    after: tuple[NodeId, ...] = ()
    """The nodes that had succeeded just before in the same task: the edges of the picture."""
    inputs: dict[str, Any] = field(default_factory=dict)
    label: str = ""
    spec: str = ""
    """For kind `graph`: hex key of its GraphSpec."""
    code: str = ""
    """Fingerprint of its code, for what may have a journal of its own; empty when unknown."""
    on_failure: OnFailure = "fail"
    each: Each | None = None
    """For kind `map`; `spec` is then that of the graph that each item becomes, if it is one."""
    started: bool = False
    """There was a place for it, so that its body begins at once: its first NodeStarted is this."""


class NodeStarted(NodeEvent, frozen=True, kw_only=True):
    """A node's body (or Stage A) begins."""

    type: ClassVar[Literal["NodeStarted"]] = "NodeStarted"
    attempt: int = 1
    token: Token | None = None
    """The token that its wait will have, for a dual-stage tool."""
    queued_ms: int = 0
    """How long it stood ready until there was a place for it."""
    items: tuple[str, ...] | None = None
    """For a map: the names of its items, in order; the nodes inside it have these ids."""
    item: dict[str, Any] | None = None
    """For a static graph as an item of a map: that input, encoded, which nothing else in the log tells."""


class BranchTaken(NodeEvent, frozen=True, kw_only=True):
    """A choice went one way: that branch runs, the other is skipped. Implies NodeStarted."""

    type: ClassVar[Literal["BranchTaken"]] = "BranchTaken"
    branch: Branch


class NodeFinished(NodeEvent, frozen=True, kw_only=True):
    """A node succeeded."""

    type: ClassVar[Literal["NodeFinished"]] = "NodeFinished"
    outputs: Any = None
    """Encoded, by name; None for a map, whose outputs are those of the nodes inside it."""
    queued_ms: int = 0
    """How long, after answers, its body stood ready until there was a place for it again."""


class NodeFailed(NodeEvent, frozen=True, kw_only=True):
    """An attempt of a node failed; with `retry_at_us`, another attempt comes then."""

    type: ClassVar[Literal["NodeFailed"]] = "NodeFailed"
    attempt: int = 1
    error: ErrorInfo
    retry_at_us: int | None = None
    queued_ms: int = 0
    """As in NodeFinished."""


class NodeRetried(NodeEvent, frozen=True, kw_only=True):
    """A person sends a failed node back: it, what it stands in, and what was skipped below it go on."""

    type: ClassVar[Literal["NodeRetried"]] = "NodeRetried"


class NodeCancelled(NodeEvent, frozen=True, kw_only=True):
    """A node was cancelled: by its run, by the code that called it, or by a person."""

    type: ClassVar[Literal["NodeCancelled"]] = "NodeCancelled"
    by: str = ""
    """The person who cancelled this node while its run goes on; who awaits it gets that as a failure."""


class WaitOpened(NodeEvent, frozen=True, kw_only=True):
    """A question (or another wait) is open. Implies NodeStarted for the built-in asks."""

    type: ClassVar[Literal["WaitOpened"]] = "WaitOpened"
    token: Token
    kind: str
    prompt: Prompt
    correlator: str | None = None
    deadline_ms: int | None = None
    has_default: bool = False
    default: Any = None
    state: Any = None
    """What Stage A wants Stage B to have; encoded."""
    poll: Poll | None = None
    """How often the tool is asked for the reply."""
    on_cancel: bool = False
    """Whether the tool is told when the wait is withdrawn."""
    again: bool = False
    """A secret that is not in memory any more is asked for again; what the node came to stands."""


class ReplyTaken(NodeEvent, frozen=True, kw_only=True):
    """The driver took the accepted reply from the wait's row; the node goes on with it."""

    type: ClassVar[Literal["ReplyTaken"]] = "ReplyTaken"
    token: Token
    reply: Reply


class ReplyRejected(NodeEvent, frozen=True, kw_only=True):
    """The full check refused the reply; the same wait is open again."""

    type: ClassVar[Literal["ReplyRejected"]] = "ReplyRejected"
    token: Token
    problems: dict[str, str]


class WaitExpired(NodeEvent, frozen=True, kw_only=True):
    """Nobody answered before the deadline."""

    type: ClassVar[Literal["WaitExpired"]] = "WaitExpired"
    token: Token


class WaitWithdrawn(NodeEvent, frozen=True, kw_only=True):
    """The question is not needed any more."""

    type: ClassVar[Literal["WaitWithdrawn"]] = "WaitWithdrawn"
    token: Token


class WaitPolled(NodeEvent, frozen=True, kw_only=True):
    """The tool was asked for the reply and had none yet; with `begun` it is being asked."""

    type: ClassVar[Literal["WaitPolled"]] = "WaitPolled"
    token: Token
    n: int
    """How often it was asked."""
    next_at_us: int
    """When it is asked again."""
    problem: str = ""
    """What its `poll` raised; empty when it just had no reply."""
    begun: bool = False
    """The first look after the run was taken up again, which is recorded before: the kernel may die of it."""


class WithdrawalTold(NodeEvent, frozen=True, kw_only=True):
    """The tool's `on_cancel` was called for a withdrawn wait, and is not called again."""

    type: ClassVar[Literal["WithdrawalTold"]] = "WithdrawalTold"
    token: Token
    problem: str = ""
    """What it raised; empty when it returned."""


class MessageSent(NodeEvent, frozen=True, kw_only=True):
    """A message was sent; `node` is the one whose body sent it, `""` the graph function itself."""

    type: ClassVar[Literal["MessageSent"]] = "MessageSent"
    call: Call
    message: Message
    telling: str = ""
    """For what took its time, which this is the end of: the id of its `Telling`s; a later end takes its place."""
    place: tuple[int, int] | None = None
    """For that: the last event before it began, and how many had begun before it there; where it stands."""
    error: ErrorInfo | None = None
    """What broke it off."""


class CallRecorded(NodeEvent, frozen=True, kw_only=True):
    """A small durable call (`now`, `uuid`, `memory().record` ...) and its value, in the journal of `node`."""

    type: ClassVar[Literal["CallRecorded"]] = "CallRecorded"
    call: Call
    value: Any = None


class CallInserted(NodeEvent, frozen=True, kw_only=True):
    """The changed code of a body makes a call where its journal had another one next; `node` is the body's."""

    type: ClassVar[Literal["CallInserted"]] = "CallInserted"
    call: Call
    expected: Call


class CallReworded(NodeEvent, frozen=True, kw_only=True):
    """The call that the code makes now is the recorded one, whose outcome it takes.

    A person decided that; or it is a map whose list was edited.
    """

    type: ClassVar[Literal["CallReworded"]] = "CallReworded"
    call: Call
    was: Call
    inputs: dict[str, Any] | None = None
    """For a map whose list was edited: what it is called with from now on, encoded."""


class JournalLeftover(NodeEvent, frozen=True, kw_only=True):
    """Recorded calls of a body that its code does not make any more; a replay does not expect them again."""

    type: ClassVar[Literal["JournalLeftover"]] = "JournalLeftover"
    calls: tuple[Call, ...]


class CancelRequested(Event, frozen=True, kw_only=True):
    """Somebody asked for the run to be cancelled."""

    type: ClassVar[Literal["CancelRequested"]] = "CancelRequested"
    by: str = ""


class RunBlockedEvent(Event, frozen=True, kw_only=True):
    """The run cannot go on by itself: its code and its journal disagree, or a node keeps crashing."""

    type: ClassVar[Literal["RunBlocked"]] = "RunBlocked"
    reason: str
    body: NodeId = ROOT
    """Whose code and journal disagree."""
    call: Call | None = None
    """What the code does where the journal has `expected`, when a person may say that they are the same."""
    expected: Call | None = None
    crashed: NodeId = ROOT
    """The node in which the kernel died again and again, if that is why; `""` for the run's own function."""
    crashes: int = 0
    """How often, if that is why; older versions wrote `crashed` alone."""


class RunFinished(Event, frozen=True, kw_only=True):
    """The run succeeded."""

    type: ClassVar[Literal["RunFinished"]] = "RunFinished"
    outputs: dict[str, Any] = field(default_factory=dict)


class RunFailedEvent(Event, frozen=True, kw_only=True):
    """The run failed."""

    type: ClassVar[Literal["RunFailed"]] = "RunFailed"
    error: ErrorInfo
    node: NodeId = ROOT
    """The node whose failure it was; `""` the graph function itself."""


class RunCancelledEvent(Event, frozen=True, kw_only=True):
    """The run was cancelled."""

    type: ClassVar[Literal["RunCancelled"]] = "RunCancelled"


AnyEvent = (
    RunStarted
    | RunResumed
    | NodeAdded
    | NodeStarted
    | BranchTaken
    | NodeFinished
    | NodeFailed
    | NodeRetried
    | NodeCancelled
    | WaitOpened
    | ReplyTaken
    | ReplyRejected
    | WaitExpired
    | WaitWithdrawn
    | WaitPolled
    | WithdrawalTold
    | MessageSent
    | CallRecorded
    | CallInserted
    | CallReworded
    | JournalLeftover
    | CancelRequested
    | RunBlockedEvent
    | RunFinished
    | RunFailedEvent
    | RunCancelledEvent
)
"""Every event, told apart by `type`."""


def begins(event: AnyEvent) -> bool:
    """Whether an attempt of its node begins with it; not for a question whose first half has no effect."""
    return isinstance(event, NodeStarted) or (isinstance(event, NodeAdded) and event.started)


EVENTS: dict[str, type[Event]] = {cls.type: cls for cls in get_args(AnyEvent)}
"""The class of each `type`."""


RunStatus = Literal["running", "waiting", "succeeded", "failed", "cancelled", "blocked"]
"""waiting: nothing computes and something waits for an answer. blocked: needs a decision."""

NodeStatus = Literal["pending", "running", "waiting", "succeeded", "failed", "skipped", "cancelled"]

WaitStatus = Literal["open", "answered", "expired", "withdrawn"]

FINAL: frozenset[str] = frozenset({"succeeded", "failed", "cancelled"})
"""Run statuses after which nothing happens any more."""
