"""What the state asks the driver to do, as frozen values. `state.py` makes them, `performing.py` does what they say."""

from __future__ import annotations

from msgspec import Struct

from aether_nb.events import ErrorInfo
from aether_nb.ids import NodeId
from aether_nb.prompts import Reply


class StartNode(Struct, frozen=True, gc=False):
    """Run the node's body (Stage A of a dual-stage tool); its inputs are all there."""

    node: NodeId


class RetryNode(Struct, frozen=True, gc=False):
    """An attempt of this node failed: at that time, go on with the next."""

    node: NodeId
    at_us: int


class AttachWait(Struct, frozen=True, gc=False):
    """The wait of this node is open since before this kernel: show it here, and take up its deadline."""

    node: NodeId


class RunStageB(Struct, frozen=True, gc=False):
    """Give the reply to the second half of a dual-stage tool."""

    node: NodeId
    reply: Reply


class TakeSecret(Struct, frozen=True, gc=False):
    """A secret that was asked for again is there: the node is done, as it was."""

    node: NodeId


class TimeOut(Struct, frozen=True, gc=False):
    """The wait of this node expired and has no default."""

    node: NodeId


class FinishFrame(Struct, frozen=True, gc=False):
    """All that stands in this static graph, map or choice is done: record its outputs. `""` is the run itself."""

    node: NodeId


class FailFrame(Struct, frozen=True, gc=False):
    """This static graph or map has nothing left to do and `failed` in it failed."""

    node: NodeId
    failed: NodeId
    error: ErrorInfo


class Settle(Struct, frozen=True, gc=False):
    """The node has its outcome: whoever awaits it goes on."""

    node: NodeId


Command = (
    StartNode | RetryNode | AttachWait | RunStageB | TakeSecret | TimeOut | FinishFrame | FailFrame | Settle
)
