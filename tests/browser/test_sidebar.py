"""The inbox, the list of runs and a run's tab in a real Lab, with kernels that ask, and without."""

from __future__ import annotations

import json
import re
import subprocess

import pytest
from browser.sidebar import TAB, Sidebar
from browser.stories import AGENT
from playwright.sync_api import expect
from unit.jupyter.doors import KERNEL, new_run, now_ms, write

from aether_nb.events import WaitOpened
from aether_nb.ids import NodeId, Token, new_token
from aether_nb.prompts import TextPrompt
from aether_nb.store.sqlite import SqliteStore

NAMED = 'run = agent.start(run_id="lesson-1")'
SLOW = """
import asyncio
from pathlib import Path
from aether_nb import graph_fn, tool

@tool
async def step(n):
    while not Path(f"go-{n}").exists():
        await asyncio.sleep(0.02)
    return n

@graph_fn(outputs=["last"])
async def slow():
    for n in range(3):
        last = await step(n)
    return {"last": last}

run = slow.start(run_id="slow-1")
"""


FLAKY = """
from pathlib import Path
from aether_nb import graphify, tool

@tool(outputs=["page"])
async def load(n):
    if not Path("there").exists():
        raise ConnectionError("\\x1b[31mno such host\\x1b[0m")
    return {"page": n}

@graphify(inputs=[], outputs=["page"])
def loads():
    return {"page": load(n=1).page}

run = loads.start(run_id="flaky-1")
"""


CALLBACK = """
from pathlib import Path
import aether_nb as ae
from aether_nb import graph_fn
from aether_nb.tools import http_callback

ae.configure(hook=True)

@http_callback
async def render(scene, *, url):
    Path("url.txt").write_text(url)

@graph_fn(outputs=["frames"])
async def film():
    return {"frames": (await render(scene="a"))["value"]["frames"]}

run = film.start(run_id="film-1")
"""


ROOM_FOR_ITS_WORDS = """
fields => fields.map(field => {
  const { font, paddingLeft, paddingRight } = getComputedStyle(field);
  const pen = Object.assign(document.createElement('canvas').getContext('2d'), { font });
  const room = field.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
  return pen.measureText(field.placeholder).width <= room;
})
"""

pytestmark = pytest.mark.usefixtures("alone")


@pytest.fixture
def sidebar_of():
    """The sidebar of a notebook's page, open."""

    def shown(notebook):
        sidebar = Sidebar(notebook)
        sidebar.open()
        return sidebar

    return shown


def test_a_question_appears_in_the_sidebar_and_is_answered_there_and_the_cell_says_by_whom(
    open_notebook, sidebar_of, folder_of
):
    notebook = open_notebook(AGENT, NAMED)
    sidebar = sidebar_of(notebook)
    sidebar.keep_time()
    notebook.run_done(0)
    notebook.run_done(1)

    ask = sidebar.ask("Your name?")
    expect(ask).to_be_visible()
    wait = folder_of(notebook).store.waits()[0]
    (asked,) = folder_of(notebook).store.asked([wait.token]).values()
    print(f"in the sidebar after {sidebar.came(wait.token) - asked.at_ms:.0f} ms")
    sidebar.answer(ask, "Ada")
    expect(notebook.prompt(1, "answered")).to_contain_text(re.compile("Ada · you"))
    expect(sidebar.ask("Your name?")).to_contain_text("Ada · you")
    sidebar.card("Proceed?").get_by_role("button", name="Yes", exact=True).click()
    notebook.wait_status(1, "succeeded")
    expect(sidebar.run("lesson-1")).to_have_attribute("data-status", "succeeded")
    assert folder_of(notebook).ledger() == ["greeted Ada"]


def test_what_is_answered_in_the_cell_is_closed_in_the_sidebar(open_notebook, sidebar_of):
    notebook = open_notebook(AGENT, NAMED)
    sidebar = sidebar_of(notebook)
    notebook.run_done(0)
    notebook.run_done(1)
    expect(sidebar.card("Your name?")).to_be_visible()
    notebook.answer(1, "Ada")
    expect(sidebar.ask("Your name?")).to_contain_text("Ada · you")
    expect(sidebar.inbox.locator("[aria-live]")).to_contain_text("Closed: Your name?")


