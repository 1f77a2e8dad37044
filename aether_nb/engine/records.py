"""What the state of a run is made of: nodes, waits, frames, journals. `state.py` folds events into these.

Mutable on purpose: an event changes the few records that it touches. Only `state.py` writes to them. Structs, because
a run has one or two of them for each of its nodes; those without `gc` are in no cycle.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct, field

from aether_nb.events import Call, ErrorInfo, NodeAdded, NodeStatus, WaitOpened, WaitStatus
from aether_nb.graph.model import Branch, Each, GraphSpec, NodeKind, NodeSpec, OnFailure
from aether_nb.ids import NodeId, Token
from aether_nb.prompts import Reply

DONE: frozenset[str] = frozenset({"succeeded", "failed", "skipped", "cancelled"})
"""Node statuses after which a node does nothing by itself any more."""


Identity = tuple[str, ...]


def identity(call: Call) -> Identity:
    """What two calls must share to be the same call."""
    if call.key is not None:
        return (call.name, call.key)
    return (call.scope, call.name, call.digest, str(call.n))


class WaitState(Struct, gc=False):
    """A wait of a node, as far as the log knows."""

    opened: WaitOpened
    status: WaitStatus = "open"
    reply: Reply | None = None
    polls: int = 0
    """How often its tool was asked for the reply."""
    next_poll_us: int | None = None
    """When it is asked again; None before it was asked at all."""
    failed_polls: int = 0
    """How many of the last looks in a row raised something."""
    told: bool = False
    """Whether its tool knows that it was withdrawn."""
    wary: bool = False
    """An earlier life of the kernel may have died of a look: the next one is recorded before it begins."""
    looking: bool = False
    """Whether a look that is recorded has begun."""
    crashes: int = 0
    """How often a kernel died in that look, or in `on_cancel`."""


class NodeState(Struct, gc=False):
    """One node, as far as the log knows."""

    id: NodeId
    name: str
    kind: NodeKind
    parent: NodeId
    """The node that it stands inside."""
    label: str = ""
    status: NodeStatus = "pending"
    attempt: int = 0
    spec: NodeSpec | None = None
    """Set for a node of a static graph."""
    added: NodeAdded | None = None
    """Set for a node that a body called."""
    outputs: Any = None
    """Encoded, once succeeded."""
    error: ErrorInfo | None = None
    wait: WaitState | None = None
    token: Token | None = None
    """What its next wait will be called: Stage A has begun and may have told the world."""
    generation: int = 0
    """How often a person sent it back; part of its idempotency key."""
    failures: int = 0
    """How many of its attempts failed since it was last sent back; what a crash ended is not among them."""
    retry_at_us: int | None = None
    """When the next attempt comes, after one that failed; None when none is to come, or it has begun."""
    crashes: int = 0
    """How often a kernel died while the body ran."""
    at_work: bool = False
    """Whether the body has begun in the present life of the kernel."""
    item: Mapping[str, Any] | None = None
    """For a static graph as an item of a map: that input, encoded."""
    branch: Branch | None = None
    """Which way a choice went."""
    started_us: int | None = None
    ended_us: int | None = None

    @property
    def asked_again(self) -> bool:
        """Whether it only fetches a secret that is gone: what it came to stands."""
        return self.wait is not None and self.wait.opened.again and self.outputs is not None

    @property
    def on_failure(self) -> OnFailure:
        """What its failure does to the rest."""
        described = self.spec or self.added
        return "fail" if described is None else described.on_failure

    @property
    def each(self) -> Each | None:
        """What it does with every item, if it is a map."""
        described = self.spec or self.added
        return None if described is None else described.each

    @property
    def passed(self) -> bool:
        """Whether what needs it may go on."""
        return self.status == "succeeded" or (self.status == "failed" and self.on_failure == "continue")


class Frame(Struct):
    """A static graph, or a map, that runs."""

    node: NodeId
    spec: GraphSpec
    inputs: Mapping[str, Any]
    """Encoded."""
    missing: dict[NodeId, int]
    """How much a node still waits for, by full node id; for a choice that went one way, until it is done."""
    dependents: dict[NodeId, list[NodeId]]
    unfinished: int
    failed: tuple[NodeId, ErrorInfo] | None = None
    """The first node whose failure is that of the whole."""
    members: dict[NodeId, list[NodeId]] = field(default_factory=dict)
    """What stands in the branches of a choice."""
    joins: dict[NodeId, list[NodeId]] = field(default_factory=dict)
    """The choices that wait for a node before they are done."""
    items: tuple[str, ...] | None = None
    """For a map: what its nodes are called, in order."""
    queue: deque[NodeId] = field(default_factory=deque)
    """For a map with a limit: nodes whose turn comes when others are done."""

    def full_id(self, local: NodeId) -> NodeId:
        """The id in the run of a node of this graph."""
        return child_id(self.node, local)


class Entry(Struct, gc=False):
    """One durable call in the journal of a body."""

    call: Call
    node: NodeId | None
    """The node that the call became; None for small calls and messages."""
    value: Any = None
    """Encoded outcome of a small call; the text of a stream."""
    error: ErrorInfo | None = None
    """What broke a bar or a stream off."""
    inputs: Mapping[str, Any] | None = None
    """Encoded, for a call that became a node."""
    outcome: Literal["ok", "failed", "cancelled"] | None = None
    left: bool = False
    """The code does not make this call any more."""


class JournalLog(Struct):
    """The journal of one body, in the order of the log."""

    entries: list[Entry] = field(default_factory=list)
    outcomes: list[Entry] = field(default_factory=list)
    """Entries in the order in which their outcomes came."""
    inserted: dict[Identity, None] = field(default_factory=dict)
    """Calls that are known to stand where another one was recorded."""
    crashes: int = 0
    """How often a kernel died in the body of a graph function since more than `died_at` was recorded."""
    died_at: int = 0
    """How much was recorded then."""


def child_id(parent: NodeId, local: str) -> NodeId:
    """The id of what stands inside `parent`."""
    return NodeId(f"{parent}/{local}") if parent else NodeId(local)
