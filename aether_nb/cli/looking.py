"""`aether-nb runs` and `show`: what there is, and one run in full."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aether_nb import api, pictures
from aether_nb.cli.finding import RunArgument, short
from aether_nb.cli.saying import (
    JsonOption,
    StoreOption,
    clock,
    console,
    moment,
    opened,
    say,
    say_json,
    words,
)
from aether_nb.display.looks import LOOKS, signed
from aether_nb.engine.ports import RunRow
from aether_nb.events import FINAL, RunFinished
from aether_nb.home import shown_home
from aether_nb.messages import span
from aether_nb.runtime import Runtime
from aether_nb.values import decode, show

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text
    from rich.tree import Tree

    from aether_nb.display.shapes import NodeShape, PromptShape, RowShape, RunShape, TimelineShape
    from aether_nb.display.view import RunView

MANY = 60
"""Of a run with more steps those are listed that are not simply done."""
_BARS = 40  # rows of the timeline
_WIDE = 32  # characters of a bar
_LINE = 100  # characters of a label or an answer
_TEXT = 400  # of an output or a message
COLOURS = {
    "pending": "dim", "running": "blue", "waiting": "yellow", "succeeded": "green", "failed": "red",
    "skipped": "dim", "cancelled": "dim", "blocked": "red",
}  # fmt: skip


def runs(
    status: Annotated[str | None, typer.Option(help="Only runs with this status.")] = None,
    graph: Annotated[str | None, typer.Option(help="Only runs of the graph of this name.")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the runs of the store, newest first."""
    here = opened(store)
    found = api.runs(status=status, graph=graph)
    if not as_json:
        say(found.text(whole=True))
        return
    alive = here.store.alive_drivers(here.now_ms())
    rows = here.store.runs(status=status, graph=graph)
    say_json({"runs": [_run(here, row, driven=row.kernel in alive) for row in rows]})


def _run(here: Runtime, row: RunRow, *, driven: bool) -> dict[str, Any]:
    return {
        "run": row.run_id, "graph": row.graph, "status": row.status, "home": shown_home(row.home, here.store.path),
        "started": moment(row.created_ms), "updated": moment(row.updated_ms), "parent": row.parent,
        "driven": driven and row.status not in FINAL,
    }  # fmt: skip


