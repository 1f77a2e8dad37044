"""What a run says, on the page: every kind of message, bars and streams while they go on, after a reload and a restart."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

EVERYTHING = """
import asyncio
import aether_nb as ae
from aether_nb import graph_fn, tool
from aether_nb.tools import wait_for_event

BAD = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>[go](javascript:window.hacked=1)'
SVG = ('<svg xmlns="http://www.w3.org/2000/svg" width="640" height="160"><script>window.hacked=1</script>'
       '<rect width="640" height="160" fill="#e8f0fe"/><path d="M0 130 L160 60 L320 95 L480 30 L640 80" '
       'stroke="#1a73e8" stroke-width="4" fill="none"/></svg>')

async def words(text):
    for word in text.split(" "):
        yield word + " "
        await asyncio.sleep(0)

@tool(outputs=["n"])
def crunch(*, context):
    for n in context.channel().progress(range(100_000), label="Crunching in a thread"):
        pass
    return {"n": n}

@graph_fn(outputs=["answer"])
async def everything(*, context):
    channel = context.channel()
    await channel.send_text("Reading the sources …")
    await channel.send_markdown("**Three** sources, of which *two* are new:\\n\\n- bees\\n- wasps\\n\\n`python -m this`")
    await channel.send_image(SVG, caption="Visits per day")
    await channel.send_file(b"day,visits\\n1,130\\n", name="visits.csv", caption="The numbers behind it")
    await channel.send_file(b"x" * 400_000, name="raw.bin")
    rows = [{"species": f"species {n}", "visits": n * 1.5, "new": n % 2 == 0} for n in range(250)]
    await channel.send_table(rows, caption="All of them")
    await channel.send_table([], caption="None of them")
    for bad in (BAD, f"```\\n{BAD}"):
        await channel.send_markdown(bad)
    await channel.send_table([[BAD]], columns=[BAD], caption=BAD)
    await channel.send_file(b"", name=BAD, caption=BAD)
    with channel.progress(total=4, label=BAD) as bar:
        bar.update(3)
    await crunch()
    with channel.progress(total=40, label="Reading pages") as bar, channel.progress(label="Links found") as links:
        bar.update(17)
        links.update(1204)
        async with channel.stream(markdown=True) as out:
            await out.write("## Bees\\n\\nThey **hum** and " + BAD)
            await wait_for_event("go on")
            await out.write("\\n\\n- and fly\\n- and *rest*")
        bar.update(23)
    answer = await channel.stream(words("So the answer is forty two."))
    return {"answer": answer}

run = everything.start(run_id="all")
"""

STORY = """
import asyncio
from aether_nb import graph_fn

gate = asyncio.Event()
asked = []

async def told(count):
    asked.append(count)
    for n in range(count):
        yield f"line {n} of a long story\\n"
        if n == count // 2:
            await gate.wait()

@graph_fn(outputs=["size"])
async def story(*, context):
    channel = context.channel()
    async for n in channel.progress(range(3), label="Chapters"):
        await channel.send_text(f"chapter {n}")
    text = await channel.stream(told(4000))
    await channel.ask_text("Did you like it?")
    return {"size": len(text)}

