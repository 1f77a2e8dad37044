"""What a run or a node gives: a mapping that also reads like an object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aether_nb.errors import UnknownOutput
from aether_nb.markup import pairs
from aether_nb.values.text import show, shown


class Outputs(Mapping[str, Any]):
    """Outputs by name, `out["msg"]` or `out.msg`. Cannot be changed; equal to a dict with the same entries.

    With exactly one entry it prints, formats, compares and is true or false as that entry: so
    `if await is_urgent(mail):` and `await kind_of(mail) == "bill"` mean what they say.

    Raises:
        UnknownOutput: no output has that name; also a KeyError and an AttributeError.
    """

    __slots__ = ("_entries",)
    _entries: dict[str, Any]

    def __init__(self, entries: Mapping[str, Any]) -> None:
        object.__setattr__(self, "_entries", dict(entries))

    def __getitem__(self, name: str) -> Any:
        try:
            return self._entries[name]
        except KeyError:
            raise UnknownOutput(f"There is no output {name!r}; {self._there_are()}.") from None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # probes by IPython, copy and others, not meant for us
            raise AttributeError(name)
        return self[name]

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"Outputs cannot be changed; make a dict of them first to set {name!r}.")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"Outputs cannot be changed; make a dict of them first to remove {name!r}.")

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._entries]

    def __reduce__(self) -> tuple[Any, ...]:
        return Outputs, (self._entries,)

    def __eq__(self, other: object) -> Any:
        if isinstance(other, Outputs):
            return self._entries == other._entries
        if isinstance(other, Mapping) and (len(self) != 1 or other.keys() == self._entries.keys()):
            return self._entries == dict(other)
        return self._only() == other if len(self) == 1 else NotImplemented

    __hash__ = None  # type: ignore[assignment] # as of every mapping that compares by what is in it

    def __bool__(self) -> bool:
        return bool(self._only()) if len(self) == 1 else bool(self._entries)

    def __repr__(self) -> str:
        if len(self._entries) == 1:
            return repr(self._only())
        return f"Outputs({', '.join(f'{k}={v!r}' for k, v in self._entries.items())})"

    def __str__(self) -> str:
        return str(self._only()) if len(self._entries) == 1 else repr(self)

    def __format__(self, spec: str) -> str:
        return format(self._only() if len(self._entries) == 1 else repr(self), spec)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:  # noqa: ARG002 - the notebook's protocol
        if len(self._entries) == 1:
            return shown(self._only())
        rich = {name: html for name, value in self.items() if (html := shown(value).get("text/html"))}
        text = {name: value if isinstance(value, str) else show(value, 800) for name, value in self.items()}
        return {"text/plain": repr(self), "text/html": pairs(text, rich=rich)}

    def _only(self) -> Any:
        return next(iter(self._entries.values()))

    def _there_are(self) -> str:
        if not self._entries:
            return "there are no outputs"
        return "there " + ("is " if len(self._entries) == 1 else "are ") + ", ".join(map(repr, self._entries))


RESERVED_OUTPUTS: frozenset[str] = frozenset(n for n in dir(Outputs) if not n.startswith("__"))
"""Names that an output cannot have, because `out.name` would be a method of the mapping."""
