"""Dual-stage tools: Stage A asks or submits and returns a `Wait`, Stage B takes the reply.

Between the two nothing of the tool lives in memory. Users subclass `DualStageTool`; `aether_nb.tools`
does so for the built-in asks; the engine calls the stages.
"""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from aether_nb.authoring.fingerprint import combined, fingerprint, source_of
from aether_nb.authoring.graphs import NotStarted, graph_of_one
from aether_nb.authoring.names import name_problems, output_problems
from aether_nb.authoring.returns import returned
from aether_nb.authoring.signature import CONTEXT, Signature
from aether_nb.authoring.steps import CALL_WORDS, SINGLE, Step
from aether_nb.calling import BUILDER, CALLER, DUAL_STAGE, MISSING, PENDING
from aether_nb.errors import BadInputs, GraphError, GraphProblems
from aether_nb.ids import Token
from aether_nb.prompts import Poll, Prompt, Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """What Stage A asks for; stored, and given to Stage B with `inputs` and `token` filled in."""

    kind: str = "callback"
    """What sort of thing is waited for, for pictures and lists: `approval`, `job`."""
    prompt: Prompt | str | None = None
    """What a person is asked; None when no person is."""
    schema: Mapping[str, Any] | None = None
    """JSON Schema of the reply, for a wait without a prompt or with a mere text for one (then nobody is
    asked, it says what is waited for); a `Prompt` says itself what fits."""
    correlator: str | None = None
    """A name for the outside world, such as a job's id, under which the reply may be posted."""
    timeout: Any = None
    """When it expires: seconds, a timedelta or a datetime; None waits forever."""
    default: Any = MISSING
    """The reply's value when nobody answered in time."""
    state: Any = None
    """Whatever Stage B needs; must be storable."""
    poll: Poll | None = None
    """Ask the tool's `poll` for the reply, this often."""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    """The inputs of Stage A; the engine fills them in."""
    token: Token = field(default=Token(""))
    """The name of the wait in the store; the engine fills it in."""


