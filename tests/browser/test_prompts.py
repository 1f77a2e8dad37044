"""Every kind of question in a real notebook: asked by a kernel, answered with the keyboard, kept, refused, closed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from browser.lab import Notebook
from browser.questions import ANSWERS, COUNT, KINDS, Typist
from playwright.sync_api import Locator, expect

ONE_BY_ONE = "run = one_by_one.start(run_id='trip')"
ANSWERED = "import json; print(json.dumps((await run).answers))"
AT_ONCE = "run = at_once.start(run_id='all')"


def card(notebook: Notebook, question: str, state: str = "open", *, cell: int = 1) -> Locator:
    """One question of the run in a cell."""
    return notebook.prompt(cell, state).filter(has_text=question)


def all_open(notebook: Notebook) -> None:
    """Wait until every question is open, and the form drawn."""
    expect(notebook.prompt(1)).to_have_count(COUNT)
    expect(card(notebook, "Book a trip").get_by_label("Seats")).to_be_visible()


@pytest.mark.parametrize("frontend", ["lab", "notebook"])
def test_every_kind_is_answered_with_the_keyboard_alone(open_notebook, frontend, tmp_path):
    notebook = open_notebook(KINDS, ONE_BY_ONE, ANSWERED, frontend=frontend)
    (tmp_path / "small.csv").write_text("a,b\n")

    notebook.run_done(0)
    notebook.run_done(1)
    answer_everything(notebook, tmp_path / "small.csv")
    notebook.wait_status(1, "succeeded")

    assert json.loads(notebook.run_done(2)) == ANSWERS
    expect(card(notebook, "API key", "answered")).to_contain_text("••••")


def answer_everything(notebook: Notebook, csv: Path) -> None:
    """Answer the questions of ``one_by_one`` in cell 1, each when the cursor has come to it of its own accord."""
    typist = Typist(notebook, 1)
    keys = typist.keys
    typist.wait("Your name?")
    keys("Shift+Enter", "Ada", "Enter")  # with Shift it is for a cell, and came too late for that
    typist.wait("version")
    keys("Enter")
    expect(card(notebook, "version").get_by_role("alert").filter(has_text="such as 1.4")).to_be_visible()
    keys("Backspace", "4", "Enter")
    typist.wait("What went wrong?")
    keys("It", "Enter", "broke", "Control+Enter")
    typist.wait("API key")
    keys("hunter2", "Enter")
    typist.wait("Proceed?")
    keys("Tab", "Tab", "Enter", "not yet", "Enter", "ArrowRight", "Enter")
    typist.wait("Delete")
    keys("old", "Enter", "ArrowRight", "Enter", "Enter")
    typist.wait("Which model?")
    keys("Space", "ArrowDown", "Enter")
    typist.wait("Which steps?")
    keys("Space", "Tab", "Tab", "Space", "Enter")
    typist.wait("Which city?")
    keys("lis", "Enter", "Enter")
    typist.wait("Which cities?")
    keys("zur", "Enter", "ArrowUp", "Escape", "ath", "Enter", "Enter")
    typist.wait("How many epochs?")
    keys("ArrowUp", "ArrowUp", "Enter")
    typist.wait("How sure")
    keys("ArrowRight", "ArrowRight", "Enter")
    typist.wait("Which day?")
    keys("12242026", "Enter")
    typist.wait("Remind me")
    keys("12242026", "ArrowRight", "0930AM", "Enter")
    typist.wait("Which data?")
    typist.give_file(csv)
    expect(card(notebook, "Which data?").locator("li[data-state=ready]")).to_have_count(1)
    keys("Tab", "Tab", "Enter")
    typist.wait("Describe it")
    keys("see above", "Enter")
    typist.wait("Book a trip")
    keys("Ada", "Tab", "ArrowUp", "Tab", "12242026", "Tab", "Tab")
    keys("ArrowRight", "Tab", "Tab", "Space", "Tab", "Tab", "ada@example.org", "Tab", "Tab")
    keys("Enter", "Bob", "Tab", "36", "Enter")


def test_what_was_filled_in_outlives_the_page_and_the_kernel_but_no_secret_does(open_notebook):
    notebook = open_notebook(KINDS, AT_ONCE)

    notebook.run_done(0)
    notebook.run_done(1)
    all_open(notebook)
    card(notebook, "Your name?").get_by_role("textbox").fill("Ad")
    card(notebook, "API key").get_by_role("textbox").fill("hunter2")
    card(notebook, "Delete").get_by_label("Reason").fill("old")
    card(notebook, "Which model?").get_by_label("Large").check()
    card(notebook, "Which cities?").get_by_role("option", name="Oslo").click()
    card(notebook, "How many epochs?").get_by_role("spinbutton").fill("500")
    card(notebook, "How sure").get_by_role("slider").fill("9")
    card(notebook, "Which day?").locator("input").fill("2026-12-24")
    card(notebook, "Describe it").get_by_role("textbox").first.fill("a bug")
    card(notebook, "Describe it").get_by_label("Path on the server").fill("/tmp/x.log")
    card(notebook, "Describe it").get_by_role("button", name="Add").click()
    form = card(notebook, "Book a trip")
    form.get_by_role("textbox", name="Name").fill("Ada")
    form.get_by_role("button", name="Add Person").click()
    form.get_by_role("textbox", name="Name").last.fill("Bob")
    notebook.save()

    notebook.reload()
    drafts_are_there(notebook)
    notebook.restart()
    notebook.run_done(0)
    notebook.run_done(1)
    drafts_are_there(notebook)
    card(notebook, "Your name?").get_by_role("textbox").press("Enter")
    expect(card(notebook, "Your name?", "answered")).to_contain_text("Ad · you")
    kept = notebook.page.evaluate('Object.values(localStorage).filter(text => /hunter2|^"Ad"$/.test(text))')
    assert kept == []


def drafts_are_there(notebook: Notebook) -> None:
    """What the test before typed stands in cell 1."""
    all_open(notebook)
    expect(card(notebook, "Your name?").get_by_role("textbox")).to_have_value("Ad")
    expect(card(notebook, "API key").get_by_role("textbox")).to_have_value("")
    expect(card(notebook, "Delete").get_by_label("Reason")).to_have_value("old")
    expect(card(notebook, "Which model?").get_by_label("Large")).to_be_checked()
    expect(card(notebook, "Which cities?").get_by_role("button", name="Remove Oslo")).to_be_visible()
    expect(card(notebook, "How many epochs?").get_by_role("spinbutton")).to_have_value("500")
    expect(card(notebook, "How sure").get_by_role("slider")).to_have_value("9")
    expect(card(notebook, "Which day?").locator("input")).to_have_value("2026-12-24")
    expect(card(notebook, "Describe it").get_by_role("textbox").first).to_have_value("a bug")
    expect(card(notebook, "Describe it").get_by_role("listitem")).to_contain_text("/tmp/x.log")
    expect(card(notebook, "Book a trip").get_by_role("textbox", name="Name").first).to_have_value("Ada")
    expect(card(notebook, "Book a trip").get_by_role("textbox", name="Name").last).to_have_value("Bob")


def test_what_is_wrong_stands_at_its_field_whoever_found_it(open_notebook):
    notebook = open_notebook(KINDS, AT_ONCE)

    notebook.run_done(0)
    notebook.run_done(1)
    all_open(notebook)
    epochs = card(notebook, "How many epochs?").get_by_role("spinbutton")
    epochs.fill("500")
    epochs.press("Enter")
    expect(epochs).to_have_attribute("aria-invalid", "true")
    expect(epochs).to_have_accessible_description("At most 100 is possible.")
    epochs.fill("50")
    expect(epochs).to_have_attribute("aria-invalid", "false")

    form = card(notebook, "Book a trip")
    form.get_by_role("button", name="Book").click()  # the page sees what is missing
    expect(form.get_by_role("textbox", name="Name")).to_be_focused()
    expect(form.get_by_role("textbox", name="Name")).to_have_accessible_description(
        "This is needed. As in the passport."
    )
    form.get_by_role("textbox", name="Name").fill("Ada")
    form.get_by_label("Day").fill("2026-12-24")
    form.get_by_role("textbox", name="Email").fill("ada@example.org")
    seats = form.get_by_label("Seats")
    seats.fill("7")
    seats.press("Enter")  # only the model knows
    expect(seats).to_have_accessible_description("Seven seats in a row there are none.")
    expect(seats).to_have_attribute("aria-invalid", "true")
    expect(seats).to_be_focused()
    seats.press("ArrowDown")
    expect(seats).to_have_attribute("aria-invalid", "false")
    seats.press("Enter")
    expect(card(notebook, "Book a trip", "answered")).to_contain_text("you")


def test_a_question_of_any_kind_that_is_closed_elsewhere_says_how_and_closes(open_notebook):
    notebook = open_notebook(
        KINDS,
        AT_ONCE,
        "for wait in run.waits:\n    if wait.kind != 'callback': ae.answer(wait.token, BY_ANA[wait.prompt], by='ana')",
        "run = at_once.start(run_id='cancelled')",
        "run.cancel()",
        "run = at_once.start(run_id='late', timeout=1)",
    )
    asked = COUNT - 1  # the callback is for no person

    notebook.run_done(0)
    notebook.run_done(1)
    all_open(notebook)
    notebook.run_done(2)
    expect(card(notebook, "ana through code", "answered")).to_have_count(asked)
    notebook.run_done(3)
    notebook.run_done(4)
    expect(notebook.prompt(3, "withdrawn").filter(has_text="not asked any more")).to_have_count(COUNT)
    notebook.run_done(5)
    expect(notebook.prompt(5, "expired").filter(has_text="no answer in time")).to_have_count(asked)
    for index in (1, 3, 5):
        expect(notebook.run_widget(index).locator("form")).to_have_count(0)


def test_a_new_question_leaves_the_cursor_to_somebody_who_writes(open_notebook):
    notebook = open_notebook(
        KINDS
        + """
