"""Taking files out of the folders beside a store, while others may put the same bytes in.

Called by `housekeeping.py`, which knows what is still named. People may keep files of their own in these folders:
only what has a name of ours is touched. The trap: a process that finds its bytes there
already does not write them again, so a file must not vanish between its look and the event that names it.
Hence whoever finds a file makes it young (`Artifacts`), a young file is left alone, and one that is taken out is
set aside first and looked at again.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from aether_nb.ids import is_uid
from aether_nb.services.artifacts import Artifacts

YOUNG_S = 86_400.0
"""For so long an upload may wait for the reply, and a value for the event, that names it: a day."""

_SHA = re.compile(r"[0-9a-f]{64}\Z")
_UPLOAD = re.compile(r"[0-9a-f]{16}\Z")


class Kept(NamedTuple):
    """A file of the folder."""

    sha: str
    size: int
    young: bool


def kept(artifacts: Artifacts) -> Iterator[Kept]:
    """All artifacts that there are."""
    for folder in _entries(artifacts.root):
        if len(folder.name) != 2:
            continue
        for file in _entries(Path(folder.path)):
            with contextlib.suppress(FileNotFoundError):
                found = file.stat()
                if _SHA.match(file.name):
                    yield Kept(file.name, found.st_size, _young(found))


def drop(artifacts: Artifacts, sha: str) -> int | None:
    """Delete an artifact, unless somebody made it young meanwhile, or has it open where that forbids it.

    Returns:
        The bytes that were freed, None when it stays.
    """
    path = Path(artifacts.path(sha))
    aside = artifacts.root / "tmp" / sha
    with contextlib.suppress(OSError):
        if _young(path.stat()):
            return None
        aside.parent.mkdir(mode=0o700, exist_ok=True)
        path.rename(aside)
        found = aside.stat()
        if _young(found):
            aside.replace(path)
            return None
        aside.unlink()
        return found.st_size
    return None


def tidy(artifacts: Artifacts) -> None:
    """Put back what a crash left aside, and delete old uploads that nobody finished."""
    for entry in _entries(artifacts.root / "tmp"):
        file = Path(entry.path)
        with contextlib.suppress(OSError):
            if _SHA.match(file.name):
                file.replace(artifacts.path(file.name))
            elif _UPLOAD.match(file.name) and not _young(file.stat()):
                file.unlink()


def jobs(work_dir: Path) -> list[Path]:
    """The folders that programs left, each named by the token of its wait."""
    return [
        Path(entry.path)
        for entry in _entries(work_dir)
        if is_uid(entry.name) and Path(entry.path, "job.json").is_file()
    ]


def text(artifacts: Artifacts, sha: str) -> str:
    """What an artifact says, if it is there, damaged or not: to see what it names."""
    try:
        return Path(artifacts.path(sha)).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def _young(found: os.stat_result) -> bool:
    return found.st_mtime > time.time() - YOUNG_S


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []
