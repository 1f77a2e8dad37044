"""Hostile text wherever a run has text: nothing of it happens, on the page, in the file, in what is made of the file."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Locator, Page, expect

BAD = (
    '<img src=x onerror="window.hacked=1"><script>window.hacked=2</script><svg onload="window.hacked=3"></svg>'
    '<a href="javascript:window.hacked=4">go</a>[go](javascript:window.hacked=5)![p](x" onerror="window.hacked=6)'
    '<iframe srcdoc="<script>parent.hacked=7</script>"></iframe></style><style>.aether-run{display:none}</style>'
    "</title></textarea></pre>--><form action=javascript:window.hacked=8><button>go</button></form>"
)
AGENT = f"""
import asyncio
from typing import Literal
import aether_nb as ae
from aether_nb import graph_fn, tool
from pydantic import BaseModel, Field

BAD = {BAD!r}

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" onload="top.hacked=11"><script>top.hacked=12</script>'
    '<foreignObject><img src="x" onerror="top.hacked=13"/></foreignObject></svg>'
)

class Person(BaseModel):
    name: str = Field(BAD, title=BAD, description=BAD)
    kind: Literal[{BAD!r}, "b"] = BAD
    tags: list[str] = [BAD]

@tool(outputs=["x"])
async def step(x):
    return {{"x": x}}

@tool
async def fails(x):
    raise ValueError(BAD)

@graph_fn(outputs=["x"])
async def hostile(*, context):
    say = context.channel()
    await say.send_markdown(BAD)
    await say.send_text(BAD)
    await say.send_table([[BAD, 1]], columns=[BAD, "n"], caption=BAD)
    await say.send_image(SVG, name=BAD, caption=BAD)
    await say.send_file(b"<script>window.hacked=10</script>", name=BAD[:60] + ".html", caption=BAD)
    async with say.stream(markdown=True) as words:
        for piece in (BAD[:40], BAD[40:]):
            await words.write(piece)
    async for _ in say.progress([1, 2], label=BAD):
        pass
    given = await asyncio.gather(
        say.ask_text(BAD, placeholder=BAD, hint=BAD, value=BAD),
        say.ask_approval(BAD, options=[BAD, "No"], danger=[BAD], reason="optional"),
        say.ask_choices(BAD, {{"a": BAD, BAD: "b"}}),
        say.ask_choices("many " + BAD, [BAD + str(n) for n in range(9)], multiple=True),
        say.ask_number(BAD, unit=BAD, slider=True, min=0, max=9),
        say.ask_date(BAD),
        say.ask_files(BAD, accept=[".csv", BAD]),
        say.ask_text_or_files(BAD, placeholder=BAD),
        say.ask_form(Person, BAD, submit=BAD),
    )
    await step(given[0], key='<img src=x onerror="window.hacked=9">')
    try:
        await fails(BAD)
    except ValueError:
        pass
    return {{"x": BAD}}

run = hostile.start(run_id="lesson-1")
"""
ANSWERS = """
from pathlib import Path
Path("<img src=x onerror=window.hacked=1>.csv").write_text("x")
replies = {
    "approval": {"choice": BAD, "reason": BAD}, "number": 3, "date": "2026-11-27",
    "files": ["<img src=x onerror=window.hacked=1>.csv"],
    "text_or_files": BAD, "form": {"name": BAD, "kind": BAD, "tags": [BAD]},
}
for wait in run.waits:
    if wait.kind == "choice":
        run.answer([BAD + "3"] if wait.prompt.startswith("many") else BAD, wait=wait.token)
    elif wait.kind in replies:
        run.answer(replies[wait.kind], wait=wait.token, by=BAD)
"""
TABLES = ["run.waits", "run.nodes", "run.events", "ae.runs()", "hostile"]
DANGEROUS = "script, iframe, form[action], [onerror], [onload], a[href^=javascript], [srcdoc]"


def nothing_happened(page: Page, place: Locator, dangerous: str = DANGEROUS) -> None:
    assert page.evaluate("window.hacked") is None
    found = place.locator(dangerous).evaluate_all("all => all.map(each => each.outerHTML.slice(0, 200))")
    assert found == []


LONG = """
import asyncio
from aether_nb import graph_fn

