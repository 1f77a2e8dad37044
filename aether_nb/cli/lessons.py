"""`aether-nb lessons`: the lessons in a folder of the user's, again and again, without losing what was done in them.

What was copied is kept in a list beside the files. A file that is still as it was copied is replaced by a newer one;
one that was changed, which running a lesson and saving it does, is the user's and stays.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import defaultdict
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from aether_nb.cli.saying import JsonOption, complain, say, say_json
from aether_nb.errors import BadInputs

LIST = ".aether-lessons.json"
"""What was copied into a folder: sha256 by file."""


def lessons(
    folder: Annotated[Path, typer.Argument(help="Where they go; made if it is not there.")] = Path("lessons"),
    as_json: JsonOption = False,
) -> None:
    """Copy the lessons, their data and their answers into a folder.

    Call it again after an upgrade: what you have changed stays as it is, the rest becomes new.
    """
    done = copy(folder)
    if as_json:
        say_json({"folder": str(folder), **{what: done[what] for what in ("copied", "same", "kept")}})
        return
    for name in done["kept"]:
        complain(f"{folder / name} is left as it is, because it was changed; rename it to get it anew.")
    first = min((file for file in folder.iterdir() if file.suffix == ".ipynb"), default=folder)
    n = len(done["copied"])
    say(f"{n} file{'' if n == 1 else 's'} copied to {folder}. Begin with: jupyter lab {first}")


def copy(folder: Path) -> dict[str, list[str]]:
    """Copy what is new.

    Returns:
        Names of files: `copied`, the `same` as before, and `kept` because somebody changed them.

    Raises:
        BadInputs: the folder cannot be written.
    """
    done: dict[str, list[str]] = defaultdict(list)
    known = _known(folder)
    try:
        for file in _lessons():
            name = file.relative_to(source()).as_posix()
            new, there = file.read_bytes(), _read(folder / name)
            if there == new:
                done["same"].append(name)
            elif os.path.lexists(folder / name) and (there is None or known.get(name) != _digest(there)):
                done["kept"].append(name)
                continue
            else:
                done["copied"].append(name)
                _write(folder / name, new)
            known[name] = _digest(new)
        _write(folder / LIST, json.dumps(known, indent=1).encode())
    except OSError as error:
        raise BadInputs(f"The lessons cannot be copied to {folder}: {error.strerror or error}.") from error
    return done


def source() -> Path:
    """Where the lessons lie: in the installed package, or beside it in a checkout."""
    package = Path(str(files("aether_nb")))
    installed = package / "lessons"
    return installed if installed.is_dir() else package.parent / "notebooks"


def _lessons() -> list[Path]:
    """All files of the lessons; what a run of them leaves in a checkout is not among them."""
    here = source()
    found = sorted(file for file in here.rglob("*") if file.is_file())
    return [f for f in found if not any(p.startswith((".", "__")) for p in f.relative_to(here).parts)]


def _known(folder: Path) -> dict[str, str]:
    try:
        found = json.loads((folder / LIST).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _read(file: Path) -> bytes | None:
    return file.read_bytes() if file.is_file() and not file.is_symlink() else None


def _write(file: Path, data: bytes) -> None:
    """As a whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    fresh.write_bytes(data)
    fresh.replace(file)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
