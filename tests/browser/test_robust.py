"""What a person does to a notebook on a bad day; the run is neither lost nor done twice."""

from __future__ import annotations

import os
import re
import signal
import time

import pytest
from browser.server import COMBOS, Combo
from browser.stories import AGENT
from helpers import poll
from playwright.sync_api import expect

from aether_nb.prompts import Reply

NAMED = 'run = agent.start(run_id="lesson-1")'
HOLD = "import pathlib, time\nwhile not pathlib.Path('go').exists(): time.sleep(0.05)"
STORED = re.compile(
    "Stored. The kernel is busy and goes on after this cell|Accepted"
)  # by subshell it is accepted
FEW = [Combo("6.31", "disabled"), Combo("7.3"), Combo("7.4")]


def places(combos: list[Combo]) -> pytest.MarkDecorator:
    """JupyterLab with these kernels, and Notebook 7 with the newest."""
    rows = [*[("lab", combo) for combo in combos], ("notebook", Combo())]
    return pytest.mark.parametrize(("frontend", "combo"), rows, ids=[f"{f}-{c}" for f, c in rows])


@places(list(COMBOS))
def test_five_runs_that_ask_in_one_cell_are_answered_in_any_order(open_notebook, folder_of, frontend, combo):
    five = "runs = [agent.start() for _ in range(5)]"
    notebook = open_notebook(AGENT, five, combo=combo, frontend=frontend)

    notebook.run_done(0)
    notebook.run_done(1)
    expect(notebook.prompt(1)).to_have_count(5)
    widgets = notebook.run_widget(1)
    for number in (3, 0, 4, 2, 1):
        field = widgets.nth(number).get_by_role("textbox")
        field.fill(f"N{number}")
        field.press("Enter")
    for number in range(5):
        widgets.nth(number).get_by_role("button", name="Yes", exact=True).click()
    for number in range(5):
        expect(widgets.nth(number)).to_have_attribute("data-status", "succeeded")
        expect(widgets.nth(number)).to_contain_text(f"Hello, N{number}!")

    folder = folder_of(notebook)
    assert sorted(folder.ledger()) == [f"greeted N{number}" for number in range(5)]
    assert "earlier run" not in notebook.output(1)


@places(list(COMBOS))
def test_an_answer_to_a_kernel_that_a_cell_holds_is_stored_and_the_run_goes_on_after(
    open_notebook, folder_of, frontend, combo
):
    notebook = open_notebook(AGENT, NAMED, HOLD, combo=combo, frontend=frontend)

    notebook.run_done(0)
    notebook.run_done(1)
    notebook.prompt(1).wait_for()
    notebook.run(2)
    notebook.answer(1, "Ada")
    expect(notebook.run_widget(1)).to_contain_text(STORED)
    folder = folder_of(notebook)
    assert folder.answers("lesson-1")[0][1] == "Ada"
    (notebook.file.parent / "go").touch()
    notebook.wait_done(2)
    expect(notebook.prompt(1, "answered")).to_contain_text("Ada · you")
    notebook.choose(1, "Yes")
    notebook.wait_status(1, "succeeded")
    assert folder.ledger() == ["greeted Ada"]


@places(list(COMBOS))
def test_a_kernel_that_is_killed_is_noticed_without_a_click_and_nothing_is_lost(
    open_notebook, folder_of, frontend, combo
):
    notebook = open_notebook(AGENT, NAMED, combo=combo, frontend=frontend)
    asked: list[str] = []
    notebook.page.on(
        "request", lambda request: asked.append(request.url) if "/watch" in request.url else None
    )

    notebook.run_done(0)
    notebook.run_done(1)
    notebook.prompt(1).wait_for()
    assert asked == []  # all is well
    notebook.dismiss_dialogs()
    os.kill(notebook.kernel_pid(), signal.SIGKILL)
    expect(notebook.prompt(1, "stale")).to_contain_text("gone", timeout=20_000)
    notebook.answer(1, "Ada", state="stale")
    expect(notebook.run_widget(1)).to_contain_text(
        "Stored. The kernel that asked is gone: Run All carries on."
    )
    assert len(asked) <= 4
    notebook.wait_ready()
    notebook.run_all()
    expect(notebook.prompt(1, "answered")).to_contain_text("Ada · you")
    notebook.choose(1, "Yes")
    notebook.wait_status(1, "succeeded")

    folder = folder_of(notebook)
    assert folder.ledger() == ["greeted Ada"]
    assert set(folder.times_run("lesson-1").values()) == {1}


@pytest.mark.parametrize("frontend", ["lab", "notebook"])
def test_what_is_answered_elsewhere_is_shown_within_a_second_though_the_kernel_is_dead(
    open_notebook, folder_of, frontend
):
    notebook = open_notebook(AGENT, NAMED, frontend=frontend)
    notebook.run_done(0)
    notebook.run_done(1)
    notebook.prompt(1).wait_for()
    notebook.dismiss_dialogs()
    os.kill(notebook.kernel_pid(), signal.SIGKILL)
    with notebook.page.expect_request(re.compile("/watch")):  # the one that is held
        expect(notebook.prompt(1, "stale")).to_be_visible(timeout=20_000)
    store = folder_of(notebook).store
    (wait,) = store.waits()
    now_ms = time.time_ns() // 1_000_000
    assert store.answer(wait.token, Reply(value="Ada", by="ana", door="cli", at_ms=now_ms), now_ms=now_ms)
    expect(notebook.prompt(1, "answered")).to_contain_text("Ada · ana through the terminal", timeout=1000)


