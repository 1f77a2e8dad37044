"""What comes in is hostile: values, replies, names. Each gets one sentence where it belongs, and nothing else breaks."""

from __future__ import annotations

import asyncio
import dataclasses
import math
import threading
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

import aether_nb as ae
from aether_nb import DualStageTool, Wait, graph_fn, graphify, tool
from aether_nb.errors import (
    AetherError,
    BadInputs,
    NodeFailed,
    NotStorable,
    ReplyInvalid,
    UnknownRun,
    UnknownWait,
)
from aether_nb.testing import ScriptedChannel
from aether_nb.tools import ask_approval, ask_files, ask_text


class Tree(BaseModel):
    left: Tree | None = None


@dataclasses.dataclass
class Link:
    next: object = None


class Evil:
    def __repr__(self):
        raise RuntimeError("no repr")

    def __fspath__(self):
        raise RuntimeError("no path")


class Stubborn(dict):
    def items(self):
        raise RuntimeError("no items")


def deep(levels: int, wrap: Callable[[Any], Any] = lambda v: [v]) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = wrap(value)
    return value


def circle(value: Any, put: Callable[[Any], object]) -> Any:
    put(value)
    return value


def self_list() -> Any:
    value: list[Any] = []
    return circle(value, value.append)


def self_model() -> Any:
    tree = Tree()
    return circle(tree, lambda t: setattr(t, "left", t))


def self_dataclass() -> Any:
    return circle(Link(), lambda link: setattr(link, "next", link))


HOSTILE: dict[str, tuple[Callable[[], Any], str]] = {
    "half a character": (lambda: "\ud800", "half of a surrogate pair"),
    "half a character in a key": (lambda: {"\udfff": 1}, "half of a surrogate pair"),
    "deep": (lambda: deep(5000), "nested too deep"),
    "deep dict": (lambda: deep(5000, lambda v: {"a": v}), "nested too deep"),
    "deep model": (lambda: deep(3000, lambda v: Tree.model_construct(left=v)), "nested too deep"),
    "self list": (self_list, "contains itself"),
    "self model": (self_model, "contains itself"),
    "self dataclass": (self_dataclass, "contains itself"),
    "lock": (threading.Lock, "make it inside the tool"),
    "evil": (Evil, "Evil, which cannot be stored"),
    "stubborn": (lambda: Stubborn(a=1), "Stubborn, which cannot be stored"),
    "function": (lambda: deep, "is a function"),
    "generator": (lambda: (x for x in "ab"), "list(...)"),
}
FINE: dict[str, Callable[[], Any]] = {
    "nan": lambda: math.nan,
    "infinities": lambda: [math.inf, -math.inf],
    "a number of 5,000 digits": lambda: 10**5000,
    "a text with NUL": lambda: "a\0b",
    "140 levels": lambda: deep(140),
    "50 MB of text": lambda: "é" * 25_000_000,
    "50 MB of bytes": lambda: b"x" * 50_000_000,
}


@tool(outputs=["x"])
async def gives(case: str):
    return {"x": (HOSTILE[case][0] if case in HOSTILE else FINE[case])()}


@tool(outputs=["x"])
async def passes(x):
    return {"x": x}


@graphify(outputs=["x"])
def drawn(case):
    return {"x": passes(gives(case).x).x}


@graph_fn(outputs=["x"])
async def written(case: str):
    return {"x": (await passes((await gives(case)).x)).x}


@graph_fn(outputs=["x"])
async def given(x):
    return {"x": 1}


@graph_fn(outputs=["msg"])
async def healthy(*, context):
    return {"msg": await context.channel().ask_text("Still there?")}


@pytest.fixture
async def unharmed(ours):
    """Around the test: a run that waits, which must finish, and a store that must be read whole."""
    run = healthy.start(run_id="healthy")
    wait = await run.next_wait()
    yield ours
    assert ae.answer(wait.token, "yes", by="ana")
    assert (await run).msg == "yes"
    assert (await fresh()).msg == "again"
    for row in ours.store.runs():
        assert ours.fold(row.run_id).seq == row.last_seq
    ours.store.waits(status=None)
    for table in (ae.runs(), ae.waits(status=None)):
        assert repr(table)
        assert table._repr_html_()


async def fresh():
    run = healthy.start()
    await run.next_wait()
    run.answer("again")
    return await run


# -- values ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("graph", [drawn, written], ids=["drawn", "written"])
@pytest.mark.parametrize("case", HOSTILE)
async def test_an_output_that_cannot_be_stored_fails_its_node_with_one_sentence(unharmed, graph, case):
    run = graph.start(case)
    with pytest.raises(NodeFailed, match="gives failed: NotStorable: x") as failed:
        await run
    first = str(failed.value).partition("\n")[0]
    assert HOSTILE[case][1] in first
    assert len(first) < 300
    assert run.nodes["gives"].status == "failed"


