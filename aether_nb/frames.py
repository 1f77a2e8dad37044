"""The user's own frames of a traceback: what an error shows, without the engine's and the library's."""

from __future__ import annotations

import linecache
import re
import traceback
from pathlib import Path

_PACKAGE = str(Path(__file__).resolve().parent)
_LIBRARY = str(Path(traceback.__file__).resolve().parent)
_MOST = 12
_CELL = re.compile(r"ipykernel_\d+|<ipython-input")


def user_frames(error: BaseException) -> tuple[str, ...]:
    """The user's frames, innermost last, at most twelve: `file:line in function: source`.

    Cells of a notebook are called `cell`, files by their name without the machine's folders.
    """
    rows = []
    for frame, line in traceback.walk_tb(error.__traceback__):
        name = frame.f_code.co_filename
        if name.startswith((_PACKAGE, "<frozen")):
            continue
        if "site-packages" in name or name.startswith(_LIBRARY):
            continue
        source = linecache.getline(name, line, frame.f_globals).strip()
        place = "cell" if _CELL.search(name) else Path(name).name
        function = frame.f_code.co_name
        where = f"{place}:{line}" + ("" if function == "<module>" else f" in {function}")
        rows.append(f"{where}: {source}" if source else where)
    return tuple(rows[-_MOST:])
