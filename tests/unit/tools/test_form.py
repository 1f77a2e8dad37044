"""Forms from pydantic models: what is asked, who checks what, and what comes out."""

from __future__ import annotations

import asyncio
import datetime as dt
import enum
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, field_validator, model_validator

import aether_nb as ae
from aether_nb import ScriptedChannel, graph_fn, graphify
from aether_nb.errors import NodeFailed, ReplyInvalid
from aether_nb.prompts import form_of
from aether_nb.tools import ask_form


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Address(BaseModel):
    street: str = Field(min_length=1)
    number: int | None


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str


class Person(BaseModel):
    """Who are you?"""

    name: str = Field(min_length=1, description="As it stands on the badge.")
    age: int | None = Field(None, ge=0)
    colour: Colour = Colour.RED
    address: Address | None = None
    tags: list[str] = []
    born: dt.date = dt.date(2000, 1, 1)
    pet: Annotated[Cat | Dog, Field(discriminator="kind")] | None = None

    @field_validator("name")
    @classmethod
    def is_a_name(cls, name):
        if name == "X":
            raise ValueError("Nobody is called that.")
        return name

    @model_validator(mode="after")
    def is_old_enough(self):
        if self.name == "Ada" and self.age == 3:
            raise ValueError("Ada is older.")
        return self


ADA = {"name": "Ada", "age": 36, "colour": "blue", "address": {"street": "Here"}, "born": "1815-12-10"}


def ada():
    return Person(
        name="Ada", age=36, colour=Colour.BLUE, address=Address(street="Here", number=None),
        born=dt.date(1815, 12, 10),
    )  # fmt: skip


@graph_fn(outputs=["value"])
async def cooperative(*, context):
    return {"value": await context.channel().ask_form(Person)}


@graph_fn(outputs=["value"])
async def dual_stage():
    return {"value": (await ask_form(Person)).value}


@graphify(inputs=[], outputs=["value"])
def static():
    return {"value": ask_form(Person).value}


GRAPHS = [cooperative, dual_stage, static]


@pytest.mark.parametrize("graph", GRAPHS, ids=lambda g: g.name)
@pytest.mark.parametrize("answer", [ADA, ada()], ids=["fields", "instance"])
async def test_a_form_gives_an_instance_of_its_model(configure, graph, answer):
    configure(channel=ScriptedChannel([answer]))
    out = await graph()
    assert (type(out.value), out.value) == (Person, ada())


@pytest.mark.parametrize("graph", GRAPHS, ids=lambda g: g.name)
async def test_what_the_model_refuses_is_said_at_the_field_before_the_reply_is_accepted(ours, graph):
    run = graph.start()
    wait = await run.next_wait()
    for reply, problems in [
        ({"name": "X", "age": -1, "address": {"street": ""}, "pet": {"kind": "dog"}},
         {"age": "at least 0 is needed", "address.street": "this is needed", "pet.name": "this is needed"}),
        ({"name": "X"}, {"name": "Nobody is called that."}),
        ({"name": "Ada", "age": 3}, {"": "Ada is older."}),
        ({"name": "Ada", "born": "tomorrow"}, {"born": "a date is needed"}),
    ]:  # fmt: skip
        with pytest.raises(ReplyInvalid) as e:
            run.answer(reply)
        assert e.value.problems == problems
    assert ours.store.wait(wait.token).status == "open"
    assert run.answer(ADA)
    assert (await run).value == ada()


async def test_a_reply_that_a_door_without_the_class_let_through_is_refused_before_stage_b(ours):
    run = dual_stage.start()
    wait = await run.next_wait()
    ours.driver(run.run_id).questions.check = lambda row, value: None  # as in a server, which knows no class
    run.answer({"name": "Ada", "age": 3})
    while not (rejected := [e for e in run.events if e.type == "ReplyRejected"]):
        await asyncio.sleep(0)
    assert rejected[0].problems == {"": "Ada is older."}
    run.answer({"name": "Ada", "age": 4})
    assert (await run).value.age == 4
    assert [w.token for w in run.waits] == [wait.token]


async def test_the_model_is_found_again_after_a_restart(configure):
    configure()
    for i, graph in enumerate(GRAPHS):
        run = graph.start(run_id=f"r{i}")
        await run.next_wait()
    configure()
    for i, graph in enumerate(GRAPHS):
        run = graph.start(run_id=f"r{i}")
        await run.next_wait()
        with pytest.raises(ReplyInvalid, match="Ada is older"):
            run.answer({"name": "Ada", "age": 3})
        run.answer(ada())
        assert (await run).value == ada()


async def test_the_form_says_what_stands_in_the_fields_already(ours):
    run = ask_form(
        Person, "**Who?**", value={"name": "Ada", "address": {"street": "Here"}}, submit="Go"
    ).start()
    wait = await run.next_wait()
    prompt = ours.store.wait(wait.token).prompt
    assert (prompt.prompt, prompt.submit) == ("**Who?**", "Go")
    assert prompt.value == {
        "name": "Ada", "colour": "red", "tags": [], "born": "2000-01-01", "address": {"street": "Here"},
    }  # fmt: skip


async def test_nobody_in_time_gives_the_default(configure):
    configure()
    run = ask_form(Person, timeout=0, default=ada()).start()
    assert (await run).value == ada()


def test_a_default_that_cannot_be_made_is_not_shown():
    class Unshown(BaseModel):
        day: dt.date = Field(default_factory=lambda: 1 / 0)

    assert form_of(Unshown).value == {}


class Meeting(BaseModel):
    """When do we meet?"""

    on: dt.date = Field(default_factory=lambda: dt.date(2026, 11, 27), alias="day")
    guests: list[str] = Field(default_factory=list)


async def test_what_makes_a_default_is_asked_when_the_form_is(configure):
    configure(channel=ScriptedChannel([{}]))
    assert form_of(Meeting).value == {"day": "2026-11-27"}
    assert (await ask_form(Meeting)).value.on == dt.date(2026, 11, 27)


class Outer:
    class Deep(BaseModel):
        n: int


def local():
    class Local(BaseModel):
        n: int

    return Local


@pytest.mark.parametrize(
    ("model", "options", "said"),
    [
        (int, {}, "ask_form: model=<class 'int'>: give a class with fields"),
        (ada(), {}, "ask_form: model=Person.*: give a class with fields"),
        (Person, {"value": {"nme": "A"}}, "value= of the form Person: there is no field 'nme'"),
        (Person, {"value": [1]}, "value= of the form Person: give values by field, and this is of type list"),
        (Person, {"value": object()}, "value= of the form Person: JSON is needed"),
        (
            Person,
            {"default": {"age": 3}},
            "default=.*: it is no answer to the question: name: this is needed",
        ),
        (Person, {"default": {"name": "X"}}, "default=.*: it is no answer .* name: Nobody is called that"),
        (Person, {"submit": 1}, "ask_form: submit=1: give a text"),
    ],
)
async def test_what_is_no_form_gets_one_sentence(ours, model, options, said):
    @graph_fn(outputs=[])
    async def asks(*, context):
        await context.channel().ask_form(model, **options)

    with pytest.raises(NodeFailed, match=f"BadInputs: .*{said}"):
        await asks()
    assert not ae.waits(status=None)


async def test_a_model_inside_a_class_will_do_and_one_inside_a_function_is_refused(configure):
    configure(channel=ScriptedChannel([{"n": 1}]))
    assert (await ask_form(Outer.Deep)).value.n == 1
    with pytest.raises(ae.AetherError, match="define Local at the top of a cell or module"):
        await ask_form(local())
