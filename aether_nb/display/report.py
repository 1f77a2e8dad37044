"""A run as one file: everything that its page needs, and nothing from elsewhere. Pure, from events and shapes.

`replay` makes the steps that the slider goes through: each event with what it changed, as a page in a notebook
gets it. `page` puts the shape and the built front end (`report.tsx`) into an HTML file that needs no network, no
kernel and no store. Its policy lets nothing run but our own script, which is named by its hash; what users wrote
is data in there. `reporting.py` gathers what goes in.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple, NotRequired, TypedDict

from aether_nb import events as ev
from aether_nb.display.shapes import DetailShape, PatchShape, RunShape, TimelineShape
from aether_nb.display.view import RunView
from aether_nb.display.words import error_text, sentence
from aether_nb.prompts import headline


class StepShape(TypedDict):
    """One event of the log."""

    seq: int
    at_ms: int
    text: str
    """What happened, in a few words."""
    patch: NotRequired[PatchShape]
    """What it changed."""
    whole: NotRequired[RunShape]
    """The run after it, where a patch cannot say that."""


class CodeShape(TypedDict):
    """One tool or graph, as its code was kept with the run."""

    name: str
    source: str
    diff: str
    """To the code that is defined where the report was written; empty when that is the same, or not known."""


class ReportShape(TypedDict):
    """Everything in a report."""

    run: RunShape
    """As it began."""
    steps: list[StepShape]
    svg: str
    """The picture of the whole graph; empty when the page has to lay `dot` out."""
    dot: str
    groups: dict[str, bool]
    """The groups that may be opened or folded in the picture, and whether they are open then."""
    inputs: list[tuple[str, str]]
    details: dict[str, DetailShape]
    """By node; their sources are in `code`."""
    timeline: TimelineShape
    code: list[CodeShape]
    facts: list[tuple[str, str]]
    """About the report itself: when and with what it was written."""
    written_ms: int
    hidden: int
    """How many answers are hidden."""


class GroupShape(TypedDict):
    """The picture in which one group is open, or folded, and the others as they are by themselves."""

    svg: str
    dot: str
    """As of the whole graph."""


class Files(NamedTuple):
    """What the page is made of."""

    script: str
    style: str
    viz: str
    """Lays the graph out on the page; empty when the picture is there already."""


def replay(view: RunView, log: Sequence[ev.AnyEvent]) -> tuple[RunShape, list[StepShape]]:
    """The run as it began, and what each event changed.

    Args:
        view: a fresh view of the run; afterwards it has seen the whole log.
        log: from its beginning.
    """
    view.apply(*log[:1])
    begin, steps = view.snapshot(), [_step(view, event) for event in log[:1]]
    for event in log[1:]:
        base = view.base
        view.apply(event)
        step = _step(view, event)
        if view.base != base:
            step["whole"] = view.snapshot()
        elif (patch := view.patch()) is not None:
            step["patch"] = patch
        steps.append(step)
    return begin, steps


def _step(view: RunView, event: ev.AnyEvent) -> StepShape:
    def label(node_id: str) -> str:
        node = view.node(node_id)
        return node["label"] if node is not None else node_id.rpartition("/")[2]

    text = step_text(event, label)
    if isinstance(event, ev.ReplyTaken) and (reply := view.reply(event.token)) is not None:
        text += f": {sentence(reply['text'])}"
    return StepShape(seq=event.seq, at_ms=event.at_us // 1000, text=text)


def step_text(event: ev.AnyEvent, label: Callable[[str], str]) -> str:
    """What happened, in a few words; `label` says what the picture calls a node."""
    what = SAID[type(event)](event)
    node = label(getattr(event, "node", ""))
    if isinstance(event, ev.WaitOpened) and (asked := sentence(headline(event.prompt.prompt))) != node:
        what += f": {asked}" if asked else ""
    return f"{node} · {what}" if node else what


def _attempt(event: ev.NodeStarted) -> str:
    return "begins" if event.attempt == 1 else f"begins, attempt {event.attempt}"


def _failed(event: ev.NodeFailed) -> str:
    again = "" if event.retry_at_us is None else ", another attempt follows"
    return f"failed{again}: {sentence(error_text(event.error))}"


SAID: Mapping[type, Callable[[Any], str]] = {
    ev.RunStarted: lambda _: "The run begins",
    ev.RunResumed: lambda e: "The run goes on" + (f", changed: {', '.join(e.changed)}" if e.changed else ""),
    ev.NodeAdded: lambda e: "begins" if e.started else "is called",
    ev.NodeStarted: _attempt,
    ev.BranchTaken: lambda e: f"goes the way “{e.branch}”",
    ev.NodeFinished: lambda _: "done",
    ev.NodeFailed: _failed,
    ev.NodeRetried: lambda _: "is sent back by a person",
    ev.NodeCancelled: lambda e: f"cancelled by {e.by}" if e.by else "cancelled",
    ev.WaitOpened: lambda e: "waits" if e.prompt.kind == "callback" else "asks",
    ev.ReplyTaken: lambda e: f"answered by {e.reply.by}" if e.reply.by else "answered",
    ev.ReplyRejected: lambda e: "the answer was refused: " + "; ".join(e.problems.values()),
    ev.WaitExpired: lambda _: "nobody answered in time",
    ev.WaitWithdrawn: lambda _: "is not asked any more",
    ev.WaitPolled: lambda e: (
        "looks for a reply, none yet" if not e.problem else f"looks for a reply: {e.problem}"
    ),
    ev.MessageSent: lambda e: f"says: {sentence(e.message.text) or e.message.name or e.message.kind}",
    ev.CallRecorded: lambda e: f"notes {e.call.name.partition(':')[0]}",
    ev.WithdrawalTold: lambda _: "was told that nobody waits for it any more",
    ev.CallInserted: lambda e: f"a call that is new in the code: {e.call.name}",
    ev.CallReworded: lambda e: f"an edited call stands for the recorded one: {e.call.name}",
    ev.JournalLeftover: lambda e: f"recorded calls that the code does not make any more: {len(e.calls)}",
    ev.CancelRequested: lambda e: f"{e.by or 'Somebody'} wants it cancelled",
    ev.RunBlockedEvent: lambda e: f"The run is blocked: {sentence(e.reason)}",
    ev.RunFinished: lambda _: "The run is done",
    ev.RunFailedEvent: lambda e: f"The run failed: {sentence(error_text(e.error))}",
    ev.RunCancelledEvent: lambda _: "The run is cancelled",
}
"""By event; the node that it is about stands before it."""


# -- the file ------------------------------------------------------------------------------------

_POLICY = (
    "default-src 'none'; script-src {script}; style-src {style}; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)
_HEAD_BYTES = 1000
"""A report says in so many bytes what it is."""


def page(shape: ReportShape, pictures: Mapping[str, GroupShape], files: Files, static: str) -> str:
    """The file.

    Args:
        shape: what it tells.
        pictures: by group, of all that are in the shape.
        files: the built front end.
        static: the run as HTML without a script, for readers that run none.
    """
    last = shape["run"]
    scripts = [_hash(files.script)]
    if files.viz:
        scripts += ["blob:", "'wasm-unsafe-eval'"]
    styles = [_hash(files.style), *map(_hash, re.findall(r"<style>(.*?)</style>", static, re.DOTALL)[:1])]
    policy = _POLICY.format(script=" ".join(scripts), style=" ".join(styles))
    parts = [
        "<!doctype html>",
        f'<html lang="en" {_mark(last["graph"])}>',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="referrer" content="no-referrer">',
        f"<title>{escape(last['graph'])} · {escape(last['run_id'])}</title>",
        f"<style>{files.style}</style>",
        "</head>",
        "<body>",
        '<div id="report"></div>',
        f"<noscript>{static}</noscript>",
        f'<script type="application/json" id="run">{_data(shape)}</script>',
        f'<script type="text/plain" id="groups">{_packed(json.dumps(pictures))}</script>' if pictures else "",
        f'<script type="text/plain" id="viz">{_packed(files.viz)}</script>' if files.viz else "",
        f"<script>{files.script}</script>",
        "</body>",
        "</html>",
    ]
    return "\n".join(filter(None, parts)) + "\n"


def is_report(head: bytes, graph: str) -> bool:
    """Whether a file that begins so is a report of a run of that graph."""
    return _mark(graph).encode("utf-8", "replace") in head[:_HEAD_BYTES]


def _mark(graph: str) -> str:
    return f'data-aether-report="{escape(graph)}"'


def _hash(text: str) -> str:
    """How a policy names a script or style that stands in the page."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _packed(text: str) -> str:
    """A large text as letters, a quarter of its size."""
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def _data(value: Any) -> str:
    """JSON that no HTML parser finds a tag in."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
