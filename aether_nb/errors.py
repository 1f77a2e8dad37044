"""Every exception that aether_nb raises, under one root.

A message has three parts: what happened (with the value), where (run, node), and what to do.
The class docstring is the message when none is given. Families follow the phases of the work:
graph, run, wait, store, channel, display.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class AetherError(Exception):
    """Something in aether_nb went wrong."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())

    def _render_traceback_(self) -> list[str]:
        """What IPython shows: the sentence, and the user's own lines that led to it."""
        from aether_nb.frames import user_frames  # noqa: PLC0415 - only when shown

        where = [f"  {row}" for row in user_frames(self)]
        return [*where, f"{type(self).__name__}: {self}"]


# -- building a graph ----------------------------------------------------------------------------


class GraphError(AetherError):
    """The graph cannot be built as it is written."""


class GraphProblems(GraphError):
    """The graph has problems.

    Attributes:
        problems: one sentence each, all that were found.
    """

    def __init__(self, graph: str, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        if len(self.problems) == 1:
            text = f"{graph}: {self.problems[0]}"
        else:
            rows = "\n".join(f"  {i}. {p}" for i, p in enumerate(self.problems, 1))
            text = f"{graph} has {len(self.problems)} problems:\n{rows}"
        super().__init__(text)


class HandleMisuse(GraphError):
    """A handle stands for a value that does not exist yet; pass it to a tool instead of using it."""


class BadInputs(GraphError):
    """The inputs do not fit the graph or tool."""


# -- running -------------------------------------------------------------------------------------


class RunError(AetherError):
    """The run could not go on."""


class RunFailed(RunError):
    """The run failed."""


class RunCancelled(RunError):
    """The run was cancelled."""


class RunBlocked(RunError):
    """The run is blocked and needs a decision."""


class RunIdTaken(RunError):
    """This run_id already means another graph or other inputs."""


class CodeChanged(RunError):
    """The code has changed since the run was driven last, and it was to go on only with the same code.

    Attributes:
        changes: what changed, as `run.changes` gives it.
    """

    def __init__(self, message: str, changes: Sequence[object] = ()) -> None:
        super().__init__(message)
        self.changes = tuple(changes)


class RunHeldElsewhere(RunError):
    """Another kernel drives this run."""


class RunOver(RunError):
    """The run is over; a task that outlives its run cannot make durable calls."""


class UnknownRun(RunError):
    """There is no such run in this store."""


class UnknownNode(RunError, KeyError):
    """There is no such node in this run."""

    __str__ = Exception.__str__  # a KeyError shows its text in quotes


class NoLoop(RunError):
    """start() needs a running event loop, as a notebook has one; without one use run_sync()."""


class OutsideRun(RunError):
    """This call works only inside a run."""


class ReplayDiverged(RunBlocked):
    """The function did something else than what its journal has recorded."""


class DuplicateKey(RunError):
    """The same key= was used twice in a run."""


class NotAwaited(RunError):
    """A tool was called and never awaited."""


class NodeFailed(RunError):
    """A node failed.

    It is also an instance of the builtin exception class that the tool raised, so
    `except ValueError:` works, live and replayed alike.

    Attributes:
        node: the node's id.
        error_type: the name of the class that was raised, users' own classes included.
        attempt: which attempt failed, counted from 1.
        frames: the user's own frames of the traceback, as text, innermost last.
        inputs: short text of the node's inputs by name.
    """

    def __init__(
        self,
        message: str,
        *,
        node: str = "",
        error_type: str = "",
        attempt: int = 1,
        frames: Sequence[str] = (),
        inputs: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.node = node
        self.error_type = error_type
        self.attempt = attempt
        self.frames = tuple(frames)
        self.inputs = dict(inputs or {})
        for row in self._where():  # what a plain traceback shows below the sentence
            self.add_note(row)

    def _where(self) -> list[str]:
        given = ", ".join(f"{k}={v}" for k, v in self.inputs.items())
        return [*(f"  {row}" for row in self.frames), *([f"  with {given}"] if given else [])]

    def _render_traceback_(self) -> list[str]:
        return [*super()._render_traceback_()[:-1], *self._where(), f"NodeFailed: {self}"]


class NodeCancelled(NodeFailed):
    """A node was cancelled by a person, while its run goes on."""


class ToolTimeout(RunError, TimeoutError):
    """An attempt of a tool took longer than its timeout."""


class BadOutputs(RunError):
    """A tool returned something else than the outputs it declares."""


class UnknownOutput(RunError, KeyError, AttributeError):
    """There is no such output."""

    def __str__(self) -> str:  # KeyError would put the sentence in quotes
        return str(self.args[0])


class NotStorable(RunError):
    """This value cannot be stored; make it JSON, a pydantic model, a dataclass, bytes or a file."""


class NotRestorable(RunError):
    """A stored value needs a class that is not defined here; run the cell that defines it first."""


class SecretGone(NotRestorable):
    """A secret is not in memory any more.

    Attributes:
        node: the node that asked for it.
    """

    def __init__(self, message: str, node: str = "") -> None:
        super().__init__(message)
        self.node = node


class RunSuspended(BaseException):
    """The run is being put to sleep (interrupt or shutdown); it goes on from the log later.

    Control flow, not an error: durable calls in a `finally` block raise it instead of running.
    """


# -- waits and replies ---------------------------------------------------------------------------


class WaitError(AetherError):
    """Something about a wait is wrong."""


class UnknownWait(WaitError):
    """There is no such wait in this store."""


class AmbiguousWait(WaitError):
    """Several waits are open; say which one is meant."""


class ReplyInvalid(WaitError):
    """The reply does not fit the question.

    Attributes:
        problems: what is wrong, by field; the field `""` is the reply as a whole.
    """

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__("; ".join(f"{k}: {v}" if k else v for k, v in self.problems.items()))


class WaitTimeout(WaitError, TimeoutError):
    """Nobody answered in time."""


# -- store ---------------------------------------------------------------------------------------


class StoreError(AetherError):
    """The store could not do this."""


class StoreTooNew(StoreError):
    """The store was written by a newer aether_nb; install that version to open it."""


class LogDamaged(StoreError):
    """What is stored of a run cannot be read; the store's file is damaged."""


class StoreBusy(StoreError):
    """The store is locked by another process."""


class FencedOut(StoreError):
    """Another kernel has taken this run over; its log is not ours to write any more."""


# -- channels and display ------------------------------------------------------------------------


class ChannelError(AetherError):
    """A prompt or message could not be delivered."""


class UnansweredPrompt(ChannelError):
    """The script has no answer for this prompt."""


class DisplayError(AetherError):
    """The picture could not be made."""


# -- testing -------------------------------------------------------------------------------------


class CrashKitError(AetherError):
    """The crash kit was asked for what it cannot do."""


class InvariantBroken(AetherError, AssertionError):
    """A run that was killed did not come back as it should.

    Attributes:
        broken: the promises that were not kept, one sentence each.
    """

    def __init__(self, at: str, broken: Sequence[str]) -> None:
        self.broken = tuple(broken)
        rows = "".join(f"\n  - {sentence}" for sentence in self.broken)
        super().__init__(f"Killed {at}, the run did not come back as it should:{rows}")
