"""The pages of the documentation as a Markdown parser reads them: their blocks of code, their links."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from helpers import ROOT
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.colon_fence import colon_fence_plugin

DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(p for p in DOCS.rglob("*.md") if "lessons" not in p.relative_to(DOCS).parts),
]


class Block(NamedTuple):
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    code: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def name_of(page: Path) -> str:
    """`how-to/forms`, or `README`: what a page is called in `docs/answers.yaml`."""
    return page.relative_to(DOCS if DOCS in page.parents else ROOT).with_suffix("").as_posix()


def tokens(page: Path) -> list[Token]:
    """Everything on the page, inline parts after the paragraph that holds them."""
    parser = MarkdownIt("commonmark").enable("table").use(colon_fence_plugin)
    return [
        t
        for token in parser.parse(page.read_text(encoding="utf-8"))
        for t in (token, *(token.children or ()))
    ]


def blocks(page: Path, *languages: str) -> list[Block]:
    """The page's blocks of code, in order; all of them, or those in these languages."""
    return [
        Block(page, token.map[0] + 1, token.info.strip(), token.content)
        for token in tokens(page)
        if token.type == "fence" and token.map and (not languages or token.info.strip() in languages)
    ]


def commands(page: Path) -> Iterator[tuple[Block, str]]:
    """What a reader types into a terminal: the lines that begin with a dollar, without what is said behind a hash."""
    for block in blocks(page, "console"):
        for line in block.code.splitlines():
            if line.startswith("$ "):
                yield block, line[2:].partition("  #")[0].strip()


def links(page: Path) -> Iterator[str]:
    """Where the page leads to, inside the repository."""
    for token in tokens(page):
        to = str(token.attrs.get("href") or token.attrs.get("src") or "")
        if to and not to.startswith(("http:", "https:", "mailto:", "#")):
            yield to.partition("#")[0]