def test_a_run_that_failed_is_tried_again_from_the_list(open_notebook, sidebar_of, folder_of):
    notebook = open_notebook(FLAKY)
    sidebar = sidebar_of(notebook)
    notebook.run_done(0)
    expect(sidebar.run("flaky-1")).to_have_attribute("data-status", "failed")
    expect(notebook.run_widget(0)).to_contain_text("ConnectionError: no such host")
    (notebook.file.parent / "there").touch()
    sidebar.press("flaky-1", "Retry")
    expect(sidebar.run("flaky-1")).to_have_attribute("data-status", "succeeded")
    expect(sidebar.runs.locator(".aether-said")).to_have_text("loads is tried again.")
    notebook.wait_status(0, "succeeded")


def test_the_cell_of_a_question_is_gone_to_also_when_its_notebook_is_closed(open_notebook, sidebar_of):
    closed = open_notebook(AGENT, *("print('line\\n' * 40)" for _ in range(3)), NAMED, name="closed")
    for cell in range(5):
        closed.run_done(cell)
    closed.wait_saved(4, "Your name?")
    closed.page.goto("about:blank")
    other = open_notebook("1", name="other")
    sidebar = sidebar_of(other)
    sidebar.ask("Your name?").get_by_role("button", name="Go to cell").click()
    panel = other.page.locator(".jp-NotebookPanel:visible")
    expect(panel.locator('.jp-Cell.jp-mod-active [data-aether-run="lesson-1"]').first).to_be_in_viewport(
        timeout=30_000
    )
    expect(other.page.locator(".lm-TabBar-tab.jp-mod-current", has_text="closed.ipynb")).to_be_visible()


def test_the_sidebar_stays_open_when_the_page_is_loaded_again(open_notebook, sidebar_of):
    notebook = open_notebook(AGENT, NAMED)
    with notebook.page.expect_request(
        lambda request: (
            request.method == "PUT"
            and "/api/workspaces/" in request.url
            and '"current":"aether-sidebar"' in (request.post_data or "").replace('\\"', '"').replace(" ", "")
        )
    ):
        sidebar = sidebar_of(notebook)
    notebook.page.reload()
    expect(sidebar.inbox).to_be_visible(timeout=30_000)


def test_notebooks_of_one_name_are_told_apart_and_the_search_can_be_read(open_notebook, sidebar_of):
    one = open_notebook(AGENT, 'run = agent.start(run_id="one")', name="a/lesson")
    two = open_notebook(AGENT, 'run = agent.start(run_id="two")', name="b/lesson")
    for notebook in (one, two):
        notebook.run_done(0)
        notebook.run_done(1)
    sidebar = sidebar_of(two)
    expect(sidebar.inbox.locator("h3 > span:first-child")).to_have_text(["a/lesson.ipynb", "b/lesson.ipynb"])
    fields = sidebar.page.locator(".aether-side input[type=search]")
    expect(fields).to_have_count(2)
    assert all(fields.evaluate_all(ROOM_FOR_ITS_WORDS))


def test_two_notebooks_with_a_kernel_each_have_one_inbox(open_notebook, sidebar_of):
    one = open_notebook(AGENT, 'run = agent.start(run_id="one")', name="one")
    two = open_notebook(AGENT, 'run = agent.start(run_id="two")', name="two")
    for notebook in (one, two):
        notebook.run_done(0)
        notebook.run_done(1)

    sidebar = sidebar_of(one)
    expect(sidebar.asks()).to_have_count(2)
    for name in ("one", "two"):
        group = sidebar.inbox.get_by_role("region", name=re.compile(f"{name}.ipynb"))
        sidebar.answer(group.locator("[data-row]").first, f"Ada {name}")
    expect(one.prompt(1, "answered")).to_contain_text("Ada one")
    expect(two.prompt(1, "answered")).to_contain_text("Ada two")


