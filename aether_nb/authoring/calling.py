"""What happens when a tool or graph is called: three places that may take the call.

A call of a tool is a different thing inside a builder (a node is drawn), inside a run (a durable
call is made) and outside both (an ordinary call, or a new run). `authoring` does not know how a run
works; the engine puts a `Caller` into `CALLER` around user code, `graphify` puts a `Builder` into
`BUILDER` around a builder, and the runtime registers itself as the `Launcher`.
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Literal, Protocol

from aether_nb.errors import OutsideRun
from aether_nb.graph.model import NodeKind, ParamSpec

if TYPE_CHECKING:
    from aether_nb.authoring.graphs import Graph


class Target(Protocol):
    """What can be called as a step: a tool, a dual-stage tool, a graph."""

    name: str
    kind: NodeKind
    outputs: tuple[str, ...]
    params: tuple[ParamSpec, ...]
    fingerprint: str
    """Hash of the normalised code, `""` when unknown."""


class Caller(Protocol):
    """A running body that makes durable calls: a graph function, or a tool's body."""

    kind: Literal["fn", "tool"]
    """fn: a graph function, calls become nodes. tool: a tool's body, calls of tools are plain calls."""

    def call(
        self, target: Target, bound: Mapping[str, Any], *, key: str | None, label: str, line: int
    ) -> Coroutine[Any, Any, Any]:
        """Identify the call now; the coroutine carries it out when awaited and gives its outputs."""


class Builder(Protocol):
    """A graph being built: calls become nodes, handles come back."""

    def add(
        self, target: Target, bound: Mapping[str, Any], *, key: str | None, after: Any, label: str
    ) -> Any:
        """Add a node; returns its `Handle`."""


class Launcher(Protocol):
    """Starts runs; the runtime."""

    def start(self, graph: Graph, inputs: Mapping[str, Any], **options: Any) -> Any:
        """Start a run now and return its handle. Needs a running loop."""

    def run_sync(self, graph: Graph, inputs: Mapping[str, Any], **options: Any) -> Any:
        """Run to the end from synchronous code and return the outputs."""

    def detached_context(self, name: str) -> Any:
        """The context that a tool gets when it is called outside a run."""

    def picture(self, graph: Graph) -> Mapping[str, Any]:
        """MIME bundle of a graph that is shown by itself."""


CALLER: ContextVar[Caller | None] = ContextVar("aether_nb_caller", default=None)
"""The running body around this code; None outside runs."""

BUILDER: ContextVar[Builder | None] = ContextVar("aether_nb_builder", default=None)
"""The graph being built around this code; None outside builders."""

_launcher: list[Launcher] = []


def set_launcher(launcher: Launcher) -> None:
    """Make this the one that starts runs; called by `aether_nb.runtime` when it is imported."""
    _launcher[:] = [launcher]


def launcher() -> Launcher:
    """The runtime.

    Raises:
        OutsideRun: only `aether_nb.authoring` was imported; `import aether_nb` brings the runtime.
    """
    if not _launcher:
        raise OutsideRun("Nothing here can start runs yet: `import aether_nb` first.")
    return _launcher[0]
