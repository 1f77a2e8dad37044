from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

import aether_nb as ae
from aether_nb import ScriptedChannel, graph_fn, graphify
from aether_nb.errors import BadInputs, GraphProblems, NodeFailed
from aether_nb.testing import FakeClock
from aether_nb.tools import ask_approval, ask_files, ask_text


@pytest.fixture
def clock(ours):
    """The clock of this test's runtime."""
    ours.clock = FakeClock()
    return ours.clock


# -- what comes out ------------------------------------------------------------------------------


async def test_text_gives_text(configure):
    configure(channel=ScriptedChannel(["Ada"]))
    out = await ask_text("Your name?")
    assert (dict(out), str(out)) == ({"text": "Ada"}, "Ada")


@pytest.mark.parametrize(
    ("options", "approve", "answer", "out"),
    [
        (("Approve", "Reject"), None, "Approve", ("Approve", True)),
        (("Approve", "Reject"), None, False, ("Reject", False)),
        (["Ship", "Fix", "Drop"], "Fix", "Ship", ("Ship", False)),
        (["Ship", "Fix", "Drop"], "Fix", True, ("Fix", True)),
    ],
)
async def test_approval_gives_the_choice_and_whether_it_approves(configure, options, approve, answer, out):
    configure(channel=ScriptedChannel([answer]))
    got = await ask_approval("Go?", options=options, approve=approve)
    assert (got.choice, got.approved) == out


async def test_files_give_references_and_the_remark(configure, tmp_path):
    (tmp_path / "a.csv").write_text("x")
    configure(
        channel=ScriptedChannel([{"files": [{"path": str(tmp_path / "a.csv")}], "text": "mind the gap"}])
    )
    got = await ask_files("Data?")
    assert ([f.name for f in got.files], got.text) == (["a.csv"], "mind the gap")


async def test_no_file_is_an_answer_too(configure):
    configure(channel=ScriptedChannel([[]]))
    assert (await ask_files("Data?")).files == []


async def test_what_is_asked_says_how(ours):
    for tool, options, asked in [
        (ask_text, {"multiline": True, "placeholder": "Ada"}, {"multiline": True, "placeholder": "Ada"}),
        (ask_approval, {"options": ["A", "B"], "approve": "B"}, {"options": ("A", "B"), "approve": "B"}),
        (ask_files, {"multiple": False, "accept": ".csv"}, {"multiple": False, "accept": (".csv",)}),
        (ask_files, {"accept": [".csv", "image/*"]}, {"accept": (".csv", "image/*")}),
    ]:
        wait = await tool("?", **options).start().next_wait()
        prompt = ours.store.wait(wait.token).prompt
        assert {name: getattr(prompt, name) for name in asked} == asked


# -- what goes wrong, in one sentence --------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"options": []}, r"options=\[\]: give a list"),
        ({"options": ["Yes", "Yes"]}, "different texts"),
        ({"approve": "Maybe"}, r"approve='Maybe': it is none of the options 'Approve', 'Reject'"),
        ({"timeout": "soon"}, r"timeout='soon' is no time: give seconds, a timedelta, or a datetime"),
        ({"default": "Maybe", "timeout": 1}, r"default 'Maybe' is no answer to 'Go\?'"),
    ],
)
async def test_a_question_that_cannot_be_asked_fails_its_node(ours, options, said):
    with pytest.raises(NodeFailed, match=said) as error:
        await ask_approval("Go?", **options)
    assert error.value.error_type == "BadInputs"
    assert not ours.store.waits(status=None)


class Hostile:
    def __str__(self):
        raise ValueError

    __repr__ = __str__


@pytest.mark.parametrize("through", ["channel", "tool"])
@pytest.mark.parametrize("ask", ["ask_text", "ask_approval", "ask_files"])
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"prompt": None}, r"prompt=None: give the question as a text, such as 'Your name\?'\."),
        ({"prompt": 5}, r"prompt=5: give the question"),
        ({"prompt": b"x"}, r"prompt=b'x': give the question"),
        ({"prompt": ["a"]}, r"prompt=\['a'\]: give the question"),
        ({"prompt": Hostile()}, r"prompt=<Hostile.*>: give the question"),
        ({"prompt": ""}, r"the prompt is empty"),
    ],
)
async def test_a_prompt_that_is_no_text_is_refused_by_every_ask(ours, through, ask, options, said):
    @graph_fn(outputs=[])
    async def asks(*, context):
        await getattr(context.channel() if through == "channel" else ae.tools, ask)(**options)

    with pytest.raises(NodeFailed, match=f"BadInputs: {ask}: {said}"):
        await asks()
    assert not ours.store.waits(status=None)


