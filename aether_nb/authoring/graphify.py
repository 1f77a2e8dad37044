"""From a builder function to a static graph: run it once, let its calls become nodes, check everything.

`decorators.graphify` calls `build`. Problems are collected and reported together; the builder goes on
after each, with handles that stand for what would have been.
"""

from __future__ import annotations

import inspect
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from aether_nb.authoring.fingerprint import source_of
from aether_nb.authoring.graphs import START_WORDS, Graph, topology_print
from aether_nb.authoring.handles import AnyHandle, Handle, InputHandle, OutputHandle
from aether_nb.authoring.names import listed, output_problems
from aether_nb.authoring.signature import Signature
from aether_nb.authoring.steps import CALL_WORDS, SINGLE, Step, read, user_line
from aether_nb.calling import BUILDER, Target
from aether_nb.errors import GraphProblems, NotStorable
from aether_nb.graph import validate
from aether_nb.graph.model import DictOf, Expr, GraphSpec, InputRef, ListOf, Lit, NodeSpec, Ref
from aether_nb.ids import NodeId, letters_of
from aether_nb.values import encode


def build(
    fn: Callable[..., Any],
    *,
    name: str,
    inputs: Sequence[str] | None,
    outputs: Sequence[str] | None,
) -> Graph:
    """Run the builder once and make a graph of what it drew.

    Args:
        fn: the builder; its parameters are the graph's inputs, and get handles.
        name: the graph's name.
        inputs: the parameters again, for the reader; None leaves them to the signature.
        outputs: what the builder returns; None takes the names that it does return.

    Raises:
        GraphProblems: everything that is wrong with the graph, all at once.
        HandleMisuse: the builder used a handle as if it were the value.
        Exception: whatever else the builder itself raises.
    """
    __tracebackhide__ = True
    signature, problems = read(fn, name, outputs, (*CALL_WORDS, *START_WORDS))
    if inspect.iscoroutinefunction(fn) or inspect.isgeneratorfunction(fn) or inspect.isasyncgenfunction(fn):
        problems.append(
            "a builder is a plain `def`, it draws and runs nothing; for `async def` use `@graph_fn`."
        )
    if signature is not None:
        problems += _input_problems(signature, inputs)
    if problems or signature is None:
        raise GraphProblems(str(name), problems)
    builder = Drawing(name)
    result = builder.draw(fn, signature)
    return builder.graph(fn, signature, None if outputs is None else tuple(outputs), result)


class Drawing:
    """A graph being built: the `Builder` that calls find in `BUILDER`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.problems: list[str] = []
        self._nodes: dict[NodeId, NodeSpec] = {}
        self._targets: dict[str, Step] = {}
        self._alike: Counter[str] = Counter()

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
        self, target: Target, bound: Mapping[str, Any], *, key: str | None, after: Any, label: str
    ) -> Handle:
        """Add a node.

        Args:
            target: the tool or graph that is called; a `Step`.
            bound: the inputs that the call gives, defaults left out.
            key: the node's id, or None to make one of what the call is.
            after: a handle or a list of them, or None.
            label: what the picture says; the name when empty.
        """
        assert isinstance(target, Step)
        at = f"line {user_line()}: "
        if literal := {n: v for n, v in bound.items() if not _has_handle(v)}:
            for mismatch in target.signature.mismatches(literal):
                self.problem(f"{at}`{target.name}`: {mismatch}")
        self._know(target, at)
        inputs = {n: self._expr(v, f"{at}the input `{n}` of `{target.name}`") for n, v in bound.items()}
        node = NodeSpec(
            id=self._id(target.name, inputs, key, at),
            name=target.name,
            kind=target.kind,
            label=label,
            inputs=inputs,
            after=self._after(after, at),
            outputs=target.outputs,
        )
        self._nodes[node.id] = node
        return Handle(self, key or target.name, node.id, target.outputs)

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

    def _id(self, name: str, inputs: Mapping[str, Expr], key: Any, at: str) -> NodeId:
        if key is None:
            what = json.dumps([name, {n: _plain(e) for n, e in inputs.items()}], sort_keys=True)
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

    def _expr(self, value: Any, where: str) -> Expr:
        """What a value in the builder means; after a problem any literal, the graph is not going to be."""
        if isinstance(value, AnyHandle):
            return self._taken(value, where)
        if _has_handle(value):
            if isinstance(value, dict):
                if odd := [k for k in value if not isinstance(k, str)]:
                    self.problem(f"{where}: a dict with handles has texts for keys, not {odd[0]!r}.")
                return DictOf(items={str(k): self._expr(v, where) for k, v in value.items()})
            return ListOf(items=tuple(self._expr(v, where) for v in value))
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
        if handle._outputs:
            one = handle._outputs[0]
            self.problem(f"{where}: `{shown}` has {listed(handle._outputs)}; say which, `{shown}.{one}`.")
        else:
            self.problem(f"{where}: `{shown}` has no outputs; to come after it, use `after=`.")
        return Lit(value=None)

    def _ours(self, handle: AnyHandle, where: str) -> bool:
        if handle._owner is self:
            return True
        self.problem(f"{where}: {handle!r} belongs to another graph; make it an input of this one.")
        return False

    def _result(self, returned: Any, declared: tuple[str, ...] | None) -> dict[str, Expr]:
        """Where each output comes from, in the order declared."""
        if isinstance(returned, AnyHandle):
            names = (SINGLE,) if declared is None else declared
            if len(names) == 1:
                return {names[0]: self._expr(returned, f"the output `{names[0]}`")}
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
        return {n: self._expr(returned[n], f"the output `{n}`") for n in names if n in returned}


def _input_problems(signature: Signature, inputs: Any) -> Iterable[str]:
    if signature.wants_context:
        yield "a builder gets no `context`, nothing runs in it; ask for it in the tools."
    if inputs is None:
        return
    if isinstance(inputs, str):
        yield f'`inputs` is a list of names: write `inputs=["{inputs}"]`.'
        return
    have = [param.name for param in signature.params]
    for name in inputs:
        if name not in have:
            hint = validate.did_you_mean(str(name), [n for n in have if n not in inputs])
            yield f"`inputs` lists `{name}`, and the builder has no such parameter{hint}."
    if unlisted := [n for n in have if n not in inputs]:
        yield f"the builder has {listed(unlisted)} which `inputs` does not list; add it there."


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
