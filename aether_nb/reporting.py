"""`run.report(...)`: what is in the store of one run, gathered into one file. Reads only; runs nothing of anybody's.

What the file is made of is `display/report.py`'s business, what stays out of it `redacting.py`'s.
"""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aether_nb import edits, history, pictures
from aether_nb.calling import GRAPHS
from aether_nb.closeup import Closeup
from aether_nb.display.built import built
from aether_nb.display.dot import to_dot
from aether_nb.display.folding import Toggled, fold, folded, toggled
from aether_nb.display.render import svg
from aether_nb.display.report import CodeShape, Files, GroupShape, ReportShape, is_report, page, replay
from aether_nb.display.shapes import DetailShape, LineShape, RunShape
from aether_nb.display.static import twin
from aether_nb.display.words import value_text
from aether_nb.engine.codes import find_code
from aether_nb.engine.ports import WaitRow
from aether_nb.errors import BadInputs, DisplayError
from aether_nb.events import FINAL, AnyEvent, NodeStarted, ReplyTaken, RunResumed, RunStarted, WaitOpened
from aether_nb.openwaits import OpenWait
from aether_nb.prompts import reply_schema
from aether_nb.redacting import Redact, chosen, redacted

if TYPE_CHECKING:
    from aether_nb.ids import RunId
    from aether_nb.runtime import Runtime

_INPUT_CHARS = 2_000
_ITEMS = 300
"""So many items of maps are listed, and may be seen in the picture; larger maps are counted."""
_PICTURES = 40
_DRAWN = 4_000
"""So many pictures with a group open or folded, and so many nodes in all of them: a second or two."""


def write(runtime: Runtime, run_id: RunId, path: str | os.PathLike[str] | None, redact: Redact) -> Path:
    """Write the report of a run; see `Run.report`."""
    target = _target(path, run_id, runtime.row(run_id).graph)
    log = runtime.store.events(run_id)
    hidden = chosen(_asked(log, runtime.store.waits(status=None, runs=[run_id])), redact) | _secrets(log)
    html = _page(runtime, run_id, redacted(log, hidden), _answered(log, hidden))
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        fresh.write_bytes(html.encode("utf-8", "replace"))
        fresh.replace(target)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise DisplayError(
            f"The report could not be written to {target}: {error.strerror or error}."
        ) from error
    return target


def _target(path: str | os.PathLike[str] | None, run_id: str, graph: str) -> Path:
    """Where the report goes: only to a new file, or in place of an earlier report of the same graph.

    A notebook that is run again has a new run in its cell, and its report takes the place of the one before.
    """
    try:
        target = (
            Path(re.sub(r"[^\w.~-]+", "-", run_id).strip(".-") or "run").with_suffix(".html")
            if path is None
            else Path(path)
        )
    except TypeError:
        raise BadInputs(
            f"path={path!r:.200} is no path; give the name of a file such as 'run.html'."
        ) from None
    target = target.expanduser().absolute()
    if target.is_dir():
        raise BadInputs(
            f"{target} is a folder; give the name of a file in it, such as {str(target / 'run.html')!r}."
        )
    if not target.parent.is_dir():
        raise BadInputs(f"The folder {target.parent} is not there; make it first, or give another path.")
    if target.exists():
        with target.open("rb") as file:
            if not is_report(file.read(4096), graph):
                raise BadInputs(
                    f"{target} is there already and is no report of a run of {graph!r}: give another name, or delete "
                    "it. Nothing was written."
                )
    return target


def _asked(log: Sequence[AnyEvent], rows: Sequence[WaitRow]) -> list[OpenWait]:
    """The questions of a run: those in `run.waits`, and those of the past that a fork shares, which has no rows."""
    known = {row.token: row for row in rows}
    replies = {e.token: e.reply for e in log if isinstance(e, ReplyTaken)}
    for e in log:
        if isinstance(e, WaitOpened) and e.token not in known:
            reply = replies.get(e.token)
            known[e.token] = WaitRow(
                token=e.token, run_id=e.run, node_id=e.node, kind=e.kind, prompt=e.prompt,
                schema=reply_schema(e.prompt), deadline_ms=e.deadline_ms,
                status="withdrawn" if reply is None else "answered", reply=reply,
            )  # fmt: skip
    return [OpenWait.of(row) for row in known.values()]


def _secrets(log: Sequence[AnyEvent]) -> set[Any]:
    """Questions whose answers nobody ever sees."""
    return {e.token for e in log if isinstance(e, WaitOpened) and getattr(e.prompt, "secret", False)}


def _answered(log: Sequence[AnyEvent], tokens: set[Any]) -> int:
    return len({e.token for e in log if isinstance(e, ReplyTaken) and e.token in tokens})


