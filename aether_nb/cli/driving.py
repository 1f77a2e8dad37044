"""`aether-nb resume`, `retry` and `fork`: a run goes on in this process, with the code that a file brings.

It is driven until it is over, or until only somebody else can bring it on: a person, where none sits here, or a
service. Then it sleeps in the store as it does when a kernel ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from aether_nb import api, history
from aether_nb.calling import MISSING
from aether_nb.channels.console import ConsoleChannel
from aether_nb.channels.scripted import ScriptedChannel
from aether_nb.channels.typed import typed
from aether_nb.cli.finding import RunArgument, short
from aether_nb.cli.looking import outputs
from aether_nb.cli.saying import (
    INTERRUPTED,
    NO,
    JsonOption,
    StoreOption,
    complain,
    opened,
    say,
    say_json,
    working,
)
from aether_nb.engine.ports import Channel, RunRow
from aether_nb.errors import BadInputs
from aether_nb.events import FINAL
from aether_nb.frames import user_frames
from aether_nb.ids import RunId
from aether_nb.prompts import CallbackPrompt, headline
from aether_nb.run import Run
from aether_nb.runtime import Runtime
from aether_nb.values import show

_LOOK_S = 0.05  # how often it is looked whether the run still does something

_Module = typer.Option("--module", "-m", metavar="FILE", help="The file, or module, that defines the graph.")
ModuleOption = Annotated[str, _Module]


def resume(
    run: RunArgument,
    module: ModuleOption,
    on_change: Annotated[
        str, typer.Option(metavar="use_new|error|fork", help="What to do when its code has changed.")
    ] = "use_new",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Go on with a run in this process, until it is over or only waits.

    In a terminal its questions are asked here. Ctrl-C stops the driving; the run goes on with the next resume.
    """
    here = _Here(run, module, store, as_json=as_json)
    here.drive(lambda: here.runtime.resuming.resume(run, on_change=on_change))


