"""The run's widget on the page: pictures without Graphviz, files, buttons, the inbox, Notebook 7, hostile text."""

from __future__ import annotations

import hashlib
import json

import pytest
from browser.stories import AGENT, Folder
from playwright.sync_api import expect

NO_DOT = """
import os, shutil
os.environ["PATH"] = os.pathsep.join(p for p in os.environ["PATH"].split(os.pathsep) if not shutil.which("dot", path=p))
assert shutil.which("dot") is None
"""
FILES = """
from aether_nb import graph_fn

@graph_fn(outputs=["found"])
async def reader(*, context):
    given = await context.channel().ask_files("Which data?", accept=[".csv"])
    return {"found": [(f.name, f.size, f.sha256) for f in given.files]}

run = reader.start()
"""
GROWING = """
import asyncio
import aether_nb as ae
from aether_nb import graph_fn, tool
from aether_nb.tools import ask_approval, wait_for_event

@tool
async def a_step_with_a_long_name(n):
    return n

@graph_fn(outputs=["choice"])
async def growing():
    async def grow():
        await wait_for_event("grow")
        for n in range(3):
            await a_step_with_a_long_name(n)
    asked, _ = await asyncio.gather(ask_approval("Proceed?"), grow())
    return {"choice": asked.choice}

run = growing.start()
"""


def test_what_is_pressed_stays_under_the_pointer_while_the_graph_grows(open_notebook):
    notebook = open_notebook(GROWING, "ae.post_event('grow')")
    notebook.run_done(0)
    expect(notebook.node(0, "wait_for_event")).to_have_attribute("data-status", "waiting")
    button = notebook.prompt(0).get_by_role("button", name="Approve")
    button.scroll_into_view_if_needed()
    there = button.bounding_box()
    mouse = notebook.page.mouse
    mouse.move(there["x"] + there["width"] / 2, there["y"] + there["height"] / 2)
    mouse.down()
    notebook.run_done(1)
    notebook.wait_saved(0, "a_step_with_a_long_name")  # the kernel has told the page by then
    assert button.bounding_box() == there
    mouse.up()
    notebook.wait_status(0, "succeeded")
    expect(notebook.node(0, "a_step_with_a_long_name").first).to_have_attribute("data-status", "succeeded")


def test_without_graphviz_the_page_draws_the_graph_and_the_file_keeps_it(open_notebook):
    notebook = open_notebook(NO_DOT + AGENT, "run = agent.start()")

    notebook.run_done(0)
    notebook.run_done(1)
    expect(notebook.node(1, "Your name?")).to_have_attribute("data-status", "waiting")
    notebook.answer(1, "Ada")
    notebook.choose(1, "Yes")
    notebook.wait_status(1, "succeeded")
    expect(notebook.node(1, "greet")).to_have_attribute("data-status", "succeeded")
    notebook.wait_saved(1, ": succeeded")

    twin = notebook.save().cells[1].outputs[1]
    assert "image/svg+xml" in twin["data"]


def test_files_are_dropped_into_the_prompt_and_become_artifacts(open_notebook, tmp_path):
    data = b"a,b\n1,2\n" * 300_000  # more than two pieces
    (tmp_path / "big.csv").write_bytes(data)
    (tmp_path / "small.csv").write_bytes(b"x\n")
    notebook = open_notebook(FILES, "import json; print(json.dumps((await run).found))")

    notebook.run_done(0)
    notebook.prompt(0).locator("input[type=file]").set_input_files(
        [tmp_path / "big.csv", tmp_path / "small.csv"]
    )
    notebook.prompt(0).get_by_role("button", name="Submit").click()
    notebook.wait_status(0, "succeeded")

    wanted = [
        [n, len(c), hashlib.sha256(c).hexdigest()] for n, c in (("big.csv", data), ("small.csv", b"x\n"))
    ]
    assert json.loads(notebook.run_done(1)) == wanted
    expect(notebook.prompt(0, "answered")).to_contain_text("big.csv, small.csv")


def test_start_over_asks_the_first_question_again_in_the_same_place(open_notebook):
    notebook = open_notebook(
        AGENT, 'run = agent.start(run_id="lesson-1")', 'print((await ae.get("lesson-1")).line)'
    )

    notebook.run_done(0)
    notebook.run_done(1)
    notebook.answer(1, "Ada")
    expect(notebook.prompt(1)).to_contain_text("Proceed?")
    notebook.press(1, "Start over")
    notebook.press(1, "Start over: sure?")
    expect(notebook.prompt(1)).to_contain_text("Your name?")
    notebook.answer(1, "Bob")
    notebook.choose(1, "Yes")
    notebook.wait_status(1, "succeeded")

    assert notebook.run_done(2) == "Hello, Bob!\n"
    folder = Folder(notebook)
    assert [(r.run_id, r.status) for r in folder.runs()] == [
        ("lesson-1~1", "cancelled"),
        ("lesson-1", "succeeded"),
    ]
    folder.close()


def test_cancel_withdraws_the_question(open_notebook):
    notebook = open_notebook(AGENT, "run = agent.start()", "await run")

    notebook.run_done(0)
    notebook.run_done(1)
    notebook.prompt(1).wait_for()
    notebook.press(1, "Cancel")
    notebook.press(1, "Cancel: sure?")
    notebook.wait_status(1, "cancelled")

    expect(notebook.prompt(1, "withdrawn")).to_be_visible()
    assert "RunCancelled" in notebook.run_done(2)


def test_retry_runs_the_failed_node_again(open_notebook):
    flaky = "fail = True\n" + AGENT.replace(
        '    print(f"greeted', '    if fail: raise ValueError("no wind")\n    print(f"greeted'
    )
    notebook = open_notebook(flaky, "run = agent.start()", "fail = False")

    notebook.run_done(0)
    notebook.run_done(1)
    notebook.answer(1, "Ada")
    notebook.wait_status(1, "failed")
    expect(notebook.run_widget(1)).to_contain_text("ValueError: no wind")
    notebook.run_done(2)
    notebook.press(1, "Retry")
    notebook.choose(1, "Yes")
    notebook.wait_status(1, "succeeded")

    expect(notebook.run_widget(1)).to_contain_text("Hello, Ada!")


def test_the_inbox_answers_any_run_and_the_cell_shows_it(open_notebook):
    notebook = open_notebook(AGENT, "run = agent.start()", "ae.inbox()")

    for cell in range(3):
        notebook.run_done(cell)
    notebook.answer(2, "Ada")
    expect(notebook.prompt(1, "answered")).to_contain_text("Ada")
    notebook.choose(2, "Yes")
    notebook.wait_status(1, "succeeded")


@pytest.mark.parametrize("kernel", ["6.31", "7.4"])
def test_notebook_7_answers_while_the_cell_awaits(open_notebook, kernel):
    from browser.server import Combo

    notebook = open_notebook(AGENT, "print((await agent()).line)", combo=Combo(kernel), frontend="notebook")

    notebook.run_done(0)
    notebook.run(1)
    notebook.answer(1, "Ada")
    notebook.choose(1, "Yes")
    notebook.wait_output(1, "Hello, Ada!")


def test_after_a_reload_the_page_has_the_run_as_it_is_now(open_notebook):
    notebook = open_notebook(AGENT, "run = agent.start()")

    notebook.run_done(0)
    notebook.run_done(1)
    notebook.answer(1, "Ada")
    expect(notebook.prompt(1)).to_contain_text("Proceed?")
    notebook.save()
    notebook.reload()
    expect(notebook.prompt(1, "answered")).to_contain_text("Ada · you")
    notebook.choose(1, "Yes")
    notebook.wait_status(1, "succeeded")
