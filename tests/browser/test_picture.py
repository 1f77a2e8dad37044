"""The picture on the page: folding, zooming, one node close up, the timeline, the table, and a thousand nodes."""

from __future__ import annotations

import re

import pytest
from browser.test_widget import NO_DOT
from playwright.sync_api import Locator, expect

CRAWL = """
import asyncio
import aether_nb as ae
from aether_nb import graphify, tool, when
from aether_nb.tools import ask_approval

broken = True

@tool(outputs=["urls"])
async def find(n, *, context):
    context.logger().info("looking for %d", n)
    print("seen:", n)
    return {"urls": [f"https://example.org/{i}" for i in range(n)]}

@tool(outputs=["page"])
async def load(url):
    await asyncio.sleep(0.01)
    return {"page": url.upper()}

@tool(outputs=["words"], retries=1)
async def count(pages):
    if broken:
        raise ConnectionError("no such host")
    return {"words": len(pages)}

@tool(outputs=["title"])
async def title(pages):
    return {"title": "x" * 5000}

@graphify(inputs=["pages"], outputs=["words"])
def survey(pages):
    title(pages=pages)
    return {"words": count(pages=pages).words}

@tool(outputs=["place"])
async def publish(words):
    return {"place": "everywhere"}

@tool(outputs=["place"])
async def shelve(words):
    return {"place": "the shelf"}

@graphify(inputs=["n"], outputs=["place"])
def crawl(n):
    pages = load.map(find(n=n).urls, max_concurrency=5)
    words = survey(pages=pages.page).words
    ok = ask_approval(prompt="Publish?", options=("Yes", "No"))
    return {"place": when(ok.approved, then=lambda: publish(words), otherwise=lambda: shelve(words)).place}
"""
ASKING = """
import asyncio
from aether_nb import graph_fn, tool
from aether_nb.tools import ask_text, wait_for_event

@tool
async def dig(n):
    await asyncio.sleep(0.05)
    return n

@graph_fn(outputs=["names"])
async def asking():
    await dig(1)
    async with asyncio.TaskGroup() as both:
        name = both.create_task(ask_text("Your name?"))
        both.create_task(wait_for_event("go"))
    return {"names": (await name).text}
"""
MANY = """
import asyncio
from aether_nb import graph_fn, tool

@tool
async def step(n):
    await asyncio.sleep(0.004)
    return n

@graph_fn(outputs=["n"])
async def many():
    async def chain(k):
        for n in range(100):
            await step(n + 1000 * k)
    await asyncio.gather(*(chain(k) for k in range(10)))
    return {"n": 1000}
"""
CHAIN = """
from aether_nb import graphify, tool

@tool(outputs=["x"])
async def step(x):
    return {"x": x + 1}

@graphify(inputs=["n"], outputs=["x"])
def chain(n):
    for _ in range(1000):
        n = step(x=n).x
    return {"x": n}
"""
HOSTILE = """
import aether_nb as ae
from aether_nb import graph_fn, tool
from aether_nb.tools import ask_text

BAD = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'

@tool
async def bad(text, *, context):
    context.logger().warning(text)
    raise ValueError(text)

@graph_fn(outputs=["x"])
async def hostile(text):
    await bad(text)
    return {"x": text}

run = hostile.start(text=BAD)
"""


def view_box(drawing: Locator) -> list[float]:
    return [float(x) for x in (drawing.locator("svg").get_attribute("viewBox") or "").split()]


def other_view_box(drawing: Locator, before: list[float]) -> list[float]:
    """What is seen of the picture, once that is something else than before."""
    pattern = re.compile(f"^{re.escape(drawing.locator('svg').get_attribute('viewBox') or '')}$")
    if view_box(drawing) == before:
        expect(drawing.locator("svg")).not_to_have_attribute("viewBox", pattern)
    return view_box(drawing)


def detail(widget: Locator) -> Locator:
    return widget.locator("[data-aether-detail]")


