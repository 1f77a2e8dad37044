"""What tools, dual-stage tools and graphs share: a name, inputs, outputs, and a place for their calls.

`tools`, `dualstage` and `graphs` build on it. A call inside a builder becomes a node, a call inside a
graph function a durable call; what it is elsewhere, each kind says itself.
"""

from __future__ import annotations

import inspect
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import Any

from aether_nb.authoring.names import listed, name_problems, output_problems, said
from aether_nb.authoring.policy import no_limit
from aether_nb.authoring.signature import Signature
from aether_nb.calling import BUILDER, CALLER, MISSING, Builder, Caller, label_of, user_line
from aether_nb.errors import BadInputs, BadOutputs, GraphError, GraphProblems
from aether_nb.graph.model import Each, NodeKind, ParamSpec, StepTypes, param_text
from aether_nb.graph.retry_policy import ONCE, RetryPolicy
from aether_nb.graph.validate import did_you_mean
from aether_nb.markup import heading, words
from aether_nb.values import Outputs

SINGLE = "result"
"""The one output of a step that declares none: whatever it returns."""

CALL_WORDS = ("key", "after")
"""Keywords that a call of a step understands itself, so that no input can have their names."""


class Step:
    """Something that can be called as a step of a graph.

    A call takes, besides the inputs, `key=` (the author's own name for this call, unique in the run) and,
    in a builder, `after=` (a handle or a list of them: nodes that must have succeeded first).

    Attributes:
        name: what it is called in logs, pictures and messages.
        kind: which sort of node it becomes.
        outputs: the names of what it gives.
        single: it declares no outputs, so that what it returns is its one output, `result`.
        params: its inputs.
        policy: when it is tried again, and how long a try may take.
        fingerprint: hash of its normalised code; empty when unknown.
        source: its code; empty when it cannot be had.
    """

    name: str
    kind: NodeKind
    outputs: tuple[str, ...]
    single: bool
    params: tuple[ParamSpec, ...]
    signature: Signature
    wants_context: bool
    policy: RetryPolicy = ONCE
    fingerprint: str
    source: str

    def types(self) -> StepTypes:
        """The types of its inputs and, as far as its hints tell them, of its outputs."""
        return StepTypes({p.name: p.type for p in self.params if p.type}, self._returned())

    def _returned(self) -> dict[str, str]:
        """The types of the outputs, by name."""
        return {}

    def signature_text(self) -> str:
        """What it takes and gives, in a line: `greet(name: str, times: int = …) → line: str`."""
        types = self.types()
        takes = ", ".join(map(param_text, self.params))
        gives = ", ".join(
            f"{name}: {types.outputs[name]}" if name in types.outputs else name for name in self.outputs
        )
        return f"{self.name}({takes}) → {gives or 'nothing'}"

    def _shown(self, kind: str, doc: str) -> dict[str, str]:
        """How a tool shows itself in a notebook."""
        said = (self.signature_text(), doc.strip())
        return {
            "text/plain": "\n".join(filter(None, said)),
            "text/html": heading(self.name, kind) + "".join(map(words, said)),
        }

    def pack(self, value: Any) -> dict[str, Any]:
        """Check what the body returned, and give it by output name, in the order declared.

        Raises:
            BadOutputs: it is no mapping of exactly the declared outputs.
        """
        if self.single:
            return {SINGLE: value}
        if isinstance(value, Mapping) and value.keys() == set(self.outputs):
            return {name: value[name] for name in self.outputs}
        if value is None and not self.outputs:
            return {}
        raise BadOutputs(f"{self.name} {_misfit(value, self.outputs)}")

    def map(
        self,
        items: Any = MISSING,
        /,
        *,
        key: str | None = None,
        after: Any = None,
        max_concurrency: int | None = None,
        **inputs: Any,
    ) -> Any:
        """Do this for every item of a list that may be known only when the graph runs.

        Args:
            items: the list; each item becomes the first input. In a builder a handle, or a list.
            key: as for a call.
            after: as for a call.
            max_concurrency: how many items may be under way at a time, waiting for a person included; None
                leaves that to the runtime.
            **inputs: the other inputs, the same for all.

        Returns:
            What a call gives, a list in place of each output, in the order of the items. None stands in it for
            an item that failed, when the tool's `on_failure` lets the others go on without it.

        Raises:
            BadInputs: the inputs do not fit; in a builder that is a problem of the graph instead.
            GraphError: called outside of a graph.
        """
        __tracebackhide__ = True
        builder, caller = BUILDER.get(), CALLER.get()
        if items is MISSING:
            items, wrong = [], f"the list comes first and by position: `{self.name}.map(items, ...)`."
        elif self.signature.first:
            wrong = self.signature.complaint((items,), inputs) or no_limit(max_concurrency)
        else:
            wrong = "no input can be given by position, so there is none that takes the item."
        each = Each(
            kind=self.kind,
            over=self.signature.first,
            outputs=self.outputs,
            max_concurrency=None if wrong else max_concurrency,
        )
        if builder is not None:
            if wrong:
                builder.problem(f"line {user_line()}: `{self.name}.map`: {wrong}")
            given = self.signature.given((items,), inputs)
            return builder.add(self, given, key=key, after=after, label="", each=each)
        if caller is None or caller.kind != "fn":
            raise GraphError(
                f"`{self.name}.map` becomes a part of a graph and is called in one; here, write a loop over "
                f"`{self.name}(...)`."
            )
        if wrong:
            raise BadInputs(f"{self.name}.map: {wrong}")
        return Mapped(self, each)._record(caller, (items,), inputs, key, after)

    def _draw(
        self, builder: Builder, args: tuple[Any, ...], kwargs: dict[str, Any], key: str | None, after: Any
    ) -> Any:
        """Become a node of the graph that is being built; what does not bind is a problem of that graph."""
        if complaint := self.signature.complaint(args, kwargs):
            builder.problem(f"line {user_line()}: `{self.name}`: {complaint}")
        given = self.signature.given(args, kwargs)
        return builder.add(self, given, key=key, after=after, label=label_of(self.kind, given))

    def _record(
        self, caller: Caller, args: tuple[Any, ...], kwargs: dict[str, Any], key: str | None, after: Any
    ) -> Coroutine[Any, Any, Any]:
        """Become a durable call of the graph function that runs."""
        if after is not None:
            raise BadInputs(
                f"{self.name}: `after=` draws an edge in a static graph; here, await the other call first."
            )
        bound = self.signature.bind(args, kwargs, what=self.name)
        for name, value in bound.items():
            if type(value) in _HOLDERS:
                bound[name] = _standing_for(value)
        return caller.call(self, bound, key=key, label="")


