"""A report, opened from disk in a browser that has no network: the slider, the views, and hostile text."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser.lab import SCREENSHOTS
from helpers import ROOT, clean_environment
from playwright.sync_api import Browser, Page, expect

RUNS = """
import asyncio, sys
import aether_nb as ae
from aether_nb import graph_fn, graphify, tool
from aether_nb.channels.widget import WidgetChannel
from aether_nb.display import render
from aether_nb.tools import ask_text

DOT = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'
EVIL = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>[go](javascript:window.hacked=1)</script>'


@tool(outputs=["line"], retries=1, backoff=0.01)
async def greet(name, *, context):
    if context.attempt == 1:
        raise ValueError("the pen is empty")
    await context.channel().send_markdown(f"Hi, **{name}**!")
    await context.channel().send_image(DOT, caption="A dot", name="dot.svg")
    await context.channel().send_table([{"flower": "rose", "bees": 12}])
    return {"line": f"Hello, {name}!"}

@graph_fn(outputs=["line", "sure"])
async def agent(topic, *, context):
    name = await context.channel().ask_text("Your name?")
    greeting = await greet(name)
    await context.channel().send_text(EVIL)
    sure = await ask_text(EVIL)
    return {"line": greeting.line, "sure": sure.text}

@tool(outputs=["page"])
async def fetch(url):
    return {"page": url * 3}

@tool(outputs=["size"])
async def measure(page):
    return {"size": len(page)}

@graphify(inputs=["url"], outputs=["size"])
def site(url):
    return {"size": measure(page=fetch(url=url).page).size}

@graphify(inputs=["urls"], outputs=["sizes"])
def crawl(urls):
    return {"sizes": site.map(urls).size}

async def main(folder):
    ae.configure(store=":memory:", channel=WidgetChannel())
    run = agent.start(topic=EVIL, run_id="r1")
    run.answer("Ada", wait=(await run.next_wait()).token, by="ana")
    last = await run.next_wait()
    run.report(f"{folder}/open.html")
    run.answer(EVIL, wait=last.token, by="bo")
    await run
    run.report(f"{folder}/done.html")
    run.report(f"{folder}/hidden.html", redact=True)
    sites = crawl.start(urls=[f"https://example.org/{n}" for n in range(12)])
    await sites
    sites.report(f"{folder}/sites.html")
    render.have_dot = lambda: False
    run.report(f"{folder}/undrawn.html")
    sites.report(f"{folder}/undrawn-sites.html")

asyncio.run(main(sys.argv[1]))
"""

AXE = ROOT / "jupyter_extension" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Reports of one run, written by a process that is over by now."""
    folder = tmp_path_factory.mktemp("reports")
    (folder / "runs.py").write_text(RUNS, encoding="utf-8")
    command = [sys.executable, "runs.py", str(folder)]
    subprocess.run(command, check=True, cwd=folder, env=clean_environment(PYTHONPATH=ROOT), timeout=60)
    return folder


