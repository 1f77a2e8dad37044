"""Files of a page on their way to the kernel's machine, by HTTP and by comm: memory, limits, calling off, breaks."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from browser.lab import Notebook
from browser.server import Combo
from helpers import poll
from playwright.sync_api import Page, expect

READER = """
from aether_nb import graph_fn

@graph_fn(outputs=["found"])
async def reader(*, context):
    given = await context.channel().ask_files("Which data?"{options})
    return {{"found": [(f.name, f.size, f.sha256) for f in given.files]}}

run = reader.start()
"""
FOUND = "import json; print(json.dumps((await run).found))"
MB = 1_000_000
TAKEN = re.compile("Stored. The kernel is busy|Accepted")  # by a subshell a busy kernel answers itself
DOOR = "**/aether-nb/api/**"
STOPS = """() => {
  const slice = Blob.prototype.slice;
  Blob.prototype.slice = function (from, to) {
    const part = slice.call(this, from, to);
    if (from >= 8388608) part.arrayBuffer = () => new Promise(() => {});
    return part;
  };
}"""  # a disk that gives the first 8 MiB of a file and no more


def close_door(page: Page) -> None:
    """From now on there is no server extension beside this page."""
    page.route(DOOR, lambda route: route.fulfill(status=404, body="{}"))


def choose(notebook: Notebook, *files: Path) -> None:
    notebook.prompt(0).locator("input[type=file]").set_input_files(list(files))


def peak(pid: int) -> Callable[[], float]:
    """Begin to watch a process; what comes back gives how much it has grown at most since, in MB."""

    def figure(name: str) -> float:
        status = Path(f"/proc/{pid}/status").read_text()
        (line,) = [line for line in status.splitlines() if line.startswith(name)]
        return int(line.split()[1]) / 1000

    Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak begins anew
    before = figure("VmRSS")
    return lambda: figure("VmHWM") - before


def on_their_way(notebook: Notebook) -> list[Path]:
    notebook.page.evaluate("0")  # a route of this page is answered only while Playwright is being called
    return list((notebook.file.parent / ".aether" / "artifacts" / "tmp").glob("*"))


@pytest.mark.parametrize("way", ["http", "comm"])
def test_a_file_of_300_mb_costs_kernel_and_server_little_memory(
    open_notebook, tmp_path, way, record_property
):
    big = tmp_path / "big.bin"
    digest = hashlib.sha256()
    with big.open("wb") as file:
        for _ in range(300):
            piece = os.urandom(MB)
            digest.update(piece)
            file.write(piece)
    notebook = open_notebook(READER.format(options=""), FOUND)
    if way == "comm":
        close_door(notebook.page)

    notebook.run_done(0)
    notebook.prompt(0).wait_for()
    kernel, server = peak(notebook.kernel_pid()), peak(notebook.server.pid)
    choose(notebook, big)
    notebook.prompt(0).get_by_role("button", name="Submit").click(timeout=60_000)
    notebook.wait_status(0, "succeeded")

    grown = {"kernel": kernel(), "server": server()}
    print(f"{way}: {grown}")
    record_property(f"MB of growth by {way}", grown)
    assert max(grown.values()) < 30, grown
    assert json.loads(notebook.run_done(1)) == [["big.bin", 300 * MB, digest.hexdigest()]]
    assert on_their_way(notebook) == []


def test_what_is_not_asked_for_is_refused_before_and_after_it_is_sent(open_notebook, tmp_path):
    notebook = open_notebook(READER.format(options=', accept=[".csv"], max_bytes=1000'), FOUND)
    files = {"a.txt": b"x", "large.csv": b"x" * 1001, "good.csv": b"a,b\n"}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)

    notebook.run_done(0)
    prompt = notebook.prompt(0)
    sent: list[str] = []
    notebook.page.on("request", lambda request: sent.append(request.url))
    choose(notebook, *(tmp_path / name for name in files))
    expect(prompt.locator("li[data-state=failed]")).to_have_count(2)
    expect(prompt.locator("li[data-state=ready]")).to_have_count(1)
    assert len([url for url in sent if "/upload?" in url and "offset" in url]) == 1
    expect(prompt).to_contain_text("at most 1.0 kB each")
    for name in ("a.txt", "large.csv"):
        prompt.get_by_role("button", name=f"Remove {name}").click()

    # the kernel has the last word on a path, too
    prompt.get_by_label("Path on the server").fill(str(tmp_path / "a.txt"))
    prompt.get_by_role("button", name="Add").click()
    prompt.get_by_role("button", name="Submit").click()
    expect(prompt).to_contain_text("none of what is asked for")
    prompt.get_by_role("button", name=f"Remove {tmp_path / 'a.txt'}").click()
    prompt.get_by_role("button", name="Submit").click()
    notebook.wait_status(0, "succeeded")
    assert json.loads(notebook.run_done(1)) == [["good.csv", 4, hashlib.sha256(b"a,b\n").hexdigest()]]


@pytest.mark.parametrize("way", ["http", "comm"])
def test_a_file_that_is_called_off_leaves_nothing_behind(open_notebook, tmp_path, way):
    (tmp_path / "big.bin").write_bytes(bytes(60 * MB))
    notebook = open_notebook(READER.format(options=""), FOUND)
    if way == "comm":
        close_door(notebook.page)
        notebook.page.evaluate(STOPS)
    else:  # it stands still after the first slice
        notebook.page.route("**/upload?*offset=8388608*", lambda _: None)

    notebook.run_done(0)
    choose(notebook, tmp_path / "big.bin")
    poll(lambda: on_their_way(notebook), timeout_s=30, what="a file on its way")
    notebook.prompt(0).get_by_role("button", name="Cancel big.bin").click()
    poll(lambda: not on_their_way(notebook), timeout_s=30, what="nothing on the disk")


def test_an_upload_goes_on_after_the_connection_broke(open_notebook, tmp_path):
    data = os.urandom(20 * MB)
    (tmp_path / "big.bin").write_bytes(data)
    notebook = open_notebook(READER.format(options=""), FOUND)
    broken: list[str] = []

    def fail_once(route):
        if broken:
            route.continue_()
        else:
            broken.append(route.request.url)
            route.abort("connectionreset")

    notebook.page.route("**/upload?*offset=8388608*", fail_once)
    notebook.run_done(0)
    choose(notebook, tmp_path / "big.bin")
    notebook.prompt(0).get_by_role("button", name="Submit").click(timeout=20_000)
    notebook.wait_status(0, "succeeded")

    assert len(broken) == 1
    assert json.loads(notebook.run_done(1)) == [["big.bin", 20 * MB, hashlib.sha256(data).hexdigest()]]


@pytest.mark.parametrize("kernel", ["6.31", "7.3"])
def test_a_file_comes_by_http_while_a_cell_holds_the_kernel(open_notebook, tmp_path, kernel):
    (tmp_path / "a.csv").write_bytes(b"a,b\n")
    hold = "import pathlib, time\nwhile not pathlib.Path('go').exists(): time.sleep(0.05)"
    notebook = open_notebook(
        READER.format(options=""), hold, FOUND, combo=Combo(kernel, "disabled"), frontend="notebook"
    )

    notebook.run_done(0)
    notebook.run(1)
    choose(notebook, tmp_path / "a.csv")
    notebook.prompt(0).get_by_role("button", name="Submit").click()
    expect(notebook.run_widget(0)).to_contain_text(TAKEN)
    (notebook.file.parent / "go").touch()
    notebook.wait_status(0, "succeeded")
    assert json.loads(notebook.run_done(2))[0][0] == "a.csv"