class Mapped(Step):
    """A step for every item of a list, in a graph function; a `calling.MapTarget`, another call than the step."""

    kind = "map"
    wants_context = False
    fingerprint = source = ""

    def __init__(self, step: Step, each: Each) -> None:
        self.step, self.each = step, each
        self.name, self.outputs, self.single = f"{step.name}.map", step.outputs, False
        self.params, self.signature = step.params, step.signature


_HOLDERS = frozenset({Outputs, list, tuple, dict})


def _standing_for(value: Any) -> Any:
    """What a step gets: outputs with one entry stand for that entry, as a handle does in a static graph."""
    kind = type(value)
    if kind is Outputs:
        return next(iter(value.values())) if len(value) == 1 else value
    if kind in {list, tuple} and any(type(item) in _HOLDERS for item in value):
        return kind(map(_standing_for, value))
    if kind is dict and any(type(item) in _HOLDERS for item in value.values()):
        return {key: _standing_for(item) for key, item in value.items()}
    return value


def read(
    fn: Any, name: str, outputs: Sequence[str] | None, reserved: Sequence[str]
) -> tuple[Signature | None, list[str]]:
    """Read what a decorator got: the signature, None when it is unfit, and everything that is wrong."""
    problems = [*name_problems(name), *output_problems([] if outputs is None else outputs)]
    if isinstance(fn, Step) or inspect.isclass(fn):
        what = "a step" if isinstance(fn, Step) else "a class"
        return None, [*problems, f"{fn!r} is {what} and cannot be decorated; decorate a function, once."]
    try:
        return Signature.of(fn, name=name, reserved=reserved), problems
    except GraphProblems as e:
        return None, [*problems, *e.problems]


def _misfit(value: Any, outputs: Iterable[str]) -> str:
    """The end of a sentence about a returned value that does not fit the outputs."""
    names = list(outputs)
    wanted = "return {" + ", ".join(f'"{name}": ...' for name in names) + "}"
    if not isinstance(value, Mapping):
        what = "nothing" if value is None else said(value)
        return f"returned {what}, and declares {listed(names)}; {wanted}."
    missing = [name for name in names if name not in value]
    surplus = [name for name in value if name not in names]
    faults = []
    if missing:
        faults.append(f"did not return {listed(missing)}")
    faults += [f"returned `{n}` without declaring it{did_you_mean(str(n), missing)}" for n in surplus]
    return f"{', and '.join(faults)}; {wanted}."