class Reader:
    """A page that is read without a network; ``console`` and ``asked`` are what it said and asked for."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.console: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda message: self.console.append(message.text))
        page.on("pageerror", lambda error: self.console.append(f"uncaught: {error}"))
        page.on("request", lambda request: self.asked.append(request.url))

    def open(self, path: Path, node: str = "greet") -> None:
        """Open a file from disk, and wait until its graph is drawn."""
        self.page.goto(path.as_uri())
        self.node(node).wait_for()

    def node(self, label: str):
        """A node of the graph by its label."""
        return self.page.locator("[data-aether-node]").filter(has_text=label).first

    def go(self, text: str) -> None:
        """Put the slider on the first step that tells this."""
        slider = self.page.get_by_role("slider", name="Step of the run")
        for step in range(int(slider.get_attribute("max") or 0) + 1):
            slider.fill(str(step))
            if text in (slider.get_attribute("aria-valuetext") or ""):
                return
        raise AssertionError(f"no step tells {text!r}")

    def told(self):
        """What the line under the slider says."""
        return self.page.locator(".aether-told")


@pytest.fixture
def reader(browser: Browser) -> Iterator[Reader]:
    context = browser.new_context(offline=True, viewport={"width": 1180, "height": 900})
    reader = Reader(context.new_page())
    yield reader
    context.close()


def test_the_slider_plays_the_run_again(reader, reports):
    reader.open(reports / "done.html")
    root = reader.page.locator("[data-aether-run=r1]")
    expect(root).to_have_attribute("data-status", "succeeded")
    expect(reader.node("greet")).to_have_attribute("data-status", "succeeded")

    reader.go("Your name? · asks")
    expect(root).to_have_attribute("data-status", "waiting")
    expect(reader.node("Your name?")).to_have_attribute("data-status", "waiting")
    expect(reader.node("greet")).to_have_attribute("data-absent", "")
    expect(reader.page.locator("[data-aether-wait]")).to_have_count(1)
    expect(reader.page.locator("[data-aether-wait]")).to_contain_text("Waits for an answer.")
    expect(reader.page.locator("[data-aether-wait] input")).to_have_count(0)

    reader.go("answered by ana: Ada")
    expect(reader.page.locator("[data-aether-wait][data-state=answered]")).to_contain_text("Ada · ana")
    reader.go("greet · failed, another attempt follows: ValueError: the pen is empty")
    expect(reader.node("greet")).to_have_attribute("data-status", "pending")
    expect(reader.page.get_by_text("Hi, Ada!")).to_have_count(0)
    reader.go("greet · says: Hi")
    expect(reader.page.get_by_text("Hi, Ada!")).to_be_visible()
    expect(reader.node("greet")).to_have_attribute("data-status", "running")
    reader.go("The run is done")
    picture = reader.page.get_by_role("img", name="A dot")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.complete && image.naturalWidth") == 9
    expect(reader.page.get_by_role("cell", name="rose")).to_be_visible()
    assert reader.asked == [(reports / "done.html").as_uri()]


def test_the_keyboard_steps_through_it_and_the_button_plays_it(reader, reports):
    reader.open(reports / "done.html")
    keyboard = reader.page.keyboard
    keyboard.press("Home")
    expect(reader.told()).to_contain_text("The run begins")
    expect(reader.told()).to_contain_text(re.compile(r"\d\d:\d\d:\d\d\s*\+0 ms"))
    keyboard.press("ArrowRight")
    keyboard.press("ArrowRight")
    expect(reader.told()).to_contain_text("Your name? · asks")
    keyboard.press("ArrowLeft")
    expect(reader.told()).to_contain_text("2 /")
    reader.page.get_by_role("slider").focus()
    keyboard.press("End")
    expect(reader.told()).to_contain_text("The run is done")
    reader.page.get_by_role("button", name="Play").click()
    expect(reader.page.get_by_role("button", name="Pause")).to_be_visible()
    expect(reader.told()).to_contain_text("greet · done", timeout=20_000)
    reader.page.get_by_role("button", name="Pause").click()


def test_the_other_views_follow_the_slider(reader, reports):
    reader.open(reports / "done.html")
    reader.go("greet · done")
    reader.node("greet").click()
    detail = reader.page.locator("[data-aether-detail]")
    expect(detail).to_contain_text("Hello, Ada!")
    expect(detail).to_contain_text("ValueError: the pen is empty")
    detail.get_by_text("Source", exact=True).click()
    expect(detail).to_contain_text("async def greet")
    expect(detail.get_by_role("button", name=re.compile("Retry|Cancel"))).to_have_count(0)
    reader.page.get_by_role("tab", name="Timeline").click()
    bars = reader.page.locator("[data-aether-row]").filter(has_text="greet").locator(".aether-bar")
    expect(bars).to_have_count(2)
    reader.go("Your name? · asks")
    expect(bars).to_have_count(0)
    reader.page.get_by_role("tab", name="Table").click()
    expect(reader.page.get_by_role("row")).to_have_count(2)
    assert reader.console == [] or set(map(is_refusal, reader.console)) == {True}


def is_refusal(line: str) -> bool:
    """What the browser says of hostile markup that the page's policy stopped."""
    return line.startswith("Executing inline event handler violates the following Content Security Policy")


def test_hostile_text_does_nothing(reader, reports):
    for name in ("done.html", "open.html", "hidden.html"):
        reader.open(reports / name)
        reader.page.get_by_role("tab", name="Table").click()
        assert reader.page.evaluate("window.hacked") is None
        assert reader.page.locator("body script:not([type])").count() == 1
        assert reader.page.locator("[onerror], a[href^=javascript]").count() == 0
        reader.page.get_by_role("tab", name="Graph").click()  # the next one of this run opens there, too
    assert all(map(is_refusal, reader.console))
    assert len(reader.asked) == 3


def test_its_policy_holds_when_something_gets_in(reader, reports, tmp_path):
    text = (reports / "done.html").read_text(encoding="utf-8")
    bad = '<script>window.hacked=1</script><img src="http://127.0.0.1:9/x.png" onerror="window.hacked=1">'
    (tmp_path / "bad.html").write_text(
        text.replace('<div id="report">', f'{bad}<div id="report">', 1), encoding="utf-8"
    )
    reader.open(tmp_path / "bad.html")
    assert reader.page.evaluate("window.hacked") is None
    assert (
        reader.page.evaluate("fetch('http://127.0.0.1:9/').then(() => 'went', () => 'refused')") == "refused"
    )
    assert sum("Content Security Policy" in line for line in reader.console) >= 3