@pytest.mark.parametrize("case", HOSTILE)
async def test_an_input_that_cannot_be_stored_is_refused_before_there_is_a_run(unharmed, case):
    make, said = HOSTILE[case]
    before = len(ae.runs())
    with pytest.raises(NotStorable, match=r"^x") as refused:
        given.start(make())
    assert said in str(refused.value)
    assert len(ae.runs()) == before


@pytest.mark.parametrize(
    ("graph", "case"),
    [(written, case) for case in FINE] + [(drawn, case) for case in FINE if "50 MB" not in case],
    ids=str,
)
async def test_what_is_only_large_or_strange_comes_through_as_it_was(unharmed, graph, case):
    out = await graph.start(case, run_id="r")
    expected = FINE[case]()
    assert out.x == expected or math.isnan(out.x)
    log = unharmed.store.events("r")
    assert sum(len(e.to_json()) for e in log) < 100_000, "it lies beside the log"
    assert ae.get("r").outputs.x == expected or math.isnan(out.x)


# -- replies ---------------------------------------------------------------------------------------


class Job(DualStageTool):
    name = "bad_input_job"
    outputs = ("got",)

    async def setup(self, *, correlator: str) -> Wait:
        return Wait(kind="job", correlator=correlator)

    async def on_resume(self, reply, wait):
        return {"got": reply.value}


job = Job()


@graph_fn(outputs=["got"])
async def awaits(correlator: str):
    return {"got": (await job(correlator=correlator)).got}


@graph_fn(outputs=["all"])
async def asks():
    return {"all": [*await asyncio.gather(ask_text("T?"), ask_approval("A?"), ask_files("F?"))]}


REFUSED = [*HOSTILE, "nan", "infinities", "a number of 5,000 digits"]
JSON_ALL_THE_SAME = {"stubborn", "generator"}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_reply_that_is_no_json_is_refused_and_the_wait_stays_open(unharmed, case):
    make = HOSTILE[case][0] if case in HOSTILE else FINE[case]
    run = awaits.start("c")
    wait = await run.next_wait()
    if case in JSON_ALL_THE_SAME:
        assert run.answer(make())
        assert (await run).got in ({"a": 1}, ["a", "b"])
        return
    with pytest.raises(ReplyInvalid) as refused:
        run.answer(make())
    assert len(str(refused.value)) < 300
    assert (await run.next_wait()).token == wait.token
    run.answer({"ok": True})
    assert (await run).got == {"ok": True}


@pytest.mark.parametrize("case", [case for case in REFUSED if case not in JSON_ALL_THE_SAME])
async def test_an_event_that_is_no_json_is_refused_and_nothing_is_kept_for_later(unharmed, case):
    make = HOSTILE[case][0] if case in HOSTILE else FINE[case]
    with pytest.raises(ReplyInvalid):
        ae.post_event("c", make())
    run = awaits.start("c")
    await run.next_wait()
    assert ae.post_event("c", {"ok": True}) == 1
    assert (await run).got == {"ok": True}


async def test_a_reply_as_deep_as_is_accepted_is_read_back_by_the_next_kernel(configure):
    configure()
    run = awaits.start("c", run_id="r")
    await run.next_wait()
    with pytest.raises(ReplyInvalid, match="more than 150 levels deep"):
        run.answer(deep(151))
    run.answer(deep(149))
    await run
    configure()
    assert ae.get("r").outputs.got == deep(149)


@pytest.mark.parametrize("case", [*HOSTILE, *FINE])
async def test_a_reply_of_the_wrong_type_is_refused_by_each_kind_of_question(unharmed, case):
    make = HOSTILE[case][0] if case in HOSTILE else FINE[case]
    run = asks.start()
    while len(unharmed.store.waits(runs=[run.run_id])) < 3:
        await asyncio.sleep(0)
    open_before = unharmed.store.waits(runs=[run.run_id])
    for question in ("T?", "A?", "F?"):
        if question == "T?" and case in {"50 MB of text", "a text with NUL"}:
            continue  # a text is a text
        with pytest.raises(ReplyInvalid) as refused:
            run.answer(make(), to=question)
        assert len(str(refused.value)) < 500
    assert unharmed.store.waits(runs=[run.run_id]) == open_before
    run.cancel()


async def test_a_scripts_answer_of_the_wrong_type_fails_the_node_that_asked(configure):
    configure(channel=ScriptedChannel({"A?": {"choice": self_list()}, "Still there?": "again"}))

    @graph_fn(outputs=["x"])
    async def one():
        return {"x": (await ask_approval("A?")).choice}

    with pytest.raises(NodeFailed, match="does not fit: choice: what is of type list is none of"):
        await one.start()
    assert (await healthy.start()).msg == "again"


@pytest.mark.parametrize(
    "token", [None, 5, "", "nope", "\ud800", "a\0b", "'; DROP TABLE waits; --", b"x", "x" * 99_999, {}]
)
async def test_a_token_or_run_that_there_is_not_is_said_to_be_unknown(unharmed, token):
    for call in (lambda: ae.answer(token, "x"), lambda: ae.get("healthy").answer("x", wait=token or "nope")):
        with pytest.raises(UnknownWait, match=r"There is no wait .*ae\.waits\(\)") as unknown:
            call()
        assert len(str(unknown.value)) < 500
    for look in (ae.get, ae.resume):
        with pytest.raises(UnknownRun, match=r"There is no run .*ae\.runs\(\)"):
            look(token)
    assert len(ae.waits()) == 1


