"""A lesson in JupyterLab as its reader goes through it; the others are run by nbval alone."""

from __future__ import annotations

import nbformat
import pytest
from browser.server import Combo
from helpers import ROOT
from playwright.sync_api import expect

POSTED = {"choice": "Post it", "approved": True, "reason": ""}


@pytest.mark.parametrize("kernel", ["6.31", "7.4"])
def test_lesson_4_restarted_as_it_says_asks_everything_once(desk, folder_of, kernel):
    lesson = nbformat.read(ROOT / "notebooks" / "04_restart_the_kernel.ipynb", as_version=4)
    lesson.metadata.kernelspec["name"] = f"aether-{kernel}"
    folder = desk.server.root / desk.name
    folder.mkdir()
    nbformat.write(lesson, folder / "04.ipynb")
    notebook = desk.open(name="04", combo=Combo(kernel))

    def cell(source):
        return [each.source for each in lesson.cells].index(source)

    letter = cell('run = letter.start(run_id="lesson-04")')
    notebook.run_all()
    notebook.scroll_to(letter)
    notebook.answer(letter, "Mary")
    expect(notebook.prompt(letter)).to_contain_text("Post the letter?")
    notebook.restart_and_run_all()
    notebook.scroll_to(letter)
    expect(notebook.prompt(letter)).to_contain_text("Post the letter?")
    expect(notebook.prompt(letter, "answered")).to_contain_text("Mary · you")
    notebook.screenshot(f"lesson-04-after-the-restart-{kernel}")
    notebook.choose(letter, "Post it")

    shop = cell('print(Path("lesson-04-shop.txt").read_text())')
    notebook.wait_output(shop, "charge: done")
    top, written = "letter: from the top", "write_letter: one for Mary"
    assert notebook.output(cell("print(DIARY.read_text())")).split("\n")[:4] == [top, written, top, ""]
    notebook.scroll_to(shop)
    notebook.screenshot(f"lesson-04-done-{kernel}")
    there = folder_of(notebook)
    assert there.answers("lesson-04") == [
        ("Post the letter?", POSTED, "widget"),
        ("To whom shall the letter go?", "Mary", "widget"),
    ]
    assert set(there.times_run("lesson-04").values()) == {1}