def test_hidden_answers_are_dots(reader, reports):
    reader.open(reports / "hidden.html")
    expect(reader.page.locator("[data-aether-wait][data-state=answered]").first).to_contain_text("•••• · ana")
    expect(reader.page.locator(".aether-about")).to_contain_text("2 answers are hidden in this report")
    assert "Ada" not in reader.page.content()


def test_a_run_that_goes_on_says_as_of_when(reader, reports):
    reader.open(reports / "open.html")
    expect(reader.page.locator(".aether-header")).to_contain_text("as of")
    expect(reader.page.locator("[data-aether-run]")).to_have_attribute("data-status", "waiting")


def test_without_graphviz_the_page_lays_the_graph_out_itself(reader, reports):
    reader.open(reports / "undrawn.html")
    expect(reader.node("greet")).to_have_attribute("data-status", "succeeded")
    reader.go("Your name? · asks")
    expect(reader.node("greet")).to_have_attribute("data-absent", "")


@pytest.mark.parametrize("name", ["sites.html", "undrawn-sites.html"])
def test_groups_open_and_fold_in_a_report(reader, reports, name):
    reader.open(reports / name, "site")
    drawing = reader.page.locator(".aether-drawing")

    def press(label):
        button = reader.page.get_by_role("button", name=label, exact=True)
        button.focus()  # what is out of sight comes into it
        reader.page.wait_for_function(
            "([one, all]) => one.getBoundingClientRect().top >= all.getBoundingClientRect().top"
            " && one.getBoundingClientRect().bottom <= all.getBoundingClientRect().bottom",
            arg=[button.element_handle(), drawing.element_handle()],
        )
        button.press("Enter")

    expect(reader.node("12/12")).to_have_attribute("data-status", "succeeded")

    press("Open site")
    fetches = reader.page.locator("[data-aether-node].node").filter(has_text="fetch")
    expect(fetches).to_have_count(12)
    expect(fetches.last).to_have_attribute("data-status", "succeeded")
    reader.page.screenshot(path=SCREENSHOTS / f"report-{name}.png")
    press("Fold site[3]")
    expect(reader.node("site[3]")).to_contain_text("2/2")
    expect(fetches).to_have_count(11)
    reader.go("The run begins")
    expect(fetches.last).to_have_attribute("data-absent", "")
    reader.go("site[0] · done")
    press("Open site[3]")
    expect(fetches).to_have_count(12)
    fold = reader.page.get_by_role("button", name="Fold site", exact=True)
    fold.focus()
    fold.press("Enter")
    expect(fetches).to_have_count(0)
    expect(reader.page.get_by_role("button", name="Open site", exact=True)).to_be_focused()
    assert reader.console == []
    assert len([url for url in reader.asked if not url.startswith("blob:")]) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_read_in_light_and_dark_and_on_paper(reader, reports, scheme):
    reader.page.emulate_media(color_scheme=scheme)
    reader.open(reports / "done.html")
    page = reader.page
    ink, ground = (
        page.evaluate(f"getComputedStyle(document.querySelector('main')).{name}")
        for name in ("color", "backgroundColor")
    )
    assert (ground == "rgb(255, 255, 255)") == (scheme == "light"), ink
    page.emulate_media(media="print", color_scheme=scheme)
    assert (
        page.evaluate("getComputedStyle(document.querySelector('main')).backgroundColor")
        == "rgb(255, 255, 255)"
    )
    expect(page.locator(".aether-player")).to_be_hidden()
    expect(page.get_by_text("async def greet")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(browser, reports, scheme):
    context = browser.new_context(bypass_csp=True, offline=True, color_scheme=scheme)  # axe is a script, too
    reader = Reader(context.new_page())
    reader.open(reports / "done.html")
    reader.page.add_script_tag(path=AXE)
    for step in ("Your name? · asks", "greet · failed", "The run is done"):
        reader.go(step)
        for tab in ("Timeline", "Table", "Graph"):
            reader.page.get_by_role("tab", name=tab).click()
            found = reader.page.evaluate("axe.run('main').then(found => found.violations)")
            serious = [v for v in found if v["impact"] in {"serious", "critical"}]
            assert [(v["id"], v["nodes"][0]["html"]) for v in serious] == [], f"{step}, {tab}"
    context.close()