def test_groups_fold_and_open_and_a_node_is_seen_close_up(open_notebook):
    notebook = open_notebook(CRAWL, "run = crawl.start(n=12)", "broken = False")
    notebook.run_done(0)
    notebook.run_done(1)
    widget = notebook.run_widget(1)
    expect(notebook.node(1, "12/12")).to_have_attribute("data-status", "succeeded")

    # a map opens into its items, a sub-graph folds into one node with a count; a reload finds both as they were
    widget.get_by_role("button", name="Open load").click()
    expect(notebook.node(1, "load[11]").last).to_have_attribute("data-status", "succeeded")
    fold = widget.get_by_role("button", name="Fold survey")
    fold.focus()
    fold.press("Enter")
    expect(notebook.node(1, "survey")).to_contain_text("1/2, 1 failed")
    expect(widget.get_by_role("button", name="Open survey")).to_be_focused()
    notebook.save()
    notebook.reload()
    expect(notebook.node(1, "load[11]").last).to_be_visible()
    expect(notebook.node(1, "count")).to_have_count(0)
    widget.get_by_role("button", name="Open survey").click()
    widget.get_by_role("button", name="Fold load").click()
    expect(notebook.node(1, "load[11]")).to_have_count(0)

    # log, inputs and code of a node
    notebook.node(1, "find").click()
    expect(detail(widget)).to_contain_text(re.compile(r"looking for 12\n.*seen: 12\n"))
    notebook.wait_output(1, "seen: 12")  # and where it goes by itself, too
    expect(detail(widget)).to_contain_text("https://example.org/0")
    detail(widget).get_by_text("Source", exact=True).click()
    expect(detail(widget)).to_contain_text("async def find")
    widget.page.keyboard.press("Escape")
    expect(detail(widget)).to_have_count(0)
    notebook.node(1, "title").click()
    expect(detail(widget)).to_contain_text("the first 2,000 of 5,000 characters")

    # an item of a folded map is found in the timeline
    widget.page.keyboard.press("Escape")
    widget.get_by_role("tab", name="Timeline").click()
    widget.get_by_role("button", name="load[7]").click()
    expect(detail(widget)).to_contain_text("HTTPS://EXAMPLE.ORG/7")
    widget.get_by_role("tab", name="Graph").click()

    # a failed one has its attempts, each with the user's frames, and is tried again from there
    notebook.choose(1, "No")
    notebook.wait_status(1, "failed")
    notebook.node(1, "count").last.click()
    attempts = detail(widget).locator("ol > li")
    expect(attempts).to_have_count(2)
    expect(attempts.last).to_contain_text("ConnectionError: no such host")
    expect(attempts.last).to_contain_text('in count: raise ConnectionError("no such host")')
    notebook.run_done(2)
    detail(widget).get_by_role("button", name="Retry this node").click()
    notebook.wait_status(1, "succeeded")
    expect(detail(widget).locator("ol > li")).to_have_count(3)
    expect(detail(widget)).to_contain_text("words")
    not_taken = widget.locator("[data-aether-node^=publish]")
    expect(not_taken).to_have_attribute("data-status", "skipped")
    assert float(not_taken.evaluate("e => getComputedStyle(e).opacity")) < 0.7


