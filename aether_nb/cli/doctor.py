"""`aether-nb doctor`: the same as `%aether doctor`, seen from a terminal."""

from __future__ import annotations

import typer

from aether_nb.cli.saying import NO, JsonOption, StoreOption, opened, path_of, say, say_json


def doctor(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Say what works here, and what to do about the rest; in a notebook: %aether doctor.

    Exit code 1 when something does not work.
    """
    from aether_nb.jupyter.doctor import examine

    path = path_of(store)
    found = examine(str(path.absolute()), opened(path) if path.exists() else None)
    if as_json:
        checks = [
            {"check": f.name, "state": f.state, "found": f.said, "remedy": f.remedy} for f in found.findings
        ]
        say_json({"good": found.good, "checks": checks})
    else:
        say(repr(found))
    if not found.good:
        raise typer.Exit(NO)