@graph_fn(outputs=["name"])
async def soon(*, context):
    await wait_for_event("go")
    return {"name": await context.channel().ask_text("Your name?")}
""",
        "run = soon.start()\nasyncio.get_running_loop().call_later(1, ae.post_event, 'go')",
        "",
    )

    notebook.run_done(0)
    notebook.run_done(1)
    notebook.cell(2).locator(".cm-content").click()
    notebook.page.keyboard.type("x = 1")
    expect(card(notebook, "Your name?")).to_be_visible()
    notebook.page.keyboard.type("2")

    assert notebook.cell(2).locator(".cm-content").inner_text() == "x = 12"
    expect(
        notebook.run_widget(1).locator("[aria-live]").filter(has_text="soon asks: Your name?")
    ).to_have_count(1)


def test_an_object_is_written_as_json_where_the_form_cannot_be_had(open_notebook):
    notebook = open_notebook(
        KINDS + "from aether_nb.jupyter import desk\ndesk.CHUNKS = frozenset()",
        "@graph_fn(outputs=['seats'])\nasync def ask(*, context):\n"
        "    return {'seats': (await context.channel().ask_form(Trip, 'Book a trip')).seats}\nrun = ask.start()",
        "print((await run).seats)",
    )
    notebook.page.route("**/static/*/forms.js", lambda route: route.abort())

    notebook.run_done(0)
    notebook.run_done(1)
    field = card(notebook, "Book a trip").get_by_role("textbox")
    field.fill('{"name": "Ada", "seats": 7,')
    field.press("Control+Enter")
    expect(card(notebook, "Book a trip").get_by_role("alert").first).to_contain_text("no JSON yet")
    whole = '{"name": "Ada", "seats": %d, "day": "2026-12-24", "contact": {"email": "ada@example.org"}}'
    field.fill(whole % 7)
    field.press("Control+Enter")
    # a kernel that is slow to acknowledge gets the answer by the store, and then asks again
    fault = card(notebook, "Book a trip").get_by_role("alert").first
    expect(fault).to_contain_text("seats: seven seats", timeout=20_000)
    field.fill(whole % 2)
    field.press("Control+Enter")
    notebook.wait_status(1, "succeeded")

    assert notebook.run_done(2) == "2\n"


def test_with_every_kind_on_the_page_nothing_is_hard_to_reach_or_to_read(open_notebook):
    notebook = open_notebook(KINDS, AT_ONCE)
    notebook.page.set_viewport_size({"width": 1280, "height": 4000})

    notebook.run_done(0)
    notebook.run_done(1)
    all_open(notebook)
    assert notebook.faults() == []
    notebook.screenshot("questions-light")
    notebook.use_theme("Dark")
    notebook.screenshot("questions-dark")
    assert notebook.faults() == []
    notebook.use_theme("Light")


def test_entries_get_their_names_from_who_adds_them(open_notebook):
    notebook = open_notebook(
        "from pydantic import BaseModel\nfrom aether_nb import graph_fn\n\n"
        "class Stock(BaseModel):\n    pieces: dict[str, int] = {}\n\n"
        "@graph_fn(outputs=['got'])\nasync def count(*, context):\n"
        "    return {'got': (await context.channel().ask_form(Stock, 'What is there?')).pieces}\n\nrun = count.start()",
        "import json; print(json.dumps((await run).got))",
    )
    notebook.run_done(0)
    form = card(notebook, "What is there?", cell=0)
    form.get_by_role("button", name="Add entry").click()
    keyboard = notebook.page.keyboard
    expect(form.get_by_role("textbox", name="Name")).to_be_focused()
    expect(form.get_by_role("textbox", name="Name")).to_have_value("")
    form.get_by_role("button", name="Submit").click()
    expect(form).to_contain_text("It needs a name.")

    form.get_by_role("textbox", name="Name").focus()
    keyboard.type("apples")
    keyboard.press("Enter")
    expect(form.get_by_label("Value")).to_be_focused()
    expect(form).to_contain_text("A number is needed.")
    keyboard.type("12")
    form.get_by_role("button", name="Add entry").click()
    keyboard.type("pears")
    keyboard.press("Tab")
    keyboard.type("3")
    keyboard.press("Enter")
    notebook.wait_status(0, "succeeded")
    assert json.loads(notebook.run_done(1)) == {"apples": 12, "pears": 3}