def test_the_picture_zooms_and_moves_and_leaves_the_wheel_to_the_notebook(open_notebook):
    notebook = open_notebook(CRAWL, "run = crawl.start(n=100)", *["1"] * 20)
    notebook.run_done(0)
    notebook.run_done(1)
    widget = notebook.run_widget(1)
    expect(notebook.node(1, "100/100")).to_be_visible()
    widget.get_by_role("button", name="Open load").click()
    expect(notebook.node(1, "load[99]")).to_have_count(1)
    drawing = widget.locator(".aether-drawing")
    drawing.scroll_into_view_if_needed()
    box = drawing.bounding_box()
    mouse, keys = notebook.page.mouse, notebook.page.keyboard
    mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    before = view_box(drawing)
    top = drawing.bounding_box()["y"]
    mouse.wheel(0, 120)
    notebook.page.wait_for_function(
        "([e, y]) => e.getBoundingClientRect().y < y - 20", arg=[drawing.element_handle(), top]
    )
    assert view_box(drawing) == before
    mouse.wheel(0, -120)
    notebook.page.wait_for_function(
        "([e, y]) => e.getBoundingClientRect().y > y - 2", arg=[drawing.element_handle(), top]
    )

    keys.down("Control")
    mouse.wheel(0, -240)
    keys.up("Control")
    expect(drawing.locator("svg")).not_to_have_attribute("viewBox", " ".join(f"{x:g}" for x in before))
    closer = view_box(drawing)
    assert closer[2] < before[2]
    mouse.down()
    mouse.move(box["x"] + box["width"] / 2 - 80, box["y"] + box["height"] / 2 - 20, steps=5)
    mouse.up()
    dragged = other_view_box(drawing, closer)
    assert dragged[0] > closer[0]
    assert dragged[2:] == closer[2:]
    expect(detail(widget)).to_have_count(0)  # a drag is no click

    drawing.focus()
    keys.press("ArrowLeft")
    left = other_view_box(drawing, dragged)
    assert left[0] < dragged[0]
    keys.press("0")
    whole = other_view_box(drawing, left)
    assert whole[2] > closer[2]
    widget.get_by_role("button", name="Zoom in").click()
    assert other_view_box(drawing, whole)[2] < whole[2]


def test_a_picture_beside_questions_is_as_large_as_it_may_be_and_nothing_lies_on_it(open_notebook):
    notebook = open_notebook(ASKING, "run = asking.start()")
    notebook.run_done(0)
    notebook.run_done(1)
    widget = notebook.run_widget(1)
    expect(notebook.node(1, "Your name?")).to_have_attribute("data-status", "waiting")
    drawing = widget.locator(".aether-drawing")
    drawing.hover()

    assert drawing.evaluate("e => e.clientWidth / e.firstChild.viewBox.baseVal.width") == pytest.approx(
        1, abs=0.02
    )
    zoom = widget.get_by_role("group", name="Zoom")
    expect(zoom).to_have_css("opacity", "1")
    buttons, picture = zoom.bounding_box(), drawing.bounding_box()
    assert buttons["y"] + buttons["height"] <= picture["y"]
    tabs = widget.get_by_role("tab").last.bounding_box()
    assert tabs["x"] + tabs["width"] <= buttons["x"]
    notebook.screenshot("picture-beside")


def test_a_chain_of_a_thousand_is_seen_whole_and_in_its_colours(open_notebook):
    notebook = open_notebook(CHAIN, "run = chain.start(n=0)")
    notebook.run_done(0)
    notebook.run_done(1)
    notebook.wait_status(1, "succeeded")
    widget = notebook.run_widget(1)
    nodes = widget.locator(".node")
    expect(nodes).to_have_count(1000)
    drawing = widget.locator(".aether-drawing")
    before = view_box(drawing)
    widget.get_by_role("button", name="Fit").click()
    other_view_box(drawing, before)
    around = drawing.bounding_box()
    top = (
        "e => e.getBBox().y * e.getScreenCTM().d + e.getScreenCTM().f"  # a bounding box has the stroke in it
    )
    ends = [node.locator("path, polygon").first.evaluate(top) for node in (nodes.first, nodes.last)]
    assert around["y"] <= min(ends) < max(ends) <= around["y"] + around["height"]
    expect(nodes.first.locator("path, polygon").first).to_have_css("vector-effect", "non-scaling-stroke")
    notebook.screenshot("picture-chain")


