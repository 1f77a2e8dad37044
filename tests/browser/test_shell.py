"""What stands around the views in JupyterLab: badge, button, commands, what a reload brings back, themes."""

from __future__ import annotations

import re

import pytest
from browser.lab import Notebook
from browser.questions import KINDS
from browser.stories import AGENT
from helpers import poll
from playwright.sync_api import Locator, expect

BADGE = '.jp-SideBar .lm-TabBar-tab[data-id="aether-sidebar"]'
TWO = "a, b = agent.start(), agent.start()"


def execute(notebook: Notebook, command: str, **arguments: object) -> None:
    """Run a command of the page; nobody waits for its end."""
    notebook.page.evaluate("([id, args]) => void jupyterapp.commands.execute(id, args)", [command, arguments])


def waiting(notebook: Notebook) -> Locator:
    """The button in the notebook's toolbar."""
    return notebook.page.locator(".aether-waiting button")


def started(open_notebook, *sources: str, **how: str) -> Notebook:
    """A notebook whose cells have run."""
    notebook = open_notebook(AGENT, *sources, **how)
    for index in range(len(sources) + 1):
        notebook.run_done(index)
    return notebook


def row_of(notebook: Notebook) -> dict[str, str]:
    """The open question of a notebook, as the server has it."""
    rows = notebook.server.request("GET", "aether-nb/api/waits?limit=500")["waits"]
    (row,) = [each for each in rows if each["notebook"] == notebook.path]
    return row


@pytest.mark.parametrize("frontend", ["lab", "notebook"])
def test_open_questions_are_counted_on_their_notebook_and_the_button_goes_to_them(
    open_notebook, lab, frontend
):
    notebook = started(open_notebook, TWO, frontend=frontend)
    badge = notebook.page.locator(BADGE)

    expect(waiting(notebook)).to_have_text("2 waiting")
    if frontend == "lab":
        stores = lab.request("GET", "aether-nb/api/stores")["stores"]  # other tests have left some
        there = str(sum(store["open"] for store in stores))
        expect(badge).to_have_attribute("data-aether-open", there)
        expect(badge).to_have_accessible_name(f"Aether: {there} open questions")
    waiting(notebook).click()
    expect(notebook.prompt(1).locator("input:focus")).to_have_count(1)
    for number in range(2):
        widget = notebook.run_widget(1).nth(number)
        widget.get_by_role("textbox").fill("Ada")
        widget.get_by_role("textbox").press("Enter")
        widget.get_by_role("button", name="Yes", exact=True).click()
    expect(waiting(notebook)).to_be_hidden()


def test_who_does_not_want_badge_and_button_has_none(open_notebook, lab):
    settings = "lab/api/settings/aether_nb:plugin"
    notebook = started(open_notebook, TWO)
    expect(waiting(notebook)).to_be_visible()

    lab.request("PUT", settings, {"raw": '{"badge": false, "toolbarButton": false}'})
    try:
        notebook.reload()
        execute(notebook, "aether:open-inbox")
        expect(notebook.page.locator("#aether-sidebar [data-row]").first).to_be_visible()
        expect(waiting(notebook)).to_be_hidden()
        expect(notebook.page.locator(f"{BADGE}[data-aether-open]")).to_have_count(0)
    finally:
        lab.request("PUT", settings, {"raw": "{}"})


def test_commands_stand_in_palette_and_menus_and_the_next_question_has_the_cursor(open_notebook):
    notebook = started(open_notebook, TWO)
    page = notebook.page

    execute(notebook, "apputils:activate-command-palette")
    page.locator(".lm-CommandPalette-input").fill("aether")
    listed = page.locator(".lm-CommandPalette-item[data-command^=aether] .lm-CommandPalette-itemLabel")
    expect(listed).to_have_text(["Next Question", "Open Inbox", "Resume All in This Notebook"])
    page.keyboard.press("Escape")
    for menu, label in (("View", "Aether: Open Inbox"), ("Run", "Aether: Resume All in This Notebook")):
        page.locator(".lm-MenuBar-itemLabel", has_text=re.compile(f"^{menu}$")).click()
        expect(page.locator(".lm-Menu-itemLabel", has_text=label)).to_be_visible()
        page.keyboard.press("Escape")

    expect(page.locator(f"{BADGE}[data-aether-open]")).to_have_count(1)
    execute(notebook, "aether:next-question")
    expect(page.locator("#aether-sidebar [data-aether-wait] :is(input, button):focus")).to_have_count(1)


