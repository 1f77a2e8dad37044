"""A graph while it is drawn: the `Builder` that calls find, and what becomes of what they are given.

Made by `graphify.py`, once for each graph. `choice.py` has what `when` draws.
"""

from __future__ import annotations

import inspect
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from aether_nb.authoring import choice
from aether_nb.authoring.fingerprint import source_of
from aether_nb.authoring.graphs import Graph, topology_print
from aether_nb.authoring.handles import AnyHandle, Handle, InputHandle, OutputHandle
from aether_nb.authoring.names import listed, output_problems, said
from aether_nb.authoring.signature import Signature
from aether_nb.authoring.steps import SINGLE, Step
from aether_nb.calling import BUILDER, Target, on_failure_of, user_line
from aether_nb.errors import GraphProblems, NotStorable
from aether_nb.graph import validate
from aether_nb.graph.model import DictOf, Each, Expr, GraphSpec, Guard, InputRef, ListOf, Lit, NodeSpec, Ref
from aether_nb.ids import NodeId, letters_of
from aether_nb.values import encode


class Drawing:
    """A graph being built: the `Builder` that calls find in `BUILDER`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.problems: list[str] = []
        self._nodes: dict[NodeId, NodeSpec] = {}
        self._targets: dict[str, Step] = {}
        self._alike: Counter[str] = Counter()
        self._branches: list[Guard] = []

    @property
    def guard(self) -> Guard | None:
        """The branch that is being drawn, if one is."""
        return self._branches[-1] if self._branches else None

    def draw(self, fn: Callable[..., Any], signature: Signature) -> Any:
        """Run the builder with handles for its inputs; returns what it returned."""
        __tracebackhide__ = True
        token = BUILDER.set(self)
        try:
            return fn(**{param.name: InputHandle(self, param.name) for param in signature.params})
        except Exception as e:
            for problem in self.problems:  # they may well be why it failed
                e.add_note(f"{self.name}: {problem}")
            raise
        finally:
            BUILDER.reset(token)

    def problem(self, text: str) -> None:
        """Note what is wrong, once."""
        if text not in self.problems:
            self.problems.append(text)

    def add(
        self,
        target: Target,
        bound: Mapping[str, Any],
        *,
        key: str | None,
        after: Any,
        label: str,
        each: Each | None = None,
    ) -> Handle:
        """Add a node.

        Args:
            target: the tool or graph that is called; a `Step`.
            bound: the inputs that the call gives, defaults left out.
            key: the node's id, or None to make one of what the call is.
            after: a handle or a list of them, or None.
            label: what the picture says; the name when empty.
            each: for a call of `map`: what it does with each item.
        """
        assert isinstance(target, Step)
        at = f"line {user_line()}: "
        called = target.name if each is None else f"{target.name}.map"
        for mismatch in self._mismatches(target, bound, each):
            self.problem(f"{at}`{called}`: {mismatch}")
        self._know(target, at)
        inputs = {n: self.expr(v, f"{at}the input `{n}` of `{called}`") for n, v in bound.items()}
        node = NodeSpec(
            id=self.new_id(target.name, inputs, key, at, each),
            name=target.name,
            kind=target.kind if each is None else "map",
            label=label,
            inputs=inputs,
            after=self._after(after, at),
            outputs=target.outputs,
            on_failure=on_failure_of(target),
            each=each,
            guard=self.guard,
        )
        self.put(node)
        return Handle(self, key or target.name, node.id, target.outputs)

    def choose(self, condition: Any, then: Any, otherwise: Any, *, key: str | None) -> Handle:
        """Add a choice and its branches; see `choice.when`."""
        return choice.draw(self, condition, then, otherwise, key=key)

    def put(self, node: NodeSpec) -> None:
        """Take a node in, or in place of the one with its id."""
        self._nodes[node.id] = node

    @contextmanager
    def inside(self, guard: Guard) -> Iterator[None]:
        """What is drawn meanwhile stands in that branch."""
        self._branches.append(guard)
        try:
            yield
        finally:
            self._branches.pop()

    def _mismatches(self, target: Step, bound: Mapping[str, Any], each: Each | None) -> Iterable[str]:
        """Literals that do not fit the type hints; in a list that is mapped the items are looked at."""
        literal = {n: v for n, v in bound.items() if not _has_handle(v)}
        items = bound.get(each.over, ()) if each is not None else ()
        if each is not None:
            literal.pop(each.over, None)
        yield from target.signature.mismatches(literal)
        if each is None or isinstance(items, AnyHandle):
            return
        if not isinstance(items, (list, tuple)):
            yield f"`{each.over}` is a list here, not {said(items)}; each item of it becomes one call."
            return
        for item in items:
            if not _has_handle(item) and (wrong := target.signature.mismatches({each.over: item})):
                yield from wrong
                return

    def graph(
        self, fn: Callable[..., Any], signature: Signature, declared: tuple[str, ...] | None, returned: Any
    ) -> Graph:
        """Assemble the graph.

        Raises:
            GraphProblems: there were problems.
        """
        __tracebackhide__ = True
        result = self._result(returned, declared)
        if self.problems:
            raise GraphProblems(self.name, self.problems)
        spec = GraphSpec(
            name=self.name,
            kind="static",
            inputs=signature.params,
            outputs=tuple(result) if declared is None else declared,
            nodes=tuple(self._nodes.values()),
            result=result,
            subgraphs={n: t.spec for n, t in self._targets.items() if isinstance(t, Graph)},
            doc=inspect.getdoc(fn) or "",
            fingerprints={n: t.fingerprint for n, t in self._targets.items()},
        )
        if problems := validate.problems(spec):
            raise GraphProblems(self.name, problems)
        return Graph(
            fn,
            spec,
            signature=signature,
            fingerprint=topology_print(spec),
            source=source_of(fn),
            callables=self._targets,
        )

    def _know(self, target: Step, at: str) -> None:
        known = self._targets.setdefault(target.name, target)
        if known is not target and not _same(known, target):
            self.problem(
                f"{at}two different tools are called `{target.name}`; give one of them another `name=`."
            )

    def new_id(
        self, name: str, inputs: Mapping[str, Expr], key: Any, at: str, each: Each | None = None
    ) -> NodeId:
        """The id of a node: its key, or a hash of what it is.

        The written list of a map does not count: its items are known by themselves, so that it may be edited.
        """
        if key is None:
            is_: list[Any] = [name, {n: _plain(e) for n, e in inputs.items()}]
            if each is not None:
                is_ += ["map", each.over]
                if isinstance(inputs.get(each.over), Lit):
                    del is_[1][each.over]
            if self.guard is not None:
                is_ += ["in", self.guard.when, self.guard.branch]
            what = json.dumps(is_, sort_keys=True)
            self._alike[what] += 1
            key = f"{name}-{letters_of(f'{what}#{self._alike[what]}')}"
        elif not isinstance(key, str) or not key or not key.isprintable() or set(key) & set("/#"):
            self.problem(f"{at}the key {key!r} cannot be an id; use a short text without `/` and `#`.")
            key = str(key)
        if key in self._nodes:
            self.problem(f"{at}the key `{key}` is used twice; give each node a `key=` of its own.")
        return NodeId(key)

    def _after(self, after: Any, at: str) -> tuple[NodeId, ...]:
        if after is None:
            return ()
        found = []
        for handle in after if isinstance(after, (list, tuple)) else [after]:
            if not isinstance(handle, (Handle, OutputHandle)):
                self.problem(f"{at}`after=` takes handles of nodes, not {handle!r}.")
            elif self._ours(handle, f"{at}`after=`"):
                found.append(handle._node)
        return tuple(dict.fromkeys(found))

    def expr(self, value: Any, where: str) -> Expr:
        """What a value in the builder means; after a problem any literal, the graph is not going to be."""
        if isinstance(value, AnyHandle):
            return self._taken(value, where)
        if _has_handle(value):
            if isinstance(value, dict):
                if odd := [k for k in value if not isinstance(k, str)]:
                    self.problem(f"{where}: a dict with handles has texts for keys, not {odd[0]!r}.")
                return DictOf(items={str(k): self.expr(v, where) for k, v in value.items()})
            return ListOf(items=tuple(self.expr(v, where) for v in value))
        try:
            return Lit(value=encode(value))
        except NotStorable as e:
            self.problem(f"{where} cannot be stored: {e}")
            return Lit(value=None)

    def _taken(self, handle: AnyHandle, where: str) -> Expr:
        if not self._ours(handle, where):
            return Lit(value=None)
        if isinstance(handle, InputHandle):
            return InputRef(name=handle._name)
        if isinstance(handle, OutputHandle):
            return Ref(node=handle._node, output=handle._output)
        assert isinstance(handle, Handle)
        if len(handle._outputs) == 1:
            return Ref(node=handle._node, output=handle._outputs[0])
        shown = handle._shown
        if isinstance(handle, choice.ChoiceHandle) and handle._only and not handle._outputs:
            self.problem(f"{where}: {handle._one_sided(next(iter(handle._only)))}")
        elif handle._outputs:
            one = handle._outputs[0]
            self.problem(f"{where}: `{shown}` has {listed(handle._outputs)}; say which, `{shown}.{one}`.")
        else:
            self.problem(f"{where}: `{shown}` has no outputs; to come after it, use `after=`.")
        return Lit(value=None)

    def _ours(self, handle: AnyHandle, where: str) -> bool:
        if handle._owner is not self:
            self.problem(f"{where}: {handle!r} belongs to another graph; make it an input of this one.")
            return False
        node = self._nodes.get(handle._node) if isinstance(handle, (Handle, OutputHandle)) else None
        guard = None if node is None else node.guard
        if guard is None or guard in self._branches:
            return True
        self.problem(
            f"{where}: {handle!r} runs only in the branch `{guard.branch}` of a `when`; return it from the "
            "branch, and take it from what `when` gives."
        )
        return False

    def _result(self, returned: Any, declared: tuple[str, ...] | None) -> dict[str, Expr]:
        """Where each output comes from, in the order declared."""
        if isinstance(returned, AnyHandle):
            names = (SINGLE,) if declared is None else declared
            if len(names) == 1:
                return {names[0]: self.expr(returned, f"the output `{names[0]}`")}
            self.problem(f"it returns one handle, and declares {listed(names)}; {_return(names)}.")
            return {}
        if returned is None and not declared:
            return {}
        if not isinstance(returned, Mapping):
            what = "nothing" if returned is None else repr(returned)
            self.problem(f"it returns {what}, no mapping of outputs; {_return(declared or ('name',))}.")
            return {}
        names = tuple(returned) if declared is None else declared
        if declared is None:
            self.problems += output_problems(names)
        missing = [n for n in names if n not in returned]
        if missing:
            self.problem(
                f"it declares {listed(missing)} and does not return {_them(missing)}; {_return(names)}."
            )
        for name in returned:
            if name not in names:
                hint = validate.did_you_mean(str(name), missing)
                self.problem(f"it returns `{name}`, which is none of its outputs{hint}; {_return(names)}.")
        return {n: self.expr(returned[n], f"the output `{n}`") for n in names if n in returned}


def _has_handle(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(map(_has_handle, value))
    if isinstance(value, dict):
        return any(map(_has_handle, value.values()))
    return isinstance(value, AnyHandle)


def _same(one: Step, other: Step) -> bool:
    """Two instances of one dual-stage class, made with the same state, are one tool."""
    if type(one) is not type(other):
        return False
    try:
        return bool(vars(one) == vars(other))
    except Exception:  # noqa: BLE001 - state of users that cannot be compared
        return False


def _plain(expr: Expr) -> Any:
    """An expression as JSON, for the hash that a node's id is made of."""
    if isinstance(expr, Lit):
        return expr.value
    if isinstance(expr, Ref):
        return {"ref": [expr.node, expr.output]}
    if isinstance(expr, InputRef):
        return {"input": expr.name}
    if isinstance(expr, ListOf):
        return [_plain(item) for item in expr.items]
    return {key: _plain(item) for key, item in expr.items.items()}


def _return(names: Iterable[str]) -> str:
    return "write `return {" + ", ".join(f'"{name}": ...' for name in names) + "}`"


def _them(names: Sequence[str]) -> str:
    return "it" if len(names) == 1 else "them"
