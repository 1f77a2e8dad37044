"""The static twin of a live run, and the picture of a graph by itself, as MIME bundles.

The twin is what a saved notebook, nbconvert or a page without widgets shows: complete in itself, no
script, no request. The live widget is its neighbour in the output, and `static.css` hides one of the
two. Everything from users is escaped; pictures stand in `<img>`, where nothing in them can run.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from html import escape
from importlib.resources import files

from aether_nb.display.graph_dot import graph_dot
from aether_nb.display.looks import LOOKS
from aether_nb.display.outline import graph_shape
from aether_nb.display.progress import (
    MANY,
    html_table,
    message_words,
    said,
    seconds,
    summary,
    text_graph,
    text_table,
    took_ms,
)
from aether_nb.display.render import data_url, svg
from aether_nb.display.shapes import (
    ErrorShape,
    MessageShape,
    ProgressShape,
    PromptShape,
    RunShape,
    TableShape,
)
from aether_nb.display.words import offered
from aether_nb.graph.model import GraphSpec, StepTypes
from aether_nb.messages import file_size, more_text

TABLE_ROWS = 50
_SVG = "image/svg+xml"


def twin(shape: RunShape, svg: str | None, as_of: str = "") -> dict[str, str]:
    """A run as a MIME bundle that needs nothing else to be seen.

    Args:
        shape: the run.
        svg: its picture with statuses, `to_dot(shape, status=True)` laid out; None when there is none.
        as_of: when this was true, for a run that goes on, as people say it: `14:02`.

    Returns:
        `text/html`, `text/plain`, and `image/svg+xml` when there is a picture and it is not too large.
    """
    if len(shape["nodes"]) > MANY:
        svg = None
    earlier, told = said(shape, _prompt, _message)
    parts = [
        _head(shape, as_of),
        _quiet(shape["note"]),
        _picture(shape, svg),
        _quiet(f"… {earlier} earlier") if earlier else "",
        *told,
        _outputs(shape),
        _error(shape["error"]) if shape["error"] else "",
        _steps(shape),
    ]
    marks = (
        f'class="aether-box aether-static" data-aether-run="{escape(shape["run_id"])}" '
        f'data-status="{shape["status"]}"'
    )
    return _bundle(_box(parts, marks), svg, text_table(shape, plain=True))


def graph_bundle(spec: GraphSpec, types: Mapping[str, StepTypes], signature: str) -> dict[str, str]:
    """A graph shown by itself, as a MIME bundle. Blocks while `dot` lays it out.

    Args:
        spec: the graph.
        types: what is known of the types of its steps, by name.
        signature: what it takes and gives, in a line.
    """
    shape = graph_shape(spec)
    picture = svg(graph_dot(spec, types)) if 0 < len(spec.nodes) <= MANY else None
    kind = "graph function" if spec.kind == "function" else "graph"
    parts = [
        f'<div class="aether-head">{_span("name", spec.name)} {_span("quiet", kind)}</div>',
        _quiet(signature),
        _words(spec.doc.strip()),
        _picture(shape, picture) if spec.nodes else _quiet("Its nodes appear as it runs."),
    ]
    return _bundle(_box(parts, 'class="aether-box"'), picture, f"{signature}\n{text_graph(shape)}")


def _bundle(html: str, svg: str | None, text: str) -> dict[str, str]:
    bundle = {"text/html": html, "text/plain": text}
    if svg:
        bundle[_SVG] = svg
    return bundle


def _box(parts: list[str], marks: str) -> str:
    inside = "\n".join(part for part in parts if part)
    return f"<div {marks}>\n<style>{_css()}</style>\n{inside}\n</div>"


@cache
def _css() -> str:
    return (files("aether_nb.display") / "static.css").read_text(encoding="utf-8")


def _head(shape: RunShape, as_of: str) -> str:
    look = LOOKS[shape["status"]]
    took = seconds(took_ms(shape["created_ms"], shape["ended_ms"]))
    facts = [f"run {shape['run_id']}", f"took {took}" if took else "", f"as of {as_of}" if as_of else ""]
    colours = f"color:#202124;background:{look.fill};border-color:{look.colour}"
    status = f'<span class="aether-status" style="{colours}">{look.glyph} {shape["status"]}</span>'
    quiet = _span("quiet", " · ".join(filter(None, facts)))
    return f'<div class="aether-head">{_span("name", shape["graph"])} {status} {quiet}</div>'


def _picture(shape: RunShape, svg: str | None) -> str:
    if len(shape["nodes"]) > MANY:
        return f"<p>{escape(summary(shape))}</p>"
    if svg:
        alt = f"{shape['graph']}, {summary(shape)}"
        return f'<img class="aether-dag" alt="{escape(alt)}" src="{data_url(svg)}">'
    return f"<pre>{escape(text_graph(shape))}</pre>" if shape["nodes"] else ""


def _steps(shape: RunShape) -> str:
    """All steps as a table; of very many only those that people look for."""
    if not shape["nodes"]:
        return ""
    if len(shape["nodes"]) <= MANY:
        return f"<details><summary>{escape(summary(shape))}</summary>{html_table(shape)}</details>"
    notable = [n for n in shape["nodes"] if n["status"] in {"failed", "waiting", "running"}][:MANY]
    if not notable:
        return ""
    few = shape.copy()
    few["nodes"], few["edges"] = notable, []
    table = html_table(few)
    return f"<details><summary>{len(notable)} that run, wait or failed</summary>{table}</details>"


def _prompt(prompt: PromptShape) -> str:
    lines = [_words(str(prompt["prompt"].get("prompt", "")))]
    reply = prompt["reply"]
    if reply is not None:
        who = "".join(f" · {part}" for part in (reply["by"] or reply["door"], _clock(reply["at_ms"])) if part)
        lines.append(
            f'<div class="aether-words">✓ <bdi>{escape(reply["text"])}</bdi>{_span("quiet", who)}</div>'
        )
    elif prompt["state"] == "open":
        lines.append(" ".join(_span("option", one) for one in offered(prompt["prompt"])))
        until = f", until {_clock(prompt['deadline_ms'])}" if prompt["deadline_ms"] else ""
        lines.append(
            _quiet(f"? waits for {'a callback' if prompt['kind'] == 'callback' else 'an answer'}{until}")
        )
        lines += [
            _quiet(f"! {field}: {why}" if prompt["kind"] == "form" and field else f"! {why}")
            for field, why in prompt["problems"].items()
        ]
    else:
        lines.append(_quiet(prompt["state"]))
    marks = f'data-kind="{escape(prompt["kind"])}" data-state="{prompt["state"]}"'
    return f'<div class="aether-item aether-ask" {marks}>{"".join(lines)}</div>'


def _message(message: MessageShape) -> str:
    if "table" in message:
        return f'<div class="aether-item">{_table(message["table"], _title(message))}</div>'
    if message.get("src", "").startswith("data:image/"):
        picture = f'<img alt="{escape(message_words(message))}" src="{escape(message["src"])}">'
        return f'<div class="aether-item">{picture}{_quiet(message["text"])}</div>'
    if "file" in message:
        facts = filter(None, (file_size(message["file"]["size"]), message["file"]["path"]))
        name = escape(message["name"] or message["kind"])
        return f'<div class="aether-item"><b>{name}</b>{_words(message["text"])}{_quiet(" · ".join(facts))}</div>'
    if "bar" in message:
        return _bar(message, message["bar"])
    return f'<div class="aether-item aether-words">{escape(message_words(message))}</div>'


def _bar(message: MessageShape, bar: ProgressShape) -> str:
    """A bar as two boxes, where a page shows their colours, and as words everywhere."""
    drawn = ""
    if bar["total"]:
        share = min(1.0, bar["done"] / bar["total"])
        drawn = f'<div class="aether-bar"><div style="width:{share:.1%}"></div></div>'
    words = f'<div class="aether-words">{escape(message_words(message))}</div>'
    return f'<div class="aether-item" data-state="{message["state"]}">{words}{drawn}</div>'


def _title(message: MessageShape) -> str:
    return escape(": ".join(filter(None, (message["name"], message["text"]))))


def _table(table: TableShape, title: str) -> str:
    marks = dict.fromkeys(table["right"], ' style="text-align:right"')
    heads = "".join(f"<th{marks.get(i, '')}>{escape(name)}</th>" for i, name in enumerate(table["columns"]))
    rows = (
        "".join(f"<td{marks.get(i, '')}>{escape(cell or '')}</td>" for i, cell in enumerate(row))
        for row in table["rows"][:TABLE_ROWS]
    )
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    more = more_text(table["more_rows"] + max(0, len(table["rows"]) - TABLE_ROWS), table["more_columns"])
    head = f"<thead><tr>{heads}</tr></thead>" if heads else ""
    return f"{title}<table>{head}<tbody>{body}</tbody></table>{_quiet(more)}"


def _outputs(shape: RunShape) -> str:
    if not shape["outputs"]:
        return ""
    lines = "".join(
        f'<div class="aether-words"><b>{escape(output["name"])}</b> = {escape(output["text"])}</div>'
        for output in shape["outputs"]
    )
    return f'<div class="aether-outputs">{lines}</div>'


def _error(error: ErrorShape) -> str:
    given = ", ".join(f"{name} = {value}" for name, value in error["inputs"].items())
    lines = [_words(f"✕ {error['message']}"), _quiet(f"with {given}" if given else "")]
    if error["frames"]:
        lines.append(f"<pre>{escape(chr(10).join(error['frames']))}</pre>")
    return f'<div class="aether-error">{"".join(lines)}</div>'


def _words(text: str) -> str:
    return f'<div class="aether-words">{escape(text)}</div>' if text else ""


def _quiet(text: str) -> str:
    return f'<div class="aether-quiet">{escape(text)}</div>' if text else ""


def _span(role: str, text: str) -> str:
    return f'<span class="aether-{role}">{escape(text)}</span>'


def _clock(at_ms: int | None) -> str:
    """A time of day as the kernel's machine has it."""
    return datetime.fromtimestamp(at_ms / 1000).astimezone().strftime("%H:%M") if at_ms else ""
