"""A run as one HTML file: complete, closed to the world, without the answers that are not to be in it."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from unit.display.samples import Story, crawl_reworked, newsletter_done, newsletter_failed, newsletter_waiting

import aether_nb as ae
from aether_nb import graph_fn, tool
from aether_nb.calling import GRAPHS
from aether_nb.display import built, render
from aether_nb.display.report import SAID, replay
from aether_nb.display.view import RunView
from aether_nb.errors import BadInputs, DisplayError
from aether_nb.events import EVENTS
from aether_nb.tools import ask_approval, ask_text

EVIL = '"><img src=x onerror=alert(1)></script><script>alert(1)</script><!--</noscript></style>'


@tool(outputs=["line"])
async def greet(name: str, *, context):
    await context.channel().send_text(f"Hi, {name}!")
    return {"line": f"Hello, {name}!"}


@tool
async def explode(x):
    raise ValueError(f"no {x}")


@graph_fn(outputs=["line", "approved", "age"])
async def agent(topic: str = "bees", *, context):
    name = await context.channel().ask_text("Your **name**?")
    greeting = await greet(name)
    age = await ask_text("Your age?")
    ok = await ask_approval(f"Publish for {name}?", options=("Yes", "No"))
    return {"line": greeting.line, "approved": ok.approved, "age": age.text}


@graph_fn(outputs=["x"])
async def fails():
    return {"x": await explode("wind")}


@graph_fn(outputs=["x"])
async def hostile(*, context):
    await context.channel().send_text(EVIL)
    await context.channel().send_markdown(EVIL)
    return {"x": await context.channel().ask_text(EVIL)}


@pytest.fixture(autouse=True)
def front_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests are about the file around it, and run where it is not built."""
    files = {
        "report.js": "let page = 1;",
        "report.css": "body { margin: 0 }",
        "viz.js": "export const viz = 1;",
    }
    monkeypatch.setattr("aether_nb.reporting.built", files.__getitem__)


