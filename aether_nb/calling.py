"""What happens when a tool or graph is called: three places that may take the call.

A call of a tool is a different thing inside a builder (a node is drawn), inside a run (a durable
call is made) and outside both (an ordinary call, or a new run). This is where `authoring` and
`engine` meet without knowing each other: the engine puts a `Caller` into `CALLER` around user code,
`graphify` puts a `Builder` into `BUILDER` around a builder, the runtime registers itself as the
`Launcher`; and what authoring makes is a `Target` of one of the kinds below, which the engine runs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextvars import ContextVar
from enum import Enum
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from aether_nb.errors import OutsideRun
from aether_nb.graph.model import Each, GraphSpec, NodeKind, OnFailure, ParamSpec, StepTypes
from aether_nb.graph.retry_policy import RetryPolicy
from aether_nb.prompts import Poll, Prompt, Reply, headline


class Missing(Enum):
    """The type of `MISSING`."""

    MISSING = "no default"


MISSING: Final = Missing.MISSING
"""Stands where a default could stand and does not; None is a default like any other."""


class Pending(Enum):
    """The type of `PENDING`."""

    PENDING = "no reply yet"


PENDING: Final = Pending.PENDING
"""What `poll` returns while there is no reply yet; None says the same."""


def label_of(kind: NodeKind, inputs: Mapping[str, Any]) -> str:
    """What the picture says of a step besides its name: a question's own words; else nothing."""
    prompt = inputs.get("prompt")
    return headline(prompt) if kind == "ask" and isinstance(prompt, str) else ""


Form = Literal["dot", "svg", "mermaid"]
"""The languages that a picture of a graph can be had in."""


class Target(Protocol):
    """What can be called as a step: a tool, a dual-stage tool, a graph."""

    name: str
    kind: NodeKind
    outputs: tuple[str, ...]
    params: tuple[ParamSpec, ...]
    fingerprint: str
    """Hash of the normalised code, `""` when unknown."""
    source: str
    """Its code; `""` when it cannot be had."""
    policy: RetryPolicy
    """When it is tried again, and how long a try may take."""

    def types(self) -> StepTypes:
        """The types of its inputs and outputs, as far as they are known."""


def on_failure_of(target: object) -> OnFailure:
    """What a failure of a step does to the rest; most kinds have no say in it."""
    found: OnFailure = getattr(target, "on_failure", "fail")
    return found


class ToolTarget(Target, Protocol):
    """A plain tool."""

    fn: Callable[..., Any]
    is_async: bool
    wants_context: bool
    effects: bool
    """Whether it touches the world: what came before is fsynced before its body."""
    max_concurrency: int | None
    """How many of its bodies may compute at once, over all runs; None leaves that to the runtime."""

    def pack(self, value: Any) -> dict[str, Any]:
        """Check what the body returned, and give it by output name. Raises BadOutputs."""


class WaitTarget(Protocol):
    """What Stage A returned, and what Stage B gets back with `inputs` and `token` filled in."""

    kind: str
    prompt: Prompt | str | None
    schema: Mapping[str, Any] | None
    correlator: str | None
    timeout: Any
    default: Any
    state: Any
    poll: Poll | None


class DualStageTarget(Target, Protocol):
    """A dual-stage tool."""

    pure_setup: bool
    """Whether Stage A has no effect, so that it needs no barrier and may run again."""

    with_context: frozenset[str]
    """The stages that ask for `context`."""

    own: frozenset[str]
    """The stages that its class writes; `poll` and `on_cancel` may be missing."""

    async def setup(self, *args: Any, **inputs: Any) -> Any:
        """Stage A; returns a wait."""

    async def on_resume(self, reply: Reply, wait: Any, **context: Any) -> Any:
        """Stage B; returns the outputs."""

    async def poll(self, wait: Any, **context: Any) -> Any:
        """Look for the reply; returns it, or PENDING."""

    async def on_cancel(self, wait: Any, **context: Any) -> None:
        """Withdraw what Stage A submitted."""

    def pack(self, value: Any) -> dict[str, Any]:
        """Check what Stage B returned. Raises BadOutputs."""


class GraphTarget(Target, Protocol):
    """A graph, static or a function."""

    spec: GraphSpec
    fn: Callable[..., Any]
    wants_context: bool
    callables: Mapping[str, Target]
    """For a static graph: what its nodes stand for, by name."""

    def pack(self, value: Any) -> dict[str, Any]:
        """Check what a graph function returned. Raises BadOutputs."""

    def step_types(self) -> Mapping[str, StepTypes]:
        """What is known of the types of the steps that it is made of, by name."""

    def parts(self) -> Mapping[str, Target]:
        """The graph and the tools and graphs that it is made of, by name, as they are now."""