def test_with_the_kernel_gone_an_answer_is_kept_and_the_button_has_the_notebook_go_on(
    open_notebook, sidebar_of, folder_of
):
    notebook = open_notebook(AGENT, NAMED)
    sidebar = sidebar_of(notebook)
    notebook.run_done(0)
    notebook.run_done(1)
    notebook.save()
    notebook.dismiss_dialogs()
    notebook.shut_down_kernel()

    ask = sidebar.ask("Your name?")
    expect(ask).to_contain_text("Will continue when the notebook resumes.", timeout=15_000)
    sidebar.answer(ask, "Ada")
    expect(ask).to_contain_text("Ada · you")
    expect(ask).to_contain_text("Will continue when the notebook resumes.")
    assert folder_of(notebook).answers("lesson-1")[0][1] == "Ada"
    ask.get_by_role("button", name="Resume").click()
    sidebar.card("Proceed?").get_by_role("button", name="Yes", exact=True).click(timeout=60_000)
    expect(sidebar.run("lesson-1")).to_have_attribute("data-status", "succeeded", timeout=30_000)
    assert folder_of(notebook).ledger() == ["greeted Ada"]


def test_a_run_as_a_tab_is_told_live_and_asks_as_its_cell_does(open_notebook, sidebar_of):
    notebook = open_notebook(SLOW, AGENT, NAMED)
    sidebar = sidebar_of(notebook)
    notebook.run_done(0)
    shown = sidebar.open_run("slow-1")
    for n in range(3):
        expect(shown.locator('[data-aether-node][data-status="succeeded"]')).to_have_count(n)
        (notebook.file.parent / f"go-{n}").touch()
    expect(shown).to_have_attribute("data-status", "succeeded")
    shown.get_by_role("tab", name="Table").click()
    expect(shown.get_by_role("row")).to_have_count(4)
    shown.get_by_role("tab", name="Timeline").click()
    expect(shown.locator(".aether-timeline")).to_be_visible()


def test_a_tab_of_any_size_is_used_as_it_is(open_notebook, sidebar_of):
    many = SLOW.replace("range(3)", "range(60)").replace("while not", "while n < 0 and not")
    notebook = open_notebook(many, AGENT, NAMED)
    sidebar = sidebar_of(notebook)
    page = sidebar.page
    for cell in range(3):
        notebook.run_done(cell)
    shown = sidebar.open_run("lesson-1")
    expect(shown.get_by_role("tab")).to_have_count(3)
    for width in (1280, 1000, 950, 900, 800):  # beside a sidebar
        page.set_viewport_size({"width": width, "height": 900})
        tops = shown.get_by_role("tab").evaluate_all(
            "tabs => tabs.map(tab => tab.getBoundingClientRect().top)"
        )
        assert len(set(tops)) == 1, f"the tabs stand in one line in a page {width} wide"

    shown = sidebar.open_run("slow-1")
    shown.get_by_role("tab", name="Timeline").click()
    tab = page.locator(".aether-tab:visible")
    for height in (1600, 600):
        page.set_viewport_size({"width": 1280, "height": height})
        expect(shown.locator("[data-aether-row]").first).to_be_visible()
        ends = "e => e.getBoundingClientRect().bottom"
        left = tab.evaluate(ends) - shown.locator(".aether-gantt").evaluate(ends)
        assert 0 <= left < 120, f"in a page {height} high {left} are left below"
    shown.get_by_role("tab", name="Graph").click()
    drawing = shown.locator(".aether-drawing")
    for height in (600, 1600):
        page.set_viewport_size({"width": 1280, "height": height})
        share = "e => e.clientHeight / e.closest('.aether-tab').clientHeight"
        page.wait_for_function(f"e => Math.abs(({share})(e) - 0.7) < 0.01", arg=drawing.element_handle())


def test_a_run_that_no_kernel_has_is_shown_as_a_tab_and_answered_there(open_notebook, sidebar_of, folder_of):
    notebook = open_notebook(AGENT, NAMED)
    sidebar = sidebar_of(notebook)
    notebook.run_done(0)
    notebook.run_done(1)
    notebook.dismiss_dialogs()
    notebook.shut_down_kernel()
    shown = sidebar.open_run("lesson-1")
    expect(shown.locator("xpath=ancestor::*[contains(@class, 'aether-tab')][1]")).to_contain_text(
        "Will continue when the notebook resumes."
    )
    field = shown.locator("[data-aether-wait][data-state=open]").get_by_role("textbox")
    field.fill("Ada")
    field.press("Enter")
    expect(shown.locator("[data-aether-wait][data-state=answered]")).to_contain_text("Ada · you")
    assert folder_of(notebook).answers("lesson-1")[0][1] == "Ada"