def _page(runtime: Runtime, run_id: RunId, log: Sequence[AnyEvent], hidden: int) -> str:
    store, artifacts = runtime.store, runtime.services.artifacts
    maps = _listed(log)
    view = pictures.view(store, artifacts, run_id, (), listed=maps)
    begin, steps = replay(view, log)
    last = view.peek()
    wishes = dict.fromkeys(maps, False)
    dot = to_dot(last, folded=folded(last["nodes"], wishes))
    picture = svg(dot) if last["nodes"] else ""
    groups = {
        one.group: (one.open, _drawn(to_dot(last, folded=one.folded))) for one in _toggled(last, wishes)
    }
    now_us = runtime.clock.now_us()
    closeup = Closeup(_Log(log, store), run_id)  # type: ignore[arg-type]  # all of a store that it reads
    state = history.fold(store, runtime.row(run_id), log)
    details: dict[str, DetailShape] = {}
    for node in last["nodes"]:
        if node["id"] in state.nodes:
            # what a node wrote to its logger may well repeat an answer
            lines = [] if hidden else runtime.services.logbook.read(run_id, node["id"])
            written = [LineShape(at_ms=line.at_ms, level=line.level, text=line.text) for line in lines]
            detail = closeup.detail(node["id"], state, written, now_us=now_us, in_line=None)
            details[node["id"]] = {**detail, "source": ""}
    shape = ReportShape(
        run=begin,
        steps=steps,
        svg=picture or "",
        dot="" if picture is not None else dot,
        groups={group: open_ for group, (open_, _) in groups.items()},
        inputs=_inputs(log),
        details=details,
        timeline=closeup.timeline(0, now_us=now_us),
        code=_code(runtime, log),
        facts=_facts(runtime, run_id),
        written_ms=now_us // 1000,
        hidden=hidden,
    )
    files = Files(built("report.js"), built("report.css"), "" if picture is not None else built("viz.js"))
    drawn = {group: picture for group, (_, picture) in groups.items()}
    return page(shape, drawn, files, twin(last, picture or None)["text/html"])


def _listed(log: Sequence[AnyEvent]) -> list[str]:
    """The maps whose items are shown, those first that began first."""
    found: dict[str, None] = {}
    room = _ITEMS
    for event in log:
        if isinstance(event, NodeStarted) and event.items is not None and event.node not in found:
            if len(event.items) > room:
                continue
            found[event.node] = None
            room -= len(event.items)
    return list(found)


def _toggled(last: RunShape, wishes: Mapping[str, bool]) -> Iterator[Toggled]:
    """The groups that get a picture."""
    room = _DRAWN
    for one in toggled(last["nodes"], wishes)[:_PICTURES]:
        room -= len(fold(last, one.folded)["nodes"])
        if room < 0:
            return
        yield one


def _drawn(dot: str) -> GroupShape:
    picture = svg(dot)
    return GroupShape(svg=picture or "", dot="" if picture is not None else dot)


class _Log:
    """As much of a store as a close look reads, with the log as it is to be shown."""

    def __init__(self, log: Sequence[AnyEvent], store: Any) -> None:
        self._log = log
        self.spec = store.spec

    def events(self, run_id: str, after: int = 0) -> list[AnyEvent]:  # noqa: ARG002 - there is only one here
        """The events after that one."""
        return list(self._log[after:])


def _inputs(log: Sequence[AnyEvent]) -> list[tuple[str, str]]:
    first = log[0]
    given: Mapping[str, Any] = first.inputs if isinstance(first, RunStarted) else {}
    return [(name, value_text(value, _INPUT_CHARS)) for name, value in given.items()]


def _code(runtime: Runtime, log: Sequence[AnyEvent]) -> list[CodeShape]:
    """The code that the run was last driven with, and how far what is defined here now differs from it."""
    keys = [e.code for e in log if isinstance(e, (RunStarted, RunResumed)) and e.code]
    code = find_code(runtime.store, keys[-1]) if keys else None
    first = log[0]
    graph = GRAPHS.get(first.graph) if isinstance(first, RunStarted) else None
    changes = () if graph is None else edits.since(runtime.store, log, graph)
    diffs = {change.name: change.diff for change in changes if not change.gone}
    pieces = {} if code is None else code.pieces
    return [
        CodeShape(name=name, source=piece.source, diff=diffs.get(name, ""))
        for name, piece in pieces.items()
        if piece.source or name in diffs
    ]


def _facts(runtime: Runtime, run_id: RunId) -> list[tuple[str, str]]:
    """About the report itself."""
    row = runtime.row(run_id)
    home = row.home if row.home == "python" or row.home.startswith("module:") else Path(row.home).name
    return [
        ("Defined in", home),
        (
            "aether_nb",
            str(getattr(sys.modules["aether_nb"], "__version__", "")),
        ),  # of the package around this module
        ("Python", platform.python_version()),
        ("Platform", f"{platform.system()} {platform.machine()}"),
        *([] if row.status in FINAL else [("Not over", "this is how it stood when the report was written")]),
    ]
