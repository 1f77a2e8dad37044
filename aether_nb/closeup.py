"""One run looked at closely: any node of it in detail, and its timeline. Reads the store; drives nothing.

Made when somebody opens one of them on a page, and kept while the run is shown: it reads on from where it was. The
folds are `display/details.py`, `display/timeline.py` and `engine/metrics.py`; here is what they need of each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from aether_nb.display.details import Details
from aether_nb.display.shapes import DetailShape, LineShape, TimelineShape, TimesShape
from aether_nb.display.timeline import Timeline
from aether_nb.engine.codes import find_code
from aether_nb.engine.metrics import Meter
from aether_nb.engine.ports import Store
from aether_nb.engine.records import NodeState
from aether_nb.engine.specs import find_spec
from aether_nb.engine.state import RunState
from aether_nb.errors import UnknownNode
from aether_nb.events import RunResumed, RunStarted
from aether_nb.graph.code import Code
from aether_nb.ids import NodeId, RunId


class Closeup:
    """See the module.

    Args:
        store: the run's.
        run_id: the run.
    """

    def __init__(self, store: Store, run_id: RunId) -> None:
        self._store = store
        self._run_id = run_id
        self._seq = 0
        self._details = Details()
        self._meter = Meter()
        self._timeline = Timeline(run_id, partial(find_spec, store))
        self._code: tuple[str, Code | None] = ("", None)

    def detail(
        self, node_id: str, state: RunState, log: Sequence[LineShape], *, now_us: int,
        in_line: Mapping[NodeId, int] | None,
    ) -> DetailShape:  # fmt: skip
        """One node.

        Args:
            node_id: the node.
            state: of the run, as far as its log goes or further.
            log: what the node wrote to its logger.
            now_us: what is under way counts up to here.
            in_line: how long bodies stand in line in the kernel that works on it now; None when none is known to.

        Raises:
            UnknownNode: it is not there.
        """
        node = state.nodes.get(NodeId(node_id))
        if node is None:
            raise UnknownNode(f"Run {self._run_id!r} has no node {node_id!r} (any more).")
        self._read()
        times = self._meter.of(node.id, now_us, in_line=in_line)
        return self._details.of(
            node.id,
            inputs=_inputs(state, node),
            source=self._source(node.name),
            times=TimesShape(
                queued=round(times.queued * 1000),
                computing=round(times.computing * 1000),
                waiting=round(times.waiting * 1000),
            ),
            log=log,
        )

    def timeline(
        self, since: int, in_line: Mapping[NodeId, int] | None = None, *, now_us: int = 0
    ) -> TimelineShape:
        """The rows of the timeline that changed after that event; the other arguments are those of `detail`."""
        self._read()
        stand: dict[str, int] = {node: (now_us - us) // 1000 for node, us in (in_line or {}).items()}
        return self._timeline.since(since, stand)

    def _read(self) -> None:
        for event in self._store.events(self._run_id, self._seq):
            self._seq = event.seq
            self._details.apply(event)
            self._meter.apply(event)
            self._timeline.apply(event)
            if isinstance(event, (RunStarted, RunResumed)) and event.code and event.code != self._code[0]:
                self._code = event.code, find_code(self._store, event.code)

    def _source(self, name: str) -> str:
        code = self._code[1]
        piece = None if code is None else code.pieces.get(name)
        return "" if piece is None else piece.source


def _inputs(state: RunState, node: NodeState) -> Mapping[str, Any]:
    """What a node is called with, encoded; what another node never gave is left out."""
    try:
        inputs = state.inputs_of(node)
    except KeyError:  # an edited graph takes what no node gives any more
        return {}
    frame = state.frames.get(node.parent)
    around = state.nodes.get(node.parent)
    if node.item is None and frame is not None and frame.items is not None and around is not None:
        each = around.each
        index = frame.items.index(node.id.rpartition("/")[2])
        given = None if each is None else frame.inputs.get(each.over)
        items = given.get("v") if isinstance(given, dict) else given
        if each is not None and isinstance(items, list) and len(items) == len(frame.items):
            inputs[each.over] = items[index]
    return inputs
