"""The commands by name, and the entry point: what went wrong is one line on stderr and an exit code."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from aether_nb import api
from aether_nb.channels.console import ConsoleChannel
from aether_nb.channels.typed import typed
from aether_nb.cli.doctor import doctor
from aether_nb.cli.lessons import lessons
from aether_nb.cli.saying import (
    INTERRUPTED,
    NO,
    WRONG,
    StoreOption,
    complain,
    opened,
    say,
)
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
from aether_nb.ids import RunId, Token

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
def demo() -> None:
    """Ask three questions, write a verse. Press Ctrl-C in the middle, and start it again."""
    from aether_nb.demo import hello_agent

    api.configure(channel=ConsoleChannel())
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


app.command()(lessons)
app.command()(doctor)


@app.command()
def runs(
    status: Annotated[str | None, typer.Option(help="Only runs with this status.")] = None,
    store: StoreOption = None,
) -> None:
    """List the runs of the store, newest first."""
    opened(store)
    say(api.runs(status=status).text(whole=True))


@app.command()
def waits(store: StoreOption = None) -> None:
    """List what waits for an answer."""
    opened(store)
    say(api.waits().text(whole=True))


@app.command()
def answer(
    token: str,
    value: str,
    by: Annotated[str, typer.Option(help="Who answers.")] = "",
    store: StoreOption = None,
) -> None:
    """Answer a wait by its token; an option also by its number, a form as JSON."""
    here = opened(store)
    row = here.store.wait(Token(token))
    if row is None:
        raise UnknownWait(
            f"There is no wait {token!r} in {here.store.path}; `aether-nb waits` lists the open ones."
        )
    result = here.answer(token, typed(row.prompt, value), by=by, door="cli")
    say(repr(result))
    if not result:
        raise typer.Exit(NO)


@app.command()
def cancel(run_id: str, store: StoreOption = None) -> None:
    """Cancel a run, wherever it is driven."""
    here = opened(store)
    here.cancel(run_id)
    status = here.row(run_id).status
    say(f"{run_id} is {status}" if status in FINAL else f"{run_id} will be cancelled by who drives it")


@app.command()
def gc(
    keep_days: Annotated[float | None, typer.Option(help="Finished runs older than this go.")] = None,
    keep_last: Annotated[int | None, typer.Option(help="So many of each graph stay.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    store: StoreOption = None,
) -> None:
    """Throw old finished runs away, with their files, and what nobody needs any more."""
    opened(store)
    say(repr(api.store().gc(keep_days, keep_last, dry_run=dry_run)))


def main() -> None:
    """The entry point."""
    app()
