"""A run or a graph in words: for terminals, `text/plain`, screen readers, and scripted lessons.

`text_graph` is the shape of a graph, `text_table` a run with what was said in it, `html_table` the steps
of a run for the page. With `plain=True` a text says nothing that differs between two runs of the same
thing: no ids, no times.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from functools import partial
from html import escape
from typing import NamedTuple, TypeVar

from aether_nb.display.looks import LOOKS
from aether_nb.display.shapes import MessageShape, NodeShape, PromptShape, RunShape
from aether_nb.display.words import count_words
from aether_nb.messages import span
from aether_nb.values import show

MANY = 150
"""A run with more nodes is summed up, not listed."""

SAID = 200
"""How many messages and answered questions a picture shows, the last ones."""

_LINE = 100

Drawn = TypeVar("Drawn")


class Row(NamedTuple):
    """One node as a line."""

    depth: int
    """How many nodes it stands inside."""
    glyph: str
    label: str
    status: str
    detail: str
    """How far a map is, which attempt it is when not the first, the error."""
    took_ms: int | None


def rows(shape: RunShape) -> list[Row]:
    """The nodes in the order of the work, each under the one that it stands inside."""
    return [
        Row(
            depth=depth,
            glyph=LOOKS[node["status"]].glyph,
            label=show(node["label"], _LINE),
            status=node["status"],
            detail="; ".join(
                filter(
                    None,
                    (
                        count_words(node["count"]) if "count" in node else "",
                        f"attempt {node['attempt']}" if node["attempt"] > 1 else "",
                        node["error"],
                    ),
                )
            ),
            took_ms=took_ms(node["started_ms"], node["ended_ms"]),
        )
        for depth, node in in_order(shape)
    ]


def text_graph(shape: RunShape) -> str:
    """The DAG as text: a node a line, and after `←` the nodes that it needs."""
    if not shape["nodes"]:
        return f"{shape['graph']}: its nodes appear as it runs"
    if len(shape["nodes"]) > MANY:
        return f"{shape['graph']}: {summary(shape)}"
    ordered = in_order(shape)
    names = told_apart([node for _, node in ordered])
    needs: defaultdict[str, list[str]] = defaultdict(list)
    for source, target in shape["edges"]:
        if source in names:
            needs[target].append(names[source])
    heads = [f"{'  ' * depth}{LOOKS[n['status']].glyph} {names[n['id']]}" for depth, n in ordered]
    width = min(max(map(len, heads)), 40)
    lines = [
        f"{head:<{width}}  ← {', '.join(needs[node['id']])}" if needs.get(node["id"]) else head
        for head, (_, node) in zip(heads, ordered, strict=True)
    ]
    return "\n".join([shape["graph"], *("  " + line for line in lines)])


def text_table(shape: RunShape, *, plain: bool = False) -> str:
    """A run as text: its nodes, what was said and asked and answered, and what came out.

    Args:
        shape: the run.
        plain: leave ids, times and names of people out.
    """
    lines = [f"{shape['graph']}: {shape['status']}" if plain else _head(shape), *_steps(shape, plain=plain)]
    earlier, told = said(shape, partial(_asked, plain=plain), partial(_said, plain=plain))
    lines += [f"  … {earlier} earlier"] if earlier else []
    lines += [f"  {line}" for item in told for line in item]
    lines += [f"  {output['name']} = {show(output['text'], 400)}" for output in shape["outputs"]]
    if shape["error"]:
        where = _label_of(shape, shape["error"]["node"])
        lines.append(f"  error{f' in {where}' if where else ''}: {show(shape['error']['message'], 400)}")
    return "\n".join(lines)


def html_table(shape: RunShape, *, plain: bool = False) -> str:
    """The steps of a run as an HTML table, or as a line of numbers when they are many."""
    if len(shape["nodes"]) > MANY:
        return f"<p>{escape(summary(shape))}</p>"
    head = ["Step", "Status", *([] if plain else ["Took"]), "Remark"]
    body = []
    for row in rows(shape):
        cells = [
            f'<td style="padding-left:{0.6 + 1.2 * row.depth:.1f}em">{escape(row.label)}</td>',
            f"<td>{row.glyph} {row.status}</td>",
            *([] if plain else [f"<td>{seconds(row.took_ms)}</td>"]),
            f"<td>{escape(row.detail)}</td>",
        ]
        body.append(f'<tr data-status="{row.status}">{"".join(cells)}</tr>')
    heads = "".join(f"<th>{title}</th>" for title in head)
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(body)}</tbody></table>"


def summary(shape: RunShape) -> str:
    """How many nodes stand how: `1000 nodes: 998 succeeded, 2 running`."""
    counts = Counter[str](node["status"] for node in shape["nodes"])
    parts = ", ".join(f"{counts[status]} {status}" for status in LOOKS if status in counts)
    return f"{len(shape['nodes'])} nodes: {parts}"


def said(
    shape: RunShape, ask: Callable[[PromptShape], Drawn], say: Callable[[MessageShape], Drawn]
) -> tuple[int, list[Drawn]]:
    """Prompts and messages in the order of the log, each as its function draws it.

    Returns:
        How many old ones were left out, and the others: the last `SAID`, every open question, and what goes on.
    """
    parts = [
        ((prompt["seq"], 0), prompt["state"] == "open", partial(ask, prompt)) for prompt in shape["prompts"]
    ]
    parts += [
        ((message["seq"], message["order"]), message["state"] == "live", partial(say, message))
        for message in shape["messages"]
    ]
    parts.sort(key=lambda part: part[0])
    old, new = parts[:-SAID], parts[-SAID:]
    kept = [part for part in old if part[1]]
    return len(old) - len(kept), [draw() for _, _, draw in kept + new]


def message_words(message: MessageShape, *, plain: bool = False) -> str:
    """A message in a few words; a plain one without what differs from time to time."""
    words = ": ".join(filter(None, (message["name"], message["text"])))
    ending = {"said": "", "live": " …", "stopped": ", broken off"}[message["state"]]
    if "table" in message:
        table = message["table"]
        rows = len(table["rows"]) + table["more_rows"]
        columns = len(table["rows"][0] if table["rows"] else table["columns"]) + table["more_columns"]
        return ": ".join(filter(None, (words, f"table, {rows} by {columns}")))
    if "bar" in message:
        bar = message["bar"]
        said = f"{words}: {bar['count']}" if words else bar["count"]
        return f"{said}{ending}" if plain or not bar["pace"] else f"{said}, {bar['pace']}{ending}"
    return f"{words or message['kind']}{ending}"


def _head(shape: RunShape) -> str:
    took = seconds(took_ms(shape["created_ms"], shape["ended_ms"]))
    note = f" ({shape['note']})" if shape["note"] else ""
    return f"{shape['graph']}: {shape['status']}{f' in {took}' if took else ''}, run {shape['run_id']}{note}"


def _steps(shape: RunShape, *, plain: bool) -> list[str]:
    if len(shape["nodes"]) > MANY:
        return [f"  {summary(shape)}"]
    lines = []
    table = rows(shape)
    width = min(max((2 * row.depth + len(row.label) for row in table), default=0), 40)
    for row in table:
        took = "" if plain else seconds(row.took_ms)
        rest = "  ".join(filter(None, (row.status, took, show(row.detail, _LINE))))
        lines.append(f"  {'  ' * row.depth}{row.glyph} {row.label:<{width - 2 * row.depth}}  {rest}")
    return lines


def _asked(prompt: PromptShape, *, plain: bool) -> list[str]:
    question = f"? {show(prompt['prompt']['prompt'], 400)}"
    reply = prompt["reply"]
    if reply is not None:
        by = "" if plain else "".join(f" · {part}" for part in (reply["by"], reply["door"]) if part)
        return [question, f"  → {show(reply['text'], 400)}{by}"]
    if prompt["state"] != "open":
        return [f"{question} ({prompt['state']})"]
    return [question, *(f"  ! {show(problem, 400)}" for problem in prompt["problems"].values())]


def _said(message: MessageShape, *, plain: bool) -> list[str]:
    return [show(message_words(message, plain=plain), 400)]


def in_order(shape: RunShape) -> list[tuple[int, NodeShape]]:
    """Nodes so that each comes after those it needs and right under the one that it stands inside."""
    known = {node["id"] for node in shape["nodes"]}
    inside: defaultdict[str, list[NodeShape]] = defaultdict(list)
    for node in shape["nodes"]:
        inside[node["parent"] if node["parent"] in known else ""].append(node)
    after: defaultdict[str, list[str]] = defaultdict(list)
    for source, target in shape["edges"]:
        after[source].append(target)
    ordered: list[tuple[int, NodeShape]] = []
    todo = [(0, node) for node in reversed(_sorted(inside[""], after))]
    while todo:
        depth, node = todo.pop()
        ordered.append((depth, node))
        todo += [(depth + 1, child) for child in reversed(_sorted(inside.get(node["id"], []), after))]
    return ordered


def _sorted(nodes: list[NodeShape], after: dict[str, list[str]]) -> list[NodeShape]:
    """Siblings in topological order, otherwise as they came; what a cycle holds comes last."""
    by_id = {node["id"]: node for node in nodes}
    needs = Counter(target for i in by_id for target in after.get(i, ()) if target in by_id)
    ready = [i for i in by_id if not needs[i]]
    for i in ready:
        for target in after.get(i, ()):
            if target in by_id:
                needs[target] -= 1
                if not needs[target]:
                    ready.append(target)
    rest = by_id.keys() - set(ready)
    return [by_id[i] for i in ready] + [node for node in nodes if node["id"] in rest]


def told_apart(nodes: list[NodeShape]) -> dict[str, str]:
    """Labels by id; equal ones are numbered."""
    labels = {node["id"]: show(node["label"], 40) for node in nodes}
    total, seen = Counter(labels.values()), Counter[str]()
    names = {}
    for node_id, label in labels.items():
        seen[label] += 1
        names[node_id] = f"{label} ({seen[label]})" if total[label] > 1 else label
    return names


def _label_of(shape: RunShape, node_id: str) -> str:
    return next((show(node["label"], 60) for node in shape["nodes"] if node["id"] == node_id), "")


def took_ms(start_ms: int | None, end_ms: int | None) -> int | None:
    """From start to end, None while either is open."""
    return end_ms - start_ms if start_ms and end_ms else None


def seconds(ms: int | None) -> str:
    """A duration in a few characters; nothing when it is not known."""
    return "" if ms is None else span(ms / 1000)
