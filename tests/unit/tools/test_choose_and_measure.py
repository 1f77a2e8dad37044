"""Choices, numbers, dates, and a text or files: what is asked, and what comes out in which shape."""

from __future__ import annotations

import datetime as dt

import pytest

import aether_nb as ae
from aether_nb import ScriptedChannel, graph_fn
from aether_nb.errors import NodeFailed
from aether_nb.prompts import Option

CET = dt.timezone(dt.timedelta(hours=1))


def cooperative(ask, *args, **options):
    @graph_fn(name="cooperative", outputs=["got"])
    async def asks(*, context):
        return {"got": await getattr(context.channel(), ask)("Q?", *args, **options)}

    return asks


def dual_stage(ask, *args, **options):
    tool = getattr(ae.tools, ask)

    @graph_fn(name="dual_stage", outputs=list(tool.outputs))
    async def asks():
        return await tool("Q?", *args, **options)

    return asks


CASES = [
    ("ask_text", [], {"pattern": "[A-Z]{3}"}, "ABC", {"text": "ABC"}, "ABC"),
    (
        "ask_approval", [], {"options": ["Keep", "Drop"], "danger": "Drop", "reason": "optional"},
        {"choice": "Drop", "reason": "old"},
        {"choice": "Drop", "approved": False, "reason": "old"},
        {"choice": "Drop", "approved": False, "reason": "old"},
    ),
    ("ask_choices", [["a", "b"]], {}, "b", {"choice": "b", "choices": ["b"]}, "b"),
    ("ask_choices", [{1: "one", None: "none"}], {}, "none", {"choice": None, "choices": [None]}, None),
    ("ask_choices", [[True, False]], {}, "Yes", {"choice": True, "choices": [True]}, True),
    (
        "ask_choices", [[Option(value=1, label="one", help="the first"), 2, 3]], {"multiple": True}, [3, "one"],
        {"choice": 1, "choices": [1, 3]}, [1, 3],
    ),
    ("ask_choices", [["a"]], {"multiple": True}, [], {"choice": None, "choices": []}, []),
    ("ask_number", [], {"min": 0, "max": 10, "slider": True}, 3.5, {"value": 3.5}, 3.5),
    ("ask_number", [], {"integer": True}, 3, {"value": 3}, 3),
    ("ask_date", [], {"min": dt.date(2026, 1, 1)}, "2026-11-27", {"value": dt.date(2026, 11, 27)}, dt.date(2026, 11, 27)),
    (
        "ask_date", [], {"time": True}, "2026-11-27T14:00+01:00", {"value": dt.datetime(2026, 11, 27, 14, tzinfo=CET)},
        dt.datetime(2026, 11, 27, 14, tzinfo=CET),
    ),
    ("ask_text_or_files", [], {}, "a word", {"files": [], "text": "a word"}, {"files": [], "text": "a word"}),
]  # fmt: skip


@pytest.mark.parametrize(("ask", "args", "options", "answer", "outputs", "value"), CASES)
async def test_a_tool_gives_its_outputs_and_the_channel_the_plain_value(
    configure, ask, args, options, answer, outputs, value
):
    configure(channel=ScriptedChannel({"Q?": [answer, answer]}))
    assert dict(await dual_stage(ask, *args, **options)()) == outputs
    got = (await cooperative(ask, *args, **options)()).got
    assert got == value
    if isinstance(value, dt.datetime):
        assert got.utcoffset() == value.utcoffset()


@pytest.mark.parametrize(("ask", "args", "options", "answer", "outputs", "value"), CASES)
async def test_nobody_in_time_gives_the_default(configure, ask, args, options, answer, outputs, value):
    configure()
    run = getattr(ae.tools, ask)("Q?", *args, timeout=0, default=answer, **options).start()
    assert dict(await run) == outputs


