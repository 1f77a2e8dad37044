"""Replies to waits without a person: what fits is said by a JSON Schema."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from aether_nb.errors import BadInputs, GraphError, ReplyInvalid
from aether_nb.prompts import (
    PROMPT,
    CallbackPrompt,
    Poll,
    check_reply,
    check_schema,
    headline,
    reply_schema,
)


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("Your name?", "Your name?"),
        ("**Proceed?**", "Proceed?"),
        ("## Is `main` _really_ ~~not~~ ***the*** branch?\n\nLook twice.", "Is main really not the branch?"),
        ("> - [the report](https://x.org/a_b) and ![a plot](plot.png)", "the report and a plot"),
        ("__Send__ to snake_case_name, 2 * 3 * 4 times?", "Send to snake_case_name, 2 * 3 * 4 times?"),
        (r"Keep \*all\* of it?", "Keep *all* of it?"),
        ("**\n", "**"),
        ("", ""),
    ],
)
def test_the_headline_of_a_prompt_is_its_first_line_without_markdown(prompt, said):
    assert headline(prompt) == said


ADDRESS = {
    "type": "object",
    "properties": {"url": {"$ref": "#/$defs/url"}, "sizes": {"type": "array", "items": {"type": "integer"}}},
    "required": ["url"],
    "$defs": {"url": {"type": "string", "pattern": "^https:"}},
}


def asked(schema):
    return CallbackPrompt(prompt="Waiting", reply=schema)


def test_a_reply_that_fits_is_given_back_as_json():
    assert check_reply(asked(ADDRESS), {"url": "https://x", "sizes": (1, 2)}) == {
        "url": "https://x",
        "sizes": [1, 2],
    }
    assert check_reply(asked(None), (1, "x")) == [1, "x"]


def test_a_reply_that_does_not_fit_is_refused_by_field():
    with pytest.raises(ReplyInvalid) as e:
        check_reply(asked(ADDRESS), {"url": "ftp://x", "sizes": [1, "two"]})
    assert e.value.problems == {
        "url": "'ftp://x' does not match '^https:'",
        "sizes.1": "'two' is not of type 'integer'",
    }
    with pytest.raises(ReplyInvalid, match="'url' is a required property"):
        check_reply(asked(ADDRESS), {})


def test_what_is_no_json_is_no_reply():
    for schema in (None, ADDRESS):
        with pytest.raises(ReplyInvalid, match="JSON is needed, and this object has none"):
            check_reply(asked(schema), object())


def test_the_schema_is_told_to_who_asks_and_survives_the_store():
    prompt = PROMPT.validate_json(asked(ADDRESS).model_dump_json())
    assert reply_schema(prompt) == ADDRESS
    assert reply_schema(asked(None)) == {}


def test_a_question_of_an_older_version_takes_anything():
    prompt = PROMPT.validate_python({"kind": "callback", "prompt": "Waiting", "job": "7"})
    assert check_reply(prompt, {"any": 1}) == {"any": 1}


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "many"}, "'many' is not valid"),
        ([1], "it is no mapping"),
        ({"type": {1, 2}}, "not JSON serializable"),
        (
            {"$ref": "https://elsewhere.example/schema"},
            "'https://elsewhere.example/schema' is not to be found in it",
        ),
        ({"properties": {"a": {"$ref": "#/$defs/missing"}}}, "'#/\\$defs/missing' is not to be found in it"),
        ({"$ref": "#"}, "recursion"),
    ],
)
def test_a_schema_that_nothing_can_be_checked_against_is_refused(schema, said):
    with pytest.raises(BadInputs, match=f"is no JSON Schema: .*{said}"):
        check_schema(schema)


def test_schemas_of_pydantic_models_will_do():
    from pydantic import BaseModel

    class Inner(BaseModel):
        n: int

    class Outer(BaseModel):
        inner: list[Inner]

    schema = check_schema(Outer.model_json_schema())
    assert check_reply(asked(schema), {"inner": [{"n": 1}]}) == {"inner": [{"n": 1}]}
    with pytest.raises(ReplyInvalid, match=r"inner\.0\.n"):
        check_reply(asked(schema), {"inner": [{"n": "1"}]})


def test_the_validator_is_loaded_only_for_who_has_a_schema():
    code = "import aether_nb, sys, json; print(json.dumps('jsonschema' in sys.modules))"
    assert (
        json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
        is False
    )


def test_a_poll_without_a_pause_is_refused():
    for wrong in (
        {"every": 0}, {"every": 1, "backoff": 0.5}, {"every": 1, "max": 0}, {"every": float("inf")}, {"every": True},
        {"every": 10**400}, {"every": 1, "max": float("inf")}, {"every": 1, "backoff": float("nan")},
    ):  # fmt: skip
        with pytest.raises(GraphError, match="seconds must be more than 0"):
            Poll(**wrong)
