"""What answers each kind of question, in which normal form, and what a refusal says."""

from __future__ import annotations

import datetime as dt
import re

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aether_nb.errors import ReplyInvalid
from aether_nb.prompts import (
    PROMPT,
    ApprovalPrompt,
    ChoicePrompt,
    DatePrompt,
    FileRef,
    FilesPrompt,
    FormPrompt,
    NumberPrompt,
    Option,
    TextOrFilesPrompt,
    TextPrompt,
    check_reply,
    reply_schema,
)


def text(**more):
    return TextPrompt(prompt="?", **more)


def approval(**more):
    return ApprovalPrompt(prompt="?", options=("Send", "Wait", "Delete"), approve="Send", **more)


def choice(*values, **more):
    options = tuple(Option(value=v, label=f"Option {v}") for v in values)
    return ChoicePrompt(prompt="?", options=options, **more)


def number(**more):
    return NumberPrompt(prompt="?", **more)


def date(**more):
    return DatePrompt(prompt="?", **more)


FILE = {"name": "a.csv", "size": 2_000_000, "sha256": "0" * 64, "media_type": "text/csv", "path": "/a.csv"}

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "age": {"type": "integer", "minimum": 0, "nullable": True},
        "role": {"enum": ["author", "editor"]},
        "address": {
            "type": "object",
            "properties": {"street": {"type": "string"}, "number": {"type": "integer", "nullable": True}},
            "required": ["street"],
        },
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
    },
    "required": ["name"],
    "additionalProperties": False,
}
FORM = FormPrompt(prompt="?", fields=PERSON)

FITS = [
    (text(), "Ada", "Ada"),
    (text(min_length=2, max_length=3, pattern=r"[A-Z]\w*"), "Ada", "Ada"),
    (text(max_length=1), "😀", "😀"),
    (approval(), "Wait", {"choice": "Wait", "approved": False, "reason": ""}),
    (approval(), True, {"choice": "Send", "approved": True, "reason": ""}),
    (
        approval(reason="optional"),
        {"choice": "Wait", "reason": "too early"},
        {"choice": "Wait", "approved": False, "reason": "too early"},
    ),
    (choice("a", 1, None), 1, 1),
    (choice("a", 1, None), None, None),
    (choice("a", 1, True), True, True),
    (choice("a", 1), "Option 1", 1),
    (choice("a", "b", "c", multiple=True), ["c", "Option a", "c"], ["a", "c"]),
    (choice("a", "b", multiple=True), "b", ["b"]),
    (choice("a", "b", multiple=True), [], []),
    (number(), 3, 3),
    (number(), 3.5, 3.5),
    (number(integer=True), 3.0, 3),
    (number(min=0.1, max=0.9, step=0.1), 0.3, 0.3),
    (date(), "2026-11-27", "2026-11-27"),
    (date(), dt.date(2026, 11, 27), "2026-11-27"),
    (date(time=True), "2026-11-27T14:00Z", "2026-11-27T14:00:00+00:00"),
    (date(time=True), "2026-11-27T14:00+01:00", "2026-11-27T14:00:00+01:00"),
    (date(min="2026-11-27", max="2026-11-27"), "2026-11-27", "2026-11-27"),
    (FilesPrompt(prompt="?"), "a.csv", {"files": [{"path": "a.csv"}], "text": ""}),
    (TextOrFilesPrompt(prompt="?"), "a.csv", {"files": [], "text": "a.csv"}),
    (TextOrFilesPrompt(prompt="?"), ["a.csv"], {"files": [{"path": "a.csv"}], "text": ""}),
    (FORM, {"name": "Ada"}, {"name": "Ada"}),
    (FORM, {"name": "Ada", "age": None}, {"name": "Ada", "age": None}),
    (
        FORM,
        {"name": "Ada", "address": {"street": "Here", "number": None}},
        {"name": "Ada", "address": {"street": "Here", "number": None}},
    ),
]