@pytest.mark.parametrize(
    ("ask", "args", "options", "said"),
    [
        ("ask_text", [], {"pattern": "("}, r"ask_text: pattern='\(': give a regular expression"),
        ("ask_text", [], {"pattern": 7}, "ask_text: pattern=7: give a regular expression"),
        ("ask_text", [], {"min_length": -1}, "ask_text: min_length=-1: give a whole number from 0 up"),
        (
            "ask_text",
            [],
            {"min_length": 3, "max_length": 2},
            "max_length=2: then no text fits, with min_length=3",
        ),
        ("ask_text", [], {"value": 7}, "ask_text: value=7: give a text"),
        ("ask_text", [], {"default": 7}, "The default 7 is no answer to 'Q\\?': a text is needed"),
        ("ask_text", [], {"pattern": "a", "default": "b"}, "The default 'b' is no answer"),
        (
            "ask_text",
            [],
            {"secret": True, "default": "x"},
            "a secret is typed by a person, so leave default= out",
        ),
        ("ask_text", [], {"secret": True, "value": "x"}, "leave value= out"),
        (
            "ask_approval",
            [],
            {"danger": "Delete"},
            "danger='Delete': give one of the options 'Approve', 'Reject'",
        ),
        ("ask_approval", [], {"danger": 7}, "danger=7: give one of the options"),
        ("ask_approval", [], {"reason": True}, "reason=True: it is 'no', 'optional' or 'required'"),
        (
            "ask_approval",
            [],
            {"reason": "required", "default": "Reject"},
            "The default 'Reject' .*reason: say why",
        ),
        ("ask_choices", [[]], {}, r"options=\[\]: give a list of different values"),
        ("ask_choices", ["ab"], {}, "options='ab': give a list of different values"),
        ("ask_choices", [["a", "a"]], {}, "options=.*: give a list of different values"),
        ("ask_choices", [[object()]], {}, "options=.*: give a list of different values"),
        ("ask_choices", [[float("nan")]], {}, "options=.*: give a list of different values"),
        ("ask_choices", [{"a": 1}], {}, "options=.*: give a list of different values, .* or labels by value"),
        ("ask_choices", [["a"]], {"min": 1}, "min=1: that is for multiple=True"),
        (
            "ask_choices",
            [["a"]],
            {"min": 2, "multiple": True},
            "min=2: there are 1 options, so that nothing fits",
        ),
        ("ask_choices", [["a"]], {"max": 0, "multiple": True}, "max=0: with min=0 nothing fits"),
        ("ask_choices", [["a"]], {"value": "b"}, "value='b': give one of the options"),
        (
            "ask_choices",
            [["a"]],
            {"default": "b"},
            "The default 'b' is no answer to 'Q\\?': 'b' is none of a",
        ),
        ("ask_number", [], {"min": "1"}, "min='1': give a number, or None"),
        ("ask_number", [], {"max": float("inf")}, "max=inf: give a number, or None"),
        ("ask_number", [], {"min": 2, "max": 1}, "max=1: it is less than min=2"),
        ("ask_number", [], {"step": 0}, "step=0: it is more than 0"),
        ("ask_number", [], {"slider": True, "min": 1}, "slider=True: a slider needs min= and max="),
        (
            "ask_number",
            [],
            {"max": 1, "value": 2},
            "value=2: it is no answer to the question: at most 1 is wanted",
        ),
        ("ask_number", [], {"max": 1, "default": 2}, "The default 2 is no answer"),
        ("ask_date", [], {"min": "soon"}, "min='soon': give a date, or a text such as '2026-11-27'"),
        ("ask_date", [], {"time": True, "max": 7}, "max=7: give a datetime, or a text such as"),
        ("ask_date", [], {"min": "2026-02-01", "max": "2026-01-01"}, "max='2026-01-01': it is before min="),
        ("ask_date", [], {"max": "2026-01-01", "value": "2026-01-02"}, "value='2026-01-02': it is no answer"),
        ("ask_date", [], {"default": "soon"}, "The default 'soon' is no answer"),
        (
            "ask_files",
            [],
            {"max_bytes": 1.5},
            "ask_files: max_bytes=1.5: give a whole number from 0 up, or None",
        ),
        ("ask_text_or_files", [], {"multiline": 1}, "ask_text_or_files: multiline=1: it is True or False"),
        (
            "ask_text_or_files",
            [],
            {"default": ""},
            "The default '' is no answer .* a text or a file is needed",
        ),
    ],
)
async def test_an_option_that_is_none_gets_one_sentence(ours, ask, args, options, said):
    for graph in (cooperative, dual_stage):
        with pytest.raises(NodeFailed, match=f"BadInputs: .*{said}"):
            await graph(ask, *args, **options)()
    assert not ae.waits(status=None)
