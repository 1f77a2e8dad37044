"""The browser, the Lab server and ``open_notebook``; what a failed test leaves in ``.build/browser``.

Run by ``make browser``, apart from the other tests: Playwright keeps an event loop of its own running.
"""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browser.lab import Frontend, Notebook, write_notebook
from browser.server import COMBOS, HOSTS, KERNELS, Combo, LabServer, outdated_files
from browser.stories import Folder
from helpers import BUILD
from playwright.sync_api import Browser, BrowserContext, sync_playwright

EVIDENCE = BUILD / "browser"
TIMEOUT_S = 120  # a Lab page and a kernel take 5 to 10 s before the test itself begins

# As root Chromium refuses its sandbox; the rest keeps it from looking for hosts outside.
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

OpenNotebook = Callable[..., Notebook]


class Desk:
    """The notebooks that one test has open, each on a page of its own; ``open_notebook`` hands out its ``open``."""

    def __init__(self, pages: BrowserContext, server: LabServer, name: str) -> None:
        self.name = re.sub(r"[^\w.-]+", "-", name).strip("-")
        self.server = server
        self.notebooks: list[Notebook] = []
        self._pages = pages

    def open(
        self, *sources: str, combo: Combo = Combo(), frontend: Frontend = "lab", name: str = "lesson"
    ) -> Notebook:
        """Write a notebook of code cells, open it, and wait for its kernel; ``name`` again opens it once more."""
        self.server.use_subshells(combo.subshells)
        path = f"{self.name}/{name}.ipynb"
        if sources:
            write_notebook(self.server.root / path, sources, kernel=combo.kernel)
        notebook = Notebook(self._pages.new_page(), self.server, path, combo, frontend)
        self.notebooks.append(notebook)
        notebook.open()
        return notebook

    def keep_evidence(self) -> tuple[Path, str]:
        """Save pictures, consoles and the server's log; returns the folder and the consoles' text."""
        folder = EVIDENCE / self.name
        folder.mkdir(parents=True, exist_ok=True)
        for number, notebook in enumerate(self.notebooks):
            notebook.page.screenshot(path=folder / f"page-{number}.png", timeout=10_000)
        consoles = "\n".join(line for notebook in self.notebooks for line in notebook.console)
        (folder / "console.txt").write_text(consoles)
        shutil.copy(self.server.log, folder / "server.log")
        return folder, consoles

    def clear(self) -> None:
        """Close the pages, forget what they kept in the browser, and end their kernels."""
        for page in self._pages.pages[1:]:
            page.close()
        self._pages.clear_cookies()
        self._pages.clear_permissions()
        (blank,) = self._pages.pages
        devtools = self._pages.new_cdp_session(blank)
        devtools.send(
            "Storage.clearDataForOrigin",
            {"origin": self.server.url, "storageTypes": "local_storage,indexeddb"},
        )
        devtools.detach()
        self.server.shut_down_kernels()


def chromium() -> str:
    """Where the system's Chromium lies."""
    names = ("chromium", "chromium-browser", "google-chrome")
    executable = next(filter(None, map(shutil.which, names)), None)
    assert executable, "no Chromium found: make system"
    return executable


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium; Playwright's own builds are not used."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def pages(browser: Browser) -> Iterator[BrowserContext]:
    """What all tests' pages share: what the browser has fetched and compiled of Lab."""
    pages = browser.new_context(viewport={"width": 1280, "height": 1000})
    pages.new_page()
    yield pages
    pages.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    """One JupyterLab server for the session, with the wheel as this tree would build it now."""
    outdated = {kernel: files for kernel in {*KERNELS, *HOSTS} if (files := outdated_files(kernel))}
    assert not outdated, f"the installed wheels are older than the tree: make browser\n{outdated}"
    server = LabServer(tmp_path_factory.mktemp("lab"))
    yield server
    server.stop()


@pytest.fixture
def alone(lab: LabServer) -> None:
    """The stores of other tests are gone, whose kernels are."""
    for folder in list(lab.root.rglob(".aether")):
        while folder.exists():  # the server, which closes its store, removes files, too
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(folder)


@pytest.fixture(params=COMBOS, ids=str)
def combo(request: pytest.FixtureRequest) -> Combo:
    """Each kernel with each comms-over-subshells setting: pass it on to ``open_notebook``."""
    return request.param


@pytest.fixture
def desk(pages: BrowserContext, lab: LabServer, request: pytest.FixtureRequest) -> Iterator[Desk]:
    """The test's open notebooks."""
    desk = Desk(pages, lab, request.node.name)
    yield desk
    desk.clear()


@pytest.fixture
def open_notebook(desk: Desk) -> OpenNotebook:
    """Open notebooks of the given cells: ``open_notebook("x = 1", "x", combo=combo, frontend="notebook")``."""
    return desk.open


@pytest.fixture
def folder_of() -> Iterator[Callable[[Notebook], Folder]]:
    """The folder of a notebook, closed after the test."""
    made: list[Folder] = []

    def folder(notebook: Notebook) -> Folder:
        made.append(Folder(notebook))
        return made[-1]

    yield folder
    for each in made:
        each.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    desk = getattr(item, "funcargs", {}).get("desk")
    if desk and report.when != "teardown" and report.failed:
        folder, consoles = desk.keep_evidence()
        report.sections.append(("pictures and logs", str(folder)))
        report.sections.append(("browser console", consoles[-4000:]))
        report.sections.append(("Lab server log", desk.server.log_tail()))
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))