class MapTarget(Target, Protocol):
    """A step for every item of a list, called in a graph function."""

    step: Target
    each: Each


class Caller(Protocol):
    """A running body that makes durable calls: a graph function, or a tool's body."""

    kind: Literal["fn", "tool"]
    """fn: a graph function, calls become nodes. tool: a tool's body, calls of tools are plain calls."""

    @property
    def context(self) -> Any:
        """The `NodeContext` of this body."""

    def call(
        self, target: Target, bound: Mapping[str, Any], *, key: str | None, label: str
    ) -> Coroutine[Any, Any, Any]:
        """Identify the call now; the coroutine carries it out when awaited and gives its outputs."""

    async def together(self, calls: Sequence[Any], *, first: bool, what: str) -> tuple[int, list[Any]]:
        """Await calls of dual-stage tools at once: all of them, or the first that comes to anything.

        Args:
            calls: what `call` gave, not awaited yet.
            first: whether one outcome is enough; the others are withdrawn with it, in one transaction.
            what: who asks, for messages.

        Returns:
            Which one was first (0 when all were awaited), and the outputs: of that one, or of all in order.

        Raises:
            BadInputs: one of them is no such call.
            NodeFailed: one of them failed; the others are withdrawn.
        """


class Builder(Protocol):
    """A graph being built: calls become nodes, handles come back."""

    def add(
        self,
        target: Target,
        bound: Mapping[str, Any],
        *,
        key: str | None,
        after: Any,
        label: str,
        each: Each | None = None,
    ) -> Any:
        """Add a node, with `each` one that runs over a list; returns its `Handle`."""

    def choose(self, condition: Any, then: Any, otherwise: Any, *, key: str | None) -> Any:
        """Add a choice and draw its branches; returns the `Handle` of what it gives."""

    def problem(self, text: str) -> None:
        """Note what is wrong with a call; all problems of a graph are reported at once."""


class Launcher(Protocol):
    """Starts runs; the runtime."""

    def start(self, graph: GraphTarget, inputs: Mapping[str, Any], **options: Any) -> Any:
        """Start a run now and return its handle. Needs a running loop."""

    def run_sync(self, graph: GraphTarget, inputs: Mapping[str, Any], **options: Any) -> Any:
        """Run to the end from synchronous code and return the outputs."""

    def detached_context(self, name: str) -> Any:
        """The context that a tool gets when it is called outside a run."""

    def picture(self, graph: GraphTarget) -> Mapping[str, Any]:
        """MIME bundle of a graph that is shown by itself."""

    def drawn(self, graph: GraphTarget, form: Form) -> str:
        """A graph by itself as text: DOT, SVG or Mermaid."""


CALLER: ContextVar[Caller | None] = ContextVar("aether_nb_caller", default=None)
"""The running body around this code; None outside runs."""

BUILDER: ContextVar[Builder | None] = ContextVar("aether_nb_builder", default=None)
"""The graph being built around this code; None outside builders."""

GRAPHS: dict[str, GraphTarget] = {}
"""Every graph that was made in this process, by name, the latest of each: what can be resumed by name."""

DUAL_STAGE: dict[str, Any] = {}
"""Every dual-stage tool that was made in this process, by name, the latest of each: who is told that its wait
was withdrawn when the code that called it does not run any more."""

_launcher: list[Launcher] = []


def set_launcher(launcher: Launcher) -> None:
    """Make this the one that starts runs; called by `aether_nb.api` when it is imported."""
    _launcher[:] = [launcher]


def launcher() -> Launcher:
    """The runtime.

    Raises:
        OutsideRun: only `aether_nb.authoring` was imported; `import aether_nb` brings the runtime.
    """
    if not _launcher:
        raise OutsideRun("Nothing here can start runs yet: `import aether_nb` first.")
    return _launcher[0]


_OURS = str(Path(__file__).parent) + os.sep


def user_line() -> int:
    """The line of the user's code that is calling into this package just now; 0 when there is none."""
    frame = sys._getframe(1)
    while frame.f_code.co_filename.startswith(_OURS):
        if frame.f_back is None:
            return 0
        frame = frame.f_back
    return frame.f_lineno
