"""`Graph`: what `graph_fn` and `graphify` make, and `NotStarted`: what calling one gives outside a run.

A graph knows its spec and its callables; how to run it is known by the `Launcher`.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
from collections.abc import Callable, Generator, Mapping
from types import MappingProxyType
from typing import Any, Literal

from aether_nb.authoring.later import Later
from aether_nb.authoring.names import listed
from aether_nb.authoring.parts import parts
from aether_nb.authoring.returns import returned
from aether_nb.authoring.signature import Signature
from aether_nb.authoring.steps import Step
from aether_nb.calling import BUILDER, CALLER, GRAPHS, Target, launcher
from aether_nb.errors import BadInputs, GraphError
from aether_nb.graph.model import GraphSpec, InputRef, NodeSpec, Ref, StepTypes, replace, spec_to_json
from aether_nb.ids import NodeId

START_WORDS = ("run_id", "new", "if_finished", "on_change", "priority")
"""Keywords that `start` and `run_sync` understand themselves, so that no input can have their names."""

IfFinished = Literal["return", "rerun"]
OnChange = Literal["use_new", "error", "fork"]


class Graph(Step):
    """A graph that can be started, shown, and called as a step of another graph.

    Attributes:
        fn: the function or builder, as it was written.
        spec: its shape; a graph function has no nodes there.
        callables: what the nodes of a static graph stand for, by name.
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        spec: GraphSpec,
        *,
        signature: Signature,
        fingerprint: str,
        source: str,
        callables: Mapping[str, Target] = MappingProxyType({}),
        single: bool = False,
    ) -> None:
        self.fn = fn
        self.spec = spec
        self.name = spec.name
        self.kind = "fn" if spec.kind == "function" else "graph"
        self.outputs = spec.outputs
        self.single = single
        self.params = spec.inputs
        self.signature = signature
        self.wants_context = signature.wants_context
        self.fingerprint = fingerprint
        self.source = source
        self.callables: Mapping[str, Target] = MappingProxyType(dict(callables))
        functools.update_wrapper(self, fn, updated=())
        GRAPHS[self.name] = self

    def start(
        self,
        /,
        *args: Any,
        run_id: str | None = None,
        new: bool = False,
        if_finished: IfFinished = "return",
        on_change: OnChange = "use_new",
        priority: int = 0,
        **inputs: Any,
    ) -> Any:
        """Start a run and return its handle at once; the cell shows it live.

        Args:
            *args: inputs by position, where the function allows it.
            run_id: a name of your own. Used again it gives the same run: attached to while it is
                unfinished, its stored result afterwards.
            new: never attach to an unfinished run of an earlier kernel.
            if_finished: what to do when the run of that `run_id` is finished: return it, or run it again.
            on_change: what to do when the run is unfinished and the code has changed; see `ae.resume`.
            priority: tools of runs with a higher one get the free places first. Kept with a new run; one that
                is found again keeps its own.
            **inputs: the graph's inputs.

        Raises:
            BadInputs: the inputs do not fit.
            NoLoop: no event loop runs here; use `run_sync`.
            RunIdTaken: `run_id` means another graph or other inputs.
            CodeChanged: it has, and `on_change` is "error".
            GraphError: called in a builder, which draws and runs nothing.
        """
        __tracebackhide__ = True
        _not_drawing(self.name)
        bound = self._checked(args, inputs)
        return launcher().start(
            self,
            bound,
            run_id=run_id,
            new=new,
            if_finished=if_finished,
            on_change=on_change,
            priority=priority,
        )

    def run_sync(
        self,
        /,
        *args: Any,
        run_id: str | None = None,
        new: bool = False,
        if_finished: IfFinished = "return",
        on_change: OnChange = "use_new",
        priority: int = 0,
        **inputs: Any,
    ) -> Any:
        """Run to the end and return the outputs; for code that cannot `await`. Arguments as for `start`.

        Raises:
            BadInputs: the inputs do not fit.
            RunFailed: the run failed.
            GraphError: called in a builder, which draws and runs nothing.
        """
        __tracebackhide__ = True
        _not_drawing(self.name)
        bound = self._checked(args, inputs)
        return launcher().run_sync(
            self,
            bound,
            run_id=run_id,
            new=new,
            if_finished=if_finished,
            on_change=on_change,
            priority=priority,
        )

    def __call__(self, /, *args: Any, key: str | None = None, after: Any = None, **inputs: Any) -> Any:
        """Become a child of the graph around this call.

        Returns:
            In a builder a `Handle`, in a graph function a coroutine of the outputs, outside of both a
            `NotStarted`, which starts a run when awaited and takes the options of `start` too.

        Raises:
            BadInputs: the inputs do not fit.
            GraphError: called in a tool's body.
        """
        __tracebackhide__ = True
        builder = BUILDER.get()
        if builder is not None:
            return self._draw(builder, args, inputs, key, after)
        caller = CALLER.get()
        if caller is None:
            options = {word: inputs.pop(word) for word in START_WORDS if word in inputs}
            return NotStarted(self, self._checked(args, inputs), options)
        if caller.kind == "fn":
            if misplaced := [word for word in START_WORDS if word in inputs]:
                raise BadInputs(
                    f"{self.name}: leave {listed(misplaced)} to `.start()`; a graph awaited in a graph is "
                    "a part of that run, named by `key=`."
                )
            return self._record(caller, args, inputs, key, after)
        raise GraphError(
            f"the graph `{self.name}` cannot be called in a tool's body; call it in a graph function, "
            f"or start a run of its own with `{self.name}.start(...)`."
        )

    def parts(self) -> Mapping[str, Step]:
        """The graph and the tools and graphs that its code names, with theirs, by name, as they are now.

        What decides whether "the code has changed" for a run. Helper functions, globals, and tools that only
        helpers call are not looked at.
        """
        return parts(self)

    def _checked(self, args: tuple[Any, ...], inputs: Mapping[str, Any]) -> dict[str, Any]:
        __tracebackhide__ = True
        bound = self.signature.bind(args, inputs, what=self.name)
        if wrong := self.signature.mismatches(bound):
            raise BadInputs(f"{self.name}: {' '.join(wrong)}")
        return bound

    def to_dot(self) -> str:
        """The graph as DOT, the language of Graphviz, with the types at the ends of its edges."""
        return launcher().drawn(self, "dot")

    def to_svg(self) -> str:
        """The graph as an `<svg>` element.

        Raises:
            DisplayError: there is no Graphviz here, which lays it out.
        """
        return launcher().drawn(self, "svg")

    def to_mermaid(self) -> str:
        """The graph as a Mermaid flowchart, for READMEs, issues and wikis that draw these."""
        return launcher().drawn(self, "mermaid")

    def step_types(self) -> dict[str, StepTypes]:
        """What is known of the types of the steps that it is made of, by name."""
        return {name: step.types() for name, step in self.parts().items()}

    def _returned(self) -> dict[str, str]:
        if self.kind == "fn":
            return returned(self.fn, self.outputs, single=self.single)
        given = {p.name: p.type for p in self.params if p.type}
        names = {node.id: node.name for node in self.spec.nodes if node.each is None}
        found = {}
        for output, expr in self.spec.result.items():
            of = ""
            if isinstance(expr, InputRef):
                of = given.get(expr.name, "")
            elif (
                isinstance(expr, Ref)
                and expr.output
                and (step := self.callables.get(names.get(expr.node, "")))
            ):
                of = step.types().outputs.get(expr.output, "")
            if of:
                found[output] = of
        return found

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Mapping[str, Any]:  # noqa: ARG002 - the notebook's protocol
        return launcher().picture(self)

    def __repr__(self) -> str:
        inputs = ", ".join(p.name if p.required else f"{p.name}=" for p in self.params)
        return f"<graph {self.name}({inputs}) -> {', '.join(self.outputs)}>"


