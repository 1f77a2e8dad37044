"""The inputs of a function: what they are called, what binds to them, what type they want.

Made once, when a tool or graph is decorated; `bind` runs at every call and is quick about it. Type
hints are text for people; they are resolved only when a literal is checked against them, and a hint
that cannot be resolved is not checked.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from aether_nb.authoring.names import listed, said
from aether_nb.errors import BadInputs, GraphProblems, NotStorable
from aether_nb.graph.model import ParamSpec
from aether_nb.graph.validate import did_you_mean
from aether_nb.values import encode

CONTEXT = "context"
"""The keyword-only parameter by which a function asks for its context."""

_MISSING: Any = object()


@dataclass(frozen=True, eq=False)
class Signature:
    """What a function takes."""

    params: tuple[ParamSpec, ...]
    """Every input in the order written; `context` is none of them."""
    wants_context: bool
    """Whether there is a keyword-only parameter `context`."""
    _fn: Callable[..., Any] = field(repr=False)
    _positional: tuple[str, ...] = field(repr=False)
    _required: tuple[str, ...] = field(repr=False)
    _template: dict[str, Any] = field(repr=False)
    """The default of every input, or `_MISSING`."""
    _hints: dict[str, Any] = field(repr=False)

    @classmethod
    def of(cls, fn: Callable[..., Any], *, name: str = "", reserved: Sequence[str] = ()) -> Signature:
        """Read a function's signature.

        Args:
            fn: a function, or a bound method.
            name: what it is called in messages; its own name when empty.
            reserved: names that no parameter may have, because a call means something else by them.

        Raises:
            GraphProblems: parameters that a step cannot have, all at once.
        """
        name = name or getattr(fn, "__name__", repr(fn))
        try:
            parameters = inspect.signature(fn).parameters
        except (TypeError, ValueError):  # no function, or one that is written in C
            raise GraphProblems(name, [f"{fn!r} does not say what it takes; wrap it in a `def`."]) from None
        if problems := [*_unfit(parameters.values(), reserved)]:
            raise GraphProblems(name, problems)
        inputs = [p for p in parameters.values() if p.name != CONTEXT]
        module = getattr(fn, "__module__", None)
        return cls(
            params=tuple(_param(p, module) for p in inputs),
            wants_context=CONTEXT in parameters,
            _fn=fn,
            _positional=tuple(p.name for p in inputs if p.kind is p.POSITIONAL_OR_KEYWORD),
            _required=tuple(p.name for p in inputs if p.default is p.empty),
            _template={p.name: _MISSING if p.default is p.empty else p.default for p in inputs},
            _hints={p.name: p.annotation for p in inputs if p.annotation is not p.empty},
        )

    @property
    def first(self) -> str:
        """The first input that can be given by position; empty when there is none."""
        return self._positional[0] if self._positional else ""

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any], *, what: str) -> dict[str, Any]:
        """The value of every input by name, in the order of `params`, defaults applied.

        Args:
            args: given by position.
            kwargs: given by name.
            what: what is called, for the message.

        Raises:
            BadInputs: inputs are missing, surplus or given twice; all of it in one message.
        """
        bound = self._template.copy()
        bound.update(kwargs)
        fits = len(bound) == len(self._template)
        if args:
            for name, value in zip(self._positional, args, strict=False):
                bound[name] = value
            taken = self._positional[: len(args)]
            fits = fits and len(taken) == len(args) and kwargs.keys().isdisjoint(taken)
        if fits:
            for name in self._required:
                if bound[name] is _MISSING:
                    break
            else:
                return bound
        raise BadInputs(f"{what}: {self.complaint(args, kwargs)}")

    def given(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs that the call names, defaults left out; whatever fits no input is dropped.

        For builders, which note the `complaint` and go on, to find everything that is wrong at once.
        """
        given = {**dict(zip(self._positional, args, strict=False)), **kwargs}
        return {name: given[name] for name in self._template if name in given}

    def complaint(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        """What is wrong with a call, as one sentence and the remedy; empty when it binds."""
        taken = self._positional[: len(args)]
        absent = [n for n in self._required if n not in kwargs and n not in taken]
        faults = []
        if absent:
            faults.append(f"{listed(absent)} {'is' if len(absent) == 1 else 'are'} missing")
        for name in kwargs:
            if name == CONTEXT and self.wants_context:
                faults.append("`context` comes by itself, leave it out")
            elif name not in self._template:
                hint = did_you_mean(name, absent or list(self._template))
                faults.append(f"there is no input `{name}`{hint}")
        if twice := [n for n in taken if n in kwargs]:
            faults.append(f"{listed(twice)} {'is' if len(twice) == 1 else 'are'} given twice")
        if len(args) > len(self._positional):
            most = len(self._positional) or "none"
            faults.append(f"{len(args)} values are given by position and it takes {most}, name the others")
        if not faults:
            return ""
        takes = f"It takes {listed(self._template)}." if self._template else "It takes no inputs."
        return f"{'; '.join(faults)}. {takes}"

    def mismatches(self, values: Mapping[str, Any]) -> list[str]:
        """One sentence for each value that does not fit its type hint; values are never converted.

        Only for literals in builders and for the inputs of a run: too slow for calls in a run.
        """
        found = (self._mismatch(name, value) for name, value in values.items())
        return [sentence for sentence in found if sentence]

    def _mismatch(self, name: str, value: Any) -> str:
        adapter = self._adapters.get(name)
        if adapter is None or value is self._template[name]:
            return ""
        at = ""
        try:
            checked = adapter.validate_python(value)
            # pydantic reads numbers out of text; the function would get the text
            if not (isinstance(value, str) and isinstance(checked, (int, float))):
                return ""
        except ValidationError as e:
            first = e.errors(include_url=False, include_context=False, include_input=False)[0]
            path = ".".join(map(str, first["loc"]))
            at = f" (at {path}: {first['msg'].lower()})" if path and "[" not in path else ""
        except Exception:  # noqa: BLE001 - a validator of the user's that fails otherwise proves nothing
            return ""
        hint = next(p.type for p in self.params if p.name == name)
        return f"`{name}` should be `{hint}`, not {said(value)}{at}."

    @cached_property
    def _adapters(self) -> dict[str, TypeAdapter[Any]]:
        made = {name: _adapter(self._fn, name, hint) for name, hint in self._hints.items()}
        return {name: adapter for name, adapter in made.items() if adapter is not None}


def _unfit(parameters: typing.Iterable[inspect.Parameter], reserved: Sequence[str]) -> Iterator[str]:
    for p in parameters:
        if p.kind is p.VAR_POSITIONAL or p.kind is p.VAR_KEYWORD:
            yield f"`{p}` cannot be an input, every input needs a name; take a list or a dict instead."
        elif p.kind is p.POSITIONAL_ONLY:
            yield f"`{p.name}` is positional-only, inputs are passed by name; take the `/` out."
        elif p.name == CONTEXT and p.kind is not p.KEYWORD_ONLY:
            yield "`context` must be keyword-only; write `*, context`."
        elif p.name == "self":
            yield "a method cannot be a step, `self` would be an input; decorate a function."
        elif p.name in reserved:
            yield f"no input can be called `{p.name}`, calls use that name themselves; take another one."


def _param(p: inspect.Parameter, module: str | None) -> ParamSpec:
    hint = p.annotation
    text = (
        "" if hint is p.empty else hint if isinstance(hint, str) else inspect.formatannotation(hint, module)
    )
    text = text.replace("pathlib._local.", "pathlib.")  # where Python 3.13 keeps the classes of pathlib
    if p.default is p.empty:
        return ParamSpec(name=p.name, type=text)
    try:
        default = encode(p.default)
    except NotStorable:
        default = None  # the function has it anyway; a picture can do without
    return ParamSpec(name=p.name, type=text, required=False, default=default)


def _adapter(fn: Callable[..., Any], name: str, hint: Any) -> TypeAdapter[Any] | None:
    """A checker for one hint; None when the hint cannot be resolved or says nothing."""
    fn = inspect.unwrap(getattr(fn, "__func__", fn))
    # a holder of one hint, so that one that cannot be resolved does not spoil the others
    holder = type("_Holder", (), {"__annotations__": {name: hint}})
    try:
        cells = zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=True)
        around = {free: cell.cell_contents for free, cell in cells}
        hint = typing.get_type_hints(holder, fn.__globals__, around, include_extras=True)[name]
        if hint is Any or hint is object:
            return None
        try:
            return TypeAdapter(hint, config=ConfigDict(arbitrary_types_allowed=True))
        except Exception:  # noqa: BLE001 - models bring a config of their own and refuse ours
            return TypeAdapter(hint)
    except Exception:  # noqa: BLE001 - a hint is a hint; whatever is wrong with it, the tool works
        return None
