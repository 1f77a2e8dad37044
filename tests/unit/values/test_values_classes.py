"""Users' classes: dataclasses, models, enums and named tuples come back as themselves, without running."""

from __future__ import annotations

import enum
import json
import sys
import types
from collections import namedtuple
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, NamedTuple, TypeVar

import pytest
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, RootModel, field_validator
from pydantic.dataclasses import dataclass as pydantic_dataclass

from aether_nb.errors import NotRestorable, NotStorable
from aether_nb.values import decode, digest, encode

ran = []


@dataclass
class Point:
    x: int
    y: float = 0.0
    tags: list[str] = field(default_factory=list)

    def __post_init__(self):
        ran.append("post_init")


@dataclass(frozen=True, slots=True)
class Frozen:
    a: int
    b: tuple[int, ...] = ()


@dataclass
class Late:
    a: int
    made: str = field(init=False)

    @cached_property
    def slow(self):
        return object()


@dataclass
class Child(Point):
    pass


class Undecorated(Point):
    def __init__(self):
        super().__init__(1)
        self.extra = {"more"}


@pydantic_dataclass
class Checked:
    n: int


class Pair(NamedTuple):
    left: int
    right: str = "r"


Old = namedtuple("Old", "a b")  # noqa: PYI024 - the old way is what is tested


class Colour(enum.Enum):
    RED = 1
    BLUE = "b"


class Word(enum.StrEnum):
    YES = "yes"


class Level(enum.IntEnum):
    LOW = 1


class Bits(enum.Flag):
    A = 1
    B = 2

    @classmethod
    def _missing_(cls, value):
        ran.append("missing")
        return super()._missing_(value)


class Inner(BaseModel):
    when: Any
    pair: Pair = Pair(1)


class Model(BaseModel):
    model_config = ConfigDict(populate_by_name=True)
    name: str = Field(alias="theName")
    inner: Inner | None = None
    n: int = 3
    _secret: list[int] = PrivateAttr(default_factory=list)

    @field_validator("name")
    @classmethod
    def check(cls, v):
        ran.append("validator")
        return v

    def model_post_init(self, _context):
        ran.append("model_post_init")


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    a: int


class Frost(BaseModel):
    model_config = ConfigDict(frozen=True)
    a: int


class Roots(RootModel[list[int]]):
    pass


T = TypeVar("T")


class Box(BaseModel, Generic[T]):
    value: T


class IntBox(Box[int]):
    pass


class Outer:
    @dataclass
    class Nested:
        a: int


def there_and_back(value):
    return decode(json.loads(json.dumps(encode(value))))


@pytest.mark.parametrize(
    "value",
    [
        Point(1, 2.5, ["a"]), Frozen(1, (2, 3)), Child(2), Checked(3), Pair(1, "x"), Old(1, 2), Outer.Nested(1),
        Colour.RED, Colour.BLUE, Word.YES, Level.LOW, Bits.A, Bits.A | Bits.B, Bits(0),
        Model(theName="a", inner=Inner(when=(1, 2))), Open(a=1, b={1, 2}), Frost(a=1), Roots([1, 2]), IntBox(value=1),
        {Word.YES: [Pair(1)], Colour.RED: {Frozen(1)}},
    ],
    ids=str,
)  # fmt: skip
def test_instances_come_back_equal_and_of_their_own_class(value):
    ran.clear()
    back = there_and_back(value)
    assert ran == []
    assert back == value
    assert type(back) is type(value)
    assert not digest(value).startswith("~")
    assert digest(back) == digest(value)


def test_an_enum_member_is_the_member():
    assert there_and_back(Colour.BLUE) is Colour.BLUE


def test_what_else_a_model_holds_comes_back():
    model = Model(theName="a")
    model._secret.append(7)
    back = there_and_back(model)
    assert back._secret == [7]
    assert back.model_fields_set == {"name"}
    assert Open(a=1, b=2).model_extra == there_and_back(Open(a=1, b=2)).model_extra