@pytest.mark.usefixtures("alone")
def test_after_a_restart_the_runs_of_a_notebook_go_on_by_a_command(open_notebook, folder_of):
    notebook = started(open_notebook, 'run = agent.start(run_id="lesson-1")')
    said = notebook.page.locator(".jp-Notification-List")

    notebook.restart()
    execute(notebook, "aether:resume-all")
    expect(notebook.page.locator(".jp-Notification-Status")).to_contain_text("1")
    execute(notebook, "apputils:display-notifications")
    expect(said).to_contain_text("run the cells first")
    expect(said.get_by_role("button", name="Run all cells")).to_be_visible()
    notebook.run_done(0)
    execute(notebook, "aether:resume-all")
    expect(said).to_contain_text("1 goes on.")

    execute(notebook, "aether:next-question")
    field = notebook.page.locator("#aether-sidebar [data-aether-wait] input")
    expect(field).to_be_focused()
    field.fill("Ada")
    field.press("Enter")
    store = folder_of(notebook).store
    asked = lambda: [wait.prompt.prompt for wait in store.waits(runs=["lesson-1"])]  # noqa: E731
    poll(lambda: asked() == ["Proceed?"], timeout_s=10, what="the next question")


@pytest.mark.parametrize("frontend", ["lab", "notebook"])
def test_after_a_reload_the_saved_picture_follows_the_run(open_notebook, folder_of, frontend):
    notebook = started(open_notebook, "run = agent.start()", frontend=frontend)
    notebook.wait_saved(1, "Your name?")

    notebook.reload()
    notebook.answer(1, "Ada")
    notebook.wait_saved(1, "Hello, Ada!")

    notebook.page.goto("about:blank")  # nobody looks, and what is sent meanwhile is lost
    store = folder_of(notebook).store
    row = row_of(notebook)
    reply = {"store": row["store"], "token": row["token"], "value": "Yes"}
    assert notebook.server.request("POST", "aether-nb/api/answer", reply)["accepted"]
    poll(lambda: store.runs()[0].status == "succeeded", timeout_s=10, what="the end of the run")
    notebook.open()
    notebook.wait_saved(1, "choice = Yes")


def test_the_cell_of_a_run_is_found_on_a_page_of_its_own_in_notebook_7(open_notebook):
    first = started(open_notebook, "run = agent.start()", frontend="notebook", name="first")
    first.wait_saved(1, "Your name?")
    row = row_of(first)
    second = open_notebook("1", frontend="notebook", name="second")

    execute(second, "aether:open-run", store=row["store"], run=row["run_id"], title="agent")
    with second.page.expect_popup() as opened:
        second.page.locator(".aether-run-tab").get_by_role("button", name="Go to cell").click()
    cell = opened.value.locator(f'.jp-Cell.jp-mod-active [data-aether-run="{row["run_id"]}"]')
    expect(cell.first).to_be_visible(timeout=30_000)


def test_another_notebook_goes_on_on_a_page_of_its_own_in_notebook_7(open_notebook, folder_of):
    first = started(open_notebook, "run = agent.start(run_id='lesson-1')", frontend="notebook", name="first")
    first.wait_saved(1, "Your name?")
    row = row_of(first)
    first.page.goto("about:blank")
    first.shut_down_kernel()
    second = open_notebook("1", frontend="notebook", name="second")

    execute(second, "aether:open-run", store=row["store"], run=row["run_id"], title="agent")
    with second.page.expect_popup() as opened:
        second.page.locator(".aether-run-tab").get_by_role("button", name="Resume").click()
    field = opened.value.locator("[data-aether-wait][data-state=open]").get_by_role("textbox")
    field.first.fill("Ada", timeout=60_000)
    field.first.press("Enter")
    store = folder_of(first).store
    asked = lambda: [wait.prompt.prompt for wait in store.waits(runs=["lesson-1"])]  # noqa: E731
    poll(lambda: asked() == ["Proceed?"], timeout_s=30, what="the next question")
    second.page.reload()
    assert "aether-nb:resumes" not in second.page.evaluate("Object.keys(sessionStorage)")


def test_large_files_of_the_page_come_from_the_extension(open_notebook):
    notebook = started(open_notebook, "run = agent.start()")
    asked: list[str] = []
    notebook.page.on("request", lambda request: asked.append(request.url))

    notebook.run_widget(1).get_by_role("tab", name="Timeline").click()
    expect(notebook.run_widget(1).locator(".aether-lazy > *")).not_to_have_count(0)
    assert any(re.search(r"/lab/extensions/aether_nb/static/\w+/closeup\.js$", url) for url in asked)


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_no_serious_fault_is_found_in_sidebar_and_tab_in_either_theme(open_notebook, theme):
    notebook = open_notebook(KINDS, "run = at_once.start()", AGENT, TWO)
    notebook.use_theme(theme)
    for index in range(4):
        notebook.run_done(index)
    page = notebook.page
    execute(notebook, "aether:open-inbox")
    expect(page.locator(f"{BADGE}[data-aether-open]")).to_have_count(1)
    notebook.screenshot(f"sidebar-{theme.lower()}")
    page.locator("#aether-runs").get_by_role("button", name="agent").first.press("Enter")
    tab = page.locator(".aether-run-tab [data-aether-run]")
    expect(tab).to_have_attribute("data-status", "waiting")
    expect(tab.locator("[data-aether-node]").first).to_be_visible()
    notebook.screenshot(f"tab-{theme.lower()}")

    assert notebook.faults("#aether-sidebar") == []
    assert notebook.faults(".aether-run-tab") == []
