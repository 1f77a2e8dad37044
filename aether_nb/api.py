"""What users call by `ae.`: functions that talk to the runtime of this process.

`import aether_nb` makes none; the first use does, with the defaults that `configure` changes.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, get_args

from aether_nb import pictures
from aether_nb.answering import Answer
from aether_nb.authoring.graphs import OnChange
from aether_nb.calling import Form, set_launcher
from aether_nb.engine.context import NodeContext
from aether_nb.engine.divergence import Reworded
from aether_nb.engine.ports import Channel, Store
from aether_nb.errors import BadInputs
from aether_nb.events import RunStatus, WaitStatus
from aether_nb.home import shown_home
from aether_nb.housekeeping import StoreHandle
from aether_nb.openwaits import OpenWait, wait_table
from aether_nb.run import Run
from aether_nb.runtime import Runtime
from aether_nb.services.detached import DetachedBody
from aether_nb.tables import Column, Table

if TYPE_CHECKING:
    from aether_nb.comparing import Comparison
    from aether_nb.recording import Recording


class _Launcher:
    """What `calling.launcher()` is: the current runtime, made when first needed."""

    def start(self, graph: Any, inputs: Mapping[str, Any], **options: Any) -> Run:
        return current().starting.start(graph, inputs, **options)

    def run_sync(self, graph: Any, inputs: Mapping[str, Any], **options: Any) -> Any:
        return current().run_sync(graph, inputs, **options)

    def detached_context(self, name: str) -> NodeContext:
        runtime = current()
        return NodeContext(DetachedBody(name, runtime.services, runtime.clock))

    def picture(self, graph: Any) -> Mapping[str, Any]:
        from aether_nb.display.static import graph_bundle  # noqa: PLC0415 - imports nothing that runs need

        bundle = graph_bundle(graph.spec, graph.step_types(), graph.signature_text())
        scripted = _current[0].scripted if _current else "AETHER_NB_ANSWERS" in os.environ
        return {"text/plain": bundle["text/plain"]} if scripted else bundle  # text is the same everywhere

    def drawn(self, graph: Any, form: Form) -> str:
        return pictures.of_graph(graph.spec, graph.step_types(), form)


set_launcher(_Launcher())
_current: list[Runtime] = []
_made: list[Callable[[], Runtime]] = [Runtime]  # the last one makes it; a test has one of its own there


def current() -> Runtime:
    """The runtime of this process, made with the defaults when there is none yet."""
    if not _current:
        _current.append(_made[-1]())
    return _current[0]


def configure(
    *,
    store: str | os.PathLike[str] | Store | None = None,
    channel: Channel | None = None,
    max_concurrency: int = 16,
    services: Mapping[str, Any] | None = None,
    callback_url: str | None = None,
    hook: bool | None = None,
) -> None:
    """Set up the runtime of this process; its runs so far are put to sleep and can be resumed.

    Args:
        store: path of the store, or `":memory:"`; default `.aether/runs.db` in the working directory, or
            AETHER_NB_STORE.
        channel: where prompts go, such as `ScriptedChannel({...})`.
        max_concurrency: how many tool bodies compute at once.
        services: objects by name, for `context.service(name)`.
        callback_url: where replies from outside come in, for `http_callback` and `context.wait_url`: the
            token is added to it; default AETHER_NB_CALLBACK_URL, else the hook of the Jupyter server where
            `hook` allows it: as that server calls itself, so say here how the world reaches it.
        hook: True lets the Jupyter server take replies of services for this store, at `aether-nb/hook/<token>` and
            without a login: who knows the token of a wait of kind `callback` may answer it, once. The store keeps
            that until False; it is off in a new one.
    """
    runtime = Runtime(
        store=store, channel=channel, max_concurrency=max_concurrency, services=services, callback_url=callback_url,
        hook=hook,
    )  # fmt: skip
    use(runtime)


def use(runtime: Runtime) -> None:
    """Make this the runtime of this process; the runs of the one before are put to sleep."""
    if _current:
        runtime.listeners = _current[0].listeners
    close()
    _current.append(runtime)


def close() -> None:
    """Put the runs of this process to sleep and let go of the store; the next use opens it again."""
    while _current:
        _current.pop().close()


def _close_at_exit(process: int) -> None:
    if os.getpid() == process:  # a forked child has no part in the files of its parent
        close()


atexit.register(_close_at_exit, os.getpid())


def runs(*, status: str | None = None, graph: str | None = None) -> Table[Run]:
    """The runs of the store, newest first.

    Args:
        status: only those that are running, waiting, succeeded, failed, cancelled or blocked.
        graph: only those of the graph of this name.

    Raises:
        BadInputs: no run can have that status.
    """
    _one_of(status, RunStatus)
    runtime = current()
    rows = {r.run_id: r for r in runtime.store.runs(status=status, graph=graph)}
    columns = [
        Column("run", lambda r: r.run_id), Column("graph", lambda r: rows[r.run_id].graph),
        Column("status", lambda r: rows[r.run_id].status, "status"),
        Column("home", lambda r: shown_home(rows[r.run_id].home, runtime.store.path)),
        Column("started", lambda r: datetime.fromtimestamp(rows[r.run_id].created_ms / 1000, UTC), "time"),
    ]  # fmt: skip
    return Table([Run(runtime, r) for r in rows], columns, "No runs.")


def _one_of(status: str | None, words: Any) -> None:
    if status is not None and status not in get_args(words):
        possible = ", ".join(map(repr, get_args(words)))
        raise BadInputs(f"status={status!r:.100}: it is {possible}, or None for all.")


def store() -> StoreHandle:
    """The store of this process: `path`, `stats()` of what it holds, `gc(...)` to throw old runs away."""
    return StoreHandle(current())


def waits(*, status: str | None = "open") -> Table[OpenWait]:
    """The waits of the store, earliest deadline first; `status=None` gives closed ones too.

    Raises:
        BadInputs: no wait can have that status.
    """
    _one_of(status, WaitStatus)
    return wait_table(current().store.waits(status=status))


def get(run_id: str) -> Run:
    """A run by its id. Raises UnknownRun."""
    return current().get(run_id)


def answer(token: str, value: Any, *, by: str = "") -> Answer:
    """Answer a wait of any run; see `Run.answer`.

    A token that Stage A has told the world of, and whose wait is not open yet, takes the reply too: it is kept.
    """
    return current().answer(token, value, by=by)


def post_event(correlator: str, value: Any = None, *, by: str = "") -> int:
    """Tell every wait of this correlator, in any run of the store, what it waits for; stored when it returns.

    Args:
        correlator: what `wait_for_event` and `Wait(correlator=...)` name.
        value: JSON; a wait whose schema it does not fit goes on waiting.
        by: who says so; the user of this process when empty.

    Returns:
        How many waits it answered. With 0 it is kept for the first that comes.
    """
    return current().post_event(correlator, value, by=by)


def resume(run_id: str, *, on_change: OnChange = "use_new", reworded: Reworded | None = None) -> Run:
    """Go on with an unfinished run here. A finished one is given as it is.

    When the code of a tool or graph has changed, what is done stays done and the rest goes on with the new
    code; `run.changes` shows the diff. Comments and formatting do not count, and helper functions and globals
    are not looked at. A graph function is replayed against its journal: clocks, random numbers, and reads and
    writes of its own are not covered there; use `context.now()`, `context.uuid()`, or a tool.

    Args:
        run_id: the run.
        on_change: what to do when the code has changed: go on with the new code, raise CodeChanged and leave the
            run alone, or leave it alone and go on in a fork, which is returned.
        reworded: decides about the call that blocks the run, because the journal has it in other words, such as
            a corrected prompt: `"reuse"` what is recorded for it (or its open question), drop that and make
            the call `"again"`, or `"new"`: it is another call, made before the recorded one.

    Raises:
        UnknownRun: there is no such run.
        RunHeldElsewhere: another kernel drives it.
        GraphError: its graph is not defined here.
        CodeChanged: it has, and `on_change` is `"error"`.
        RunError: there is nothing to decide about.
    """
    return current().resuming.resume(run_id, on_change=on_change, reworded=reworded)


def compare(a: Run | str, b: Run | str) -> Comparison:
    """Where two runs part, such as a run and its fork: the nodes in which they differ, in the order of their logs.

    Args:
        a: a run, or its id.
        b: another one.

    Returns:
        A table whose `first` is the point where they part; it says how much is the same.

    Raises:
        UnknownRun: there is no such run.
    """
    runtime = current()
    first, second = (runtime.row(run.run_id if isinstance(run, Run) else run) for run in (a, b))
    from aether_nb import comparing  # noqa: PLC0415 - rarely needed

    return comparing.compare(runtime.store, first, second)


def resume_all() -> Table[Run]:
    """Go on with every unfinished run of this notebook whose graph is defined here.

    One that is blocked because the kernel died of it three times is left alone, and the table says so:
    `ae.resume(run_id)` tries it again. So is one whose log cannot be read here.
    """
    columns = [
        Column("run", lambda r: r.run_id), Column("status", lambda r: r.status, "status"),
        Column("note", lambda r: r.note),
    ]  # fmt: skip
    runtime = current()
    resumed, empty = runtime.resuming.resume_all(), "Nothing to go on with here."
    if not resumed and (unknown := runtime.resuming.undefined()):
        empty = f"Nothing to go on with yet: run the cells that define {', '.join(unknown)} first."
    return Table(resumed, columns, empty)


def pause() -> None:
    """Let no tool of this process begin until `unpause()`; those that compute go on to their end.

    Graph functions go on as far as they come without a tool, questions can be asked and answered; what
    follows from an answer waits too. It is a matter of this
    process and its store: not kept, and over with `configure()` or a restart.
    """
    current().pause(True)


def unpause() -> None:
    """Let tools begin again."""
    current().pause(False)


def paused() -> bool:
    """Whether `pause()` is in force."""
    return current().paused


def record(path: str | os.PathLike[str] = "answers.yaml") -> Recording:
    """Write what is answered from now on, so that a script can answer the same: what was done becomes a test.

    `AETHER_NB_ANSWERS=answers.yaml`, or `scripted("answers.yaml")` in a test, gives the answers again. Answers count
    from every door, the cell, the inbox, another process, for runs that this process drives. Not recorded are
    secrets, answers that a script gave, and questions that nobody answered in time; for the first and the last a
    line in the file says so. Of files copies are kept, in `answers_files` beside it.

    Questions with the same text have their answers in the order in which they were asked; of those that are asked at
    the same time (items of a map), that order may be another one next time.

    Args:
        path: of the YAML file. With an earlier recording there, this one goes on with it.

    Returns:
        The recording: `stop()` ends it, and so does the end of a `with` block.

    Raises:
        BadInputs: there is another file, or none can be written.
    """
    from aether_nb.recording import Recording  # noqa: PLC0415 - rarely needed

    return Recording(current(), path)


def inbox() -> Any:
    """Every open prompt: a widget in a notebook, a table elsewhere."""
    runtime = current()
    return waits() if runtime.host is None else runtime.host.inbox()