def test_runs_are_cancelled_found_and_deleted_in_the_list(open_notebook, sidebar_of, folder_of):
    notebook = open_notebook(AGENT, *(f'run = agent.start(run_id="run-{n}")' for n in range(3)))
    sidebar = sidebar_of(notebook)
    for cell in range(4):
        notebook.run_done(cell)
    expect(sidebar.run("run-0")).to_have_attribute("data-status", "waiting")
    sidebar.press("run-0", "Cancel")
    sidebar.press("run-0", "Cancel: sure?")
    expect(sidebar.run("run-0")).to_have_attribute("data-status", "cancelled")
    sidebar.runs.get_by_label("Status").select_option("cancelled")
    expect(sidebar.runs.locator("[data-run]")).to_have_count(1)
    sidebar.press("run-0", "Delete")
    notebook.page.locator(".jp-Dialog").get_by_role("button", name="Delete").click()
    expect(sidebar.runs.locator("[data-run]")).to_have_count(0)
    assert [row.run_id for row in folder_of(notebook).runs()] == ["run-1", "run-2"]


SCROLL = """
async ([box, by]) => {
  const list = document.querySelector(box);
  let last = performance.now();
  let longest = 0;
  for (let i = 0; i < 60; i++) {
    list.scrollTop += by;
    await new Promise(resolve => requestAnimationFrame(resolve));
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }
  return longest;
}
"""


def test_five_hundred_questions_and_ten_thousand_runs_are_on_the_page_as_far_as_they_are_seen(
    open_notebook, sidebar_of, folder_of
):
    notebook = open_notebook(AGENT, NAMED)
    sidebar = sidebar_of(notebook)
    notebook.run_done(0)
    notebook.run_done(1)
    store = folder_of(notebook).store
    tokens = fill(store, runs=10_000, waits=500)
    expect(sidebar.inbox.locator(".aether-more")).to_contain_text("(401)", timeout=20_000)
    notebook.reload()
    sidebar.open()
    expect(sidebar.asks().first).to_be_visible()
    expect(sidebar.runs.locator("[data-run]").first).to_be_visible()
    assert sidebar.asks().count() <= 101
    assert sidebar.runs.locator("[data-run]").count() < 80
    print(f"longest frame, runs: {notebook.page.evaluate(SCROLL, ['.aether-run-list', 8000]):.0f} ms")
    print(
        f"longest frame, inbox: {notebook.page.evaluate(SCROLL, ['.aether-inbox .aether-side-list', 80]):.0f} ms"
    )

    sidebar.runs.locator("[data-rove]").first.focus()
    notebook.page.keyboard.press("End")
    oldest = sidebar.run("lesson-1")  # the first that came into the store
    expect(oldest).to_be_visible()
    expect(oldest.locator("[data-rove]")).to_be_focused()
    assert sidebar.runs.locator("[data-run]").count() < 80
    sidebar.inbox.get_by_label("Search questions").fill("question 499")
    ask = sidebar.ask("Question 499")
    expect(ask).to_be_visible()
    expect(sidebar.asks()).to_have_count(1)
    sidebar.answer(ask, "42")
    expect(ask).to_contain_text("42 · you")
    assert store.wait(tokens[499]).reply.value == "42"


def test_the_sidebar_and_the_tab_are_looked_at_by_axe_and_in_the_dark(open_notebook, sidebar_of):
    notebook = open_notebook(AGENT, NAMED, SLOW.replace("while not", "while n == 2 and not"))
    sidebar = sidebar_of(notebook)
    for cell in range(3):
        notebook.run_done(cell)
    expect(sidebar.card("Your name?")).to_be_visible()
    shown = sidebar.open_run("slow-1")
    expect(shown.locator('[data-aether-node][data-status="succeeded"]')).to_have_count(2)
    shown.locator("[data-aether-node]").first.click()
    expect(shown.get_by_role("heading", name="Outputs")).to_be_visible()
    for theme in ("Light", "Dark"):
        notebook.use_theme(theme)
        notebook.screenshot(f"sidebar-{theme.lower()}")
        assert sidebar.faults("#aether-sidebar .aether-inbox") == []
        assert sidebar.faults("#aether-sidebar .aether-runs") == []
        assert sidebar.faults(".aether-tab") == []


