"""What is left of a run when its kernel, its page or its server is another one, or none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET

import nbformat
import pytest
from browser.conftest import Desk
from browser.server import Combo, LabServer
from browser.stories import AGENT, Folder
from playwright.sync_api import BrowserContext, expect

NAMED = 'run = agent.start(run_id="lesson-1")'
SVG = "{http://www.w3.org/2000/svg}svg"
WIDE = """
from aether_nb import graph_fn, tool

@tool
async def step(n):
    return n

@graph_fn(outputs=["last"])
async def wide():
    for n in range(160):
        last = await step(n)
    return {"last": last}

out = await wide()
"""


@pytest.mark.parametrize("frontend", ["lab", "notebook"])
@pytest.mark.parametrize("trusted", [True, False], ids=["trusted", "untrusted"])
def test_a_saved_notebook_shows_its_runs_without_a_kernel(open_notebook, frontend, trusted):
    notebook = open_notebook(AGENT, NAMED, "other = agent.start()", frontend=frontend)
    for cell in range(3):
        notebook.run_done(cell)
    notebook.answer(1, "Ada")
    notebook.choose(1, "Yes")
    notebook.wait_status(1, "succeeded")
    notebook.answer(2, "Bob")
    expect(notebook.prompt(2)).to_contain_text("Proceed?")
    notebook.wait_saved(1, ": succeeded")
    notebook.wait_saved(2, "Hello, Bob!")
    notebook.reopen_without_kernel(trusted=trusted)

    for cell, said in ((1, "Hello, Ada!"), (2, "Hello, Bob!")):
        picture = notebook.cell(cell).locator(".aether-static")
        picture.scroll_into_view_if_needed()
        expect(picture).to_be_visible()
        expect(picture).to_contain_text(said)
        drawn = picture.locator("img.aether-dag")
        expect(drawn).to_be_visible()
        assert drawn.evaluate("img => img.complete && img.naturalWidth > 0")
        assert "model not found" not in notebook.output(cell).lower()
    expect(notebook.cell(2).locator(".aether-static")).to_contain_text(re.compile("as of [0-9]{2}:[0-9]{2}"))
    notebook.screenshot(f"outlives-{frontend}-{'trusted' if trusted else 'untrusted'}")


def test_the_raw_file_and_its_html_show_a_run_as_it_was_last(open_notebook):
    notebook = open_notebook(AGENT, NAMED, WIDE)
    notebook.run_done(0)
    notebook.run_done(1)
    notebook.answer(1, "Ada")
    expect(notebook.prompt(1)).to_contain_text("Proceed?")
    notebook.run_done(2)
    notebook.wait_saved(1, "Hello, Ada!")
    notebook.wait_saved(2, ": succeeded")

    # what GitHub renders: the picture, else the text
    saved = nbformat.read(notebook.file, as_version=4)
    nbformat.validate(saved)
    widget, twin = (output["data"] for output in saved.cells[1].outputs)
    assert widget["text/plain"] == ""
    drawn = ET.fromstring(twin["image/svg+xml"])
    assert drawn.tag == SVG
    assert "greet" in "".join(drawn.itertext())
    assert all(words in twin["text/plain"] for words in ("Your name?", "Ada", "Hello, Ada!", "Proceed?"))
    assert sum(map(len, twin.values())) < 60_000
    folded = saved.cells[2].outputs[1]["data"]
    assert "image/svg+xml" not in folded
    assert "160" in folded["text/plain"]
    assert sum(map(len, folded.values())) < 60_000

    notebook.server.jupyter("nbconvert", "--to", "html", notebook.file)
    page = notebook.page.context.new_page()
    page.goto(notebook.file.with_suffix(".html").as_uri(), wait_until="domcontentloaded")
    pictures = page.locator(".aether-static")
    expect(pictures).to_have_count(2)
    expect(pictures.first).to_be_visible()
    expect(pictures.first).to_contain_text("Hello, Ada!")
    assert pictures.first.locator("img.aether-dag").evaluate(
        "img => img.decode().then(() => img.naturalWidth > 0)"
    )
    assert "model not found" not in page.locator("body").inner_text().lower()


@pytest.mark.parametrize(("frontend", "kernel"), [("lab", "6.31"), ("lab", "7.4"), ("notebook", "7.4")])
def test_after_a_reload_in_the_middle_the_run_is_finished_and_the_file_says_so(
    open_notebook, frontend, kernel
):
    notebook = open_notebook(AGENT, NAMED, combo=Combo(kernel), frontend=frontend)
    notebook.run_done(0)
    notebook.run_done(1)
    notebook.answer(1, "Ada")
    expect(notebook.prompt(1)).to_contain_text("Proceed?")
    notebook.wait_saved(1, "Hello, Ada!")
    notebook.reload()
    expect(notebook.prompt(1, "answered")).to_contain_text("Ada · you")
    notebook.choose(1, "Yes")
    notebook.wait_status(1, "succeeded")
    # the page has forgotten which picture is replaced; the extension has not
    notebook.wait_saved(1, "choice = Yes")
    notebook.reopen_without_kernel()

    picture = notebook.cell(1).locator(".aether-static")
    expect(picture).to_contain_text("Proceed?✓ Yes")
    assert "model not found" not in notebook.output(1).lower()


def test_a_stored_result_says_so_and_runs_again_when_that_is_wished(open_notebook):
    edited = AGENT.replace("Hello, {name}!", "Good day, {name}!")
    rerun = 'run = agent.start(run_id="lesson-1", if_finished="rerun")'
    notebook = open_notebook(
        AGENT, NAMED, edited, NAMED, rerun, "%load_ext aether_nb\n%aether reset lesson-1"
    )
    notebook.run_done(0)
    notebook.run_done(1)
    notebook.answer(1, "Ada")
    notebook.choose(1, "Yes")
    notebook.wait_status(1, "succeeded")

    notebook.restart()
    notebook.run_done(0)
    notebook.run_done(1)
    expect(notebook.run_widget(1)).to_contain_text(re.compile("finished [0-9]{2}:[0-9]{2}, stored result"))
    expect(notebook.run_widget(1)).not_to_contain_text("changed")
    expect(notebook.run_widget(1)).to_contain_text("Hello, Ada!")

    notebook.run_done(2)
    notebook.run_done(3)
    expect(notebook.run_widget(3)).to_contain_text(re.compile("stored result.*changed"))
    notebook.press(3, "Run again")
    notebook.answer(3, "Bob")
    notebook.choose(3, "Yes")
    notebook.wait_status(3, "succeeded")
    expect(notebook.run_widget(3)).to_contain_text("Good day, Bob!")

    notebook.run_done(4)  # it goes on where the run is shown first
    notebook.prompt(3).wait_for()
    notebook.run_done(5)
    expect(notebook.prompt(3)).to_contain_text("Your name?")
    folder = Folder(notebook)
    assert [(r.run_id, r.status) for r in folder.runs()] == [
        ("lesson-1~1", "succeeded"), ("lesson-1~2", "succeeded"), ("lesson-1~3", "cancelled"), ("lesson-1", "waiting"),
    ]  # fmt: skip
    folder.close()


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    """A server whose environment lacks anywidget."""
    server = LabServer(tmp_path_factory.mktemp("bare"), without=["anywidget"])
    yield server
    server.stop()


def test_a_server_without_anywidget_shows_the_run_and_says_what_is_missing(
    pages: BrowserContext, bare: LabServer
):
    desk = Desk(pages, bare, "bare")
    notebook = desk.open(AGENT, "run = agent.start()", "print((await run).line)")
    notebook.run_done(0)
    notebook.run_done(1)
    picture = notebook.cell(1).locator(".aether-static")
    expect(picture).to_be_visible()
    expect(picture).to_contain_text("Your name?")
    expect(picture).to_contain_text("is anywidget installed where the Jupyter server runs?")
    assert "javascript error" not in notebook.output(1).lower()
    assert "model not found" not in notebook.output(1).lower()

    notebook.run(2)
    for question, answer in (("Your name?", "Ada"), ("Proceed?", "Yes")):
        asked = notebook.cell(2).locator(".jp-Stdin", has_text=question)
        field = asked.locator(".jp-Stdin-input")
        field.fill(answer)
        field.press("Enter")
    notebook.wait_output(2, "Hello, Ada!")
    expect(picture).to_contain_text("succeeded")
    expect(picture).not_to_contain_text("anywidget")
    desk.clear()
