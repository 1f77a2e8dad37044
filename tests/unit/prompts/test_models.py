"""Forms from pydantic models: the schema that a page can draw, and what can be no form."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, Literal, Optional
from uuid import UUID

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, RootModel, SecretStr

from aether_nb.errors import BadInputs, ReplyInvalid
from aether_nb.prompts import form_of, instance_of, reply_schema


class Colour(enum.Enum):
    """What it looks like."""

    RED = "red"
    BLUE = "blue"


class Address(BaseModel):
    """Where somebody lives."""

    street: str
    number: int | None


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str


class Everything(BaseModel):
    """All that a form has.

    And more.
    """

    text: str = Field(
        min_length=1, max_length=9, pattern="^a", description="Begins with a.", title="The Text"
    )
    count: int = Field(3, ge=0, lt=10, multiple_of=3)
    share: float = Field(0.5, gt=0, le=1)
    price: Decimal = Decimal("1.50")
    yes: bool = True
    maybe: bool | None = None
    age: Optional[int] = Field(None, ge=0)  # noqa: UP045 - people write both
    must_be_said: int | None
    role: Literal["author", "editor"] = "author"
    level: Literal[1, 2, 3] = 2
    favourite_colour: Colour = Colour.RED
    second_colour: Colour | None = None
    born: dt.date = dt.date(2000, 1, 1)
    at: dt.datetime | None = None
    daily: dt.time | None = None
    key: UUID | None = None
    home: Address
    work: Address | None = None
    others: list[Address] = []
    tags: list[str] = Field([], max_length=3)
    place: tuple[float, float] = (0, 0)
    unique: set[int] = set()
    scores: dict[str, int] = {}
    pet: Annotated[Cat | Dog, Field(discriminator="kind")] | None = None
    either: int | str = 1


FORM = form_of(Everything)
FIELDS = FORM.fields["properties"]


def inside(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
    for one in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from inside(one)


def test_nothing_in_it_refers_elsewhere_or_is_a_union_with_nothing():
    for schema in inside(FORM.fields):
        assert schema.keys().isdisjoint({"$ref", "$defs", "allOf", "prefixItems"})
        for union in ("anyOf", "oneOf"):
            assert {"type": "null"} not in schema.get(union, [])


@pytest.mark.parametrize(
    ("field", "schema"),
    [
        ("text", {"type": "string", "minLength": 1, "maxLength": 9, "pattern": "^a", "title": "The Text", "description": "Begins with a."}),
        ("count", {"type": "integer", "minimum": 0, "exclusiveMaximum": 10, "multipleOf": 3, "default": 3, "title": "Count"}),
        ("price", {"type": "number", "default": 1.5, "title": "Price"}),
        ("maybe", {"type": "boolean", "nullable": True, "default": None, "title": "Maybe"}),
        ("age", {"type": "integer", "minimum": 0, "nullable": True, "default": None, "title": "Age"}),
        ("must_be_said", {"type": "integer", "nullable": True, "default": None, "title": "Must be said"}),
        ("role", {"enum": ["author", "editor"], "type": "string", "default": "author", "title": "Role"}),
        ("level", {"enum": [1, 2, 3], "type": "integer", "default": 2, "title": "Level"}),
        ("favourite_colour", {"enum": ["red", "blue"], "type": "string", "default": "red", "title": "Favourite colour", "description": "What it looks like."}),
        ("second_colour", {"enum": ["red", "blue"], "type": "string", "default": None, "title": "Second colour", "description": "What it looks like.", "nullable": True}),
        ("at", {"type": "string", "format": "date-time", "nullable": True, "default": None, "title": "At"}),
        ("place", {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2, "default": [0, 0], "title": "Place"}),
        ("either", {"anyOf": [{"type": "integer"}, {"type": "string"}], "default": 1, "title": "Either"}),
    ],
)  # fmt: skip
def test_a_field_is_described_so_that_a_page_can_draw_it(field, schema):
    assert FIELDS[field] == schema


def test_models_inside_have_their_fields_in_place():
    number = {"type": "integer", "nullable": True, "default": None, "title": "Number"}
    address = {
        "type": "object",
        "properties": {"street": {"type": "string", "title": "Street"}, "number": number},
        "required": ["street"],
        "description": "Where somebody lives.",
    }
    assert FIELDS["home"] == {**address, "title": "Home"}
    assert FIELDS["work"] == {**address, "title": "Work", "nullable": True, "default": None}
    assert FIELDS["others"]["items"] == {**address, "title": "Address"}
    assert FIELDS["pet"]["discriminator"] == {"propertyName": "kind"}
    assert [one["properties"]["kind"]["const"] for one in FIELDS["pet"]["oneOf"]] == ["cat", "dog"]


def test_only_what_cannot_be_left_empty_is_required():
    assert FORM.fields["required"] == ["text", "home"]


def test_the_question_is_the_first_line_of_the_docstring_or_the_name_of_the_model():
    assert FORM.prompt == "All that a form has."
    assert form_of(Cat).prompt == "Cat"
    assert form_of(Cat, "Which?").prompt == "Which?"


def test_an_object_with_what_is_required_is_an_instance():
    made = instance_of(Everything, FORM.fields, FORM.check({"text": "a", "home": {"street": "Here"}}))
    assert made == Everything(text="a", home=Address(street="Here", number=None), must_be_said=None)
    assert FORM.check(FORM.value | {"text": "a", "home": {"street": "Here"}})


class Node(BaseModel):
    children: list[Node] = []


class Mutual(BaseModel):
    class Inner(BaseModel):
        back: Mutual | None = None

    inner: Inner


class Token(BaseModel):
    token: SecretStr


class Anything(BaseModel):
    it: Any


class Mixed(BaseModel):
    pair: tuple[int, str]


class Odd(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    call: Iterator[int]
    thing: type[int]


class Rows(RootModel[list[int]]):
    pass


class Empty(BaseModel):
    pass


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (Node, "Node can be no form: `children.0` contains Node again, without end."),
        (Mutual, "Mutual can be no form: `inner.back` contains Mutual again, without end."),
        (Token, r"`token` is a secret, and a form is kept: ask for it by ask_text\(secret=True\)"),
        (Anything, "Anything can be no form: `it` may be anything."),
        (Mixed, "Mixed can be no form: `pair` is a tuple of different things; make a model of them."),
        (Odd, "Odd can be no form: "),
        (Rows, "Rows can be no form: it has no fields."),
        (Empty, "Empty can be no form: it has no fields."),
    ],
)
def test_what_can_be_no_form_is_refused_in_one_sentence(model, said):
    with pytest.raises(BadInputs, match=said) as e:
        form_of(model)
    assert "\n" not in str(e.value)


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 12),
    st.floats(),
    st.text("ab", max_size=3),
    st.just("2026-11-27"),
)
REPLIES = st.dictionaries(
    st.sampled_from([*FIELDS, "strange"]),
    st.one_of(
        VALUES,
        st.lists(VALUES, max_size=2),
        st.fixed_dictionaries(
            {}, optional={"street": VALUES, "number": VALUES, "kind": st.sampled_from(["cat", "cow"])}
        ),
    ),
)


@given(REPLIES)
def test_a_reply_is_refused_by_field_or_gives_an_instance_and_never_anything_else(reply):
    problems = {}
    try:
        found = FORM.check(reply)
        jsonschema.validate(found, reply_schema(FORM))
        assert isinstance(instance_of(Everything, FORM.fields, found), Everything)
    except ReplyInvalid as invalid:
        problems = invalid.problems
    assert all(path == "" or path.split(".")[0] in {*FIELDS, "strange"} for path in problems)
    assert all(said and "\n" not in said for said in problems.values())


class Level(enum.IntEnum):
    LOW = 1
    VERY_HIGH = 10


def test_the_numbers_of_an_enum_are_called_by_its_names() -> None:
    class Skilled(BaseModel):
        level: Level
        colour: Colour = Colour.RED

    fields = form_of(Skilled).fields["properties"]
    assert (fields["level"]["enum"], fields["level"]["names"]) == ([1, 10], ["Low", "Very high"])
    assert "names" not in fields["colour"]  # its values are words themselves
    assert instance_of(Skilled, form_of(Skilled).fields, {"level": 10}).level is Level.VERY_HIGH
