"""Mermaid text, held to golden files and to the grammar that it may use, and what hostile names do to it."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from unit.display.samples import (
    CHAIN,
    CRAWL,
    HOSTILE_NAMES,
    NEWSLETTER,
    Story,
    choice,
    crawl_reworked,
    golden,
    newsletter_failed,
    node,
)

from aether_nb.display.mermaid import graph_mermaid, to_mermaid
from aether_nb.graph.model import GraphSpec, Guard

WORDS = r'"((?:[\w ,.!?()+-]|[^\x00-\x7f]|#\d+;)+)"'
"""What may stand between quotes: nothing that ends them, opens a directive or means Markdown."""
LINES = [
    re.compile(pattern)
    for pattern in (
        r"flowchart (?:LR|TD)",
        rf" +n\d+(?:\({WORDS}\)|{{{{{WORDS}}}}}|\[\[{WORDS}\]\]|{{{WORDS}}})",
        rf" +subgraph n\d+ \[{WORDS}\]",
        r" +end",
        r'  n\d+ -->(?:\|"(?:then|otherwise)"\|)? n\d+',
        r"  classDef [a-z]+ fill:#\w{6},stroke:#\w{6},color:#\w{6}(?:,stroke-dasharray:4 3)?",
        r"  class n\d+(?:,n\d+)* [a-z]+",
    )
]


def said(text: str) -> list[str]:
    """The labels as Mermaid shows them; every line must be one that a flowchart may have."""
    labels, depth = [], 0
    assert text.endswith("\n")
    for line in text.splitlines():
        found = [match for pattern in LINES if (match := pattern.fullmatch(line))]
        assert found, line
        depth += line.strip().startswith("subgraph") - (line.strip() == "end")
        labels += [html.unescape(re.sub(r"#(\d+);", r"&#\1;", word)) for word in found[0].groups() if word]
    assert depth == 0
    return labels


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("chain", lambda: graph_mermaid(CHAIN)),
        ("newsletter", lambda: graph_mermaid(NEWSLETTER)),
        ("newsletter_failed", lambda: to_mermaid(newsletter_failed().view.peek(), status=True)),
        ("crawl", lambda: graph_mermaid(CRAWL)),
        ("crawl_reworked", lambda: to_mermaid(crawl_reworked().view.peek(), status=True)),
        ("function", lambda: graph_mermaid(GraphSpec(name="agent", kind="function"))),
        ("empty", lambda: to_mermaid(Story(None).view.peek())),
    ],
)
def test_the_text_is_as_it_was_when_somebody_looked_at_the_picture(name: str, make: Any) -> None:
    golden(f"{name}.mmd", make())
    said(make())


EVIL = [name for name in HOSTILE_NAMES if name] + [
    '"]; click n0 href "javascript:alert(1)"',
    "%%{init: {'securityLevel': 'loose'}}%%",
    "`**markdown**`",
    "#quot;",
    "style:x#1;",
    "end",
    "subgraph x",
    "<script>alert(1)</script>",
    "a\\nb",
]


@pytest.mark.parametrize("name", EVIL)
def test_hostile_names_come_out_as_themselves(name: str) -> None:
    inner = GraphSpec(name="g", kind="static", nodes=(node("i", label=name),))
    spec = GraphSpec(
        name=name,
        kind="static",
        nodes=(node("a", label=name), node("g", "a", name="g", kind="graph", label=name)),
        subgraphs={"g": inner},
    )
    assert said(graph_mermaid(spec)) == [" ".join(name.split())] * 3


def test_what_cannot_be_printed_is_shown_as_a_mark() -> None:
    spec = GraphSpec(name="x", kind="static", nodes=(node("a", label="bad\x00\x1b\ud800\u202e"),))
    assert said(graph_mermaid(spec)) == ["bad\ufffd\ufffd\ufffd\ufffd"]


def test_a_long_label_is_cut() -> None:
    spec = GraphSpec(name="x", kind="static", nodes=(node("a", label="word " * 40),))
    assert len(said(graph_mermaid(spec))[0]) == 60


def test_the_two_ways_of_a_choice_are_named() -> None:
    ways = [
        node(way, guard=Guard(when="w", branch=way))  # type: ignore[arg-type]  # a node's id
        for way in ("then", "otherwise")
    ]
    spec = GraphSpec(name="x", kind="static", nodes=(choice("w", node("a", "b").inputs["x0"]), *ways))
    text = graph_mermaid(spec)
    assert 'n0 -->|"then"| n1' in text
    assert 'n0 -->|"otherwise"| n2' in text