REFUSED = [
    (text(), 7, {"": "a text is needed, and this is of type int"}),
    (text(min_length=1), "", {"": "a text is needed"}),
    (text(min_length=3), "ab", {"": "at least 3 characters are needed, 2 came"}),
    (text(max_length=1), "ab", {"": "at most 1 character is wanted, 2 came"}),
    (text(pattern="a+"), "aab", {"": "it does not match the pattern a+"}),
    (text(pattern="a+"), "a\n", {"": "it does not match the pattern a+"}),
    (text(pattern="[A-Z]{3}", hint="three capitals"), "ab", {"": "expected: three capitals"}),
    (text(pattern="("), "a", {"": r"nothing can match the pattern \(, which is none: .*"}),
    (text(), "\ud800", {"": "half of a surrogate pair stands in it, which is no character"}),
    (approval(), "Perhaps", {"choice": "'Perhaps' is none of 'Send', 'Wait', 'Delete'"}),
    (approval(reason="required"), {"choice": "Wait", "reason": " "}, {"reason": "say why"}),
    (approval(reason="required"), "No", {"choice": "'No' is none of .*", "reason": "say why"}),
    (approval(), {"choice": "Wait", "reason": "x"}, {"reason": "no reason is asked for"}),
    (
        approval(reason="optional"),
        {"choice": "Wait", "reason": 7},
        {"reason": "the reason is a text, and .* int"},
    ),
    (choice("a", 1), True, {"": "True is none of Option a, Option 1"}),
    (choice("a"), ["a"], {"": "one of Option a is needed, and this is of type list"}),
    (choice(*range(20)), 20, {"": r"20 is none of .*Option 7, ... \(20 in all\)"}),
    (choice("a", "b", multiple=True, min=1), [], {"": "choose at least 1; none chosen"}),
    (choice("a", "b", multiple=True, max=1), ["a", "b"], {"": "choose at most 1; 2 chosen"}),
    (number(), "3", {"": "a number is needed, and this is of type str"}),
    (number(), True, {"": "a number is needed, and this is of type bool"}),
    (number(), float("nan"), {"": "a number is needed"}),
    (number(), 2**60, {"": "a whole number has at most the size 9007199254740992"}),
    (number(integer=True), 3.5, {"": "a whole number is needed, and 3.5 is none"}),
    (number(min=1, unit="kg"), 0, {"": "at least 1 kg is needed"}),
    (number(max=1), 2, {"": "at most 1 is wanted"}),
    (number(min=1, step=2), 4, {"": "it goes in steps of 2, beginning at 1"}),
    (date(), "tomorrow", {"": "a date such as 2026-11-27 is needed, and 'tomorrow' is none"}),
    (date(), 20261127, {"": "a date such as 2026-11-27 is needed, and this is of type int"}),
    (date(min="2026-11-28"), "2026-11-27", {"": "2026-11-28 at the earliest"}),
    (
        date(time=True, max="2026-11-27T14:00+01:00"),
        "2026-11-27T13:01Z",
        {"": "2026-11-27 14:00 at the latest"},
    ),
    (
        FilesPrompt(prompt="?", max_bytes=1_500_000),
        {"files": [FILE]},
        {"files.0": "a file has at most 1.5 MB here, and this one 2 MB"},
    ),
    (TextOrFilesPrompt(prompt="?"), " ", {"": "a text or a file is needed"}),
    (FORM, [], {"": "an object with the form's fields is needed, and this is of type list"}),
    (FORM, {}, {"name": "this is needed"}),
    (FORM, {"name": "", "age": "x"}, {"name": "this is needed", "age": "a whole number is needed"}),
    (FORM, {"name": None}, {"name": "a text is needed"}),
    (FORM, {"name": "Ada", "address": {}}, {"address.street": "this is needed"}),
    (FORM, {"name": "Ada", "tags": ["a", 1]}, {"tags.1": "a text is needed"}),
    (FORM, {"name": "Ada", "tags": ["a", "b", "c"]}, {"tags": "at most 2 are wanted"}),
    (FORM, {"name": "Ada", "role": "reader"}, {"role": "one of author, editor is needed"}),
    (FORM, {"name": "Ada", "nick": "A"}, {"nick": "there is no such field"}),
]


@pytest.mark.parametrize(("prompt", "reply", "normal"), FITS)
def test_a_reply_that_fits_has_one_normal_form(prompt, reply, normal):
    found = check_reply(prompt, reply)
    assert (found, type(found)) == (normal, type(normal))
    assert check_reply(prompt, found) == found
    jsonschema.validate(found, reply_schema(prompt))


@pytest.mark.parametrize(("prompt", "reply", "problems"), REFUSED)
def test_a_reply_that_does_not_fit_is_refused_with_one_sentence_a_field(prompt, reply, problems):
    with pytest.raises(ReplyInvalid) as e:
        check_reply(prompt, reply)
    assert e.value.problems.keys() == problems.keys()
    for field, said in problems.items():
        found = e.value.problems[field]
        assert found == said or re.fullmatch(said, found)


@pytest.mark.parametrize("prompt", [*{id(p): p for p, _, _ in FITS}.values()])
def test_every_kind_survives_json(prompt):
    assert PROMPT.validate_json(prompt.model_dump_json()) == prompt


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.dates()
    | st.datetimes()
    | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choice", "reason", "files", "text", "name", "age"]), inner, max_size=3
        )
    ),
    max_leaves=5,
)


@given(st.sampled_from([p for p, _, _ in FITS]), ANYTHING)
def test_whatever_comes_is_refused_or_has_a_normal_form_that_fits_the_schema(prompt, reply):
    try:
        found = check_reply(prompt, reply)
    except ReplyInvalid:
        return
    assert check_reply(prompt, found) == found
    jsonschema.validate(found, reply_schema(prompt))


def test_a_file_is_shown_by_its_name_and_size_and_not_by_where_it_lies():
    file = FileRef(name="birds.csv", size=2048, sha256="ab" * 32, path="/some/where")
    assert f"{[file]} {file}" == "[<file birds.csv, 2.05 kB>] <file birds.csv, 2.05 kB>"