def test_timeline_and_table_follow_the_run_and_a_node_is_cancelled(open_notebook):
    notebook = open_notebook(
        ASKING, "run = asking.start(run_id='asked')", "run", "ae = __import__('aether_nb')"
    )
    notebook.run_done(0)
    notebook.run_done(1)
    widget = notebook.run_widget(1)
    expect(notebook.node(1, "Your name?")).to_have_attribute("data-status", "waiting")

    widget.get_by_role("tab", name="Timeline").click()
    row = widget.locator("[data-aether-row]").filter(has_text="Your name?")
    expect(row.locator("[data-kind=waiting][data-open=true]")).to_have_count(1)
    expect(row).to_contain_text("waiting for a person")
    expect(widget.locator("[data-kind=outside][data-open=true]")).to_have_count(1)
    expect(
        widget.locator("[data-aether-row]").filter(has_text="dig").locator("[data-kind=computing]")
    ).to_have_count(1)
    notebook.answer(1, "Ada")
    expect(row).to_have_attribute("data-status", "succeeded")
    expect(row.locator("[data-open=true]")).to_have_count(0)

    # another view of the run opens where this one was looked at last
    notebook.run_done(2)
    expect(notebook.run_widget(2).get_by_role("tab", name="Timeline")).to_have_attribute(
        "aria-selected", "true"
    )
    widget.get_by_role("tab", name="Timeline").press("ArrowRight")
    expect(widget.get_by_role("tab", name="Table")).to_be_focused()
    table = widget.get_by_role("table")
    expect(table.locator("tbody tr")).to_have_count(3)
    expect(table.locator("tbody tr").first).to_contain_text("dig")
    table.get_by_role("button", name="Status").click()
    expect(table.locator("tbody tr").first).to_contain_text("waiting")
    expect(table.locator("th[aria-sort=ascending]")).to_contain_text("Status")

    # what destroys work asks back; then the node is cancelled, and with it what awaits it
    table.locator("tbody tr").first.get_by_role("button").click()
    expect(detail(widget)).to_be_focused()
    detail(widget).get_by_role("button", name="Cancel this node", exact=True).click()
    notebook.wait_status(1, "waiting")
    detail(widget).get_by_role("button", name="Cancel this node: sure?").click()
    notebook.wait_status(1, "failed")
    expect(table.locator("[data-status=cancelled]")).to_have_count(1)


def test_a_stored_result_says_so_and_runs_again(open_notebook):
    first = "from aether_nb import graph_fn, tool\n\n@tool\nasync def greet(): return 'hello'\n\n"
    graph = "@graph_fn(outputs=['x'])\nasync def twice():\n    return {'x': await greet()}\n"
    notebook = open_notebook(
        first + graph, "run = twice.start(run_id='kept')", first.replace("hello", "bye") + graph
    )
    notebook.run_done(0)
    notebook.run_done(1)
    notebook.wait_status(1, "succeeded")
    expect(notebook.run_widget(1).get_by_role("button", name="Run again")).to_have_count(0)
    notebook.run_done(2)
    notebook.run_done(1)
    widget = notebook.run_widget(1)
    expect(widget).to_contain_text(
        re.compile(r"finished \d\d:\d\d, stored result, the code of greet has changed")
    )
    expect(widget).to_contain_text("hello")
    widget.get_by_text("What has changed").click()
    expect(widget.locator(".aether-diff [data-line='-']")).to_contain_text("return 'hello'")
    expect(widget.locator(".aether-diff [data-line='+']")).to_contain_text("return 'bye'")
    notebook.press(1, "Run again")
    expect(widget.locator(".aether-outputs")).to_contain_text("bye")
    expect(widget.get_by_role("button", name="Run again")).to_have_count(0)


@pytest.mark.parametrize("frontend", ["lab", "notebook"])
def test_a_run_of_a_thousand_nodes_can_be_used_while_it_runs(open_notebook, frontend):
    notebook = open_notebook(MANY, "run = many.start()", "await run", frontend=frontend)
    notebook.run_done(0)
    notebook.run_done(1)
    widget = notebook.run_widget(1)
    widget.locator("[data-aether-node]").first.wait_for()
    widget.get_by_role("tab", name="Table").click()
    widget.locator("tbody tr").first.get_by_role("button").click()
    expect(detail(widget)).to_contain_text("Source", timeout=20_000)
    widget.page.keyboard.press("Escape")
    widget.get_by_role("tab", name="Graph").click()
    expect(widget.locator("[data-aether-node]").first).to_be_visible()
    notebook.run_done(2, timeout_s=60)
    notebook.wait_status(1, "succeeded")
    expect(widget.locator("[data-aether-node]")).to_have_count(1000)

    widget.get_by_role("tab", name="Timeline").click()
    expect(widget.locator("[data-aether-row]").first).to_be_visible()
    assert widget.locator("[data-aether-row]").count() < 100
    widget.locator(".aether-gantt").evaluate("e => { e.scrollTop = e.scrollHeight; }")
    expect(widget.locator("[data-aether-row]").last).to_be_in_viewport()
    widget.get_by_role("tab", name="Table").click()
    expect(widget.locator("tbody tr")).to_have_count(1000)
    widget.locator("tbody tr").nth(500).get_by_role("button").click()
    expect(detail(widget)).to_contain_text("Source")