@pytest.mark.parametrize(
    ("ask", "options", "said"),
    [
        ("ask_text", {"multiline": "yes"}, r"ask_text: multiline='yes': it is True or False\."),
        ("ask_text", {"placeholder": None}, r"ask_text: placeholder=None: give a text\."),
        ("ask_files", {"multiple": 1}, r"ask_files: multiple=1: it is True or False\."),
        ("ask_files", {"accept": None}, r"ask_files: accept=None: give a list of texts, such as"),
        ("ask_files", {"accept": [1]}, r"ask_files: accept=\[1\]: give a list of texts"),
        ("ask_approval", {"options": None}, r"ask_approval: options=None: give a list of different texts"),
        (
            "ask_approval",
            {"options": [None, "x"]},
            r"ask_approval: options=\[None, 'x'\]: give a list of different texts",
        ),
        (
            "ask_approval",
            {"options": ["", "x"]},
            r"ask_approval: options=\['', 'x'\]: give a list of different texts",
        ),
        ("ask_approval", {"options": b"ab"}, r"ask_approval: options=b'ab': give a list of different texts"),
        (
            "ask_approval",
            {"options": ["x"], "approve": 3},
            r"ask_approval: approve=3: it is none of the options 'x'",
        ),
        ("ask_text", {"timeout": True}, r"timeout=True is no time: give seconds"),
        ("ask_text", {"timeout": float("nan")}, r"timeout=nan is no time: give seconds"),
        ("ask_text", {"timeout": float("inf")}, r"timeout=inf is more than a thousand years; leave it out"),
        ("ask_text", {"timeout": 10**400}, r"timeout=10+ is more than a thousand years"),
        ("ask_text", {"timeout": datetime.max}, r"timeout=.* is more than a thousand years"),
    ],
)
async def test_an_option_of_an_ask_that_is_none_gets_one_sentence(ours, ask, options, said):
    @graph_fn(outputs=[])
    async def asks(*, context):
        await getattr(context.channel(), ask)("Q?", **options)

    with pytest.raises(NodeFailed, match=f"BadInputs: {said}"):
        await asks()
    assert not ours.store.waits(status=None)


async def test_options_that_come_from_elsewhere_are_checked_when_they_come(ours):
    @graph_fn(outputs=["x"])
    async def asks(options):
        return {"x": (await ask_approval("Go?", options=options)).choice}

    with pytest.raises(NodeFailed, match=r"options"):
        await asks("Yes")


async def test_a_question_without_words_is_refused_where_it_is_written(ours):
    with pytest.raises(BadInputs, match="prompt"):
        await ask_text()
    with pytest.raises(GraphProblems, match="prompt"):

        @graphify(inputs=[], outputs=["text"])
        def silent():
            return {"text": ask_text().text}


# -- deadlines -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "timeout", [60, 60.0, timedelta(minutes=1), datetime.fromtimestamp(1_700_000_060, UTC)]
)
async def test_a_timeout_is_seconds_a_span_or_a_point_in_time(clock, timeout):
    wait = await ask_text("Name?", timeout=timeout).start().next_wait()
    assert wait.deadline == datetime.fromtimestamp(1_700_000_060, UTC)


@pytest.mark.parametrize(
    "timeout",
    [
        0,
        -5,
        timedelta(seconds=-1),
        datetime.fromtimestamp(1_600_000_000, UTC),
        datetime(2020, 1, 1),
        datetime.min,
    ],
)
async def test_a_timeout_that_is_past_is_over_at_once(clock, timeout):
    run = ask_text("Name?", timeout=timeout, default="nobody").start()
    await run.next_wait()
    clock.advance(0)
    assert (await run).text == "nobody"


async def test_nobody_in_time_fails_with_the_question_unless_there_is_a_default(clock):
    with_default = ask_text("Name?", timeout=60, default="nobody").start()
    without = ask_text("Name?", timeout=60).start()
    await with_default.next_wait(), await without.next_wait()
    clock.advance(61)
    assert (await with_default).text == "nobody"
    with pytest.raises(TimeoutError, match=r"Nobody answered 'Name\?' by 2023-11-14 22:14:20"):
        await without
    assert [w.status for w in ae.waits(status=None)] == ["expired", "expired"]


async def test_a_default_of_files_becomes_artifacts(clock, tmp_path):
    (tmp_path / "a.csv").write_text("x")
    run = ask_files("Data?", timeout=60, default=str(tmp_path / "a.csv")).start()
    await run.next_wait()
    clock.advance(61)
    [file] = (await run).files
    assert (file.name, len(file.sha256)) == ("a.csv", 64)


# -- one question, however it is put -----------------------------------------------------------------


async def test_a_cooperative_and_a_dual_stage_question_leave_the_same_node(ours):
    @graph_fn(outputs=["x"])
    async def cooperative(*, context):
        return {"x": await context.channel().ask_text("Name?")}

    @graph_fn(outputs=["x"])
    async def dual_stage():
        return {"x": (await ask_text("Name?")).text}

    runs = [graph.start() for graph in (cooperative, dual_stage)]
    for run in runs:
        await run.next_wait()
    one, other = ([(n.label, n.name, n.kind, n.status) for n in run.nodes.values()] for run in runs)
    assert one == other == [("Name?", "ask_text", "ask", "waiting")]
