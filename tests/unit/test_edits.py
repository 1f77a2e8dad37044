"""What is seen of an edit between two lives of a run, and what is done about it."""

from __future__ import annotations

import linecache
import textwrap

import pytest

import aether_nb as ae
from aether_nb import graph_fn, graphify, tool
from aether_nb.calling import GRAPHS
from aether_nb.errors import BadInputs, CodeChanged, RunBlocked
from aether_nb.events import RunResumed, RunStarted
from aether_nb.facts import replace
from aether_nb.ids import RunId
from aether_nb.runtime import Runtime
from aether_nb.store.codec import pack
from aether_nb.store.memory import MemoryStore
from aether_nb.tools import ask_text

_n = iter(range(10_000))


@pytest.fixture(autouse=True)
def _the_graphs_of_others_are_left_alone(monkeypatch):
    for name in ("greet", "g", "f", "outer"):
        monkeypatch.setitem(GRAPHS, name, None)


def cell(text):
    """Run a cell as a notebook does: with its source at hand under a made-up file name."""
    text = textwrap.dedent(text)
    file = f"<edited cell {next(_n)}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    space = {"graph_fn": graph_fn, "graphify": graphify, "tool": tool, "ask_text": ask_text}
    exec(compile(text, file, "exec"), space)
    return space


GREET = """
    @tool(outputs=["text"])
    async def polish(name):
        return {"text": name.strip()}

    @graph_fn(outputs=["msg"])
    async def greet(*, context):
        name = await context.channel().ask_text("Your name?")
        return {"msg": "Hello " + (await polish(name)).text}
"""
EDITED = GREET.replace("Hello ", "Good day, ").replace("name.strip()", "name.strip().title()")


async def waits_then(configure, before, after, graph="greet"):
    """A run that waits in one life, and the cell of the next one."""
    configure()
    await cell(before)[graph].start(run_id="r").next_wait()
    runtime = configure()
    cell(after)
    return runtime


async def test_a_resume_with_changed_code_shows_what_changed_as_a_diff(configure):
    await waits_then(configure, GREET, EDITED)
    run = ae.resume("r")
    assert (
        run.note == "went on where it was, the code of greet, polish has changed: run.changes shows the diff"
    )
    greet, polish = run.changes
    assert (greet.name, polish.name) == ("greet", "polish")
    assert repr(greet).splitlines() == [
        "--- greet, as the run had it",
        "+++ greet, as it is now",
        "@@ -1,3 +1,3 @@",
        " async def greet(*, context):",
        '     name = await context.channel().ask_text("Your name?")',
        '-    return {"msg": "Hello " + (await polish(name)).text}',
        '+    return {"msg": "Good day, " + (await polish(name)).text}',
    ]
    assert "strip().title()" in polish.after
    assert "strip().title()" not in polish.before
    assert repr(run.changes) == f"{greet!r}\n\n{polish!r}"
    html = run.changes._repr_html_()
    assert ">--- greet, as the run had it\n" in html
    assert ">+    return {&quot;text&quot;: name.strip().title()}</span>" in html
    run.answer(" ada ")
    assert (await run).msg == "Good day, Ada"
    (resumed,) = [e for e in run.events if isinstance(e, RunResumed)]
    assert resumed.changed == ("greet", "polish")


async def test_comments_and_formatting_are_no_change(configure):
    dressed = GREET.replace("name = await", "# who is there?\n        name  =  await")
    await waits_then(configure, GREET, dressed)
    run = ae.resume("r")
    assert run.note == "went on where it was"
    assert repr(run.changes) == "No change of the code is known."


async def test_an_edit_is_still_shown_when_the_run_has_gone_on_with_it(configure):
    await waits_then(configure, GREET, EDITED)
    run = ae.resume("r")
    run.answer("ada")
    await run
    configure()
    assert [c.name for c in ae.get("r").changes] == ["greet", "polish"]


async def test_a_finished_run_says_that_the_code_has_changed_since(configure):
    configure()
    run = cell(GREET)["greet"].start(run_id="r")
    await run.next_wait()
    run.answer("ada")
    await run
    again = cell(EDITED)["greet"].start(run_id="r")
    assert again.note.endswith(
        "stored result, the code of greet, polish has changed: run.changes shows the diff"
    )
    assert (await again).msg == "Hello ada"
    assert [c.name for c in again.changes] == ["greet", "polish"]


