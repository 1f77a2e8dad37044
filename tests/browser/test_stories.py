"""What a person does with an agent in JupyterLab, on every kernel, looked at on the page and in the store."""

from __future__ import annotations

import pytest
from browser.server import COMBOS, KERNELS, Combo
from browser.stories import AGENT
from playwright.sync_api import expect

YES = {"choice": "Yes", "approved": True, "reason": ""}
DONE = [("Proceed?", YES, "widget"), ("Your name?", "Ada", "widget")]
EACH_KERNEL = [Combo(kernel) for kernel in KERNELS]


def test_a_run_in_the_background_is_answered_in_its_cell(open_notebook, combo, folder_of):
    notebook = open_notebook(
        AGENT, "run = agent.start()", "1 + 1", "out = await run\nprint(out.line)", combo=combo
    )

    notebook.run_done(0)
    notebook.run_done(1)
    notebook.answer(1, "Ada")
    expect(notebook.prompt(1, "answered")).to_contain_text("Ada · you")
    expect(notebook.run_widget(1)).to_contain_text("Hello, Ada!")
    assert notebook.run_done(2) == "2"
    expect(notebook.node(1, "Proceed?")).to_have_attribute("data-status", "waiting")
    notebook.choose(1, "Yes")
    notebook.wait_status(1, "succeeded")

    assert notebook.run_done(3) == "Hello, Ada!\n"
    folder = folder_of(notebook)
    assert folder.answers(folder.only_run().run_id) == DONE
    assert folder.ledger() == ["greeted Ada"]


def test_questions_are_answered_while_the_cell_awaits(open_notebook, combo, folder_of):
    notebook = open_notebook(AGENT, "out = await agent()\nprint(out.choice)", "print('next')", combo=combo)

    notebook.run_done(0)
    notebook.run(1)
    notebook.answer(1, "Ada")
    notebook.choose(1, "Yes")
    notebook.wait_done(1)

    notebook.wait_output(1, "Yes")
    assert notebook.run_done(2) == "next\n"
    folder = folder_of(notebook)
    assert folder.answers(folder.only_run().run_id) == DONE


@pytest.mark.parametrize("combo", EACH_KERNEL, ids=str)
def test_two_runs_wait_at_once_and_keep_to_their_own_cells(open_notebook, combo, folder_of):
    notebook = open_notebook(
        AGENT, "one = agent.start()", "print('between')", "two = agent.start()", "print('after')", combo=combo
    )

    for cell in range(4):
        notebook.run_done(cell)
    notebook.answer(3, "Bob")
    assert notebook.run_done(4) == "after\n"
    notebook.answer(1, "Ada")
    notebook.choose(1, "No")
    notebook.choose(3, "Yes")
    notebook.wait_status(1, "succeeded")
    notebook.wait_status(3, "succeeded")

    expect(notebook.run_widget(1)).to_contain_text("Hello, Ada!")
    expect(notebook.run_widget(3)).to_contain_text("Hello, Bob!")
    assert notebook.output(2) == "between\n"
    folder = folder_of(notebook)
    assert [row.status for row in folder.runs()] == ["succeeded", "succeeded"]
    assert sorted(folder.ledger()) == ["greeted Ada", "greeted Bob"]


def test_run_sync_is_answered_while_it_holds_the_kernel(open_notebook, combo, folder_of):
    notebook = open_notebook(AGENT, "print(agent.run_sync().line)", "print('next')", combo=combo)

    notebook.run_done(0)
    notebook.run(1)
    notebook.answer(1, "Ada")
    notebook.choose(1, "Yes")
    notebook.wait_done(1)

    notebook.wait_output(1, "Hello, Ada!")
    assert notebook.run_done(2) == "next\n"
    folder = folder_of(notebook)
    row = folder.only_run()
    assert [(q, a) for q, a, _ in folder.answers(row.run_id)] == [(q, a) for q, a, _ in DONE]


NAMED_OR_NOT = [(combo, 'run_id="lesson-1"') for combo in COMBOS] + [(combo, "") for combo in EACH_KERNEL]


@pytest.mark.parametrize(("combo", "run_id"), NAMED_OR_NOT, ids=str)
def test_restart_and_run_all_goes_on_where_it_was(open_notebook, combo, folder_of, run_id):
    notebook = open_notebook(AGENT, f"run = agent.start({run_id})", "print((await run).line)", combo=combo)

    notebook.run_all()
    notebook.answer(1, "Ada")
    expect(notebook.prompt(1)).to_contain_text("Proceed?")
    notebook.restart()
    notebook.run_all()
    expect(notebook.prompt(1)).to_contain_text("Proceed?")
    expect(notebook.prompt(1, "answered")).to_contain_text("Ada · you")
    notebook.choose(1, "Yes")
    notebook.wait_all_done()

    notebook.wait_output(2, "Hello, Ada!")
    folder = folder_of(notebook)
    row = folder.only_run()
    assert (row.status, folder.answers(row.run_id)) == ("succeeded", DONE)
    assert folder.ledger() == ["greeted Ada"]
    assert set(folder.times_run(row.run_id).values()) == {1}


def test_after_an_interrupt_the_run_goes_on_and_run_all_finds_it(open_notebook, combo, folder_of):
    notebook = open_notebook(
        AGENT, 'run = agent.start(run_id="lesson-1")', "print((await run).line)", combo=combo
    )

    notebook.run_all()
    expect(notebook.prompt(1)).to_contain_text("Your name?")
    notebook.interrupt()
    notebook.wait_all_done()
    notebook.run_all()
    notebook.answer(1, "Ada")
    notebook.choose(1, "Yes")
    notebook.wait_all_done()

    notebook.wait_output(2, "Hello, Ada!")
    folder = folder_of(notebook)
    assert folder.answers(folder.only_run().run_id) == DONE


@pytest.mark.parametrize("combo", EACH_KERNEL, ids=str)
def test_a_prompt_of_the_dead_kernel_still_takes_an_answer(open_notebook, combo, folder_of):
    notebook = open_notebook(AGENT, "run = agent.start()", combo=combo)

    notebook.run_done(0)
    notebook.run_done(1)
    expect(notebook.prompt(1)).to_contain_text("Your name?")
    notebook.restart()
    expect(notebook.prompt(1, "stale")).to_contain_text("Run All")
    notebook.answer(1, "Ada", state="stale")
    expect(notebook.run_widget(1)).to_contain_text("Stored")
    notebook.run_all()
    notebook.choose(1, "Yes")
    notebook.wait_status(1, "succeeded")

    folder = folder_of(notebook)
    assert folder.answers(folder.only_run().run_id) == [
        ("Proceed?", YES, "widget"),
        ("Your name?", "Ada", "http"),
    ]
    assert folder.ledger() == ["greeted Ada"]