def test_the_keyboard_comes_to_groups_in_the_order_of_reading(open_notebook):
    notebook = open_notebook(CRAWL, "run = crawl.start(n=7)")
    notebook.run_done(0)
    notebook.run_done(1)
    widget = notebook.run_widget(1)
    for button in ("Open load", "Fold survey"):
        expect(widget.get_by_role("button", name=button)).to_be_visible()
    places = widget.locator(".aether-fold").evaluate_all(
        "all => all.map(each => each.getBoundingClientRect().left)"  # this graph lies
    )
    assert len(places) >= 2
    assert places == sorted(places)


def test_groups_fold_and_open_where_the_page_lays_the_graph_out(open_notebook):
    notebook = open_notebook(NO_DOT + CRAWL, "run = crawl.start(n=7)")
    notebook.run_done(0)
    notebook.run_done(1)
    widget = notebook.run_widget(1)
    expect(notebook.node(1, "7/7")).to_have_attribute("data-status", "succeeded")
    widget.get_by_role("button", name="Open load").click()
    expect(notebook.node(1, "load[6]").last).to_have_attribute("data-status", "succeeded")
    widget.get_by_role("button", name="Fold survey").click()
    expect(notebook.node(1, "survey")).to_contain_text("1/2, 1 failed")


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_no_serious_fault_is_found_in_graph_timeline_table_and_details(open_notebook, theme):
    notebook = open_notebook(CRAWL, "run = crawl.start(n=5)")
    notebook.use_theme(theme)
    notebook.run_done(0)
    notebook.run_done(1)
    widget = notebook.run_widget(1)
    expect(notebook.node(1, "count").last).to_have_attribute("data-status", "failed")
    notebook.node(1, "count").last.click()
    expect(detail(widget).locator("ol > li")).to_have_count(2)
    assert notebook.faults() == []
    for tab in ("Timeline", "Table"):
        widget.get_by_role("tab", name=tab).click()
        expect(widget.get_by_role("tabpanel")).to_contain_text("find")
        assert notebook.faults() == []
    notebook.screenshot(f"picture-{theme.lower()}")
    notebook.use_theme("Light")


def test_only_what_runs_moves_and_not_for_who_wants_no_motion(open_notebook):
    notebook = open_notebook(ASKING.replace("sleep(0.05)", "sleep(20)"), "run = asking.start()")
    notebook.run_done(0)
    notebook.run_done(1)
    shape = notebook.node(1, "dig").locator("path, polygon").first
    expect(notebook.node(1, "dig")).to_have_attribute("data-status", "running")
    assert shape.evaluate("e => getComputedStyle(e).animationName") == "aether-breathe"
    notebook.page.emulate_media(reduced_motion="reduce")
    assert shape.evaluate("e => getComputedStyle(e).animationName") == "none"


def test_hostile_text_is_text_in_details_and_timeline(open_notebook):
    notebook = open_notebook(HOSTILE)
    notebook.run_done(0)
    notebook.wait_status(0, "failed")
    widget = notebook.run_widget(0)
    notebook.node(0, "bad").click()
    expect(detail(widget)).to_contain_text("WARNING <img src=x")
    widget.get_by_role("tab", name="Timeline").click()
    expect(widget.locator("[data-aether-row]")).to_have_count(1)
    assert notebook.page.evaluate("window.hacked") is None
    assert widget.locator("img, script").count() == 0
