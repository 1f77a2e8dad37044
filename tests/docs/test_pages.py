"""README and docs do what they say: every block of Python is executed, commands and files that they name are there."""

from __future__ import annotations

import shlex
import subprocess
import sys
from types import ModuleType

import pytest
import typer
import yaml
from cells import Cell
from docs.pages import DOCS, PAGES, blocks, commands, links, name_of, tokens
from helpers import ROOT

from aether_nb import api
from aether_nb.channels.scripted import ScriptedChannel
from aether_nb.channels.widget import WidgetChannel
from aether_nb.cli.app import app
from aether_nb.jupyter.magics import USAGE

SAID = "  # -> "
"""A line that ends so has what it gives behind it."""

ANSWERS = yaml.safe_load((DOCS / "answers.yaml").read_text(encoding="utf-8"))
WITH_CODE = [page for page in PAGES if blocks(page, "python")]
WORDS = {"python", "console", "yaml", "text"}  # what we write on pages; the rest is Sphinx's, in braces


@pytest.fixture(autouse=True)
def own_world(tmp_path, monkeypatch):
    """A folder of the page's own, where its store lies, too."""
    monkeypatch.chdir(tmp_path)
    for name in ("AETHER_NB_ANSWERS", "AETHER_NB_STORE", "AETHER_NB_CALLBACK_URL"):
        monkeypatch.delenv(name, raising=False)
    yield
    api.close()


@pytest.mark.parametrize("page", WITH_CODE, ids=name_of)
async def test_the_code_of_a_page_runs_from_top_to_bottom_in_one_namespace(page, monkeypatch):
    answers = ANSWERS.get(name_of(page))
    api.configure(channel=WidgetChannel() if answers is None else ScriptedChannel(answers))
    cell, main = Cell(), ModuleType("__main__")
    cell.names = vars(main)
    monkeypatch.setitem(sys.modules, "__main__", main)  # where a page's classes are found again
    for block in blocks(page, "python"):
        try:
            value = await cell.run(block.code)
        except Exception as error:
            error.add_note(f"in the block at {block}")
            raise
        *lines, last = block.code.rstrip().splitlines()
        _, marked, said = last.partition(SAID)
        assert not marked or repr(value) == said, block
        assert not [line for line in lines if SAID in line], f"only a last line is compared, in {block}"


def test_answers_are_kept_only_for_pages_that_there_are():
    assert ANSWERS.keys() <= set(map(name_of, WITH_CODE))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_other_blocks_of_a_page_are_what_they_say(page):
    for block in blocks(page):
        assert block.language in WORDS or block.language.startswith("{"), block
        if block.language == "yaml":
            assert yaml.safe_load(block.code), block


PROGRAM = typer.main.get_command(app)
WRITTEN = [(str(block), line) for page in PAGES for block, line in commands(page)]
SAID_IN_PROSE = [
    (name_of(page), t.content) for page in PAGES for t in tokens(page) if t.type == "code_inline"
]


@pytest.mark.parametrize(
    ("where", "line"), [(w, c) for w, c in WRITTEN + SAID_IN_PROSE if "aether-nb" in c.split()], ids=str
)
def test_a_command_that_a_page_tells_is_there(where, line):
    words = shlex.split(line)
    rest = words[words.index("aether-nb") + 1 :]
    called = PROGRAM.commands[rest.pop(0)] if rest and not rest[0].startswith("-") else PROGRAM
    takes = {name for each in called.params for name in each.opts} | {"--help"}
    assert {word.partition("=")[0] for word in rest if word.startswith("--")} <= takes


@pytest.mark.parametrize(
    "target", sorted({line.split()[1] for _, line in WRITTEN if line.startswith("make ")})
)
def test_a_target_of_make_that_a_page_tells_is_there(target):
    subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, capture_output=True)


@pytest.mark.parametrize(
    ("where", "line"), sorted({(w, c) for w, c in SAID_IN_PROSE if c.startswith("%aether ")}), ids=str
)
def test_a_magic_that_a_page_tells_is_there(where, line):
    assert line.split()[1] in USAGE.replace("|", " ").split()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_a_page_links_to_is_there(page):
    assert [to for to in links(page) if not source((page.parent / to).resolve()).exists()] == []


def source(file):
    """Lessons are among the pages only when these are built."""
    return ROOT / "notebooks" / file.name if file.parent == ROOT / "docs" / "lessons" else file


FILES = (".ipynb", ".md", ".py", ".sql", ".ts", ".tsx")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_of_the_repository_that_a_page_names_are_there(page):
    named = {t.content for t in tokens(page) if t.type == "code_inline" and t.content.endswith(FILES)}
    assert {
        file for file in named if "/" in file and not list(ROOT.glob(file)) + list(ROOT.glob(f"*/{file}"))
    } == set()