@places(FEW)
def test_a_run_in_two_cells_and_two_tabs_is_followed_everywhere_and_the_first_answer_wins(
    open_notebook, folder_of, frontend, combo
):
    again = 'agent.start(run_id="lesson-1")'
    first = open_notebook(AGENT, NAMED, again, HOLD, "ae.runs()", combo=combo, frontend=frontend)
    for cell in range(3):
        first.run_done(cell)
    for cell in (1, 2):
        first.prompt(cell).wait_for()
    first.save()
    second = open_notebook(name="lesson", combo=combo, frontend=frontend)
    for cell in (1, 2):
        second.prompt(cell).wait_for()

    # both answer while the kernel cannot say anything
    first.run(3)
    second.answer(2, "Bob")
    expect(second.run_widget(2)).to_contain_text(STORED)
    first.answer(1, "Ada")
    expect(first.run_widget(1)).to_contain_text(re.compile("already answered by .* at [0-9]", re.IGNORECASE))
    (first.file.parent / "go").touch()
    for tab in (first, second):
        for cell in (1, 2):
            expect(tab.prompt(cell, "answered")).to_contain_text("Bob · you")
            expect(tab.prompt(cell)).to_contain_text("Proceed?")
    first.choose(2, "Yes")
    for tab in (first, second):
        for cell in (1, 2):
            tab.wait_status(cell, "succeeded")
    folder = folder_of(first)
    assert folder.only_run().run_id == "lesson-1"
    assert folder.ledger() == ["greeted Bob"]


@places(FEW)
def test_output_that_was_cleared_while_it_waits_is_shown_again_by_the_run(
    open_notebook, folder_of, frontend, combo
):
    notebook = open_notebook(AGENT, NAMED, "run", combo=combo, frontend=frontend)

    notebook.run_done(0)
    notebook.run_done(1)
    notebook.prompt(1).wait_for()
    notebook.clear_output(1)
    expect(notebook.run_widget(1)).to_have_count(0)
    notebook.run_done(2)
    notebook.answer(2, "Ada")
    notebook.choose(2, "Yes")
    notebook.wait_status(2, "succeeded")
    assert folder_of(notebook).ledger() == ["greeted Ada"]


@places(FEW)
def test_restart_and_run_all_pressed_three_times_is_one_run_that_asks_once(
    open_notebook, folder_of, frontend, combo
):
    notebook = open_notebook(
        AGENT, "run = agent.start()", "print((await run).line)", combo=combo, frontend=frontend
    )
    folder = folder_of(notebook)

    notebook.run_all()
    notebook.prompt(1).wait_for()
    for _ in range(3):
        notebook.restart_and_run_all()
    expect(notebook.prompt(1)).to_contain_text("Your name?", timeout=30_000)
    notebook.answer(1, "Ada")
    notebook.choose(1, "Yes")
    notebook.wait_output(2, "Hello, Ada!")
    row = folder.only_run()
    assert row.status == "succeeded"
    assert folder.ledger() == ["greeted Ada"]


@places(FEW)
def test_a_cell_that_is_run_again_while_its_run_waits_attaches_or_says_so(
    open_notebook, folder_of, frontend, combo
):
    notebook = open_notebook(
        AGENT, NAMED, "other = agent.start()", "ae.inbox()", combo=combo, frontend=frontend
    )

    notebook.run_done(0)
    for cell in (1, 2):
        notebook.run_done(cell)
        notebook.prompt(cell).wait_for()
        notebook.run_done(cell)
        expect(notebook.prompt(cell)).to_have_count(1)
    folder = folder_of(notebook)
    named, first, second = folder.runs()
    assert named.run_id == "lesson-1"
    expect(notebook.run_widget(2)).to_contain_text(f"this cell's earlier run {first.run_id} is waiting still")

    for cell in (1, 2):
        notebook.answer(cell, "Ada")
        notebook.choose(cell, "Yes")
        notebook.wait_status(cell, "succeeded")
    notebook.run_done(3)
    notebook.answer(3, "Bob")
    notebook.choose(3, "No")
    poll(lambda: folder.runs()[1].status == "succeeded", timeout_s=10, what="the end of the earlier run")
    assert sorted(folder.ledger()) == ["greeted Ada", "greeted Ada", "greeted Bob"]
    assert second.run_id == folder.runs()[2].run_id


def test_a_run_whose_store_is_let_go_of_says_so_and_who_answers_it_there_is_told(open_notebook, folder_of):
    notebook = open_notebook(AGENT, NAMED, "import aether_nb as ae\nae.configure()", "ae.resume_all()[0]")
    for cell in (0, 1):
        notebook.run_done(cell)
    expect(notebook.prompt(1)).to_be_visible()
    notebook.run_done(2)
    widget = notebook.run_widget(1)
    expect(widget).to_contain_text("stands still: its store was let go of")
    notebook.answer(1, "Ada")
    expect(notebook.prompt(1)).to_contain_text("was let go of here")
    notebook.screenshot("let-go-of")

    notebook.run_done(3)
    notebook.answer(3, "Ada")
    notebook.choose(3, "Yes")
    notebook.wait_status(3, "succeeded")
    assert folder_of(notebook).ledger() == ["greeted Ada"]