def test_a_service_that_reports_back_by_curl_has_the_run_go_on(open_notebook, sidebar_of):
    notebook = open_notebook(CALLBACK)
    sidebar = sidebar_of(notebook)
    notebook.run_done(0)
    expect(sidebar.asks()).to_have_count(1)
    expect(sidebar.asks().first).to_have_attribute("data-asks", "false")
    expect(sidebar.inbox).to_contain_text("Nothing waits for an answer.")
    expect(notebook.page.locator(f"{TAB}[data-aether-open]")).to_have_count(0)
    expect(notebook.page.locator(".aether-waiting button")).to_be_hidden()
    url = (notebook.file.parent / "url.txt").read_text()
    assert url.startswith(f"{notebook.server.url}/aether-nb/hook/"), url
    said = subprocess.run(
        ["curl", "--silent", "--data", '{"frames": 24}', url], capture_output=True, text=True, check=True
    ).stdout
    assert json.loads(said) == {"accepted": True}
    notebook.wait_status(0, "succeeded")
    expect(sidebar.run("film-1")).to_have_attribute("data-status", "succeeded")
    expect(sidebar.asks().first).to_have_attribute("data-over", "true")


def test_a_secret_is_asked_for_in_its_cell_alone(open_notebook, sidebar_of):
    notebook = open_notebook(
        "from aether_nb import graph_fn\n\n@graph_fn(outputs=[])\nasync def login(*, context):\n"
        "    await context.channel().ask_text('API key', secret=True)\n\nrun = login.start()"
    )
    sidebar = sidebar_of(notebook)
    notebook.run_done(0)
    expect(sidebar.card("API key")).to_contain_text("answer it in its cell")
    expect(sidebar.card("API key").locator("input")).to_have_count(0)
    notebook.answer(0, "hunter2")
    notebook.wait_status(0, "succeeded")
    expect(sidebar.ask("API key")).to_have_attribute("data-over", "true")
    expect(sidebar.inbox).not_to_contain_text("hunter2")


def test_all_of_the_sidebar_is_done_with_the_keyboard(open_notebook, sidebar_of):
    notebook = open_notebook(AGENT, *(f'agent.start(run_id="run-{n}")' for n in range(5)))
    sidebar = sidebar_of(notebook)
    for cell in range(6):
        notebook.run_done(cell)
    expect(sidebar.asks()).to_have_count(5)
    keys = notebook.page.keyboard
    sidebar.inbox.get_by_label("Search questions").focus()
    keys.press("ArrowDown")
    expect(sidebar.asks().nth(0).locator("[data-rove]")).to_be_focused()
    keys.press("End")
    expect(sidebar.asks().nth(4).locator("[data-rove]")).to_be_focused()
    keys.press("Enter")
    expect(sidebar.asks().nth(4).get_by_role("textbox")).to_be_focused()
    keys.type("Eve")
    keys.press("Escape")
    last = sidebar.asks().nth(4).locator("[data-rove]")
    expect(last).to_be_focused()
    keys.press("ArrowLeft")
    expect(last).to_have_attribute("aria-expanded", "false")
    keys.press("ArrowRight")
    expect(sidebar.asks().nth(4).get_by_role("textbox")).to_have_value("Eve")
    keys.press("Enter")
    expect(sidebar.asks().nth(4)).to_contain_text("Eve · you")
    # the cursor is where the question was, and the next one comes below
    expect(sidebar.asks().nth(4).locator("[data-rove]")).to_be_focused()
    keys.press("ArrowUp")
    expect(sidebar.asks().nth(3).locator("[data-rove]")).to_be_focused()


def fill(store: SqliteStore, *, runs: int, waits: int) -> list[Token]:
    """Put runs into a store, and questions of ten more."""
    store.register_kernel(KERNEL, "many.ipynb", now_ms())
    for n in range(runs):
        new_run(store, f"old-{n}", created_ms=n + 1, graph=f"graph_{n % 7}")
    tokens = [new_token() for _ in range(waits)]
    for n in range(10):
        run = new_run(store, f"asks-{n}", home=f"../many-{n}.ipynb")
        asks = [
            WaitOpened(
                run=run, seq=2 + at, at_us=now_ms() * 1000, node=NodeId(token), token=token, kind="text",
                prompt=TextPrompt(prompt=f"Question {n + 10 * at}?"),
            )
            for at, token in enumerate(tokens[n::10])
        ]  # fmt: skip
        write(store, run, *asks, status="waiting")
    return tokens
