"""Where two runs part, as a table."""

from __future__ import annotations

import pytest

import aether_nb as ae
from aether_nb import graph_fn, tool
from aether_nb.errors import NodeFailed, UnknownRun


@tool(outputs=["y"])
async def double(x):
    return {"y": x * 2}


@tool(outputs=["y"])
async def only(x):
    return {"y": x}


@graph_fn(outputs=["out"])
async def sums(start: int = 1, *, context):
    first = (await double(start)).y
    more = int(await context.channel().ask_text("How much more?"))
    if more > 9:
        await only(more)
    if more < 0:
        raise ValueError("less than nothing")
    return {"out": (await double(first + more)).y}


async def summed(run_id, more, **inputs):
    run = sums.start(run_id=run_id, **inputs)
    await run.next_wait()
    run.answer(str(more))
    return run


@pytest.fixture
async def a(ours):
    run = await summed("a", 3)
    await run
    return run


async def test_a_fork_parts_from_its_run_where_it_was_answered_anew(a):
    b = a.fork(at="How much more?", answer="10", run_id="b")
    await b
    table = ae.compare(a, b)
    assert table.first.label == "How much more?"
    assert (str(table.first.a), str(table.first.b)) == ("succeeded: 3", "succeeded: 10")
    assert [a.nodes[n].outputs for n in table.same] == [{"y": 2}]
    assert [(d.label, d.a.status, d.b.status) for d in table[1:]] == [
        ("double", "succeeded", ""),
        ("only", "", "succeeded"),
        ("double", "", "succeeded"),
        ("(the run)", "succeeded", "succeeded"),
    ]
    assert table.said == (
        "b is a fork of a at 'How much more?'. a and b part at 'How much more?': succeeded: 3 / succeeded: 10; "
        "1 node is the same."
    )


async def test_the_table_reads_in_a_terminal_and_in_a_notebook(a):
    await a.fork(at="How much more?", answer="4", run_id="<b>")
    text, html = repr(ae.compare("a", "<b>")), ae.compare("a", "<b>")._repr_html_()
    assert text.splitlines()[0].startswith("<b> is a fork of a at")
    assert text.splitlines()[1].split() == ["node", "id", "a", "<b>"]
    assert text.splitlines()[2].split()[:3] == ["How", "much", "more?"]
    assert html.startswith("<p>&lt;b&gt; is a fork of a")
    assert ">&lt;b&gt;</th>" in html
    assert ">succeeded: 4</td>" in html


async def test_the_order_of_the_two_does_not_matter(a):
    b = a.fork(at="How much more?", answer="10", run_id="b")
    await b
    there, back = ae.compare(a, b), ae.compare(b, a)
    assert there.first.label == back.first.label
    assert {(d.node, d.a, d.b) for d in there} == {(d.node, d.b, d.a) for d in back}
    assert back.said.startswith("b is a fork of a at")


async def test_runs_that_do_not_differ_say_so(a):
    await (await summed("b", 3))
    table = ae.compare("a", "b")
    assert (list(table), table.first) == ([], None)
    assert repr(table) == "a and b do not differ; 3 nodes are the same."
    assert table._repr_html_() == "<p>a and b do not differ; 3 nodes are the same.</p>"


async def test_other_inputs_are_the_first_difference(a):
    await (await summed("b", 3, start=5))
    table = ae.compare("a", "b")
    assert (table.first.label, table.first.a.outputs, table.first.b.outputs) == (
        "(inputs)", "{'start': 1}", "{'start': 5}",
    )  # fmt: skip


async def test_a_failure_and_a_question_that_is_still_open_are_differences_too(a):
    b = await summed("b", -1)
    with pytest.raises(NodeFailed):
        await b
    c = sums.start(run_id="c")
    await c.next_wait()
    failed = ae.compare(a, b)[-1]
    assert (failed.label, str(failed.a), str(failed.b)) == (
        "(the run)", "succeeded: {'out': 10}", "failed: less than nothing",
    )  # fmt: skip
    assert str(ae.compare(a, c).first.b) == "waiting"


async def test_a_run_that_is_not_there_is_refused(a):
    with pytest.raises(UnknownRun):
        ae.compare(a, "nobody")


async def test_what_only_one_run_has_is_said_to_be_not_there_in_the_other(ours):
    @graph_fn(name="compare_other", outputs=["y"])
    async def other(start=1):
        return {"y": (await only(1)).y}

    a = await summed("a", 3)
    await a
    await other.start(run_id="b")
    assert "'double': succeeded: {'y': 2} / not there; 0 nodes are the same" in ae.compare("a", "b").said
