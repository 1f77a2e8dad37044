"""Pictures of graphs and runs as text that goes elsewhere: DOT, SVG, Mermaid. Made when somebody asks for one.

Called by the runtime, for graphs by themselves, and by `run.py`. How they look is the business of `display`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from aether_nb.calling import Form
from aether_nb.engine.specs import find_spec
from aether_nb.errors import DisplayError
from aether_nb.events import FINAL, AnyEvent
from aether_nb.graph.model import GraphSpec, StepTypes

if TYPE_CHECKING:
    from aether_nb.display.view import RunView
    from aether_nb.engine.ports import RunRow, Store
    from aether_nb.services.artifacts import Artifacts


def of_graph(spec: GraphSpec, types: Mapping[str, StepTypes], form: Form) -> str:
    """A graph by itself; see `Graph.to_dot`."""
    from aether_nb.display.graph_dot import graph_dot  # noqa: PLC0415 - imports nothing that runs need
    from aether_nb.display.mermaid import graph_mermaid  # noqa: PLC0415

    if form == "mermaid":
        return graph_mermaid(spec)
    dot = graph_dot(spec, types)
    return dot if form == "dot" else _svg(dot)


def of_run(view: RunView, form: Form) -> str:
    """A run as it stands; see `Run.to_dot`."""
    from aether_nb.display.dot import to_dot  # noqa: PLC0415 - as above
    from aether_nb.display.mermaid import to_mermaid  # noqa: PLC0415

    shape = view.peek()
    if form == "mermaid":
        return to_mermaid(shape, status=True)
    dot = to_dot(shape, status=True)
    return dot if form == "dot" else _svg(dot)


def view(
    store: Store, artifacts: Artifacts, run_id: str, log: Sequence[AnyEvent], *, me: str = "",
    listed: Collection[str] = (),
) -> RunView:  # fmt: skip
    """A run as pictures see it, from its log.

    Args:
        store: has the graphs that it was driven with.
        artifacts: has the images and files of its messages.
        run_id: its id.
        log: as much of it as is to be seen.
        me: who reads this; answers of that name are said to be "you".
        listed: maps whose items are listed, and not only counted.
    """
    from aether_nb.display.view import RunView  # noqa: PLC0415 - as above

    specs = partial(find_spec, store)
    seen = RunView(run_id, None, specs, files=artifacts, me=me, listed=frozenset(listed).__contains__)
    seen.apply(*log)
    return seen


def now(store: Store, artifacts: Artifacts, row: RunRow, *, me: str = "") -> RunView:
    """A run as it stands: the whole log, and the answers that were accepted and nobody has taken yet."""
    seen = view(store, artifacts, row.run_id, store.events(row.run_id), me=me)
    show_untaken(seen, store, row)
    return seen


def show_untaken(seen: RunView, store: Store, row: RunRow) -> None:
    """Show answers that were accepted and that the log does not have yet."""
    for wait in () if row.status in FINAL else store.untaken(row.kernel):
        if wait.run_id == row.run_id and wait.reply is not None:
            seen.wait_answered(wait.token, wait.reply)


def _svg(dot: str) -> str:
    from aether_nb.display.render import svg  # noqa: PLC0415 - as above

    drawn = svg(dot)
    if drawn is None:
        raise DisplayError(
            "There is no `dot` here to lay the graph out: install Graphviz (`apt install graphviz`, `brew install "
            "graphviz`, `conda install graphviz`), or take `to_mermaid()` or `to_dot()`."
        )
    return drawn
