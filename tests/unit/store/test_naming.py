"""Every artifact that a stored text names is found, and a text that names none is told apart."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aether_nb.store.naming import Named, named

SHA = "0123456789abcdef" * 4
OTHER = "f" * 64


def test_a_reference_and_a_label_say_size_and_type() -> None:
    text = json.dumps([
        {"$": "blob", "sha": SHA, "size": 7, "media": "text/plain"},
        {"name": "a.png", "sha256": OTHER, "size": 9, "media_type": "image/png"},
    ])  # fmt: skip

    assert sorted(named(text)) == [Named(SHA, 7, "text/plain"), Named(OTHER, 9, "image/png")]


def test_an_artifact_named_twice_is_told_of_as_well_as_it_can_be() -> None:
    assert named(json.dumps([SHA, {"sha": SHA, "size": 7, "media": "a/b"}, {"sha": SHA}])) == [
        Named(SHA, 7, "a/b")
    ]


@pytest.mark.parametrize(
    "value", ["", "short", SHA[:-1], SHA + "0", SHA.upper(), {"sha": "abc", "size": 1}, list(range(5000))]
)
def test_what_only_looks_like_a_name_is_none(value: Any) -> None:
    assert named(json.dumps({"v": value})) == []


def test_odd_sizes_and_types_do_no_harm() -> None:
    assert named(json.dumps({"sha": SHA, "size": "big", "media": None})) == [Named(SHA)]


def test_a_text_that_nests_too_deep_still_names_its_artifacts() -> None:
    assert named("[" * 5000 + f'"{SHA}"' + "]" * 5000) == [Named(SHA)]


@given(before=st.text(), after=st.text(), sha=st.text("0123456789abcdef", min_size=64, max_size=64))
def test_a_path_is_found_wherever_it_stands(before: str, after: str, sha: str) -> None:
    text = json.dumps({"x": f"{before}/artifacts/{sha[:2]}/{sha}/{after}"}, ensure_ascii=False)

    assert sha in {one.sha for one in named(text)}
