"""Where this process stands: its home (notebook or module), and the host around it, if there is one."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from aether_nb.engine.ports import Channel, Observer, WaitRow
from aether_nb.graph.model import GraphSpec
from aether_nb.values import Outputs, show

if TYPE_CHECKING:
    from aether_nb.engine.driver import Driver
    from aether_nb.run import Run
    from aether_nb.runtime import Runtime


class Host(Protocol):
    """What surrounds the process and can show things: a Jupyter kernel."""

    def cell(self) -> str:
        """The id of the cell that is being executed; empty when there is none."""

    def execution(self) -> str:
        """Names this one execution of that cell; empty when there is none."""

    def channel(self) -> Channel:
        """The channel that fits here."""

    def hook_url(self) -> str:
        """Where services report back to this kernel's server, without the token; empty when it is not known."""

    def follow(self, run: Run, spec: GraphSpec) -> Sequence[Observer]:
        """Show a run in the cell that is being executed, if there is room; what comes back draws its events."""

    def shown(self, run_id: str) -> Sequence[Observer]:
        """What shows this run already."""

    def take_back(self, run_id: str) -> Sequence[Observer]:
        """What shows this run already, emptied, to show it from its beginning again."""

    def redraw(self, run: Run) -> None:
        """A run is a cell's last value: draw it there, unless this very cell shows it already."""

    def answered(self, row: WaitRow) -> None:
        """A reply was accepted, by whatever door: what shows that question may say so at once."""

    def tell(self, run: Run) -> None:
        """Say in plain text how a run went, once: the same text every time, for comparison in CI."""

    async def result(self, run: Run, driver: Driver) -> Outputs:
        """Wait for the end of a run that this process drives, in a cell."""

    def run_sync(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Carry a coroutine out on the kernel's own loop, from synchronous code."""

    def inbox(self) -> None:
        """Show one widget with every open prompt."""


def find_host(runtime: Runtime) -> Host | None:
    """The kernel around this process. Loads `aether_nb.jupyter` only inside one; nothing else does."""
    if "ipykernel" not in sys.modules or "IPython" not in sys.modules:
        return None
    host: Host | None = importlib.import_module("aether_nb.jupyter.host").find(runtime)
    return host


def default_store_path() -> str:
    """`.aether/runs.db` in the working directory; the variable AETHER_NB_STORE says otherwise."""
    return os.environ.get("AETHER_NB_STORE") or str(Path.cwd() / ".aether" / "runs.db")


def home_of(store_path: str) -> str:
    """The notebook (by JPY_SESSION_NAME) or script that this process runs, relative to its store where it can be.

    Relative, so that a project folder may be moved.
    """
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    notebook = os.environ.get("JPY_SESSION_NAME")
    path = notebook or getattr(main, "__file__", None)
    if not notebook and spec is not None and spec.name:
        return f"module:{spec.name}"
    if not path:
        return "python"
    if notebook and not Path(notebook).is_absolute():
        # Some say it from the server's root; a kernel begins beside it.
        path = str(Path.cwd() / Path(notebook).name)
    if Path(path).is_absolute() and Path(store_path).is_absolute():
        try:
            return os.path.relpath(path, Path(store_path).parent)
        except ValueError:  # another drive
            return path
    return path


def shown_home(home: str, store_path: str) -> str:
    """A home as a person standing here would name it: its path from the working directory, else its whole path."""
    if home == "python" or home.startswith("module:"):
        return home
    path = Path(os.path.normpath(Path(store_path).parent / home))
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def differing(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    """Two sets of inputs side by side, for a message."""

    def brief(given: Mapping[str, Any], name: str) -> str:
        return show(repr(given[name]), 60) if name in given else "nothing"

    names = [n for n in {**theirs, **mine} if brief(mine, n) != brief(theirs, n) or mine[n] != theirs[n]]
    said = [f"{n}: {brief(theirs, n)} then, {brief(mine, n)} now" for n in names]
    return ", ".join(said) or "nothing differs"