run = story.start(run_id="story")
"""

# Counts what changes on the page while a text grows, and the longest that it kept the page busy.
WATCH = """
() => {
  window.seen = { removed: 0, longest: 0 };
  const box = document.querySelector('.aether-live .aether-text:not(:empty)').closest('.aether-feed');
  const boxes = () => [...document.querySelectorAll('.aether-live .aether-text')].pop();
  new MutationObserver(list => {
    for (const each of list) window.seen.removed += each.target === boxes() ? each.removedNodes.length : 0;
  }).observe(box, { childList: true, subtree: true });
  new PerformanceObserver(list => {
    for (const each of list.getEntries()) window.seen.longest = Math.max(window.seen.longest, each.duration);
  }).observe({ entryTypes: ['longtask'] });
}
"""


AT_END = "box => box.scrollTop > 0 && box.scrollHeight - box.scrollTop - box.clientHeight < 2"


def message(notebook, kind, cell=0):
    return notebook.run_widget(cell).locator(f".aether-message[data-kind={kind}]")


def test_every_kind_of_message_stands_in_the_order_in_which_it_was_said(open_notebook):
    notebook = open_notebook(EVERYTHING, "ae.post_event('go on')", "run.status")
    page = notebook.page
    notebook.run_done(0)
    expect(message(notebook, "progress")).to_have_count(4)

    reading = notebook.run_widget(0).get_by_role("progressbar", name="Reading pages")
    expect(reading).to_have_attribute("aria-valuenow", "17")
    expect(reading).to_have_attribute("aria-valuemax", "40")
    expect(reading).to_have_attribute("aria-valuetext", re.compile("17/40"))
    links = notebook.run_widget(0).get_by_role("progressbar", name="Links found")
    assert links.get_attribute("aria-valuenow") is None
    stream = message(notebook, "markdown").last
    expect(stream).to_have_attribute("data-state", "live")
    expect(stream.locator("strong")).to_have_text("hum")
    stream.scroll_into_view_if_needed()
    notebook.screenshot("messages-live")

    notebook.run_done(1)
    notebook.wait_status(0, "succeeded")
    expect(message(notebook, "text").last).to_have_text("So the answer is forty two.")
    expect(stream).to_have_attribute("data-state", "said")
    expect(stream.locator("li")).to_have_text(["and fly", "and rest"])
    expect(reading).to_have_attribute("aria-valuenow", "40")
    kinds = (
        notebook.run_widget(0).locator(".aether-message").evaluate_all("all => all.map(e => e.dataset.kind)")
    )
    assert kinds == [
        "text", "markdown", "image", "file", "file", "table", "table", "markdown", "markdown", "table", "file", "progress",
        "progress", "progress", "progress", "markdown", "text",
    ]  # fmt: skip

    expect(message(notebook, "table").nth(1)).to_contain_text("(no rows)")
    table = message(notebook, "table").first
    expect(table).to_contain_text("… 50 more rows")
    assert table.locator("td").nth(1).evaluate("cell => getComputedStyle(cell).textAlign") == "right"
    with page.expect_download() as downloaded:
        message(notebook, "file").first.get_by_role("link", name="Download").click()
    assert downloaded.value.suggested_filename == "visits.csv"
    assert downloaded.value.path().read_bytes() == b"day,visits\n1,130\n"
    large = message(notebook, "file").nth(1)
    expect(large.get_by_role("link")).to_have_count(0)
    assert (notebook.file.parent / large.locator("code").inner_text()).stat().st_size == 400_000

    picture = message(notebook, "image").get_by_role("button", name="Enlarge: Visits per day")
    picture.press("Enter")
    expect(page.get_by_role("dialog", name="Visits per day")).to_be_visible()
    notebook.screenshot("messages-picture")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    notebook.screenshot("messages-done")
    stream.scroll_into_view_if_needed()
    notebook.screenshot("messages-end")
    assert notebook.faults() == []
    notebook.use_theme("Dark")
    notebook.screenshot("messages-dark")
    assert notebook.faults() == []
    notebook.use_theme("Light")
    assert page.evaluate("window.hacked") is None

    notebook.wait_saved(0, ": succeeded")
    twin = notebook.save().cells[0].outputs[1]["data"]["text/html"]
    assert "Reading pages: 40/40" in twin
    assert "… 200 more rows" in twin


def test_a_long_stream_is_whole_after_a_reload_and_nothing_stands_twice_after_a_restart(open_notebook):
    notebook = open_notebook(STORY, "gate.set()", "print(asked, run.outputs)")
    notebook.run_done(0)
    stream = message(notebook, "text").last
    expect(stream).to_contain_text("line 2000 of")
    expect(stream).to_have_attribute("data-state", "live")
    assert "line 1000 of" in message_in_twin(notebook)

    notebook.save()
    notebook.reload()
    expect(stream).to_contain_text("line 2000 of")
    lines = stream.locator(".aether-text").inner_text().splitlines()
    assert lines == [f"line {n} of a long story" for n in range(2001)]

    stream.scroll_into_view_if_needed()
    notebook.screenshot("messages-stream")
    box = stream.locator(".aether-long")
    assert box.evaluate(AT_END), "the box does not follow the text"
    notebook.page.evaluate(WATCH)
    notebook.run(1)
    expect(notebook.prompt(0)).to_contain_text("Did you like it?")
    expect(stream).to_contain_text("line 3999 of")
    lines = stream.locator(".aether-text").inner_text().splitlines()
    assert lines == [f"line {n} of a long story" for n in range(4000)]
    assert box.evaluate(AT_END)
    stream.get_by_role("button", name="Show all").click()
    assert box.evaluate("box => box.scrollHeight === box.clientHeight")
    stream.get_by_role("button", name="Show less").click()
    seen = notebook.page.evaluate("window.seen")
    assert seen["removed"] == 0, "what stood there was made anew"
    assert seen["longest"] < 500

    notebook.restart()
    notebook.run_all()
    expect(notebook.prompt(0)).to_contain_text("Did you like it?")
    expect(message(notebook, "text")).to_have_count(4)
    expect(message(notebook, "progress")).to_have_count(1)
    expect(stream).to_contain_text("line 3999 of")
    notebook.answer(0, "Yes")
    notebook.wait_status(0, "succeeded")
    assert notebook.run_done(2).startswith("[] ")  # the recorded text was taken, nobody was asked for it
    expect(message(notebook, "text")).to_have_count(4)


def message_in_twin(notebook):
    """The words of the static picture, as the file would have them now."""
    notebook.wait_saved(0, "line")
    return notebook.save().cells[0].outputs[1]["data"]["text/html"]


@pytest.mark.parametrize("frontend", ["lab", "notebook"])
def test_a_bar_in_a_loop_that_never_gives_the_kernel_up_moves_on_the_page(open_notebook, frontend):
    busy = """
import time
from aether_nb import graph_fn

@graph_fn(outputs=[])
async def busy(*, context):
    for _ in context.channel().progress(range(100), label="Busy"):
        time.sleep(0.05)

run = busy.start()
"""
    notebook = open_notebook(busy, frontend=frontend)
    notebook.run(0)
    bar = notebook.run_widget(0).get_by_role("progressbar", name="Busy")
    expect(bar).to_have_attribute("aria-valuenow", re.compile(r"^[1-8]\d$"))
    notebook.wait_status(0, "succeeded")
    expect(bar).to_have_attribute("aria-valuenow", "100")
