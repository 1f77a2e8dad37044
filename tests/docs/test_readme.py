"""README, followed word for word: an empty home, an empty environment, the built wheel, and what stands there."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest
from docs.pages import PAGES, blocks, tokens
from helpers import BUILD, ROOT, clean_environment, poll

README = PAGES[0]
(EXAMPLE,) = blocks(README, "python")
(ANSWERS,) = blocks(README, "yaml")
MAKE, INSTALL, ALONE = blocks(README, "console")
SERVER = "jupyter lab"
TYPED = "Ada\nblue\nYes\n"  # what the demo asks for


class Reader:
    """Somebody who does what README says, with a home of their own and nothing in it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.desk = home / "desk"
        self.desk.mkdir()
        shutil.copytree(ROOT / "dist", self.desk / "dist")
        settings = home.parent / "container"  # not the reader's: a container has but one user, and no screen
        settings.mkdir()
        config = {"ServerApp": {"allow_root": True, "open_browser": False}}
        (settings / "jupyter_server_config.json").write_text(json.dumps(config))
        python = os.fspath(Path(sys._base_executable).resolve().parent)
        self.environment = clean_environment(
            HOME=home, PATH=os.pathsep.join([python, "/usr/bin", "/bin"]), JUPYTER_CONFIG_PATH=settings,
            PIP_CACHE_DIR=BUILD / "pip", PIP_CONSTRAINT=ROOT / "tests" / "requirements" / "7.4.lock", PIP_NO_COMPILE="1",
        )  # fmt: skip

    def start(self, lines: list[str]) -> subprocess.Popen[str]:
        """Type lines into a terminal whose environment is active, if there is one yet."""
        active = [". env/bin/activate"] if (self.desk / "env").exists() else []
        return subprocess.Popen(
            ["bash", "-e", "-o", "pipefail", "-c", "\n".join([*active, *lines])], cwd=self.desk, env=self.environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip

    def does(self, lines: list[str], *, typing: str = "") -> str:
        """Type lines, answer what they ask, and give what they said."""
        said, _ = (process := self.start(lines)).communicate(typing)
        assert process.returncode == 0, said
        return said

    def server(self) -> dict | None:
        """What a running Jupyter server says of itself, when there is one."""
        for file in (self.home / ".local" / "share" / "jupyter" / "runtime").glob("jpserver-*.json"):
            with suppress(json.JSONDecodeError):  # being written just now
                return json.loads(file.read_text())
        return None

    def looks(self, server: dict, place: str) -> str:
        """Open a page of the server; nothing while it does not listen yet."""
        request = urllib.request.Request(
            server["url"] + place, headers={"Authorization": f"token {server['token']}"}
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as page:
                return page.read().decode()
        except urllib.error.URLError as error:
            if isinstance(error.reason, ConnectionRefusedError):
                return ""
            raise


def typed(block) -> list[str]:
    """The lines of a block, as they stand behind the dollar."""
    return [line.removeprefix("$ ") for line in block.code.splitlines()]


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    home = tmp_path_factory.mktemp("reader") / "home"
    home.mkdir()
    return Reader(home)


@pytest.mark.timeout(400)
def test_readme_followed_word_for_word_in_an_empty_environment(reader):
    *before, last = typed(INSTALL)
    assert last.startswith(SERVER)
    said = reader.does(before, typing=TYPED)
    assert "Published: Ada painted the morning blue" in said
    assert list((reader.desk / "lessons").glob("01*.ipynb"))

    lab = reader.start([last])
    try:
        server = poll(reader.server, timeout_s=60, what="the server to be there")
        poll(lambda: "version" in reader.looks(server, "api"), timeout_s=30, what="an answer of the server")
        assert '"aether_nb"' in reader.looks(server, "lab"), "the sidebar is there, and nothing was enabled"
        assert "stores" in json.loads(reader.looks(server, "aether-nb/api/stores"))
    finally:
        os.killpg(lab.pid, signal.SIGKILL)
        lab.communicate()

    cell = nbformat.v4.new_code_cell(EXAMPLE.code)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), reader.desk / "poet.ipynb")
    (reader.desk / "answers.yaml").write_text(ANSWERS.code, encoding="utf-8")
    assert re.search(r"poet.* succeeded", reader.does(typed(ALONE)))


def test_the_other_commands_are_the_two_that_everybody_types():
    assert [line.partition("  ")[0] for line in typed(MAKE)] == ["make demo", "make test"]


def shown():
    """The tests that README names, with the files that it says they are in."""
    all_of_it = tokens(README)
    for link, words in pairwise(all_of_it):
        if link.type == "link_open" and str(link.attrs["href"]).startswith("tests/"):
            yield words.content, README.parent / str(link.attrs["href"])


@pytest.mark.parametrize(("name", "file"), list(shown()), ids=str)
def test_what_readme_says_that_a_test_shows_is_shown_by_one(name, file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    assert name in {
        node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
