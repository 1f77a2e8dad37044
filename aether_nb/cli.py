"""The command line: `aether-nb demo | runs | waits | answer | cancel`. Thin; the work is in `runtime.py`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from aether_nb import runtime
from aether_nb.channels.console import ConsoleChannel
from aether_nb.errors import AetherError, ReplyInvalid

app = typer.Typer(help="Agents as graphs: look at runs, answer their questions.", no_args_is_help=True)


@app.command()
def demo() -> None:
    """Ask three questions, write a verse. Press Ctrl-C in the middle, and start it again."""
    from aether_nb.demo import hello_agent  # noqa: PLC0415 - only this command needs it

    runtime.configure(channel=ConsoleChannel())
    try:
        out = hello_agent.run_sync(run_id="demo", if_finished="rerun")
    except KeyboardInterrupt:
        typer.echo("\nStopped; nothing is lost. `python -m aether_nb demo` goes on with the same question.")
        raise typer.Exit(130) from None
    typer.echo(out.verse if out.published else "Not published.")


@app.command()
def runs(status: Annotated[str | None, typer.Option(help="Only runs with this status.")] = None) -> None:
    """List the runs of the store, newest first."""
    typer.echo(repr(runtime.runs(status=status)))


@app.command()
def waits() -> None:
    """List what waits for an answer."""
    typer.echo(repr(runtime.waits()))


@app.command()
def answer(token: str, value: str, by: Annotated[str, typer.Option(help="Who answers.")] = "") -> None:
    """Answer a wait by its token."""
    result = runtime.current().answer(token, value, by=by, door="cli")
    typer.echo(repr(result))
    if not result:
        raise typer.Exit(1)


@app.command()
def cancel(run_id: str) -> None:
    """Cancel a run, wherever it is driven."""
    runtime.current().cancel(run_id)


def main() -> None:
    """The entry point: an error of ours is one line on stderr, exit code 2."""
    try:
        app()
    except ReplyInvalid as invalid:
        typer.echo(f"Not accepted: {invalid}", err=True)
        sys.exit(2)
    except AetherError as error:
        typer.echo(str(error), err=True)
        sys.exit(2)
