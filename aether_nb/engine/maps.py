"""The lists that maps run over, in one run and one life of the kernel: who is called what, and gets what.

Part of a driver. The log has only the names of the items (in the `NodeStarted` of the map), so the list itself
is looked at whenever a map begins or is taken up again; what is done of it is known by the names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from aether_nb.engine.records import DONE, Entry, NodeState, child_id
from aether_nb.engine.sendback import went_on
from aether_nb.errors import BadInputs, NotStorable
from aether_nb.events import Call, CallReworded, NodeRetried, NodeStarted
from aether_nb.graph.model import Lit
from aether_nb.ids import ROOT, NodeId
from aether_nb.values import digest, encode, show

if TYPE_CHECKING:
    from aether_nb.engine.driver import Driver

_LETTERS = 12


class _Value:
    """An input as it is handed to many: stored where that can be, so that each gets one of its own."""

    __slots__ = ("_live", "tree")

    def __init__(self, driver: Driver, value: Any) -> None:
        self._live = None
        try:
            self.tree = encode(value, driver.engine.services.artifacts)
        except NotStorable:
            self.tree, self._live = f"<{show(value)}>", value

    def copy(self, driver: Driver) -> Any:
        return driver.decoded(self.tree) if self._live is None else self._live


class Maps:
    """See the module.

    Args:
        driver: the run.
    """

    __slots__ = ("_driver", "_items", "_shared")

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._shared: dict[NodeId, dict[str, _Value]] = {}
        self._items: dict[NodeId, dict[NodeId, _Value]] = {}

    def __contains__(self, node: NodeId) -> bool:
        """Whether this map has begun in this life of the kernel."""
        return node in self._items

    def begin(self, node: NodeState, inputs: Mapping[str, Any]) -> None:
        """Begin a map or take it up again, with its list as it is now."""
        driver, each = self._driver, node.each
        assert each is not None
        items = inputs[each.over]
        if not isinstance(items, (list, tuple)):
            driver.emit(NodeStarted(**driver.head(), node=node.id, attempt=node.attempt + 1))
            driver.fail(node.id, not_a_list(node.name, each.over, items), inputs)
            return
        names = item_names(items)
        self._shared[node.id] = {k: _Value(driver, v) for k, v in inputs.items() if k != each.over}
        self._items[node.id] = {
            child_id(node.id, name): _Value(driver, item) for name, item in zip(names, items, strict=True)
        }
        frame = driver.state.frames.get(node.id)
        if frame is not None and frame.items == names:
            driver.performing.do(driver.state.resume_frame(frame))
            return
        before = [] if frame is None else [*frame.missing]
        driver.emit(NodeStarted(**driver.head(), node=node.id, attempt=max(node.attempt, 1), items=names))
        for child in (driver.state.nodes[n] for n in before):
            if driver.state.is_gone(child) and child.status not in DONE:
                driver.cancelling.cancel(child)

    def inputs_of(self, node: NodeState) -> dict[str, Any]:
        """What one item of a map that has begun is called with."""
        each = self._driver.state.nodes[node.parent].each
        assert each is not None
        inputs = {name: value.copy(self._driver) for name, value in self._shared[node.parent].items()}
        inputs[each.over] = self._items[node.parent][node.id].copy(self._driver)
        return inputs

    def item_of(self, node: NodeState) -> dict[str, Any] | None:
        """The input that an item of a map is, encoded; None for other nodes."""
        if node.parent not in self:
            return None
        each = self._driver.state.nodes[node.parent].each
        assert each is not None
        return {each.over: self._items[node.parent][node.id].tree}

    def end(self, node: NodeId) -> None:
        """A map is done: its list is not needed any more."""
        self._shared.pop(node, None)
        self._items.pop(node, None)

    def take_back_edited(self) -> None:
        """Before a run goes on: a map that is done over a list that was edited is not done, nor what came of it.

        A map that a graph function has gone on from stays as it is.
        """
        driver = self._driver
        if driver.state.cancel_requested:
            return
        for node in [n for n in driver.state.nodes.values() if self._is_edited(n)]:
            if went_on(driver.state, node) is not None:
                continue
            at = node
            while True:
                for one in driver.state.frames.after(driver.state.frames[at.parent], [at])[0]:
                    for inside in (one, *driver.state.below(one.id)):
                        driver.questions.withdraw(inside)
                if at.parent == ROOT or at.parent not in driver.state.frames:
                    break
                at = driver.state.nodes[at.parent]
                if at.spec is None:
                    break
            driver.emit(NodeRetried(**driver.head(), node=node.id))

    def is_same(self, entry: Entry, inputs: Mapping[str, Any]) -> bool:
        """Whether a recorded call of a body may be taken for a map whose list was edited.

        All else must be the same, and some item be in both lists, if anything is recorded that could be lost:
        a map of the same tool may as well have been put before it.

        Args:
            entry: a call of the same name.
            inputs: what the map is called with now, as far as that is part of its identity.
        """
        node = None if entry.node is None else self._driver.state.nodes[entry.node]
        if node is None or node.each is None or node.status == "cancelled":
            return False
        over = node.each.over
        before, now = self._driver.inputs_of(node, strict=False), dict(inputs)
        before.pop(over)
        items = now.pop(over)
        if not isinstance(items, (list, tuple)) or digest(before) != digest(now):
            return False
        frame = self._driver.state.frames.get(node.id)
        return frame is None or not frame.items or not set(frame.items).isdisjoint(item_names(items))

    def take_back_called(self, body: NodeId, entry: Entry, call: Call, inputs: dict[str, Any]) -> None:
        """A body maps an edited list: its call is the recorded one, which is not done, if it was.

        Args:
            body: the node whose body it is.
            entry: the recorded call.
            call: as it is made now.
            inputs: encoded.
        """
        driver = self._driver
        assert entry.node is not None
        if entry.outcome is not None:
            # First: after a crash the new list must not get the outcome of the old one.
            driver.emit(NodeRetried(**driver.head(), node=entry.node))
        driver.emit(CallReworded(**driver.head(), node=body, call=call, was=entry.call, inputs=inputs))

    def _is_edited(self, node: NodeState) -> bool:
        frame, each = self._driver.state.frames.get(node.id), node.each
        if frame is None or each is None or node.spec is None or node.status not in DONE:
            return False
        written = node.spec.inputs.get(each.over)
        if not isinstance(written, Lit):
            return False
        items = self._driver.decoded(written.value)
        return isinstance(items, (list, tuple)) and item_names(items) != frame.items


def item_names(items: Iterable[Any]) -> tuple[str, ...]:
    """A name for each item: what it is, and, where equal ones come before it, how many.

    So a list may be edited: what stays in it keeps its name wherever it stands.
    """
    counts = Counter[str]()
    names = []
    for item in items:
        name = digest(item)[:_LETTERS]
        counts[name] += 1
        names.append(name if counts[name] == 1 else f"{name}-{counts[name]}")
    return tuple(names)


def not_a_list(name: str, over: str, value: Any) -> BadInputs:
    """The failure of a map over something else."""
    return BadInputs(
        f"{name}.map takes a list for `{over}`, not {show(value)} ({type(value).__name__}); "
        "make a list of it with list(...), in a static graph in a tool, or call the tool itself for one value."
    )