@pytest.mark.parametrize("way", ["resume", "start"])
async def test_on_change_error_shows_the_diff_and_touches_nothing(configure, way):
    runtime = await waits_then(configure, GREET, EDITED)
    row, log = runtime.store.run(RunId("r")), runtime.store.events(RunId("r"))
    with pytest.raises(
        CodeChanged, match=r"greet, polish has changed since run 'r' was driven last; nothing was"
    ) as e:
        if way == "resume":
            ae.resume("r", on_change="error")
        else:
            runtime.starting.start(runtime.graph_of("greet"), {}, run_id="r", on_change="error")
    assert '+    return {"msg": "Good day, "' in str(e.value)
    assert [c.name for c in e.value.changes] == ["greet", "polish"]
    assert (runtime.store.run(RunId("r")), runtime.store.events(RunId("r"))) == (row, log)


async def test_on_change_error_lets_a_run_of_the_same_code_go_on(configure):
    await waits_then(configure, GREET, GREET)
    run = ae.resume("r", on_change="error")
    run.answer("ada")
    assert (await run).msg == "Hello ada"


async def test_on_change_fork_leaves_the_run_alone_and_goes_on_in_a_new_one(configure):
    runtime = await waits_then(configure, GREET, EDITED)
    row, log = runtime.store.run(RunId("r")), runtime.store.events(RunId("r"))
    fork = ae.resume("r", on_change="fork")
    assert fork.run_id != "r"
    assert fork.note.startswith("forked from 'r', the code of greet, polish has changed")
    fork.answer("ada")
    assert (await fork).msg == "Good day, Ada"
    assert (runtime.store.run(RunId("r")), runtime.store.events(RunId("r"))) == (row, log)
    assert [w.status for w in ae.get("r").waits] == ["open"]


async def test_on_change_says_what_it_may_be(ours):
    for act in (lambda: ae.resume("r", on_change="no"), lambda: cell(GREET)["greet"].start(on_change="no")):
        with pytest.raises(BadInputs, match="on_change='no': it is 'use_new', 'error' or 'fork'"):
            act()


async def test_the_source_is_kept_once_per_version_and_says_what_a_run_was_driven_with(configure):
    kept = []

    class Store(MemoryStore):
        def put_spec(self, kind, key, body):
            kept.append(kind)
            super().put_spec(kind, key, body)

    configure(store=(store := Store()))
    greet = cell(GREET)["greet"]
    keys = {greet.start(run_id=f"r{n}").events[0].code for n in range(3)}
    keys |= {cell(GREET)["greet"].start(run_id="again").events[0].code}
    assert len(keys) == 1
    assert kept.count("code") == 2  # once for each time that the cell was run, under the same key
    assert cell(EDITED)["greet"].start(run_id="edited").events[0].code not in keys
    assert "name.strip()" in store.spec(keys.pop())


async def test_code_without_source_is_compared_all_the_same(configure):
    def sourceless(text):
        space = {"graph_fn": graph_fn, "tool": tool}
        exec(compile(textwrap.dedent(text), "<nowhere>", "exec"), space)
        return space["greet"]

    configure()
    await sourceless(GREET).start(run_id="r").next_wait()
    configure()
    sourceless(EDITED)
    run = ae.resume("r")
    assert [(c.name, c.before, c.after) for c in run.changes] == [("greet", "", ""), ("polish", "", "")]
    assert "(there is no source to compare)" in repr(run.changes)


async def test_a_run_of_a_version_that_kept_no_code_is_judged_by_its_spec(configure):
    configure(store=(store := MemoryStore()))
    await cell(GREET)["greet"].start(run_id="r").next_wait()
    started, *_ = store.events(RunId("r"))
    assert isinstance(started, RunStarted)
    old = MemoryStore()
    old._specs, old._runs, old._waits = store._specs, store._runs, store._waits
    old._logs = {RunId("r"): [pack(replace(started, code="")), *store._logs[RunId("r")][1:]]}
    second = Runtime(store=old)
    cell(EDITED)
    run = second.resuming.resume("r")
    assert "the code of greet has changed" in run.note
    second.close()


DRAWN = """
    @tool(outputs=["y"])
    def shout(x):
        return {"y": x.upper()}

    @graphify(outputs=["y"])
    def g():
        name = ask_text(prompt="Your name?", key="name")
        return {"y": shout(name.text, key="shout").y, "z": ask_text(prompt="Why?", key="why").text}
""".replace('outputs=["y"])\n    def g', 'outputs=["y", "z"])\n    def g')


