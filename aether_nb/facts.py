"""What every fact is: frozen data, and how it becomes JSON and comes back, checked.

`events.py` makes its vocabulary of `Fact`. Structs of msgspec, because a thousand nodes are thousands of these: one
is made in a quarter of the time that a dataclass takes, and read and checked in a third of what pydantic takes.
The prompts and replies in them are pydantic's models, and are checked by pydantic.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from pydantic import BaseModel, ValidationError

from aether_nb.errors import StoreTooNew
from aether_nb.markup import pairs
from aether_nb.prompts import PROMPT, PromptBase
from aether_nb.values import show

_F = TypeVar("_F", bound="Fact")


class Fact(msgspec.Struct, frozen=True, omit_defaults=True, repr_omit_defaults=True, gc=False):
    """Frozen data. It refers to data alone, so that the collector of cycles need not look at it."""

    @classmethod
    def fields(cls) -> frozenset[str]:
        """The names of what it says."""
        return frozenset(cls.__struct_fields__)

    def to_json(self) -> bytes:
        """As a JSON object in the order of its fields, what has its default left out.

        Raises:
            ValueError, TypeError, RecursionError: something in it is not JSON.
        """
        return _ENCODER.encode(self)

    def to_tree(self) -> dict[str, Any]:
        """As plain dicts and lists; raises as `to_json` does."""
        tree: dict[str, Any] = msgspec.to_builtins(self, enc_hook=_plain)
        return tree

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002 - the notebook's protocol
        said = {name: show(value, 800) for name, value in self.to_tree().items()}
        return {"text/plain": repr(self), "text/html": pairs(said, title=type(self).__name__)}


replace = msgspec.structs.replace
"""A fact like this one, but for what is named."""


@functools.cache
def reader(cls: type[_F]) -> Callable[[str | bytes], _F]:
    """Reads facts of a class from JSON.

    What it gives raises ValueError, or RecursionError, for what is damaged; the message says where.
    """
    return msgspec.json.Decoder(cls, dec_hook=_checked).decode


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_defaults=True)
    raise TypeError(f"a {type(value).__name__} is not JSON")


def _checked(cls: Any, value: Any) -> Any:
    if cls is not PromptBase:
        return cls.model_validate(value)
    try:
        return PROMPT.validate_python(value)
    except ValidationError as wrong:
        kinds = {error["type"] for error in wrong.errors(include_url=False)}
        if kinds.isdisjoint({"union_tag_invalid", "extra_forbidden"}):
            raise
        raise StoreTooNew(
            f"its question, of kind {value.get('kind')!r:.100}, has something that this aether_nb does not know: "
            "it was written by a newer one. Install that to open the run."
        ) from None


_ENCODER = msgspec.json.Encoder(enc_hook=_plain)