class DualStageTool(Step):
    """A tool in two halves. Subclass it, write `setup` and `on_resume`, and call an instance like any tool.

    `context` is a keyword-only parameter of each method that asks for it. Methods may use `self` only
    for what `__init__` put there: the two stages may run in two lives of the kernel.

    Attributes:
        name: the class name in snake_case, unless the class says otherwise.
        outputs: names of the outputs; without them what `on_resume` returns is the one output `result`.
        asks: whether a person is asked; the picture shows it, and the node's kind is `ask` or `wait`.
        pure_setup: Stage A has no effect, so it needs no barrier and may run again.
        with_context: the names of those methods that ask for `context`.
        own: the names of those methods that the class writes.
    """

    name = ""
    outputs: Any = None  # a list of names as users write it; a tuple of them once the class is made
    asks: ClassVar[bool] = False
    pure_setup: bool = False
    with_context: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Read the class once, when it is defined, so that instances cost nothing and need no `__init__`."""
        super().__init_subclass__(**kwargs)
        cls.name = vars(cls).get("name") or _snake(cls.__name__)
        stages = {stage: getattr(cls, stage) for stage in _STAGES}
        own = {s: fn for s, fn in stages.items() if fn is not getattr(DualStageTool, s)}
        problems = [*name_problems(cls.name)]
        if "outputs" in vars(cls):
            problems += output_problems([] if cls.outputs is None else cls.outputs)
        problems += [
            f"`{stage}` waits for nothing; write `async def {stage}`."
            for stage, fn in own.items()
            if not inspect.iscoroutinefunction(fn)
        ]
        problems += [p for stage in own if stage != "setup" and (p := _misfit(cls, stage))]
        try:
            # bound to the class in place of an instance, which there is none of yet
            bound = types.MethodType(cls.setup, cls)
            cls.signature = Signature.of(bound, name=cls.name, reserved=CALL_WORDS)
        except GraphProblems as e:
            if "setup" in own:  # else it is a base for others
                problems += e.problems
        if problems:
            raise GraphProblems(cls.name, problems)
        if "outputs" in vars(cls) or not isinstance(cls.outputs, tuple):
            cls.single = cls.outputs is None
            cls.outputs = (SINGLE,) if cls.outputs is None else tuple(cls.outputs)
        cls.kind = "ask" if cls.asks else "wait"
        if "setup" in own:
            cls.params = cls.signature.params
            cls.wants_context = cls.signature.wants_context
        cls.with_context = frozenset(
            s for s, fn in stages.items() if CONTEXT in inspect.signature(fn).parameters
        )
        cls.own = frozenset(own)
        cls.fingerprint, cls.source = _code(cls)

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Make an instance.

        Raises:
            GraphError: the class has no `setup` or no `on_resume`, or no `__init__` for these arguments.
        """
        if (args or kwargs) and cls.__init__ is object.__init__:
            raise GraphError(f"{cls.__name__}() takes nothing; inputs go to the call: {cls.__name__}()(...).")
        for stage in ("setup", "on_resume"):
            if getattr(cls, stage) is getattr(DualStageTool, stage):
                raise GraphError(
                    f"{cls.__name__} has no `{stage}`; write `async def {stage}(self, ...)` in it."
                )
        made = super().__new__(cls)
        DUAL_STAGE[cls.name] = made
        return made

    async def setup(self, *args: Any, **kwargs: Any) -> Wait:
        """Stage A: send the prompt or submit the job. Its parameters are the tool's inputs.

        It may run again, with the same `context.wait_token`, when the kernel dies before the wait is stored.
        Cancelled meanwhile, it gets a `CancelledError` and clears up itself: without a wait there is no `on_cancel`.
        """
        raise NotImplementedError

    async def on_resume(self, reply: Reply, wait: Wait, *, context: Any) -> Any:
        """Stage B: make the outputs of the reply, a person's or the default; `wait` is as Stage A left it."""
        raise NotImplementedError

    async def poll(self, wait: Wait, *, context: Any) -> Any:  # noqa: ARG002 - what subclasses get
        """Look for the reply: its value (or a `Reply`), or `PENDING`. Called as often as the wait's `Poll` says.

        An exception is a look without a result; the tenth in a row fails the node with it.
        """
        return PENDING

    async def on_cancel(self, wait: Wait, *, context: Any) -> None:
        """Withdraw what Stage A submitted: nobody waits for it any more.

        Called when the run or the node is cancelled, and for the losers of `wait_any`; not after a deadline.
        At least once: again when the kernel dies meanwhile. It has ten seconds, and an exception in it is
        noted in the log and stops nothing. `context` has no questions and no journal here.
        """

    def __call__(self, /, *args: Any, key: str | None = None, after: Any = None, **kwargs: Any) -> Any:
        """Become a node.

        Returns:
            In a builder a `Handle`, in a graph function a coroutine of the outputs, outside of both a
            `NotStarted` that, when awaited, starts a run of this one node.

        Raises:
            BadInputs: the inputs do not fit.
            GraphError: called in a tool's body.
        """
        builder = BUILDER.get()
        if builder is not None:
            return self._draw(builder, args, kwargs, key, after)
        caller = CALLER.get()
        if caller is None:
            bound = self.signature.bind(args, kwargs, what=self.name)
            if wrong := self.signature.mismatches(bound):
                raise BadInputs(f"{self.name}: {' '.join(wrong)}")
            given = self.signature.given(args, kwargs)
            return NotStarted(graph_of_one(self, self.setup, tuple(given)), given)
        if caller.kind == "fn":
            return self._record(caller, args, kwargs, key, after)
        instead = "ask with `await context.channel().ask_...(...)` here, or " if self.asks else ""
        raise GraphError(
            f"`{self.name}` waits as a node of its own and cannot be called in a tool's body; "
            f"{instead}call it in the graph and pass what it gives to this tool."
        )

    def _returned(self) -> dict[str, str]:
        return returned(self.on_resume, self.outputs, single=self.single)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002 - the notebook's protocol
        return self._shown("dual-stage tool", inspect.cleandoc(type(self).__doc__ or ""))

    def __repr__(self) -> str:
        inputs = ", ".join(p.name if p.required else f"{p.name}=" for p in self.params)
        return f"<dual-stage tool {self.name}({inputs}) -> {', '.join(self.outputs)}>"


_STAGES = ("setup", "on_resume", "poll", "on_cancel")
_TAKES = {"on_resume": ("reply", "wait"), "poll": ("wait",), "on_cancel": ("wait",)}


def _misfit(cls: type[DualStageTool], stage: str) -> str:
    """What is wrong with the parameters of a stage that is called long after its class was defined."""
    fn, takes = inspect.getattr_static(cls, stage), _TAKES[stage]
    me = () if isinstance(fn, staticmethod) else ("self",)
    signature = inspect.signature(getattr(cls, stage))
    context = {CONTEXT: None} if CONTEXT in signature.parameters else {}
    try:
        signature.bind(*me[: not isinstance(fn, classmethod)], *takes, **context)
    except TypeError as error:
        wanted = ", ".join((*me, *takes))
        return f"`{stage}` cannot be called, {error}: write `async def {stage}({wanted})`, with `*, context` if wanted."
    return ""


def _code(cls: type[DualStageTool]) -> tuple[str, str]:
    """Fingerprint and source of a class: of all its methods, because a class of a notebook has no source.

    The classes of this package have neither: an upgrade is not an edit of the user's.
    """
    if cls.__module__.partition(".")[0] == __name__.partition(".")[0]:
        return "", ""
    methods = {
        name: fn
        for base in reversed(cls.__mro__[: cls.__mro__.index(DualStageTool)])
        for name, fn in vars(base).items()
        if isinstance(fn, types.FunctionType)
    }
    source = "\n".join(filter(None, map(source_of, methods.values())))
    return combined({name: fingerprint(fn) for name, fn in methods.items()}), source


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
