"""The extension as the wheel installs it, in the oldest and the newest JupyterLab and Notebook."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

import pytest
from browser.conftest import Desk
from browser.lab import Notebook
from browser.server import HOSTS, LabServer
from helpers import poll
from playwright.sync_api import BrowserContext, Page, expect

TAB = '.jp-SideBar .lm-TabBar-tab[data-id="aether-sidebar"]'
Hosts = Callable[[str], LabServer]


@pytest.fixture(scope="module")
def oldest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    """A server with the oldest hosts."""
    server = LabServer(tmp_path_factory.mktemp("oldest"), hosts=HOSTS[0])
    yield server
    server.stop()


@pytest.fixture(params=HOSTS)
def hosts(request: pytest.FixtureRequest) -> LabServer:
    """A server with the oldest hosts, and one with the newest."""
    return request.getfixturevalue("oldest" if request.param == HOSTS[0] else "lab")


@pytest.fixture
def desk(pages: BrowserContext, hosts: LabServer, request: pytest.FixtureRequest) -> Iterator[Desk]:
    """The test's open notebooks, on that server."""
    desk = Desk(pages, hosts, request.node.name)
    yield desk
    desk.clear()


def execute(page: Page, command: str, **arguments: object) -> None:
    """Run a command of the page."""
    page.evaluate("([id, args]) => jupyterapp.commands.execute(id, args)", [command, arguments])


def wait_kept(notebook: Notebook, text: str) -> None:
    """Wait until Lab has put ``text`` into the workspace that it restores; it takes its time."""
    workspaces = "lab/api/workspaces"
    poll(
        lambda: text in json.dumps(notebook.server.request("GET", workspaces)),
        timeout_s=30,
        what=f"{text} in the saved workspace",
    )


def test_lab_and_server_say_that_all_is_well(hosts):
    extensions = re.sub(r"\x1b\[\d+m", "", hosts.jupyter("labextension", "list"))
    servers = re.sub(r"\x1b\[\d+m", "", hosts.jupyter("server", "extension", "list"))

    assert "aether_nb v0.1.0 enabled OK (python, aether_nb)" in extensions
    assert re.search(r"aether_nb\.jupyter\.server +OK", servers)


def test_the_sidebar_opens_and_a_run_stands_in_a_tab_that_comes_back(open_notebook):
    notebook = open_notebook("1")
    page = notebook.page

    page.locator(TAB).click()
    expect(page.locator("#aether-sidebar")).to_be_visible()
    execute(page, "aether:open-run", store="0" * 32, run="r1", title="demo")
    tab = page.locator("#jp-main-dock-panel .lm-TabBar-tab").filter(has_text="demo")
    expect(tab).to_be_visible()
    wait_kept(notebook, "aether-run:")
    page.reload()
    expect(tab).to_be_visible()
    expect(page.locator("#aether-sidebar")).to_be_visible()


def test_notebook_7_has_the_sidebar(open_notebook):
    notebook = open_notebook("1", frontend="notebook")
    page = notebook.page

    execute(page, "aether:open-inbox")
    expect(page.locator("#aether-sidebar")).to_be_visible()
    execute(page, "aether:open-run", store="0" * 32, run="r1", title="demo")
    tab = page.locator(".aether-run-tab")
    expect(tab).to_be_visible()
    page.wait_for_function("document.querySelector('.aether-run-tab').offsetHeight > 250")