async def test_nodes_that_an_edited_graph_does_not_have_any_more_are_named(configure):
    configure()
    run = cell(DRAWN)["g"].start(run_id="r")
    await run.next_wait()
    run.answer("ada", to="Your name?")
    while run.nodes["shout"].status != "succeeded":
        await run._runtime.engine().audience.next_commit(RunId("r"))
    configure()
    cell(DRAWN.replace('key="shout"', 'key="cry"'))
    run = ae.resume("r")
    assert "the code of g has changed" in run.note
    code, gone = run.changes
    assert "+    return" in repr(code)
    assert (gone.name, gone.gone) == ("shout", True)
    assert repr(gone) == (
        "- node shout ('shout', succeeded): the graph does not have it any more; what it recorded is kept and not used"
    )
    run.answer("so", to="Why?")
    assert await run == {"y": "ADA", "z": "so"}


async def test_a_tool_of_a_static_graph_in_a_function_is_looked_at_too(configure):
    nested = (
        DRAWN
        + """
    @graph_fn(outputs=["y"])
    async def outer():
        return {"y": (await g()).y}
"""
    )
    await waits_then(configure, nested, nested.replace("x.upper()", "x.title()"), graph="outer")
    assert [c.name for c in ae.resume("r").changes] == ["shout"]


async def test_what_only_a_helper_calls_is_not_looked_at(configure):
    helped = """
    @tool(outputs=["y"])
    async def hidden():
        return {"y": 1}

    async def helper():
        return (await hidden()).y

    @graph_fn(outputs=["y"])
    async def f(*, context):
        await context.channel().ask_text("?")
        return {"y": await helper()}
    """
    await waits_then(configure, helped, helped.replace('"y": 1', '"y": 2'), graph="f")
    run = ae.resume("r", on_change="error")
    run.answer("go")
    assert (await run).y == 2


async def test_what_a_graph_is_made_of_is_found_through_modules_closures_and_inner_functions(ours):
    space = cell(
        """
    import types

    @tool(outputs=["y"])
    async def a(): ...

    @tool(outputs=["y"])
    async def b(): ...

    @tool(outputs=["y"])
    async def c(): ...

    @tool(outputs=["y"])
    async def unused(): ...

    tools = types.ModuleType("tools")
    tools.b = b

    def make():
        inner = c

        @graph_fn(outputs=[])
        async def f():
            async def work():
                await a()
            await work()
            await tools.b()
            await inner()
            await later()
        return f

    f = make()
    before = set(f.parts())

    @tool(outputs=["y"])
    async def later(): ...
    """
    )
    assert space["before"] == {"f", "a", "b", "c"}
    assert set(space["f"].parts()) == {"f", "a", "b", "c", "later"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("async def greet(*, context)", "async def greet(title, *, context)"),
        ("", ""),
    ],
)
async def test_a_run_that_lacks_an_input_that_an_edit_asks_for_is_blocked_and_keeps_its_question(
    configure, before, after
):
    static = """
        @graphify(outputs=["msg"])
        def greet():
            return {"msg": ask_text(prompt="Your name?").text}
    """
    first = GREET if before else static
    wanting = GREET.replace(before, after) if before else static.replace("greet()", "greet(title)")
    await waits_then(configure, first, wanting)
    run = ae.resume("r")
    with pytest.raises(RunBlocked, match="'greet' takes 'title' now, which this run was started without"):
        await run
    assert [w.status for w in run.waits] == ["open"]
    configure()
    cell(first)
    run = ae.resume("r")
    run.answer("ada")
    assert (await run).msg in {"ada", "Hello ada"}


async def test_an_input_that_an_edit_adds_has_its_default_in_runs_from_before(configure):
    before = """
        @tool(outputs=["text"])
        async def joined(a, b):
            return {"text": f"{a} {b}"}

        @graphify(outputs=["msg"])
        def greet():
            return {"msg": joined("Dr", ask_text(prompt="Your name?").text).text}
    """
    after = before.replace("greet()", 'greet(title="Prof")').replace('joined("Dr"', "joined(title")
    await waits_then(configure, before, after)
    run = ae.resume("r")
    run.answer("ada")
    assert (await run).msg == "Prof ada"


async def test_an_input_that_an_edit_drops_is_not_missed(configure):
    before = GREET.replace("greet(*, context)", 'greet(title="Dr", *, context)')
    await waits_then(configure, before, GREET)
    run = ae.resume("r")
    run.answer("ada")
    assert (await run).msg == "Hello ada"
