"""What the state asks the driver to do, as frozen values. `state.py` makes them, `performing.py` does what they say."""

from __future__ import annotations

from dataclasses import dataclass

from aether_nb.events import ErrorInfo
from aether_nb.ids import NodeId
from aether_nb.prompts import Reply


@dataclass(frozen=True, slots=True)
class StartNode:
    """Run the node's body (Stage A of a dual-stage tool); its inputs are all there."""

    node: NodeId


@dataclass(frozen=True, slots=True)
class RetryNode:
    """An attempt of this node failed: at that time, go on with the next."""

    node: NodeId
    at_us: int


@dataclass(frozen=True, slots=True)
class AttachWait:
    """The wait of this node is open since before this kernel: show it here, and take up its deadline."""

    node: NodeId


@dataclass(frozen=True, slots=True)
class RunStageB:
    """Give the reply to the second half of a dual-stage tool."""

    node: NodeId
    reply: Reply


@dataclass(frozen=True, slots=True)
class TakeSecret:
    """A secret that was asked for again is there: the node is done, as it was."""

    node: NodeId


@dataclass(frozen=True, slots=True)
class TimeOut:
    """The wait of this node expired and has no default."""

    node: NodeId


@dataclass(frozen=True, slots=True)
class FinishFrame:
    """All that stands in this static graph, map or choice is done: record its outputs. `""` is the run itself."""

    node: NodeId


@dataclass(frozen=True, slots=True)
class FailFrame:
    """This static graph or map has nothing left to do and `failed` in it failed."""

    node: NodeId
    failed: NodeId
    error: ErrorInfo


@dataclass(frozen=True, slots=True)
class Settle:
    """The node has its outcome: whoever awaits it goes on."""

    node: NodeId


Command = (
    StartNode | RetryNode | AttachWait | RunStageB | TakeSecret | TimeOut | FinishFrame | FailFrame | Settle
)
