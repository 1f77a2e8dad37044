"""Take the picture in the README anew: its own example in a real JupyterLab, a question open in the middle.

Called by `make picture`; needs what the tests in the browser need.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from browser.conftest import CHROMIUM_FLAGS, Desk, chromium
from browser.server import LabServer
from docs.pages import DOCS, PAGES, blocks
from playwright.sync_api import sync_playwright

PICTURE = DOCS / "images" / "run.png"
LARGEST = 300_000  # bytes, as it is loaded with the README


def take(desk: Desk, code: str) -> bytes:
    """Run the example up to its second question, and take the cell."""
    imports, rest = code.split("\n\n\n", 1)
    agent, launch = rest.rsplit("\n\n\n", 1)
    notebook = desk.open(imports + "\n\n\n" + agent, launch.splitlines()[0].partition("  #")[0], name="poet")
    page = notebook.page
    page.set_viewport_size({"width": 1000, "height": 900})
    page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
    notebook.run_done(0)
    notebook.run_done(1)
    notebook.answer(1, "Ada")
    notebook.prompt(1).get_by_role("button", name="Yes", exact=True).wait_for()
    page.mouse.move(0, 0)
    return notebook.cell(1).screenshot(animations="disabled")


def main() -> None:
    """Write the picture, and say how large it is."""
    (example, *_) = blocks(PAGES[0], "python")
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
        pages = browser.new_context(viewport={"width": 1000, "height": 900}, device_scale_factor=2)
        pages.new_page()
        server = LabServer(Path(home))
        try:
            PICTURE.write_bytes(take(Desk(pages, server, "poet"), example.code))
        finally:
            server.stop()
            browser.close()
    size = PICTURE.stat().st_size
    if size > LARGEST:
        sys.exit(f"{PICTURE} has {size} bytes, more than {LARGEST}")
    print(f"{PICTURE.name}: {size} bytes")


if __name__ == "__main__":
    main()