def test_what_was_set_on_an_instance_besides_its_fields_comes_back_but_caches_do_not():
    assert there_and_back(Undecorated()).extra == {"more"}
    late = Late(1)
    assert late.slow is not None
    back = there_and_back(late)
    assert vars(back) == {"a": 1}


def test_a_field_that_was_added_since_takes_its_default_and_a_removed_one_does_no_harm():
    stored = encode(Point(1))
    del stored["v"]["tags"]
    stored["v"]["gone"] = 5
    assert decode(stored).tags == []
    stored = encode(Frozen(1))
    stored["v"]["gone"] = 5
    assert decode(stored) == Frozen(1)
    stored = encode(Model(theName="a"))
    stored["v"] = {"name": "a", "gone": 5}
    assert decode(stored).n == 3
    stored = encode(Pair(1))
    del stored["v"]["right"]
    assert decode(stored) == Pair(1)


@pytest.mark.parametrize("value", [Point(1), Pair(1), Frost(a=1)], ids=str)
def test_a_needed_field_that_is_missing_is_named(value):
    stored = encode(value)
    missing = next(iter(stored["v"]))
    del stored["v"][missing]
    with pytest.raises(NotRestorable, match=f"{type(value).__name__} has no value for '{missing}'.*default"):
        decode(stored)


def test_an_unknown_class_says_which_cell_to_run_and_shows_as_a_stand_in():
    stored = {"$": "obj", "c": "__main__:Gone", "v": {"a": 1, "b": {"$": "tuple", "v": [2]}}}
    with pytest.raises(
        NotRestorable, match="class Gone, which is not defined here; run the cell that defines it"
    ):
        decode(stored)
    assert repr(decode(stored, strict=False)) == "Gone(a=1, b=(2,))"
    with pytest.raises(NotRestorable, match=r"import shop\.models first"):
        decode({"$": "enum", "c": "shop.models:Kind", "v": "A"})
    assert repr(decode({"$": "enum", "c": "shop.models:Kind", "v": "A"}, strict=False)) == "Kind.A()"


def test_a_member_that_an_enum_has_no_more_is_named():
    with pytest.raises(NotRestorable, match="Colour has no member 'GREEN'"):
        decode(encode(Colour.RED) | {"v": "GREEN"})


def test_a_class_inside_a_function_is_refused_with_where_to_put_it():
    @dataclass
    class Local:
        a: int

    with pytest.raises(NotStorable, match=r"value\['x'\].*define Local at the top of a cell or module"):
        encode({"x": Local(1)})
    assert digest(Local(1)) != digest(Local(2))


def test_a_generic_model_without_a_name_is_refused():
    def make():
        return Box[dict[str, int]](value={})

    with pytest.raises(NotStorable, match="give the class a name"):
        encode(make())


def test_a_field_that_cannot_be_stored_is_named():
    with pytest.raises(NotStorable, match=r"^outputs\['p'\]\.tags\[0\] is a function"):
        encode({"p": Point(1, tags=[lambda: 1])}, name="outputs")
    with pytest.raises(NotStorable, match=r"^outputs\.inner\.when is a function"):
        encode(Model(theName="a", inner=Inner(when=lambda: 1)), name="outputs")


def test_a_dataclass_that_is_also_a_container_is_refused():
    with pytest.raises(NotStorable):
        encode(DataList(1))


@dataclass
class DataList(list):
    a: int


def test_a_stored_name_reaches_only_classes_that_call_themselves_so():
    for name in (
        "builtins:dict",
        "json:loads",
        "json.decoder:JSONDecoder",
        f"{__name__}:Alias",
        f"{__name__}:Outer",
    ):
        with pytest.raises(NotRestorable):
            decode({"$": "obj", "c": name, "v": {}})


Alias = Point


def test_looking_a_class_up_does_not_run_a_modules_getattr(monkeypatch):
    module = types.ModuleType("lazy_module")
    module.__getattr__ = ran.append
    monkeypatch.setitem(sys.modules, "lazy_module", module)
    ran.clear()
    with pytest.raises(NotRestorable):
        decode({"$": "obj", "c": "lazy_module:Thing.Other", "v": {}})
    assert ran == []
