"""What a run gives reads like a dict and like an object."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import pytest

from aether_nb.errors import AetherError, UnknownOutput
from aether_nb.values import RESERVED_OUTPUTS, Outputs


def test_outputs_are_a_mapping_with_attributes():
    out = Outputs({"a": 1, "b": "x"})
    assert isinstance(out, Mapping)
    assert out["a"] == out.a == 1
    assert list(out) == ["a", "b"]
    assert dict(out) == out == {"a": 1, "b": "x"}
    assert out != {"a": 1}
    assert {**out} == {"a": 1, "b": "x"}
    assert "b" in dir(out)
    assert out.get("c", 5) == 5
    assert "c" not in out


def test_an_unknown_name_says_which_outputs_there_are():
    out = Outputs({"a": 1, "b": 2})
    for ask in (lambda: out.msg, lambda: out["msg"]):
        with pytest.raises(UnknownOutput, match=r"no output 'msg'; there are 'a', 'b'\.") as e:
            ask()
        assert isinstance(e.value, KeyError)
        assert isinstance(e.value, AttributeError)
        assert isinstance(e.value, AetherError)
        assert str(e.value).startswith("There is no output")
    assert getattr(out, "msg", None) is None
    with pytest.raises(KeyError, match="there are no outputs"):
        Outputs({})["a"]
    with pytest.raises(KeyError, match="there is 'a'"):
        Outputs({"a": 1})["b"]


def test_one_output_prints_and_formats_as_itself():
    out = Outputs({"msg": "hi"})
    assert (str(out), repr(out), f"{out:>4}") == ("hi", "'hi'", "  hi")
    assert f"{Outputs({'x': 2.5}):.2f}" == "2.50"


def test_several_outputs_print_with_their_names():
    out = Outputs({"a": 1, "b": "x"})
    assert str(out) == repr(out) == f"{out}" == "Outputs(a=1, b='x')"
    assert repr(Outputs({})) == "Outputs()"


def test_outputs_cannot_be_changed():
    given = {"a": 1}
    out = Outputs(given)
    given["a"] = 2
    assert out.a == 1
    for change in (
        lambda: setattr(out, "a", 2),
        lambda: setattr(out, "_entries", {}),
        lambda: delattr(out, "a"),
    ):
        with pytest.raises(AttributeError, match="cannot be changed"):
            change()
    with pytest.raises(TypeError):
        out["a"] = 2


def test_outputs_can_be_copied_and_probed():
    out = Outputs({"a": [1]})
    assert copy.deepcopy(out) == out
    assert copy.copy(out) == out
    assert getattr(out, "_repr_html_", None) is None
    assert not hasattr(out, "_ipython_display_")


def test_names_that_are_methods_of_the_mapping_are_reserved():
    assert {"get", "items", "keys", "values"} <= RESERVED_OUTPUTS
    assert "msg" not in RESERVED_OUTPUTS


def test_one_output_compares_and_is_true_as_itself():
    assert Outputs({"kind": "bill"}) == "bill"
    assert Outputs({"kind": "bill"}) != "letter"
    assert "bill" == Outputs({"kind": "bill"})  # noqa: SIM300 - the other way round
    assert not Outputs({"urgent": False})
    assert Outputs({"urgent": True})
    assert Outputs({"found": {"a": 1}}) == {"a": 1}


def test_outputs_of_other_names_are_not_equal():
    assert Outputs({"a": 1}) == {"a": 1}
    assert Outputs({"a": 1}) != Outputs({"b": 1})
    assert Outputs({"a": 1}) != {"b": 1}
    assert Outputs({"a": 1, "b": 2}) == {"b": 2, "a": 1}
    assert Outputs({"a": 1, "b": 2}) != 1
    assert Outputs({"a": 0, "b": 0})
    assert not Outputs({})
