"""The sidebar of a real JupyterLab with 500 open questions and 10,000 runs: how soon it is drawn, told, and answered.

Lab is that of `.venvs/7.4`, with the wheel (`make .build/user-7.4`), in the system's Chromium. This program plays the
kernel: it writes questions into a store, and sees in there when an answer has come.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from aether_nb.engine.ports import Append, NewRun
from aether_nb.events import RunStarted, WaitOpened
from aether_nb.ids import NodeId, RunId, Token, new_token, new_uid
from aether_nb.jupyter import registry
from aether_nb.prompts import TextPrompt
from aether_nb.store.sqlite import SqliteStore
from benchmarks.harness import ROOT, case, folder, say

JUPYTER = ROOT / ".venvs" / "7.4" / "bin" / "jupyter"
KERNEL = new_uid()
TIMES = 20
HOUR_MS = 3_600_000
# Notes when the sidebar is there, its first question and run, and every question, by the page's clock.
CLOCK = """
window.measured = { asks: {} };
new MutationObserver(() => {
  const { measured } = window;
  if (document.querySelector('.aether-inbox')) measured.there ??= Date.now();
  if (document.querySelector('.aether-inbox [data-row]') && document.querySelector('.aether-runs [data-run]')) {
    measured.drawn ??= Date.now();
  }
  for (const row of document.querySelectorAll('.aether-inbox [data-row]')) {
    measured.asks[row.dataset.row.split(' ')[1]] ??= Date.now();
  }
}).observe(document, { childList: true, subtree: true });
"""


def now_ms() -> int:
    """As the page's `Date.now()`."""
    return time.time_ns() // 1_000_000


class Kernel:
    """Writes a store as a kernel does."""

    def __init__(self, path: Path) -> None:
        self.store = SqliteStore(path)
        self.store.register_kernel(KERNEL, "many.ipynb", now_ms())
        registry.announce(self.store.uid, self.store.path, KERNEL)

    def begin(self, run: RunId) -> None:
        """Begin a run."""
        new = NewRun(
            run_id=run, graph="many", home="many.ipynb", cell="", spec="", input_hash="", kernel=KERNEL,
            created_ms=now_ms(),
        )  # fmt: skip
        self.store.create_run(
            new, [RunStarted(run=run, seq=1, at_us=now_ms() * 1000, graph="many")], status="running"
        )

    def ask(self, run: RunId, count: int, deadline_ms: int | None = None) -> list[Token]:
        """Open waits of a run."""
        row = self.store.run(run)
        assert row is not None
        tokens = [new_token() for _ in range(count)]
        events = [
            WaitOpened(
                run=run, seq=row.last_seq + n, at_us=now_ms() * 1000, node=NodeId(token), token=token, kind="text",
                prompt=TextPrompt(prompt=f"Question {token}?"), deadline_ms=deadline_ms,
            )
            for n, token in enumerate(tokens, 1)
        ]  # fmt: skip
        self.store.append(
            [Append(run, KERNEL, row.fence, row.last_seq, events, "waiting")], full=True, now_ms=now_ms()
        )
        return tokens


@contextmanager
def lab(home: Path) -> Iterator[str]:
    """A JupyterLab that shows `home/work`; its address."""
    (home / "work").mkdir()
    token = secrets.token_hex(16)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    names = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")
    folders = {f"JUPYTER_{name}": str(home / "jupyter" / name.lower()) for name in names}
    os.environ.update(folders)  # also for what this process announces
    command = [
        str(JUPYTER), "lab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", "--port-retries=0",
        f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={home / 'work'}",
        "--LabApp.expose_app_in_browser=True",
    ]  # fmt: skip
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(command, env={**os.environ, "HOME": str(home)}, stdout=log, stderr=log)
    try:
        until = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/api?token={token}", timeout=5).close()
                break
            except (urllib.error.URLError, TimeoutError):
                if server.poll() is not None or time.monotonic() > until:
                    raise
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/lab?token={token}"
    finally:
        server.terminate()
        server.wait()


def told(page: Page, kernel: Kernel) -> tuple[float, Token]:
    """How long a question takes from its commit until it stands in the sidebar; and the question."""
    began = now_ms()
    (token,) = kernel.ask(RunId("asks"), 1, deadline_ms=began + HOUR_MS)  # the most urgent: on the first page
    page.wait_for_function("token => window.measured.asks[token]", arg=token)
    return float(page.evaluate("token => window.measured.asks[token]", token)) - began, token


def answered(page: Page, kernel: Kernel, token: Token) -> float:
    """How long an answer takes from Enter until it is committed."""
    row = page.locator(f'.aether-inbox [data-row$=" {token}"]')
    row.locator("[data-rove]").click()
    field = row.get_by_role("textbox")
    field.fill("Ada")
    began = time.monotonic()
    field.press("Enter")
    while True:
        wait = kernel.store.wait(token)
        if wait is not None and wait.reply is not None:
            return (time.monotonic() - began) * 1e3
        time.sleep(0.002)


def main() -> None:
    """Measure."""
    task = case("lab")
    executable = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with folder() as home, lab(home) as url:
        kernel = Kernel(home / "work" / "runs.db")
        with closing(kernel.store), sync_playwright() as playwright:
            for n in range(task.many(10_000)):
                kernel.begin(RunId(f"run-{n}"))
            kernel.begin(RunId("asks"))
            kernel.ask(RunId("asks"), task.many(500))
            browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1280, "height": 1000})
            page.add_init_script(CLOCK)
            page.goto(url)
            page.wait_for_function("window.measured.drawn")
            say("sidebar_drawn", float(page.evaluate("measured.drawn - measured.there")))
            page.evaluate("jupyterapp.commands.execute('aether:open-inbox')")
            found = [told(page, kernel) for _ in range(task.many(TIMES))]
            say("sidebar_told", max(took for took, _ in found))
            say("sidebar_answered", max(answered(page, kernel, token) for _, token in found))
            browser.close()


if __name__ == "__main__":
    main()