@graph_fn(outputs=[])
async def long(*, context):
    channel = context.channel()
    name = channel.ask_text("Your name?")
    await asyncio.gather(name, channel.ask_approval("Sure?", options=["A" * 200, "B"]))
    return {}

run = long.start()
"""


def test_text_that_turns_around_or_is_long_stays_in_its_place(open_notebook):
    notebook = open_notebook(LONG)
    notebook.run_done(0)
    expect(notebook.prompt(0)).to_have_count(2)
    card = notebook.prompt(0).filter(has_text="Sure?")
    button, around = card.get_by_role("button", name="AAA").bounding_box(), card.bounding_box()
    assert button["x"] + button["width"] <= around["x"] + around["width"]

    field = notebook.prompt(0).get_by_role("textbox")
    field.fill("Ada \u202e nam yna")
    field.press("Enter")
    answer = notebook.prompt(0, "answered").locator(".aether-answer")
    expect(answer).to_be_visible()
    beside = """e => {
      const range = document.createRange();
      range.selectNode(e.nextSibling);
      return range.getBoundingClientRect().left - e.getBoundingClientRect().right;
    }"""
    assert answer.evaluate(beside) >= -1, "who answered stands within the answer"


@pytest.mark.timeout(240)
def test_hostile_text_is_text_wherever_it_stands(open_notebook):
    notebook = open_notebook(AGENT, "ae.inbox()", ANSWERS, *TABLES, "run.report('report.html')")
    page = notebook.page
    outputs = page.locator(".jp-Notebook .jp-OutputArea")
    notebook.run_done(0)
    expect(notebook.prompt(0)).to_have_count(9)
    notebook.run_done(1)
    expect(notebook.prompt(1)).to_have_count(9)
    nothing_happened(page, outputs)

    # a wrong answer comes back with its fault; then the right one
    field = notebook.prompt(0).and_(page.locator("[data-kind=text]")).get_by_role("textbox")
    field.fill(BAD)
    field.press("Enter")
    expect(notebook.prompt(0)).to_have_count(8)
    notebook.run_done(2)
    notebook.wait_status(0, "succeeded")
    expect(notebook.run_widget(0)).to_be_visible()
    nothing_happened(page, outputs)
    for cell in range(3, 3 + len(TABLES)):
        notebook.run_done(cell)
    for label in notebook.run_widget(0).locator("[data-aether-node]").all()[:3]:
        label.click()
    nothing_happened(page, outputs)
    assert "window.hacked" in notebook.output(0)

    notebook.run_done(3 + len(TABLES))
    report = page.context.new_page()
    report.goto(notebook.file.with_name("report.html").as_uri())
    expect(report.locator("body")).to_contain_text("window.hacked")
    nothing_happened(
        report, report.locator("body"), DANGEROUS.removeprefix("script, ")
    )  # it has a script of its own

    notebook.wait_saved(0, ": succeeded")
    saved = nbformat.read(notebook.file, as_version=4)
    text = "".join(str(output.get("data", {}).get("text/html", "")) for output in saved.cells[0].outputs)
    assert "<script" not in text
    assert "<img src=x" not in text

    for trusted in (True, False):
        notebook.reopen_without_kernel(trusted=trusted)
        picture = notebook.cell(0).locator(".aether-static")
        picture.scroll_into_view_if_needed()
        expect(picture).to_contain_text("window.hacked")
        nothing_happened(page, outputs)

    notebook.server.jupyter("nbconvert", "--to", "html", notebook.file)
    html = page.context.new_page()
    html.goto(Path(notebook.file).with_suffix(".html").as_uri(), wait_until="domcontentloaded")
    expect(html.locator(".aether-static")).to_contain_text("window.hacked")
    nothing_happened(html, html.locator(".aether-static"))