def show_run(run: RunArgument, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Show one run: its steps, its timeline, questions and answers, messages, outputs."""
    here = opened(store)
    row = here.row(run)
    if as_json:
        say_json(_whole(here, row))
        return
    from aether_nb.closeup import Closeup

    out, shape = console(), seen(here, row, me=here.me()).peek()
    for part in (header(here, row, shape), tree(shape)):
        out.print(part)
    timeline = Closeup(here.store, row.run_id).timeline(0)
    if any(row["bars"] for row in timeline["rows"]):
        out.print(_timeline(timeline, here.now_ms()))
    for part in talk(here, shape):
        out.print(part)
    for line in outcome_lines(shape):
        out.print(line)


def seen(here: Runtime, row: RunRow, *, me: str = "") -> RunView:
    """The run as pictures see it."""
    return pictures.now(here.store, here.services.artifacts, row, me=me)


def header(here: Runtime, row: RunRow, shape: RunShape) -> RenderableType:
    """What it is, how it stands, and who drives it."""
    took = span(((shape["ended_ms"] or here.now_ms()) - shape["created_ms"]) / 1000)
    line = words(f"{show(shape['graph'])} · run {row.run_id} · ")
    line.append_text(words(signed(shape["status"]), COLOURS[shape["status"]]))
    line.append_text(words(f" · started {clock(shape['created_ms'])}, {took}", "dim"))
    if shape["status"] not in FINAL:
        home = show(shown_home(row.home, here.store.path), _LINE)
        line.append_text(words(f"\n{home} drives it" if here.alive(row) else f"\n{idle(home)}", "dim"))
    return line


def idle(home: str) -> str:
    """What to do with a run that nobody drives."""
    return f"nobody drives it now: it goes on when {home} is run again, or by aether-nb resume"


def tree(shape: RunShape) -> Tree:
    """The steps, each under the one that it stands inside, with what it needs."""
    from rich.tree import Tree

    from aether_nb.display import progress

    ordered = progress.in_order(shape)
    names = progress.told_apart([node for _, node in ordered])
    needs: defaultdict[str, list[str]] = defaultdict(list)
    for source, target in shape["edges"]:
        if source in names:
            needs[target].append(names[source])
    root = Tree(words(show(shape["graph"]), "bold"))
    many = len(ordered) > MANY
    if many:
        root.add(words(progress.summary(shape), "dim"))
        ordered = [(0, node) for _, node in ordered if node["status"] not in {"succeeded", "pending"}]
    branches = [root]
    for depth, node in ordered[:MANY]:
        del branches[depth + 1 :]
        branches.append(branches[-1].add(_step(node, names[node["id"]], [] if many else needs[node["id"]])))
    if len(ordered) > MANY:
        root.add(words(f"… {len(ordered) - MANY} more", "dim"))
    return root


def _step(node: NodeShape, name: str, needs: list[str]) -> RenderableType:
    from aether_nb.display.progress import seconds, took_ms
    from aether_nb.display.words import count_words

    line = words(f"{LOOKS[node['status']].glyph} {name}", COLOURS[node["status"]])
    said = [
        node["status"] if node["status"] not in {"succeeded", "pending"} else "",
        count_words(node["count"]) if "count" in node else "",
        f"attempt {node['attempt']}" if node["attempt"] > 1 else "",
        seconds(took_ms(node["started_ms"], node["ended_ms"])),
        show(node["error"], _LINE) if node["error"] else "",
        f"← {', '.join(needs)}" if needs else "",
    ]
    line.append_text(words("".join(f"  {part}" for part in said if part), "dim"))
    return line


def _timeline(timeline: TimelineShape, now_ms: int) -> Table:
    from rich.bar import Bar
    from rich.table import Table

    busy = [row for row in timeline["rows"] if row["bars"]]
    rows = [row for row in busy if not row["group"]] or busy
    begin = timeline["from_ms"]
    end = max([begin + 1, *(to or now_ms for row in rows for _, _, to in row["bars"])])
    table = Table("step", "when", box=None, pad_edge=False, title="timeline", title_justify="left")
    for name in ("computed", "waited"):
        table.add_column(name, justify="right", style="dim")
    for row in rows[:_BARS]:
        first, last = row["bars"][0][1], row["bars"][-1][2] or now_ms
        least = (end - begin) / _WIDE / 8  # what took no time is seen, too
        bar = Bar(
            end - begin, first - begin, max(last - begin, first - begin + least), width=_WIDE,
            color=COLOURS.get(row["status"], "default").replace("dim", "default"),
        )  # fmt: skip
        table.add_row(
            words(show(row["label"], 40)),
            bar,
            _spent(row, {"computing"}, now_ms),
            _spent(row, {"waiting", "outside"}, now_ms),
        )
    if len(rows) > _BARS:
        table.add_row(words(f"… {len(rows) - _BARS} more", "dim"))
    return table


def _spent(row: RowShape, kinds: set[str], now_ms: int) -> str:
    ms = [(to or now_ms) - start for kind, start, to in row["bars"] if kind in kinds]
    return span(sum(ms) / 1000) if ms else ""


def talk(here: Runtime, shape: RunShape) -> Iterator[RenderableType]:
    """Questions with their answers, and messages, in the order of the log."""
    from functools import partial

    from aether_nb.display.progress import message_words, said

    earlier, parts = said(
        shape, partial(asked_line, here), lambda message: words(show(message_words(message), _TEXT))
    )
    if earlier:
        yield words(f"… {earlier} earlier", "dim")
    yield from parts


def asked_line(here: Runtime, prompt: PromptShape) -> Text:
    """A question with its answer, or with what to do about it."""
    line = words(f"? {show(prompt['prompt']['prompt'], _TEXT)}", "bold")
    reply = prompt["reply"]
    if reply is not None:
        by = " · ".join(filter(None, (reply["by"], reply["door"], clock(reply["at_ms"]))))
        line.append_text(words(f"  → {show(reply['text'], _TEXT)}"))
        line.append_text(words(f"  {by}", "dim"))
    elif prompt["state"] == "open":
        line.append_text(words(f"  aether-nb answer {short(here, prompt['token'])}", "yellow"))
    else:
        line.append_text(words(f"  {prompt['state']}", "dim"))
    return line


def outcome_lines(shape: RunShape) -> Iterator[Text]:
    """What came out of it, or why nothing did."""
    for output in shape["outputs"]:
        yield words(f"{show(output['name'])} = {show(output['text'], _TEXT)}", "bold")
    if shape["error"]:
        yield words("\n".join(_error(shape)), "red")


def _error(shape: RunShape) -> Iterator[str]:
    error = shape["error"]
    assert error is not None
    where = next((show(n["label"], _LINE) for n in shape["nodes"] if n["id"] == error["node"]), "")
    yield f"{LOOKS['failed'].glyph} {f'{where}: ' if where else ''}{error['message']}"
    yield from (f"  {frame}" for frame in error["frames"])


# -- as JSON -------------------------------------------------------------------------------------


def _whole(here: Runtime, row: RunRow) -> dict[str, Any]:
    from aether_nb.closeup import Closeup

    shape = seen(here, row).peek()
    after: defaultdict[str, list[str]] = defaultdict(list)
    for source, target in shape["edges"]:
        after[target].append(source)
    timeline = Closeup(here.store, row.run_id).timeline(0)
    driven = row.status not in FINAL and here.alive(row)
    return {
        **_run(here, row, driven=driven),
        "ended": moment(shape["ended_ms"]),
        "outputs": outputs(here, row),
        "error": shape["error"] and {key: shape["error"][key] for key in ("message", "node", "frames")},
        "nodes": [
            {
                "node": n["id"], "label": n["label"], "kind": n["kind"], "parent": n["parent"], "status": n["status"],
                "attempt": n["attempt"], "started": moment(n["started_ms"]), "ended": moment(n["ended_ms"]),
                "error": n["error"], "after": after[n["id"]],
            }
            for n in shape["nodes"]
        ],
        "questions": [
            {
                "token": p["token"], "node": p["node"], "kind": p["kind"], "prompt": p["prompt"]["prompt"],
                "status": p["state"], "deadline": moment(p["deadline_ms"]),
                "answer": p["reply"] and p["reply"]["text"], "by": p["reply"] and p["reply"]["by"],
                "door": p["reply"] and p["reply"]["door"], "answered": p["reply"] and moment(p["reply"]["at_ms"]),
            }
            for p in shape["prompts"]
        ],
        "messages": [
            {"node": m["node"], "kind": m["kind"], "name": m["name"], "text": m["text"]} for m in shape["messages"]
        ],
        "timeline": [
            {"node": r["id"], "bars": [{"what": w, "from": moment(a), "to": moment(b)} for w, a, b in r["bars"]]}
            for r in timeline["rows"]
        ],
    }  # fmt: skip


def outputs(here: Runtime, row: RunRow) -> dict[str, Any] | None:
    """The outputs as JSON; what is none, such as a table, as a short text."""
    ends = here.store.events(row.run_id, of=[RunFinished])
    if row.status != "succeeded" or not ends:
        return None
    found: dict[str, Any] = {}
    for name, value in ends[-1].outputs.items():  # type: ignore[union-attr]
        plain = decode(value, strict=False)
        try:
            found[name] = json.loads(json.dumps(plain, default=show))
        except (TypeError, ValueError, RecursionError):
            found[name] = show(plain, _TEXT)
    return found
