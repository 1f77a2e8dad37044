"""The command line: `aether-nb demo | runs | waits | answer | cancel | gc`. Thin; the work is in `runtime.py`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from aether_nb import api
from aether_nb.channels.console import ConsoleChannel
from aether_nb.channels.typed import typed
from aether_nb.errors import AetherError, ReplyInvalid, UnknownWait
from aether_nb.events import FINAL
from aether_nb.home import default_store_path
from aether_nb.ids import RunId, Token
from aether_nb.runtime import Runtime

app = typer.Typer(
    help="Agents as graphs: look at runs, answer their questions.",
    no_args_is_help=True,
    add_completion=False,
)


@app.command()
def demo() -> None:
    """Ask three questions, write a verse. Press Ctrl-C in the middle, and start it again."""
    from aether_nb.demo import hello_agent  # noqa: PLC0415 - only this command needs it

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
        raise typer.Exit(130) from None
    typer.echo(f"Published: {out.verse}" if out.published else "Not published.")


@app.command()
def runs(status: Annotated[str | None, typer.Option(help="Only runs with this status.")] = None) -> None:
    """List the runs of the store, newest first."""
    _store()
    typer.echo(api.runs(status=status).text(whole=True))


@app.command()
def waits() -> None:
    """List what waits for an answer."""
    _store()
    typer.echo(api.waits().text(whole=True))


@app.command()
def answer(token: str, value: str, by: Annotated[str, typer.Option(help="Who answers.")] = "") -> None:
    """Answer a wait by its token; an option also by its number, a form as JSON."""
    here = _store()
    row = here.store.wait(Token(token))
    if row is None:
        raise UnknownWait(
            f"There is no wait {token!r} in {here.store.path}; `aether-nb waits` lists the open ones."
        )
    result = here.answer(token, typed(row.prompt, value), by=by, door="cli")
    typer.echo(repr(result))
    if not result:
        raise typer.Exit(1)


@app.command()
def cancel(run_id: str) -> None:
    """Cancel a run, wherever it is driven."""
    here = _store()
    here.cancel(run_id)
    status = here.row(run_id).status
    typer.echo(f"{run_id} is {status}" if status in FINAL else f"{run_id} will be cancelled by who drives it")


@app.command()
def gc(
    keep_days: Annotated[float | None, typer.Option(help="Finished runs older than this go.")] = None,
    keep_last: Annotated[int | None, typer.Option(help="So many of each graph stay.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
) -> None:
    """Throw old finished runs away, with their files, and what nobody needs any more."""
    _store()
    typer.echo(repr(api.store().gc(keep_days, keep_last, dry_run=dry_run)))


def main() -> None:
    """The entry point: an error of ours is one line on stderr, exit code 2."""
    try:
        app()
    except AetherError as error:
        refused = "Not accepted: " if isinstance(error, ReplyInvalid) else ""
        typer.echo(f"{refused}{error}", err=True)
        sys.exit(2)


def _store() -> Runtime:
    """The runtime on a store that is there: looking makes none."""
    path = Path(default_store_path())
    if not path.exists():
        typer.echo(f"There is no store at {path}; go to its folder, or name it by AETHER_NB_STORE.", err=True)
        raise typer.Exit(2)
    api.configure(channel=ConsoleChannel())
    return api.current()
