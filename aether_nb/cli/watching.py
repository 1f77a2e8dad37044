"""`aether-nb watch`: a run as it goes on, wherever it is driven. It reads the store, and touches nothing.

On a terminal the picture is drawn over itself; into a pipe there is a line for each thing that happens, with `--json`
a JSON object.
"""

from __future__ import annotations

import contextlib
import json
import signal
import sys
from collections.abc import Iterator
from threading import Event
from typing import TYPE_CHECKING, Any

import typer

from aether_nb import pictures
from aether_nb.cli.finding import RunArgument
from aether_nb.cli.looking import asked_line, header, outcome_lines, seen, tree
from aether_nb.cli.saying import (
    INTERRUPTED,
    NO,
    JsonOption,
    StoreOption,
    complain,
    console,
    moment,
    opened,
    say,
    words,
)
from aether_nb.display.looks import LOOKS, signed
from aether_nb.events import FINAL, AnyEvent
from aether_nb.ids import RunId
from aether_nb.runtime import Runtime
from aether_nb.values import show

if TYPE_CHECKING:
    from rich.console import RenderableType

    from aether_nb.display.shapes import RunShape
    from aether_nb.display.view import RunView

_LOOK_S = 0.2  # how often the store is asked whether it has changed
_OVER = FINAL | {"blocked"}
_SAID = 5  # messages in the picture


def watch(run: RunArgument, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Watch a run live until it is over; Ctrl-C leaves it alone.

    A question shows the command that answers it, for another terminal. Exit code 0 when the run succeeded.
    """
    here = opened(store)
    show_it = _as_json if as_json else _drawn if sys.stdout.isatty() else _told
    try:
        with _ctrl_c() as pressed:
            watched = _Watched(here, here.row(run).run_id, pressed)
            show_it(watched)
    except KeyboardInterrupt:
        complain(f"{run} is left alone" + ("." if watched.shape()["status"] in _OVER else ", and goes on."))
        raise typer.Exit(INTERRUPTED) from None
    if watched.shape()["status"] != "succeeded":
        raise typer.Exit(NO)


@contextlib.contextmanager
def _ctrl_c() -> Iterator[Event]:
    """Ctrl-C sets this, and interrupts nothing in the middle of a picture, with the cursor hidden."""
    pressed = Event()
    before = signal.signal(signal.SIGINT, lambda *_: pressed.set())
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


class _Watched:
    """One run, read on from where it was.

    Args:
        here: has it.
        run_id: its id.
        pressed: set by Ctrl-C.
    """

    def __init__(self, here: Runtime, run_id: RunId, pressed: Event) -> None:
        self.here, self.run_id = here, run_id
        self._pressed = pressed
        here.store.changed()
        self._view = self._seen()

    def _seen(self) -> RunView:
        row = self.here.row(self.run_id)
        self._begun_ms = row.created_ms
        return seen(self.here, row, me=self.here.me())

    def shape(self) -> RunShape:
        """The run as it was read."""
        return self._view.peek()

    def news(self) -> Iterator[list[AnyEvent]]:
        """What happens, again and again, an empty list when nothing did; ends with the run.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed.
            UnknownRun: it was thrown away.
        """
        while self.shape()["status"] not in _OVER:
            if self._pressed.wait(_LOOK_S):
                raise KeyboardInterrupt
            yield self._read() if self.here.store.changed() else []

    def _read(self) -> list[AnyEvent]:
        row = self.here.row(self.run_id)
        if row.created_ms != self._begun_ms:  # it was started over
            self._view = self._seen()
            return self.here.store.events(self.run_id)
        events = self.here.store.events(self.run_id, self.shape()["seq"])
        self._view.apply(*events)
        pictures.show_untaken(self._view, self.here.store, row)
        return events

    def picture(self) -> RenderableType:
        """The run for a terminal: what is asked stands above the steps, which may be many."""
        from rich.console import Group

        shape, row = self.shape(), self.here.row(self.run_id)
        waiting = {node["id"] for node in shape["nodes"] if node["status"] == "waiting"}
        asked = [
            asked_line(self.here, p) for p in shape["prompts"] if p["state"] == "open" or p["node"] in waiting
        ]
        from aether_nb.display.progress import message_words

        said = [words(show(message_words(m), 200), "dim") for m in shape["messages"][-_SAID:]]
        return Group(header(self.here, row, shape), *asked, tree(shape), *said, *outcome_lines(shape))


def _drawn(watched: _Watched) -> None:
    from rich.live import Live

    out = console()
    with Live(watched.picture(), console=out, auto_refresh=False, transient=True) as live:
        for _ in watched.news():
            live.update(watched.picture(), refresh=True)  # also when nothing happened: the time goes on
    out.print(watched.picture())


def _told(watched: _Watched) -> None:
    known: dict[str, str] = {}

    def tell() -> None:
        shape = watched.shape()
        for node in shape["nodes"]:
            if known.get(node["id"]) != node["status"] and node["status"] not in {"pending", "waiting"}:
                error = f": {node['error']}" if node["error"] else ""
                say(f"{LOOKS[node['status']].glyph} {show(node['label'], 100)} {node['status']}{error}")
            known[node["id"]] = node["status"]
        for prompt in shape["prompts"]:
            if known.get(prompt["token"]) != prompt["state"]:
                say(asked_line(watched.here, prompt).plain)
            known[prompt["token"]] = prompt["state"]

    tell()
    for _ in watched.news():
        tell()
    shape = watched.shape()
    say(f"{watched.run_id} is {signed(shape['status'])}")
    for line in outcome_lines(shape):
        say(line.plain)


def _as_json(watched: _Watched) -> None:
    """One object a line: what has happened so far, then what happens, and at last how it ended."""

    def tell(events: list[AnyEvent]) -> None:
        for event in events:
            _line(
                seq=event.seq,
                at=moment(event.at_us // 1000),
                event=event.type,
                node=getattr(event, "node", None),
            )

    tell(watched.here.store.events(watched.run_id)[: watched.shape()["seq"]])
    for events in watched.news():
        tell(events)
    _line(run=watched.run_id, status=watched.shape()["status"])


def _line(**said: Any) -> None:
    typer.echo(json.dumps(said))
    sys.stdout.flush()
