"""What people type, in any terminal: how each kind of question is put in lines, and read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aether_nb.channels.typed import MORE, Entry, hint, typed
from aether_nb.prompts import (
    ApprovalPrompt,
    CallbackPrompt,
    ChoicePrompt,
    DatePrompt,
    FilesPrompt,
    FormPrompt,
    NumberPrompt,
    Option,
    TextOrFilesPrompt,
    TextPrompt,
)

GO = ApprovalPrompt(prompt="?", options=("Yes", "No"), approve="Yes", reason="optional")
SIZES = ChoicePrompt(prompt="?", options=tuple(Option(value=v, label=str(v)) for v in (5, 2, 1)))
MANY = ChoicePrompt(prompt="?", options=tuple(Option(value=v, label=v) for v in "abcdefgh"), multiple=True)
HELPED = ChoicePrompt(
    prompt="?", options=(Option(value="r", label="Red", help="warm"), Option(value="b", label="Blue"))
)
FORM = FormPrompt(
    prompt="Who?",
    fields={
        "type": "object",
        "properties": {
            "name": {"type": "string", "title": "Name", "description": "As on the badge."},
            "age": {"type": "integer", "title": "Age", "minimum": 0, "nullable": True, "default": None},
            "role": {"enum": ["author", "editor"], "title": "Role", "type": "string", "default": "author"},
            "member": {"type": "boolean", "title": "Member"},
            "tags": {"type": "array", "items": {"type": "integer"}, "title": "Tags"},
            "address": {
                "type": "object",
                "title": "Address",
                "properties": {"street": {"type": "string", "title": "Street"}},
                "required": ["street"],
            },
        },
        "required": ["name", "address"],
    },
    value={"role": "author"},
)


@pytest.mark.parametrize(
    ("prompt", "line", "reply"),
    [
        (TextPrompt(prompt="?"), " Ada ", " Ada "),
        (TextPrompt(prompt="?", value="Ada"), "", "Ada"),
        (TextPrompt(prompt="?"), "", ""),
        (GO, "2", "No"),
        (GO, "no", "No"),
        (GO, "No: too late: really", {"choice": "No", "reason": "too late: really"}),
        (GO, "2: why", {"choice": "No", "reason": "why"}),
        (GO, "Perhaps", {"choice": "Perhaps", "reason": ""}),
        (SIZES, "1", 1),  # the words of an option come before its number
        (SIZES, "3", 1),
        (SIZES, "x", "x"),
        (SIZES.model_copy(update={"value": (2,)}), "", 2),
        (MANY, "a; 3;H", ["a", "c", "h"]),
        (MANY, "", []),
        (MANY.model_copy(update={"value": ("a", "b")}), "", ["a", "b"]),
        (NumberPrompt(prompt="?"), " 3 ", 3),
        (NumberPrompt(prompt="?"), "3.5", 3.5),
        (NumberPrompt(prompt="?"), "three", "three"),
        (NumberPrompt(prompt="?", value=0), "", 0),
        (DatePrompt(prompt="?"), " 2026-11-27 ", "2026-11-27"),
        (FilesPrompt(prompt="?"), "a.csv; b.csv", ["a.csv", "b.csv"]),
        (FilesPrompt(prompt="?", multiple=False), "a;b.csv", ["a;b.csv"]),
        (TextOrFilesPrompt(prompt="?"), "a; b", "a; b"),
        (TextOrFilesPrompt(prompt="?"), "@a.csv; @b.csv", ["a.csv", "b.csv"]),
        (TextOrFilesPrompt(prompt="?"), "@ada and others", ["ada and others"]),
        (FORM, '{"name": "Ada"}', {"name": "Ada"}),
        (CallbackPrompt(prompt="?"), "[1]", [1]),
        (CallbackPrompt(prompt="?"), "done", "done"),
    ],
)
def test_a_line_is_read_as_its_question_means_it(prompt, line, reply):
    found = typed(prompt, line)
    assert (found, type(found)) == (reply, type(reply))


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        (TextPrompt(prompt="?", hint="four digits", secret=True), "  [four digits]  [not shown]"),
        (TextPrompt(prompt="?", value="Ada"), "  [Enter for Ada]"),
        (GO, "  [1 Yes  2 No]  [then : and why, if you like]"),
        (SIZES, "  [1 5  2 2  3 1]"),
        (MANY, "  [several, separated by ;]\n  1 a\n  2 b\n  3 c\n  4 d\n  5 e\n  6 f\n  7 g\n  8 h"),
        (HELPED, "\n  1 Red  (warm)\n  2 Blue"),
        (NumberPrompt(prompt="?", min=1, max=5, unit="kg", value=2), "  [1 to 5 kg]  [Enter for 2]"),
        (NumberPrompt(prompt="?", integer=True), "  [a whole number]"),
        (DatePrompt(prompt="?", min="2026-01-01"), "  [from 2026-01-01]"),
        (
            TextOrFilesPrompt(prompt="?", multiline=True),
            "  [a text, or @path; @path]  [end with an empty line]",
        ),
        (FORM, "  [field by field, or all as JSON]"),
    ],
)
def test_the_hint_says_what_may_be_typed(prompt, said):
    assert hint(prompt, None) == said


def fill(entry, *lines):
    """What an entry says and gives when these lines are typed."""
    said, value = [], MORE
    for line in lines:
        said.append(entry.label())
        value = entry.take(line)
    return said, value


def test_a_form_is_filled_in_field_by_field():
    said, value = fill(Entry(FORM), "Ada", "36", "2", "y", "1; 2", "Here")
    assert said == [
        "  Name: As on the badge.\n",
        "  Age  [from 0]  [Enter to leave it out]\n",
        "  Role  [1 author  2 editor]  [Enter for author]\n",
        "  Member  [yes or no]  [Enter to leave it out]\n",
        "  Tags  [several, separated by ;]  [Enter to leave it out]\n",
        "  address.street\n",
    ]
    assert value == {
        "name": "Ada", "age": 36, "role": "editor", "member": True, "tags": [1, 2], "address": {"street": "Here"},
    }  # fmt: skip


def test_an_empty_field_has_its_suggestion_or_is_left_out():
    assert fill(Entry(FORM), "", "", "", "", "", "")[1] == {"role": "author"}


def test_a_form_that_was_refused_keeps_what_was_given():
    first = Entry(FORM)
    fill(first, "Ada", "x", "", "", "", "Here")
    said, value = fill(Entry(FORM, first.given), "", "36", "", "", "", "")
    assert said[:2] == ["  Name: As on the badge.  [Enter for Ada]\n", "  Age  [from 0]  [Enter for x]\n"]
    assert value == {"name": "Ada", "age": 36, "role": "author", "address": {"street": "Here"}}


def test_the_numbers_of_an_enum_are_offered_and_taken_by_name():
    level = {"enum": [1, 10], "names": ["Low", "High"], "type": "integer", "title": "Level"}
    form = FormPrompt(prompt="?", fields={"type": "object", "properties": {"level": level}})
    for line in ("2", "high", "10"):
        assert fill(Entry(form), line) == (
            ["  Level  [1 Low  2 High]  [Enter to leave it out]\n"],
            {"level": 10},
        )


def test_a_form_may_be_given_as_json_at_once():
    assert fill(Entry(FORM), '{"name": "Ada"}')[1] == {"name": "Ada"}


def test_a_paragraph_ends_with_an_empty_line():
    assert fill(Entry(TextPrompt(prompt="?", multiline=True)), "one", "two", "")[1] == "one\ntwo"


@given(
    st.sampled_from([GO, SIZES, MANY, HELPED, FORM, NumberPrompt(prompt="?"), DatePrompt(prompt="?")]),
    st.text(),
)
def test_whatever_is_typed_is_read_as_something(prompt, line):
    typed(prompt, line)
    entry = Entry(prompt)
    for _ in range(10):
        entry.label()
        if entry.take(line) is not MORE:
            break