class NotStarted(Later):
    """A graph that was called and not yet awaited. Awaiting starts the run and gives its outputs.

    Awaited again it gives the same run's outputs.
    """

    def __init__(
        self, graph: Graph, inputs: Mapping[str, Any], options: Mapping[str, Any] = MappingProxyType({})
    ) -> None:
        self.graph = graph
        self.inputs = dict(inputs)
        self._options = dict(options)
        self._run: Any = None
        self._steps: Generator[Any, Any, Any] | None = None

    def start(self) -> Any:
        """Start the run, once, and return its handle."""
        _not_drawing(self.graph.name)
        if self._run is None:
            self._run = launcher().start(self.graph, self.inputs, **self._options)
        return self._run

    def __await__(self) -> Generator[Any, Any, Any]:
        steps: Generator[Any, Any, Any] = self.start().__await__()
        return steps

    def send(self, value: Any, /) -> Any:
        """Go on; for event loops."""
        if self._steps is None:
            self._steps = self.__await__()
        return self._steps.send(value)

    def throw(self, *exc: Any) -> Any:
        """Raise inside; for event loops."""
        if self._steps is None:  # never begun: nothing inside could handle it
            raise exc[0] if isinstance(exc[0], BaseException) else exc[0](*exc[1:2])
        return self._steps.throw(*exc)

    def close(self) -> None:
        """Stop awaiting; the run, if there is one, goes on."""
        if self._steps is not None:
            self._steps.close()

    def __repr__(self) -> str:
        if self._run is not None:
            return f"{self.graph.name}: started as {self._run!r}"
        return f"{self.graph.name}: not started - await it, or .start()"


def _not_drawing(name: str) -> None:
    if BUILDER.get() is not None:
        raise GraphError(
            f"`{name}` cannot be started here: you are drawing a graph. Write `{name}(...)`, it becomes a node "
            "and gives a handle."
        )


def graph_of_one(step: Step, fn: Callable[..., Any], given: tuple[str, ...]) -> Graph:
    """A static graph with one node, `step`, that takes the inputs `given`; it is called like the step."""
    node = NodeSpec(
        id=NodeId(step.name),
        name=step.name,
        kind=step.kind,
        inputs={name: InputRef(name=name) for name in given},
        outputs=step.outputs,
    )
    spec = GraphSpec(
        name=step.name,
        kind="static",
        inputs=tuple(p for p in step.params if p.name in given),
        outputs=step.outputs,
        nodes=(node,),
        result={name: Ref(node=node.id, output=name) for name in step.outputs},
        doc=inspect.cleandoc(type(step).__doc__ or ""),
        fingerprints={step.name: step.fingerprint},
    )
    return Graph(
        fn,
        spec,
        signature=step.signature,
        fingerprint=topology_print(spec),
        source=step.source,
        callables={step.name: step},
    )


def topology_print(spec: GraphSpec) -> str:
    """The fingerprint of a static graph: of what its builder drew; how makes no difference to a run.

    The hints of its inputs are left out: every version of Python writes some of them in its own way.
    """
    inputs = tuple(replace(param, type="") for param in spec.inputs)
    drawn = spec_to_json(replace(spec, name="", inputs=inputs, subgraphs={}, doc="", fingerprints={}))
    return hashlib.blake2b(drawn.encode(), digest_size=16).hexdigest()
