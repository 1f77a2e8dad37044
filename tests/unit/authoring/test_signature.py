from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import BaseModel

from aether_nb.authoring.signature import Signature
from aether_nb.errors import BadInputs, GraphProblems


class Person(BaseModel):
    name: str


@dataclass
class Place:
    town: str


def fetch(url: str, n: int = 3, *, deep: bool = False, context): ...


def bind(*args, **kwargs):
    return Signature.of(fetch).bind(args, kwargs, what="fetch")


def test_context_is_asked_for_and_is_no_input():
    signature = Signature.of(fetch)
    assert signature.wants_context
    assert [p.name for p in signature.params] == ["url", "n", "deep"]


def test_hints_are_kept_as_text_and_defaults_encoded():
    url, n, deep = Signature.of(fetch).params
    assert (url.type, url.required) == ("str", True)
    assert (n.type, n.required, n.default) == ("int", False, 3)
    assert deep.default is False


def test_a_hint_names_a_class_of_pathlib_as_people_write_it_wherever_this_python_keeps_it():
    def save(to, others): ...

    save.__annotations__ = {"to": Path, "others": list[Path]}  # as they are where no text is made of them
    assert [p.type for p in Signature.of(save).params] == ["pathlib.Path", "list[pathlib.Path]"]


def test_inputs_bind_by_place_and_name_in_the_order_written_with_defaults():
    assert list(bind(deep=True, url="u").items()) == [("url", "u"), ("n", 3), ("deep", True)]
    assert bind("u", 5) == {"url": "u", "n": 5, "deep": False}


@pytest.mark.parametrize(
    ("args", "kwargs", "says"),
    [
        ((), {}, "fetch: `url` is missing. It takes `url`, `n` and `deep`."),
        ((), {"ulr": "u"}, "there is no input `ulr` (did you mean `url`?)"),
        (("u",), {"url": "u"}, "`url` is given twice"),
        (("u", 1, True), {}, "3 values are given by position and it takes 2, name the others"),
        (("u",), {"context": 1}, "`context` comes by itself, leave it out"),
        (("u", 1, 2), {"n": 1, "x": 1}, "there is no input `x`; `n` is given twice; 3 values are given"),
    ],
)
def test_what_does_not_bind_is_told_in_one_message(args, kwargs, says):
    with pytest.raises(BadInputs) as e:
        bind(*args, **kwargs)
    assert says in str(e.value)


def test_values_whose_equality_is_odd_bind():
    class Odd:
        def __eq__(self, other):
            raise RuntimeError

        __hash__ = None

    odd = Odd()
    assert bind(odd)["url"] is odd


def test_the_default_itself_is_bound_not_a_copy():
    shared = []

    def collect(into=shared): ...

    assert Signature.of(collect).bind((), {}, what="c")["into"] is shared


@pytest.mark.parametrize(
    ("fn", "says"),
    [
        (lambda *parts: 0, "`*parts` cannot be an input"),
        (lambda **rest: 0, "`**rest` cannot be an input"),
        (lambda a, /: 0, "`a` is positional-only"),
        (lambda context: 0, "write `*, context`"),
        (lambda self, x: 0, "a method cannot be a step"),
        (lambda key: 0, "no input can be called `key`"),
        (dict.update, "wrap it in a `def`"),
    ],
)
def test_parameters_that_a_step_cannot_have_are_refused(fn, says):
    with pytest.raises(GraphProblems) as e:
        Signature.of(fn, name="f", reserved=("key",))
    assert says in str(e.value)


def mismatches(fn, **values):
    return Signature.of(fn).mismatches(values)


def test_a_value_of_another_type_gets_one_sentence():
    def f(name: str, age: int): ...

    assert mismatches(f, name=5, age="7") == [
        "`name` should be `str`, not 5 (int).",
        "`age` should be `int`, not '7' (str).",
    ]


def test_what_fits_is_left_alone():
    def f(
        a: int,
        b: float,
        c: list[int],
        d: str | None,
        e: Person,
        g: Place,
        h: Iterable[int],
        i: int | str = None,  # noqa: RUF013 - a default fits whatever the hint says
    ): ...

    numbers = iter([1, 2])
    assert not mismatches(f, a=1, b=1, c=[1], d=None, e=Person(name="Ada"), g=Place("Ulm"), h=numbers, i=None)
    assert list(numbers) == [1, 2], "an iterator is not used up by looking"


def test_models_and_plain_classes_are_checked_too():
    class Engine: ...

    def f(p: Person, e: Engine): ...

    f.__annotations__["e"] = Engine
    assert len(mismatches(f, p=3, e=3)) == 2
    assert not mismatches(f, p=Person(name="a"), e=Engine())


def test_a_hint_that_cannot_be_resolved_is_not_checked_and_spoils_no_other():
    def f(a: Nowhere, b: int): ...  # noqa: F821

    assert mismatches(f, a=object(), b="x") == ["`b` should be `int`, not 'x' (str)."]


def test_a_hint_defined_after_the_function_counts_once_it_is_there(monkeypatch):
    def f(a: Later): ...  # noqa: F821

    signature = Signature.of(f)
    monkeypatch.setitem(globals(), "Later", Person)
    assert len(signature.mismatches({"a": 1})) == 1


def test_where_inside_a_value_the_fault_lies_is_told():
    def f(xs: dict[str, list[int]]): ...

    (found,) = mismatches(f, xs={"a": [1, "no"]})
    assert "(at a.1: input should be a valid integer" in found
