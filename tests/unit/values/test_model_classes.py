"""A pydantic model as a value: stored by its name, and found by it in what is loaded, and nowhere else."""

from __future__ import annotations

import sys

import pytest
from pydantic import BaseModel

from aether_nb.errors import NotRestorable, NotStorable
from aether_nb.values import decode, digest, encode, show


class Person(BaseModel):
    name: str


def test_a_model_comes_back_as_the_class_that_it_was():
    assert decode(encode([Person])) == [Person]
    assert digest(Person) == digest(Person) != digest(BaseModel)


def test_a_name_that_is_not_loaded_or_is_no_model_is_refused_and_imports_nothing():
    assert "antigravity" not in sys.modules
    for name, said in [
        ("antigravity:Person", "needs the class Person, which is not defined here; import antigravity first"),
        ("__main__:Nobody", "run the cell that defines it"),
        ("pathlib:Path", "needs the class Path"),
    ]:
        with pytest.raises(NotRestorable, match=said):
            decode({"$": "class", "v": None, "c": name})
    assert "antigravity" not in sys.modules
    assert show(decode({"$": "class", "v": None, "c": "antigravity:Person"}, strict=False)) == "Person()"


def test_other_classes_and_models_inside_functions_are_refused():
    class Local(BaseModel):
        pass

    with pytest.raises(
        NotStorable, match=r"cannot be found again by its name.*define Local at the top of a cell"
    ):
        encode(Local)
    with pytest.raises(NotStorable, match="pass its name instead"):
        encode(int)
