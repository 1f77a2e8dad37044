"""The commands by name, and the entry point: what went wrong is one line on stderr and an exit code."""

from __future__ import annotations

import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from aether_nb import api
from aether_nb.channels.console import ConsoleChannel
from aether_nb.cli.asking import answer, waits
from aether_nb.cli.doctor import doctor
from aether_nb.cli.driving import fork, resume, retry
from aether_nb.cli.keeping import cancel, export, gc
from aether_nb.cli.lessons import lessons
from aether_nb.cli.looking import runs, show_run
from aether_nb.cli.saying import (
    INTERRUPTED,
    NO,
    WRONG,
    StoreOption,
    complain,
    say,
)
from aether_nb.cli.watching import watch
from aether_nb.errors import (
    AetherError,
    AmbiguousWait,
    BadInputs,
    GraphError,
    ReplyInvalid,
    StoreError,
    UnknownNode,
    UnknownRun,
    UnknownWait,
)
from aether_nb.events import FINAL
from aether_nb.ids import RunId

_WRONG = (AmbiguousWait, BadInputs, GraphError, StoreError, UnknownNode, UnknownRun, UnknownWait)


class Commands(TyperGroup):
    """Says what went wrong in one line."""

    def invoke(self, ctx: Any) -> Any:
        """Carry a command out."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:  # who read it has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(NO) from None
        except AetherError as error:
            refused = "Not accepted: " if isinstance(error, ReplyInvalid) else ""
            complain(f"{refused}{error}")
            raise typer.Exit(WRONG if isinstance(error, _WRONG) else NO) from None


app = typer.Typer(
    name="aether-nb",
    cls=Commands,
    help="Agents as graphs: look at their runs, answer what they ask, drive them.",
    epilog="Exit codes: 0 good; 1 no, such as a refused answer or a failed run; 2 wrong usage, or no such run, "
    "question or store; 130 Ctrl-C.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.command()
def demo(store: StoreOption = None) -> None:
    """Ask three questions, write a verse. Press Ctrl-C in the middle, and start it again."""
    from aether_nb.demo import hello_agent

    api.configure(store=store, channel=ConsoleChannel())
    here = api.current()
    here.home = "module:aether_nb.demo"  # however it was started
    before = here.store.run(RunId("demo"))
    if before is not None and before.status not in FINAL:
        typer.echo("Going on where it was.")
    try:
        out = hello_agent.run_sync(run_id="demo", if_finished="rerun")
    except KeyboardInterrupt:
        typer.echo("\nStopped; nothing is lost. Start the demo again and it goes on with the same question.")
        raise typer.Exit(INTERRUPTED) from None
    say(f"Published: {out.verse}" if out.published else "Not published.")


app.command()(runs)
app.command()(waits)
app.command("show")(show_run)
for command in (answer, watch, resume, cancel, retry, fork, gc, export, lessons, doctor):
    app.command()(command)


def main() -> None:
    """The entry point."""
    app(prog_name="aether-nb")  # also as `python -m aether_nb`