def retry(
    run: RunArgument,
    node: Annotated[
        str | None, typer.Argument(metavar="NODE", help="Default: what the run failed of.")
    ] = None,
    module: Annotated[str | None, _Module] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try a failed node again, and go on from there; what succeeded without it is kept.

    The kernel that drove the run does it, if it lives; else this process, with --module.
    """
    if module is not None:
        here = _Here(run, module, store, as_json=as_json)
        which = node or _failed(here.runtime, here.row)
        here.drive(lambda: api.get(run).retry(which))
        return
    runtime = opened(store)
    row = runtime.row(run)
    which = node or _failed(runtime, row)
    if not runtime.alive(row):
        raise BadInputs(
            f"No kernel has run {run!r} any more: give the file that defines {row.graph!r} by --module."
        )
    runtime.ask_for_retry(row.run_id, which)
    if as_json:
        say_json({"run": run, "node": which, "asked": True})
    else:
        say(f"The kernel that drives {run} was asked to try {which} again")


def _failed(here: Runtime, row: RunRow) -> str:
    """The node that a run failed of."""
    node = history.failed_node(here.store, row, history.fold(here.store, row))
    if node is None:
        raise BadInputs(f"No node of run {row.run_id!r} ({row.status}) failed: say which, by id or label.")
    return node.id


def fork(
    run: RunArgument,
    module: ModuleOption,
    at: Annotated[
        str | None, typer.Option(metavar="NODE", help="Share the past up to this node or question.")
    ] = None,
    answer: Annotated[
        str | None, typer.Option(help="The answer to the question there, in the new run.")
    ] = None,
    run_id: Annotated[str | None, typer.Option("--run-id", help="The id of the new run.")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a new run that shares a part of another one's past, and drive it here as resume does."""
    here = _Here(run, module, store, as_json=as_json)
    given = MISSING if answer is None else _typed(here.runtime, here.row, at, answer)
    here.drive(lambda: api.get(run).fork(at, answer=given, run_id=run_id))


def _typed(here: Runtime, row: RunRow, at: str | None, answer: str) -> Any:
    waits = here.store.waits(status=None, runs=[row.run_id])
    prompts = [w.prompt for w in waits if at in {w.node_id, w.prompt.prompt, headline(w.prompt.prompt)}]
    return typed(prompts[-1], answer) if prompts else answer


# -- the code ------------------------------------------------------------------------------------


def load(module: str) -> None:
    """Have what a file or a module defines in this process; it is imported, not run as a program.

    Raises:
        BadInputs: it is not there, or fails.
    """
    file = Path(module)
    is_file = file.suffix in {".py", ".ipynb"} or os.sep in module
    if is_file and not file.is_file():
        raise BadInputs(f"--module {module}: there is no such file.")
    if is_file and file.suffix != ".py":
        raise BadInputs(f"--module {module}: give a .py file that defines the graph.")
    try:
        if is_file:
            _load_file(file)
        else:
            sys.path.insert(0, os.getcwd())  # noqa: PTH109 - as `python -m` has it
            importlib.import_module(module)
    except Exception as error:
        where = "".join(f"\n  {frame}" for frame in user_frames(error)[-3:])
        raise BadInputs(
            f"--module {module} cannot be loaded: {type(error).__name__}: {error}{where}"
        ) from error


def _load_file(file: Path) -> None:
    sys.path.insert(0, str(file.absolute().parent))
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None and spec.loader is not None  # noqa: PT018 - so it is for .py
    sys.modules[file.stem] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


def _name_as_in(row: RunRow, folder: Path, file: Path) -> None:
    """Call a file's classes as a run does that was begun by running this very file: there they are `__main__`'s.

    Args:
        row: the run.
        folder: of its store; its home is told from there.
        file: what was loaded.
    """
    module, program = sys.modules.get(file.stem), folder / row.home
    if module is None or not program.is_file() or not file.is_file() or not file.samefile(program):
        return
    for name, value in vars(module).items():
        if isinstance(value, type) and value.__module__ == module.__name__:
            value.__module__ = "__main__"
            setattr(sys.modules["__main__"], name, value)


# -- the driving ---------------------------------------------------------------------------------


class _Here:
    """This process as the driver of a run.

    Args:
        run: its id.
        module: defines its graph; loaded only when there is such a run.
        store: has the run.
        as_json: nothing but JSON goes to standard output, so that no question is asked there.
    """

    def __init__(self, run: str, module: str, store: Path | None, *, as_json: bool) -> None:
        self._module, self._json = module, as_json
        self._asks = not as_json and sys.stdin.isatty()
        opened(store).row(run)
        with self._at_work():
            load(module)
        channel: Channel | None = ConsoleChannel() if self._asks else None
        if answers := os.environ.get("AETHER_NB_ANSWERS"):
            channel, self._asks = ScriptedChannel.from_file(answers), True
        services = api.current().services.named  # that the file configured
        self.runtime = opened(store, channel, services)
        self.row = self.runtime.row(run)
        self._run: RunId | None = None
        _name_as_in(self.row, Path(self.runtime.store.path).parent, Path(module))

    def drive(self, begin: Callable[[], Run]) -> None:
        """Drive a run as far as it comes, and say how far that is.

        Args:
            begin: makes this process its driver.
        """
        try:
            with self._at_work():
                asyncio.run(self.runtime._alone(self._as_far_as_it_comes(begin)))
        except KeyboardInterrupt:
            if self._run is not None:
                complain(
                    f"\nStopped; nothing is lost: aether-nb resume {self._run} --module {self._module} goes on with it."
                )
            raise typer.Exit(INTERRUPTED) from None
        assert self._run is not None
        if not _told(self.runtime, self.runtime.row(self._run), as_json=self._json):
            raise typer.Exit(NO)

    @contextlib.contextmanager
    def _at_work(self) -> Iterator[None]:
        """While the user's code runs: what that prints is no JSON, and somebody may wait for it."""
        with contextlib.ExitStack() as stack:
            if self._json:
                stack.enter_context(contextlib.redirect_stdout(sys.stderr))
            if not self._asks:
                stack.enter_context(working("Driving"))
            yield

    async def _as_far_as_it_comes(self, begin: Callable[[], Run]) -> None:
        run = begin()
        self._run = run.run_id
        if run.note:
            complain(f"{run.run_id}: {run.note}")
        while run.status not in FINAL | {"blocked"} and not self._is_for_others(run.run_id):
            if (lost := self.runtime.lost(run.run_id)) is not None:
                raise lost
            await asyncio.sleep(_LOOK_S)
        if run.status in FINAL and self.runtime.driver(run.run_id) is not None:
            with contextlib.suppress(Exception):  # told below, from the log
                await run

    def _is_for_others(self, run_id: RunId) -> bool:
        """Whether the run only waits, and for nothing that comes about here."""
        engine = self.runtime.engine()
        driver = self.runtime.driver(run_id)
        if not engine.dormant.only_waits(run_id) or driver is None or driver.pauses.pending:
            return False
        return not any(
            (wait.opened.poll is not None or wait.opened.deadline_ms is not None)
            if isinstance(wait.opened.prompt, CallbackPrompt)
            else self._asks
            for wait in driver.state.waits.values()
            if wait.status == "open"
        )


def _told(here: Runtime, row: RunRow, *, as_json: bool) -> bool:
    """Say how a run stands; whether that is good."""
    good = row.status not in {"failed", "cancelled", "blocked"}
    error = None if good else here.get(row.run_id).error
    waits = here.store.waits(runs=[row.run_id]) if row.status not in FINAL else []
    gave = outputs(here, row)
    if as_json:
        asked = [{"token": w.token, "kind": w.kind, "prompt": w.prompt.prompt} for w in waits]
        say_json(
            {"run": row.run_id, "graph": row.graph, "status": row.status, "outputs": gave,
             "error": None if error is None else str(error), "waits": asked}
        )  # fmt: skip
        return good
    if error is not None:
        complain("\n".join([f"{row.run_id} {row.status}: {error}", *getattr(error, "__notes__", ())]))
        return False
    say(
        f"{row.run_id} {row.status}"
        if row.status in FINAL
        else f"{row.run_id} waits, and goes on when it is resumed:"
    )
    for wait in waits:
        say(f"? {show(headline(wait.prompt.prompt), 100)}  aether-nb answer {short(here, wait.token)}")
    for name, value in (gave or {}).items():
        say(f"{name} = {show(value, 400)}")
    return good
