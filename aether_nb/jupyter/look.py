"""What one receiver is shown of a run: the whole, then what changes; the picture; a node close up; the timeline.

`live.py` sends it to the widget of a cell, `following.py` to a page that follows the run through the server. Here is
what both share: it has no channel, and reads the store only for what a person asks to see.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from aether_nb.closeup import Closeup
from aether_nb.display.shapes import DetailShape, LineShape, TimelineShape
from aether_nb.display.talk import Files
from aether_nb.display.view import RunView
from aether_nb.engine.ports import Store
from aether_nb.engine.state import RunState
from aether_nb.errors import DisplayError
from aether_nb.events import AnyEvent
from aether_nb.graph.model import GraphSpec
from aether_nb.ids import NodeId, RunId
from aether_nb.jupyter.picture import Background, Picture

_OPENED = 1_000  # items of a map that a picture can show

Kind = Literal["welcome", "patch"]


class Look:
    """See the module.

    Args:
        store: has the run.
        run_id: the run.
        spec: its graph, when that is known before the first event.
        find_spec: finds a graph by its hex key.
        files: finds the artifacts that messages name.
        me: who looks.
        background: runs a coroutine beside the run.
        changed: called when there is a new picture to send.
        stored: the run had ended before anybody looks at it here.
    """

    def __init__(
        self, store: Store, run_id: RunId, spec: GraphSpec | None, *, find_spec: Callable[[str], GraphSpec | None],
        files: Files, me: str, background: Background, changed: Callable[[], None], stored: bool = False,
    ) -> None:  # fmt: skip
        self._store = store
        self._run_id = run_id
        self._spec = spec
        self._find_spec = find_spec
        self._files = files
        self._me = me
        self._fresh = False
        self._listed: set[str] = set()
        self._closeup: Closeup | None = None
        self.picture = Picture(background, changed)
        self.view = self._new_view(stored=stored)
        self.picture.follow(self.view)

    def begin_again(self) -> None:
        """The run begins anew under the same id: the receiver gets it whole with its first event."""
        self.view = self._new_view(stored=False)
        self.picture.follow(self.view)
        self._listed.clear()
        self._closeup = None
        self._fresh = True

    def whole(self) -> Mapping[str, Any]:
        """The run as it is now; what `news` will say is left as it is."""
        return {**self.view.peek(), **self.picture.now()}

    def welcome(self) -> Mapping[str, Any]:
        """The run as it is now; patches count from here."""
        return {**self.view.snapshot(), **self.picture.now()}

    def news(self) -> tuple[Kind, Mapping[str, Any]] | None:
        """What changed since this or `welcome` was called; None when nothing did."""
        if self._fresh:
            self._fresh = False
            self.picture.news()
            return "welcome", self.welcome()
        patch: Mapping[str, Any] | None = self.view.patch()
        if picture := self.picture.news():
            patch = {**(patch or {"base": self.view.base, "seq": self.view.base}), **picture}
        return None if patch is None else ("patch", patch)

    def is_listed_by(self, group: str, *, open_: bool) -> bool:
        """Whether folding or opening this group lists other nodes than before: then `fold` wants the log."""
        node = self.view.node(group)
        return node is not None and node["kind"] == "map" and open_ != (group in self._listed)

    def fold(self, group: str, *, open_: bool, log: Callable[[], Sequence[AnyEvent]]) -> None:
        """Fold or open a group of the picture.

        Args:
            group: the node's id.
            open_: open it.
            log: of the run, from its beginning.

        Raises:
            DisplayError: there is too much in it.
        """
        node = self.view.node(group)
        if node is not None and self.is_listed_by(group, open_=open_):
            if open_ and node.get("count", {"total": 0})["total"] > _OPENED:
                raise DisplayError(
                    f"{node['label']!r} has more than {_OPENED:,} items, too many for a picture: the timeline shows "
                    "them, and run.nodes has them."
                )
            self._listed ^= {group}
            self.view.list_maps(self._listed, log())
            self._fresh = True
        self.picture.wish(group, open_=open_)

    def detail(
        self, node: str, state: RunState, log: Sequence[LineShape], *, now_us: int,
        in_line: Mapping[NodeId, int] | None = None,
    ) -> DetailShape:  # fmt: skip
        """One node close up; reads the store. See `Closeup.detail`."""
        return self._close().detail(node, state, log, now_us=now_us, in_line=in_line)

    def timeline(
        self, since: int, *, now_us: int, in_line: Mapping[NodeId, int] | None = None
    ) -> TimelineShape:
        """The rows of the timeline that the receiver does not have yet; reads the store."""
        return self._close().timeline(since, in_line, now_us=now_us)

    def _close(self) -> Closeup:
        if self._closeup is None:
            self._closeup = Closeup(self._store, self._run_id)
        return self._closeup

    def _new_view(self, *, stored: bool) -> RunView:
        return RunView(
            self._run_id, self._spec, self._find_spec, files=self._files, me=self._me, stored=stored
        )
