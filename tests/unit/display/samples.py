"""Graphs and logs that the display tests draw, and the golden files they are held to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from aether_nb import events as ev
from aether_nb.display.view import RunView
from aether_nb.graph.model import (
    DictOf,
    Each,
    Expr,
    GraphSpec,
    Guard,
    InputRef,
    ListOf,
    NodeSpec,
    ParamSpec,
    Ref,
)
from aether_nb.ids import NodeId, RunId
from aether_nb.messages import Message, Telling
from aether_nb.prompts import ApprovalPrompt, Prompt, Reply, TextPrompt

GOLDEN = Path(__file__).parent / "golden"
START_US = 1_700_000_000_000_000
STEP_US = 700_000
CALL = ev.Call(name="send")


def ref(node: str, output: str | None = None) -> Ref:
    return Ref(node=NodeId(node), output=output)


def node(node_id: str, *needs: str, **more: Any) -> NodeSpec:
    inputs = {f"x{i}": ref(n) for i, n in enumerate(needs)}
    return NodeSpec(**({"id": node_id, "name": node_id, "inputs": inputs} | more))


CHAIN = GraphSpec(name="chain", kind="static", nodes=(node("a"), node("b", "a"), node("c", "b"), node("d")))

REVIEW = GraphSpec(
    name="review",
    kind="static",
    inputs=(ParamSpec(name="draft", type="str"),),
    nodes=(
        node("spelling", name="check_spelling", inputs={"text": InputRef(name="draft")}),
        node("facts", name="check_facts", inputs={"text": InputRef(name="draft")}),
        node("ok", "spelling", "facts", name="ask_approval", kind="ask", label="Proceed?"),
    ),
)

NEWSLETTER = GraphSpec(
    name="newsletter",
    kind="static",
    inputs=(ParamSpec(name="topic", type="str"), ParamSpec(name="tone", required=False)),
    outputs=("url",),
    doc="Write, review and publish a newsletter.",
    nodes=(
        node("who", name="ask_text", kind="ask", label="Who is it for?"),
        node("fetch", inputs={"topic": InputRef(name="topic")}),
        node(
            "write", inputs={"s": ref("fetch", "docs"), "w": ref("who", "text"), "t": InputRef(name="tone")}
        ),
        node("rev", "write", name="review", kind="graph"),
        node("sleep", name="sleep_until", kind="wait", after=("rev",)),
        node(
            "publish",
            inputs={"d": DictOf(items={"all": ListOf(items=(ref("write"), ref("rev")))})},
            after=("sleep", "rev"),
        ),
    ),
    subgraphs={"review": REVIEW},
)


def choice(node_id: str, condition: Expr, **branches: str) -> NodeSpec:
    """A choice, by which node gives its one output `text` in each branch."""
    return NodeSpec(
        id=NodeId(node_id),
        name="when",
        kind="when",
        label=f"{node_id}?",
        inputs={"condition": condition},
        outputs=("text",),
        branches={branch: {"text": ref(source, "text")} for branch, source in branches.items()},  # type: ignore[misc]  # names of branches
    )


def _in(when: str, branch: str) -> dict[str, Any]:
    return {"guard": Guard(when=NodeId(when), branch=branch)}  # type: ignore[arg-type]  # one of the two


CRAWL = GraphSpec(
    name="crawl",
    kind="static",
    nodes=(
        node("find"),
        node(
            "pages",
            "find",
            name="fetch",
            kind="map",
            each=Each(kind="graph", over="x0", outputs=("text",)),
        ),
        node("ok", "pages", name="ask_approval", kind="ask", label="Publish?"),
        choice("w", ref("ok", "approved"), then="publish", otherwise="rework"),
        node("publish", **_in("w", "then")),
        node("outline", **_in("w", "otherwise")),
        node("rework", "outline", **_in("w", "otherwise")),
        node("mail", "w"),
        choice("v", ref("mail")),
        node("log", **_in("v", "then")),
    ),
)
"""A map over a graph, a choice with results, one without."""

HOSTILE_NAMES = (
    'quo"te',
    "back\\slash\\",
    "\\N \\G \\L",
    "<b>html</b>",
    "<<table>>",
    "&lt;entity&amp;",
    "-->",
    "]]>",
    "日本語 ünï",
    "two\nlines",
    'x" [shape=star] "',
    "}",
    "'; // /* #",
    "",
)


class Files:
    """Artifacts by the first letter of their name, doubled."""

    def __init__(self, **kept: bytes) -> None:
        self._kept = kept

    def found(self, sha: str) -> bytes | None:
        return self._kept.get(sha[:2])

    def path(self, sha: str) -> str:
        return f"/artifacts/{sha[:2]}"


BOOM = ev.ErrorInfo(
    message="no such host",
    error_type="ConnectionError",
    frames=("cell 3:12 in check: get(url)",),
    inputs={"url": "'api.example'"},
)


class Story:
    """A run that is told event by event."""

    def __init__(self, graph: GraphSpec | None = CHAIN, **more: Any) -> None:
        self.specs: dict[str, GraphSpec] = {}
        self.view = RunView("run-1", graph, self.specs.get, **more)
        self.seq = 0
        self.events: list[Any] = []
        self.tell(ev.RunStarted, graph=graph.name if graph else "demo")

    def tell(self, what: type[ev.Event], **fields: Any) -> Story:
        self.seq += 1
        at_us = START_US + self.seq * STEP_US
        self.events.append(what(run=RunId("run-1"), seq=self.seq, at_us=at_us, **fields))
        self.view.apply(self.events[-1])
        return self

    def start(self, node: str, attempt: int = 1, **more: Any) -> Story:
        return self.tell(ev.NodeStarted, node=node, attempt=attempt, **more)

    def finish(self, *nodes: str) -> Story:
        for node_id in nodes:
            self.start(node_id).tell(ev.NodeFinished, node=node_id)
        return self

    def fail(self, node: str, retry_at_us: int | None = None) -> Story:
        return self.tell(ev.NodeFailed, node=node, error=BOOM, retry_at_us=retry_at_us)

    def add(self, node: str, **more: Any) -> Story:
        return self.tell(ev.NodeAdded, **({"node": node, "name": node, "call": CALL} | more))

    def ask(self, node: str, token: str, prompt: Prompt | None = None, **more: Any) -> Story:
        prompt = prompt or TextPrompt(prompt="Your name?")
        return self.tell(ev.WaitOpened, node=node, token=token, kind=prompt.kind, prompt=prompt, **more)

    def answer(self, node: str, token: str, value: Any) -> Story:
        reply = Reply(value=value, by="ana", door="inbox", at_ms=START_US // 1000)
        return self.tell(ev.ReplyTaken, node=node, token=token, reply=reply)

    def say(self, text: str = "", **more: Any) -> Story:
        return self.tell(ev.MessageSent, node="", call=CALL, message=Message(text=text, **more))

    def live(self, telling: str, text: str, **more: Any) -> Story:
        """More of a stream, or with `message` something else that is being told."""
        message = more.pop("message", None) or Message(text=text)
        place = more.pop("place", (self.seq, 1))
        self.view.tell(Telling(id=telling, node="", place=place, message=message, **more))
        return self

    def end(self, telling: str, message: Message, place: tuple[int, int], **more: Any) -> Story:
        """What was being told is told."""
        return self.tell(
            ev.MessageSent, node="", call=CALL, message=message, telling=telling, place=place, **more
        )

    def statuses(self) -> dict[str, str]:
        return {n["id"]: n["status"] for n in self.view.peek()["nodes"]}


def newsletter_waiting() -> Story:
    """Fetched, asked, answered, written, in review: one question is open."""
    story = Story(NEWSLETTER).start("fetch").ask("who", "t1", TextPrompt(prompt="Who is it **for**?"))
    story.say("Collecting sources …").finish("fetch").answer("who", "t1", "Gardeners <3")
    story.tell(ev.NodeFinished, node="who").finish("write")
    story.say(kind="table", name="Sources", columns=("title", "words"), rows=(("Bees & co", 1200),))
    story.start("rev").finish("rev/spelling", "rev/facts")
    return story.ask("rev/ok", "t2", ApprovalPrompt(prompt="Proceed?", options=("Yes", "No")))


def newsletter_done() -> Story:
    story = newsletter_waiting().answer("rev/ok", "t2", {"choice": "Yes", "approved": True})
    for node_id in ("rev/ok", "rev"):
        story.tell(ev.NodeFinished, node=node_id)
    return story.finish("sleep", "publish").tell(ev.RunFinished, outputs={"url": "https://example.org/bees"})


def newsletter_failed() -> Story:
    story = Story(NEWSLETTER).finish("fetch", "who", "write").start("rev").finish("rev/spelling")
    story.start("rev/facts").fail("rev/facts").fail("rev")
    return story.tell(ev.RunFailedEvent, error=BOOM, node="rev/facts")


def crawl_reworked() -> Story:
    """Three pages, one of which failed and was let go; sent back, reworked, mailed."""
    story = Story(CRAWL).finish("find").start("pages", items=("a", "b", "c"))
    for item in ("a", "b", "c"):
        story.start(f"pages/{item}").start(f"pages/{item}/inner")
    story.tell(ev.NodeFinished, node="pages/a/inner").tell(ev.NodeFinished, node="pages/a")
    story.fail("pages/b/inner").fail("pages/b")
    story.tell(ev.NodeFinished, node="pages/c/inner").tell(ev.NodeFinished, node="pages/c")
    story.tell(ev.NodeFinished, node="pages").finish("ok")
    story.tell(ev.BranchTaken, node="w", branch="otherwise").finish("outline", "rework")
    return story.tell(ev.NodeFinished, node="w").start("mail")


def golden(name: str, text: str) -> None:
    """Hold a text to the file of that name; with AETHER_GOLDEN=write, write it instead."""
    path = GOLDEN / name
    if os.environ.get("AETHER_GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
