"""What a run or a node came to, for who awaits it: outputs, or an exception, alike live and replayed."""

from __future__ import annotations

from collections.abc import Iterable

from aether_nb.engine.failures import node_failed
from aether_nb.engine.records import NodeState
from aether_nb.engine.state import RunState
from aether_nb.errors import NodeFailed, RunBlocked, RunCancelled, RunFailed
from aether_nb.events import ErrorInfo
from aether_nb.ids import ROOT, RunId
from aether_nb.values import Blobs, Outputs, decode, recalled


def of_run(run_id: RunId, state: RunState, blobs: Blobs) -> Outputs:
    """The outputs of a run that is over.

    Raises:
        NodeFailed, RunFailed, RunCancelled, RunBlocked: as it ended.
    """
    if state.status == "succeeded":
        return Outputs({k: recalled(v, blobs) for k, v in (state.outputs or {}).items()})
    if state.status == "cancelled":
        raise RunCancelled(f"Run {run_id!r} was cancelled.")
    if state.blocked:
        raise RunBlocked(f"Run {run_id!r} is blocked. {state.blocked.reason}")
    if state.error is None:
        raise RunFailed(f"Run {run_id!r} is {state.status}.")
    node = state.nodes.get(state.failed_node)
    if node is None:
        raise node_failed(ROOT, state.spec.name, 1, state.error)
    raise _failure(state, node, state.error)


def of_node(state: RunState, node: NodeState, names: Iterable[str], blobs: Blobs) -> Outputs:
    """The outputs of a node that is done, of these names; each is None when it came to nothing and may.

    Raises:
        NodeFailed: it failed.
    """
    if node.status == "succeeded":
        return Outputs(decode(node.outputs, blobs))
    if node.passed or node.on_failure == "skip":
        return Outputs(dict.fromkeys(names))
    assert node.error is not None
    raise _failure(state, node, node.error)


def _failure(state: RunState, node: NodeState, error: ErrorInfo) -> NodeFailed:
    cause = state.origin(node)
    return node_failed(cause.id, cause.label, cause.attempt, error)
