"""What all commands share: their common options, the store they work on, and how they speak.

A command says one thing on standard output: words, or with `--json` one JSON document. All else, such as progress
and complaints, goes to standard error. Names, prompts and answers come from anywhere, so whatever is written to a
terminal goes through `say`, `complain` or `words`, after which it commands nothing.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aether_nb import api
from aether_nb.channels.following import harmless
from aether_nb.channels.widget import WidgetChannel
from aether_nb.home import default_store_path

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from aether_nb.engine.ports import Channel
    from aether_nb.runtime import Runtime

YES, NO, WRONG, INTERRUPTED = 0, 1, 2, 130
"""The exit codes. NO: refused, failed, cancelled. WRONG: used wrongly, or there is no such thing."""

_PLAIN_WIDTH = 120  # characters of a line where no terminal says how wide it is

StoreOption = Annotated[
    Path | None,
    typer.Option(
        "--store", metavar="PATH", help="The store; default AETHER_NB_STORE, else .aether/runs.db here."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Say it as JSON, and nothing else.")]


def opened(
    store: Path | None, channel: Channel | None = None, services: Mapping[str, Any] | None = None
) -> Runtime:
    """The runtime on a store that is there: looking makes none.

    Args:
        store: its path; None takes the usual one.
        channel: where questions go; None puts none.
        services: objects for `context.service(name)`.
    """
    path = path_of(store)
    if not path.exists():
        complain(f"There is no store at {path}; go to its folder, or name it by --store or AETHER_NB_STORE.")
        raise typer.Exit(WRONG)
    api.configure(store=path, channel=channel or WidgetChannel(), services=services)
    return api.current()


def path_of(store: Path | None) -> Path:
    """The path of the store that is meant."""
    return Path(store or default_store_path())


def say(text: str) -> None:
    """Write to standard output."""
    typer.echo(harmless(text))


def say_json(value: Any) -> None:
    """Write JSON to standard output; in ASCII, which no terminal takes for a command."""
    typer.echo(json.dumps(value, indent=2))


def complain(text: str) -> None:
    """Write to standard error."""
    typer.echo(harmless(text), err=True)


def moment(at_ms: int | None) -> str | None:
    """A time for JSON: ISO 8601, UTC."""
    return None if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC).isoformat()


def clock(at_ms: int) -> str:
    """A time for people."""
    at = datetime.fromtimestamp(at_ms / 1000).astimezone()
    today = at.date() == datetime.now().astimezone().date()
    return f"{at:%H:%M:%S}" if today else f"{at:%Y-%m-%d %H:%M}"


def console() -> Console:
    """Rich's, for trees and tables on standard output."""
    from rich.console import Console

    wide = sys.stdout.isatty()
    return Console(highlight=False, emoji=False, markup=False, width=None if wide else _PLAIN_WIDTH)


def words(text: str, style: str = "") -> Text:
    """A text for Rich, in which nothing is markup."""
    from rich.text import Text

    return Text(harmless(text), style=style)


@contextlib.contextmanager
def working(what: str) -> Iterator[None]:
    """Show that something goes on, for how long so far, where somebody sees it."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        progress.add_task(harmless(what), total=None)
        yield