@pytest.mark.parametrize("by", [5, "\ud800", {"a": 1}, "a\nb"])
async def test_who_answers_has_a_name(unharmed, by):
    (wait,) = ae.waits()
    with pytest.raises(BadInputs, match="is no name; give a text such as 'ana'"):
        ae.answer(wait.token, "x", by=by)
    with pytest.raises(BadInputs, match="is no name; give a text such as 'ana'"):
        ae.post_event("c", "x", by=by)


# -- names -----------------------------------------------------------------------------------------

NAMES = {
    "sql": "'; DROP TABLE runs; --",
    "quotes": "\"quoted\" and 'quoted'",
    "html": "<script>alert(1)<script>",
    "markup": "a&b <img src=x onerror=alert(1)>",
    "format": "%s %d {x} \\n",
    "unicode": "naïve ✓ 🙂",
    "path": "..",
    "wildcards": "%_*?",
    "archive": "~1",
    "colons": "run:x:cancel",
    "long": "x" * 5000,
}


@graph_fn(outputs=["said"])
async def names_everything(name: str, *, context):
    await context.channel().send_text(name)
    said = await context.channel().ask_text(name, key=name)
    return {"said": f"{said} {(await job(correlator=name)).got}"}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
async def test_quotes_sql_and_html_in_names_are_only_text(unharmed, name):
    unharmed.home = name
    run = names_everything.start(name, run_id=name)
    wait = await run.next_wait()
    assert (wait.prompt, wait.run_id) == (name, name)
    run.answer(name, to=name, by="ana")
    while not (jobs := [w for w in run.waits if w.kind == "job" and w.status == "open"]):
        await asyncio.sleep(0)
    assert ae.answer(jobs[0].token, name)
    assert (await run).said == f"{name} {name}"
    assert names_everything.start(name, run_id=name).status == "succeeded"
    assert ae.get(name).nodes[name].status == "succeeded"
    assert [r.run_id for r in ae.runs(graph="names_everything")] == [name]
    assert unharmed.store.runs(home=name)[0].run_id == name
    for shown in (ae.runs(), ae.waits(status=None), run.nodes, run.waits, run.events):
        html = shown._repr_html_()
        assert "<script>" not in html
        assert "<img" not in html
    assert run.start_over().run_id == name
    ae.get(name).cancel()


@pytest.mark.parametrize("run_id", ["", "  ", "new\nline", "nul\0", "\ud800", 5, b"x", {}])
async def test_a_run_id_that_cannot_be_typed_is_refused(unharmed, run_id):
    with pytest.raises(BadInputs, match="is no name; give a text such as 'lesson-1'"):
        given.start(1, run_id=run_id)


@pytest.mark.parametrize("key", ["", "a/b", "a#1", "new\nline", "nul\0", "\ud800"])
async def test_a_key_that_cannot_be_an_id_fails_the_function_with_its_line(unharmed, key):
    @graph_fn(outputs=["x"])
    async def keyed():
        return {"x": (await passes(1, key=key)).x}

    with pytest.raises(NodeFailed, match=r"BadInputs: key=.* at line \d+ cannot be an id; use a short text"):
        await keyed.start()


@pytest.mark.parametrize("where", ["prompt", "correlator", "kind"])
async def test_half_a_character_in_a_question_fails_its_node(unharmed, where):
    class Odd(DualStageTool):
        outputs = ("x",)

        async def setup(self) -> Wait:
            return Wait(**{"kind": "job", where: "\ud800"})

        async def on_resume(self, reply, wait):
            return {"x": 1}

    odd = Odd()

    @graph_fn(outputs=["x"])
    async def asks_oddly():
        return {"x": (await odd()).x}

    with pytest.raises(NodeFailed, match=r"has a text with half of a surrogate pair|is no name"):
        await asks_oddly.start()


async def test_half_a_character_in_the_words_of_a_question_fails_it_too(unharmed):
    @graph_fn(outputs=["x"])
    async def asks_oddly(*, context):
        return {"x": await context.channel().ask_text("\ud800?")}

    run = asks_oddly.start()
    with pytest.raises(NodeFailed, match="half of a surrogate pair"):
        await run
    assert [n.label for n in run.nodes.values()] == ["??"]


async def test_every_refusal_is_one_of_ours(unharmed):
    for attempt in (
        lambda: ae.runs(status="\ud800"),
        lambda: ae.waits(status="\ud800"),
        lambda: ae.runs(graph="\ud800"),
    ):
        with pytest.raises(
            AetherError, match=r"half of a surrogate pair|status='\\ud800': it is 'running'|'open', "
        ):
            attempt()