class Page(HTMLParser):
    """The file as a browser without scripts reads it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.text = path.read_text(encoding="utf-8")
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(self.text)
        self.close()
        self.data = json.loads(self.inside["script#run"][0])

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in {"script", "style", "title"}:
            name = dict(attrs).get("id")
            self._open.append(f"{tag}#{name}" if name else tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in {"script", "style", "title"}:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._open:
            self.inside.setdefault(self._open[-1], []).append(data)

    def policy(self) -> dict[str, str]:
        (content,) = (a["content"] for t, a in self.tags if t == "meta" and a.get("http-equiv"))
        assert content is not None
        return {name: rest for name, _, rest in (part.strip().partition(" ") for part in content.split(";"))}


async def answered(run: Any, *values: str) -> Any:
    for value in values:
        run.answer(value, wait=(await run.next_wait()).token, by="ana")
    return await run


@pytest.fixture
async def run(ours: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    run = agent.start(run_id="r1")
    await answered(run, "Ada Lovelace", "36", "Yes")
    return run


def sha(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


async def test_it_returns_its_path_and_has_the_whole_run(run: Any, tmp_path: Path) -> None:
    path = run.report("out.html")
    assert path == tmp_path / "out.html"
    page = Page(path)
    data = page.data
    assert page.inside["title"] == ["agent · r1"]
    assert len(data["steps"]) == len(run.events)
    assert data["svg"].startswith("<svg ")
    assert data["inputs"] == [["topic", "bees"]]
    assert {piece["name"] for piece in data["code"]} == {"agent", "greet"}
    assert "async def greet" in page.text
    assert [row["label"] for row in data["timeline"]["rows"]] == [
        *("Your name?", "greet", "Your age?", "Publish for Ada Lovelace?"),
    ]
    detail = data["details"][run.nodes["greet"].id]
    assert detail["inputs"] == [{"name": "name", "text": "Ada Lovelace"}]
    assert dict(data["facts"])["Defined in"]
    assert [name for name, _ in data["facts"]] == ["Defined in", "aether_nb", "Python", "Platform"]


async def test_without_a_name_it_is_called_after_the_run(run: Any, tmp_path: Path) -> None:
    assert run.report() == tmp_path / "r1.html"
    other = fails.start(run_id="../a b/c.")
    with pytest.raises(ae.AetherError):
        await other
    assert other.report() == tmp_path / "a-b-c.html"


async def test_nothing_in_it_may_come_from_elsewhere_and_only_our_script_may_run(run: Any) -> None:
    page = Page(run.report())
    policy = page.policy()
    assert policy == {
        "default-src": "'none'",
        "script-src": sha(page.inside["script"][0]),
        "style-src": " ".join(map(sha, page.inside["style"])),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert [a for t, a in page.tags if t == "script"] == [{"type": "application/json", "id": "run"}, {}]
    for _, attributes in page.tags:
        assert not attributes.keys() & {"href", "srcset", "action", "ping"}
        assert (attributes.get("src") or "data:").startswith("data:")


async def test_hostile_text_is_data_in_it(ours: Any, tmp_path: Path) -> None:
    run = hostile.start(run_id=EVIL)
    await answered(run, EVIL)
    page = Page(run.report(tmp_path / "x.html"))
    assert [t for t, _ in page.tags].count("script") == 2
    assert not any("onerror" in attributes for _, attributes in page.tags)
    assert page.data["run"]["run_id"] == EVIL
    assert "<" not in page.inside["script#run"][0]
    assert page.inside["title"] == [f"hostile · {EVIL}"]


async def test_without_graphviz_the_file_brings_what_lays_the_graph_out(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(render, "have_dot", lambda: False)
    page = Page(run.report())
    assert page.data["svg"] == ""
    assert page.data["dot"].startswith("digraph")
    assert gzip.decompress(base64.b64decode(page.inside["script#viz"][0])) == b"export const viz = 1;"
    assert page.policy()["script-src"] == f"{sha(page.inside['script'][0])} blob: 'wasm-unsafe-eval'"


async def test_a_reader_without_scripts_sees_the_run(run: Any) -> None:
    text = run.report().read_text(encoding="utf-8")
    told = text[text.index("<noscript>") : text.index("</noscript>")]
    assert "Hello, Ada Lovelace!" in told
    assert "<img" in told


# -- what it is written over ---------------------------------------------------------------------


async def test_it_is_written_over_an_earlier_report_of_the_same_run(run: Any) -> None:
    run.report("out.html", redact=True)
    assert "Lovelace" in run.report("out.html").read_text(encoding="utf-8")
    assert [path.name for path in Path().glob("*out*")] == ["out.html"]


async def test_a_notebook_that_is_run_again_writes_over_the_report_of_its_run_before(run: Any) -> None:
    run.report("out.html")
    again = agent.start()
    await answered(again, "Bo Diddley", "79", "No")
    again.report("out.html")
    text = Path("out.html").read_text(encoding="utf-8")
    assert again.run_id in text
    assert "Lovelace" not in text


async def test_any_other_file_is_left_alone(run: Any) -> None:
    Path("notes.html").write_text("<html>mine</html>")
    other = fails.start(run_id="r2")
    with pytest.raises(ae.AetherError):
        await other
    other.report("other.html")
    for name in ("notes.html", "other.html"):
        before = Path(name).read_bytes()
        with pytest.raises(
            BadInputs, match=r"is there already and is no report of a run of 'agent': give another name"
        ):
            run.report(name)
        assert Path(name).read_bytes() == before


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (".", "is a folder; give the name of a file in it"),
        ("nowhere/run.html", "is not there; make it first"),
        (7, "path=7 is no path"),
    ],
)
async def test_a_place_where_nothing_can_be_written_is_told_in_a_sentence(
    run: Any, path: Any, said: str
) -> None:
    with pytest.raises(BadInputs, match=re.escape(said)):
        run.report(path)


async def test_a_disk_that_refuses_is_told_and_leaves_nothing_behind(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(DisplayError, match=r"could not be written to .*out\.html: No space left on device"):
        run.report("out.html")
    assert not list(Path().glob("*out*"))


# -- what stays out ------------------------------------------------------------------------------


async def test_hidden_answers_are_nowhere_in_it(run: Any) -> None:
    text = run.report(redact=True).read_text(encoding="utf-8")
    assert "Lovelace" not in text
    assert '"36"' not in text
    page = Page(Path("r1.html"))
    assert page.data["hidden"] == 3
    assert "Hi, ••••!" in text
    assert "Publish for ••••?" in text
    assert [o for s in page.data["steps"] for o in s.get("patch", {}).get("outputs", [])] == [
        {"name": "line", "text": "Hello, ••••!"},
        {"name": "approved", "text": "True"},
        {"name": "age", "text": "••••"},
    ]
    ok = page.data["details"][run.nodes["Publish for Ada Lovelace?"].id]
    assert {value["text"] for value in ok["outputs"]} == {"••••"}


@pytest.mark.parametrize(
    "redact",
    [
        ["Your **name**?"],
        ["Your name?"],
        {"Your name?", "number"},
        lambda wait: wait.prompt == "Your **name**?",
    ],
)
async def test_which_answers_are_hidden_is_said_by_question_or_by_a_function(run: Any, redact: Any) -> None:
    page = Page(run.report(redact=redact))
    assert page.data["hidden"] == 1
    assert "Lovelace" not in page.text
    assert '"text":"36"' in page.text


async def test_kinds_are_named_too(run: Any) -> None:
    page = Page(run.report(redact=["text"]))
    assert page.data["hidden"] == 2
    assert '"text":"Yes"' in page.text


@pytest.mark.parametrize("redact", [True, ["Your name?"], lambda wait: wait.prompt == "Your **name**?"])
async def test_an_answer_that_a_fork_shares_is_hidden_like_its_own(run: Any, redact: Any) -> None:
    fork = run.fork(at="Your age?", answer="37", run_id="r2")
    await answered(fork, "Yes")
    page = Page(fork.report("fork.html", redact=redact))
    assert "Lovelace" not in page.text
    assert page.data["hidden"] == (3 if redact is True else 1)


@pytest.mark.parametrize("redact", ["Your name?", ["Your nam?"], 3, [1]])
async def test_what_hides_nothing_by_mistake_is_refused(run: Any, redact: Any) -> None:
    with pytest.raises(BadInputs, match=r"redact="):
        run.report("out.html", redact=redact)
    assert not Path("out.html").exists()


@graph_fn(outputs=["fits"])
async def keeper(*, context):
    return {"fits": bool(await context.channel().ask_text("The key?", secret=True))}


async def test_secrets_are_hidden_whoever_asks_for_the_report(ours: Any, tmp_path: Path) -> None:
    run = keeper.start(run_id="r1")
    await answered(run, "open-sesame-1")
    page = Page(run.report(tmp_path / "r.html"))
    assert "The key?" in page.text
    assert "sesame" not in page.text
    assert page.data["hidden"] == 1


async def test_an_empty_word_in_an_answer_hides_nothing_else(run: Any) -> None:
    page = Page(run.report(redact=["Publish for Ada Lovelace?"]))
    assert "greet" in {
        node["label"] for step in page.data["steps"] for node in step.get("patch", {}).get("nodes", [])
    }


# -- any run -------------------------------------------------------------------------------------


async def test_a_run_that_goes_on_gives_the_state_so_far(ours: Any, tmp_path: Path) -> None:
    run = agent.start(run_id="r1")
    await run.next_wait()
    page = Page(run.report(tmp_path / "r.html"))
    assert ["Not over", "this is how it stood when the report was written"] in page.data["facts"]
    assert page.data["steps"][-1]["text"] == "Your name? · asks"
    run.cancel()


async def test_a_failure_is_there_with_the_users_own_lines(ours: Any, tmp_path: Path) -> None:
    run = fails.start(run_id="r1")
    with pytest.raises(ae.AetherError):
        await run
    page = Page(run.report(tmp_path / "r.html"))
    (error,) = [s["patch"]["error"] for s in page.data["steps"] if "error" in s.get("patch", {})]
    assert "ValueError: no wind" in error["message"]
    assert any("in explode" in frame for frame in error["frames"])


async def test_code_that_has_changed_since_is_shown_with_its_diff(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    @tool(outputs=["line"], name="greet")
    async def edited(name: str):
        return {"line": f"Good day, {name}!"}

    monkeypatch.setitem(globals(), "greet", edited)
    code = {piece["name"]: piece for piece in Page(run.report()).data["code"]}
    assert code["agent"]["diff"] == ""
    assert "+" in code["greet"]["diff"]
    assert "Hello" in code["greet"]["source"]


async def test_of_somebody_elses_store_nothing_is_needed_and_nothing_is_run(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(GRAPHS, "agent")
    page = Page(run.report())
    assert all(piece["diff"] == "" for piece in page.data["code"])
    assert len(page.data["code"]) == 2


def test_a_front_end_that_is_not_built_is_told_in_a_sentence() -> None:
    with pytest.raises(
        DisplayError, match=r"nothing\.js is missing\): run `python jupyter_extension/hatch_build"
    ):
        built.built("nothing.js")


# -- the replay ----------------------------------------------------------------------------------


def patched(shape: dict[str, Any], step: Any) -> dict[str, Any]:
    """What the page makes of a step."""
    if "whole" in step:
        return dict(step["whole"])
    patch = dict(step.get("patch", {"base": shape["seq"], "seq": step["seq"]}))
    assert patch.pop("base") in {shape["seq"], *range(shape["seq"])}
    shape = {
        **shape,
        **{k: v for k, v in patch.items() if k not in _KEYS and k != "marks"},
        "seq": step["seq"],
    }
    for name, key in _KEYS.items():
        if name in patch:
            items = {key(item): item for item in shape[name]} | {key(item): item for item in patch[name]}
            shape[name] = list(items.values())
    told = {mark[0]: mark for mark in patch.get("marks", ())}
    names = ("status", "attempt", "started_ms", "ended_ms")
    shape["nodes"] = [
        {**node, **dict(zip(names, told[node["id"]][1:], strict=True))} if node["id"] in told else node
        for node in shape["nodes"]
    ]
    return shape


_KEYS: dict[str, Any] = {
    "nodes": lambda n: n["id"],
    "edges": tuple,
    "prompts": lambda p: p["token"],
    "messages": lambda m: m["seq"],
    "outputs": lambda o: o["name"],
}


@pytest.mark.parametrize("tell", [newsletter_waiting, newsletter_done, newsletter_failed, crawl_reworked])
def test_the_steps_of_a_run_lead_to_the_run(tell: Any) -> None:
    story: Story = tell()
    begin, steps = replay(RunView("run-1", story.view._graph, story.specs.get), story.events)
    shape: dict[str, Any] = dict(begin)
    for n, step in enumerate(steps):
        shape = patched(shape, step) if n else shape
        seen = RunView("run-1", story.view._graph, story.specs.get)
        seen.apply(*story.events[: n + 1])
        assert shape == seen.peek(), step["text"]


def test_what_happened_is_told_in_words() -> None:
    story = newsletter_done()
    _, steps = replay(RunView("run-1", story.view._graph, story.specs.get), story.events)
    told = [step["text"] for step in steps]
    assert told[:3] == ["The run begins", "fetch · begins", "Who is it for? · asks"]
    assert "Who is it for? · answered by ana: Gardeners <3" in told
    assert told[-1] == "The run is done"


def test_every_kind_of_event_has_its_words() -> None:
    assert SAID.keys() == set(EVENTS.values())


# -- what opens in its picture -------------------------------------------------------------------


@tool
async def load(x):
    return x


@graph_fn(outputs=["n"])
async def maps(sizes):
    for n in sizes:
        await load.map(list(range(n)))
    return {"n": len(sizes)}


def groups_in(page: Page) -> dict[str, Any]:
    if "script#groups" not in page.inside:
        return {}
    found: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(page.inside["script#groups"][0])))
    return found


async def test_a_map_has_a_picture_in_which_its_items_stand(ours: Any, tmp_path: Path) -> None:
    run = maps.start([3])
    await run
    page = Page(run.report(tmp_path / "run.html"))
    (group,) = page.data["groups"]
    assert page.data["groups"] == {group: True}
    assert "load[2]" not in page.data["svg"] + page.data["dot"]
    picture = groups_in(page)[group]
    assert "load[2]" in picture["svg"] + picture["dot"]
    assert sum(node["parent"] == group for node in last(page)["nodes"]) == 3


async def test_what_is_too_large_to_be_looked_at_is_counted(ours: Any, tmp_path: Path) -> None:
    run = maps.start([200, 150, 80])
    await run
    page = Page(run.report(tmp_path / "run.html"))
    labels = [node["label"] for node in last(page)["nodes"] if node["kind"] != "map"]
    assert len(labels) == 280
    assert len(page.data["groups"]) == len(groups_in(page)) == 2


async def test_a_report_without_groups_has_no_other_pictures(run: Any) -> None:
    page = Page(run.report("run.html"))
    assert (page.data["groups"], groups_in(page)) == ({}, {})


def last(page: Page) -> dict[str, Any]:
    """The run at the end of its report, as the page makes it of the steps."""
    nodes: dict[str, Any] = {node["id"]: node for node in page.data["run"]["nodes"]}
    for step in page.data["steps"]:
        nodes |= {node["id"]: node for node in step.get("patch", {}).get("nodes", [])}
    return {"nodes": list(nodes.values())}
