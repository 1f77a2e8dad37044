"""`aether-nb cancel`, `gc` and `export`: runs that end, that go, and that are handed on."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from aether_nb import api
from aether_nb.cli.finding import RunArgument
from aether_nb.cli.saying import JsonOption, StoreOption, opened, say, say_json, working
from aether_nb.events import FINAL


def cancel(
    run: RunArgument,
    node: Annotated[str | None, typer.Option(help="Only this node of it, by id or label.")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cancel a run, wherever it is driven, or one node of it."""
    here = opened(store)
    row = here.row(run)
    api.get(row.run_id).cancel(node)
    status = here.row(run).status
    if as_json:
        say_json({"run": run, "status": status})
    elif node is not None:
        say(f"{node} of {run} is cancelled, or will be by who drives it")
    else:
        say(f"{run} is {status}" if status in FINAL else f"{run} will be cancelled by who drives it")


def gc(
    keep_days: Annotated[float | None, typer.Option(help="Finished runs older than this go.")] = None,
    keep_last: Annotated[int | None, typer.Option(help="So many of each graph stay.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Throw old finished runs away, with their files, and what nobody needs any more."""
    opened(store)
    with working("Looking through the store"):
        done = api.store().gc(keep_days, keep_last, dry_run=dry_run)
    if as_json:
        say_json(asdict(done))
    else:
        say(repr(done))


def export(
    run: RunArgument,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="The report; default <run>.html here.")
    ] = None,
    redact: Annotated[bool, typer.Option("--redact", help="Put dots in place of all answers.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write all there is of a run into one HTML file, which needs no network and no kernel."""
    here = opened(store)
    row = here.row(run)
    with working(f"Writing the report of {run}"):
        file = api.get(row.run_id).report(html, redact=redact)
    if as_json:
        say_json({"run": run, "file": str(file)})
    else:
        say(str(file))
