"""A notebook open in the browser, as an object: run a cell, look at its output, answer its prompt.

Every wait is for a condition on the page and ends in an error that says what was waited for.
Cells are driven through Lab's own commands: a key pressed right after a kernel became idle was once lost.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import nbformat
from browser.server import Combo, LabServer
from helpers import BUILD, ROOT, poll
from playwright.sync_api import Locator, Page, expect
from playwright.sync_api import TimeoutError as PageTimeout

Frontend = Literal["lab", "notebook"]
Theme = Literal["Light", "Dark"]
SCREENSHOTS = BUILD / "screenshots"
AXE = ROOT / "jupyter_extension" / "node_modules" / "axe-core" / "axe.min.js"
# Lab's body is 0 high and hides what flows over: axe takes all of the page for invisible then, and finds nothing.
FAULTS = """
async scope => {
  document.body.style.overflow = 'visible';
  document.querySelector(scope).scrollIntoView();
  await new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  const { violations, passes } = await axe.run(scope);
  document.body.style.overflow = '';
  if (!passes.some(each => each.id === 'color-contrast')) return ['axe looked at nothing'];
  const serious = violations.filter(each => ['serious', 'critical'].includes(each.impact));
  return serious.map(each => each.id + ': ' + each.nodes.map(node => node.html.slice(0, 200)).join(' '));
}
"""

# Put into every page before its own scripts: finding the notebook, and following cells that nobody awaits.
IN_PAGE = """
window.aetherTest = {
  ended: {},
  panel(path) {
    const shell = window.jupyterapp?.shell;
    return shell && [...shell.widgets('main')].find(each => each.context?.path === path);
  },
  kernel(path) {
    const session = this.panel(path)?.context.sessionContext;
    return session?.isReady ? session.session?.kernel : undefined;
  },
  ready(path) {
    const kernel = this.kernel(path);
    if (!kernel || !this.panel(path).context.isReady) return false;
    if (!(kernel.id in this.ended)) this.follow(kernel.id, kernel.info);
    return this.ended[kernel.id] && kernel.connectionStatus === 'connected' && kernel.status === 'idle';
  },
  working(path) {
    const kernel = this.kernel(path);
    return kernel?.connectionStatus === 'connected' && kernel.status === 'busy';
  },
  follow(key, promise) {
    this.ended[key] = false;
    promise.catch(() => undefined).finally(() => { this.ended[key] = true; });
  },
  select(path, index) {
    const content = this.panel(path).content;
    content.deselectAll();
    content.activeCellIndex = index;
  },
  scrollTo(path, index) { return this.panel(path).content.scrollToItem(index, 'start'); },
  async ask(path, code) {  // beside the cells; gives what it printed
    let printed = '';
    const asked = this.kernel(path).requestExecute({ code, store_history: false });
    asked.onIOPub = message => { printed += message.content.text ?? ''; };
    await asked.done;
    return printed;
  },
  run(path, index) {
    this.select(path, index);
    this.follow(index, window.jupyterapp.commands.execute('notebook:run-cell'));
  },
  restart(path) {
    const kernel = this.kernel(path);
    this.follow('restart', kernel.restart().then(() => this.answered(kernel)));
  },
  async answered(kernel) {  // what is asked while the sockets change hands can get lost: then ask again
    const later = () => new Promise(resolve => setTimeout(resolve, 2000));
    while (!(await Promise.race([kernel.requestKernelInfo(), later()])));
  },
  echo(path) {
    const nothing = { code: 'None', silent: true, store_history: false };
    this.follow('echo', this.kernel(path).requestExecute(nothing).done);
  },
  output(path, index) {
    const cell = this.panel(path).content.widgets[index];
    if (cell.isPlaceholder()) cell.node.scrollIntoView();  // Lab draws what is out of sight later
    const all = [...cell.node.querySelectorAll('.jp-OutputArea-child')];
    const seen = all.filter(each => each.checkVisibility());
    return seen.map(each => each.querySelector('.jp-OutputArea-output')?.textContent ?? '').join('\\n');
  },
};
"""


def write_notebook(path: Path, sources: Sequence[str], *, kernel: str) -> None:
    """Write a notebook of code cells for one of the kernels of ``server.KERNELS``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cells = [nbformat.v4.new_code_cell(source, id=f"cell-{index}") for index, source in enumerate(sources)]
    spec = {"name": f"aether-{kernel}", "display_name": f"ipykernel {kernel}", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": spec}), path)


class Notebook:
    """One notebook on one page. Cells are numbered from 0."""

    def __init__(self, page: Page, server: LabServer, path: str, combo: Combo, frontend: Frontend) -> None:
        self.page = page
        self.server = server
        self.combo = combo
        self.path = path
        self.console: list[str] = []
        self._frontend = frontend
        page.on("console", lambda message: self.console.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.console.append(f"uncaught: {error}"))
        page.add_init_script(IN_PAGE)

    @property
    def file(self) -> Path:
        """The notebook's file on the server's disk."""
        return self.server.root / self.path

    def open(self) -> None:
        """Go to the notebook and wait until its kernel takes cells."""
        workspace = re.sub(r"\W", "_", self.path)  # a fresh one, so that Lab opens nothing else
        place = f"lab/workspaces/{workspace}/tree" if self._frontend == "lab" else "notebooks"
        self.page.goto(f"{self.server.url}/{place}/{self.path}?token={self.server.token}")
        self.wait_ready()

    def reload(self) -> None:
        """Load the page again and wait until the kernel takes cells; what was not saved is lost."""
        self.page.reload()
        self.wait_ready()

    def reopen_without_kernel(self, *, trusted: bool = False) -> None:
        """End the kernel, and open the saved notebook where its kernel is not known, with none.

        What comes from elsewhere is not trusted, unless somebody says so.
        """
        self.shut_down_kernel()
        saved = nbformat.read(self.file, as_version=4)
        saved.metadata.kernelspec["name"] = "not-installed-here"
        nbformat.write(saved, self.file)
        if trusted:
            self.server.jupyter("trust", self.file)
        self.page.reload()
        self.page.locator(".jp-Dialog").get_by_role("button", name="No Kernel").click()
        none = "path => aetherTest.panel(path)?.context.isReady && !aetherTest.kernel(path)"
        self._wait(none, self.path, "the notebook without a kernel", timeout_s=60)

    def wait_ready(self) -> None:
        """Wait until the session is connected, its kernel idle, and a cell's reply has come back."""
        for timeout_s in (
            10,
            20,
            40,
        ):  # the server's sockets to a new kernel go silent once in some fifty times
            try:
                self._wait("path => aetherTest.ready(path)", self.path, "a ready kernel", timeout_s=timeout_s)
                self.page.evaluate("path => aetherTest.echo(path)", self.path)
                self._wait(
                    "() => aetherTest.ended.echo", None, "a kernel that takes cells", timeout_s=timeout_s
                )
                self._wait("path => aetherTest.ready(path)", self.path, "an idle kernel", timeout_s=timeout_s)
            except TimeoutError as silent:
                last = silent
                self.page.evaluate("path => aetherTest.kernel(path)?.reconnect()", self.path)
            else:
                return
        raise last

    def run(self, index: int) -> None:
        """Start a cell; returns at once, also when the cell waits for a person."""
        self.page.evaluate("([path, index]) => aetherTest.run(path, index)", [self.path, index])

    def run_done(self, index: int, *, timeout_s: float = 30) -> str:
        """Start a cell, wait until it ended, and return its output."""
        self.run(index)
        self.wait_done(index, timeout_s=timeout_s)
        return self.output(index)

    def wait_done(self, index: int, *, timeout_s: float = 30) -> None:
        """Wait until a cell that ``run`` started has ended, well or badly."""
        self._wait("key => aetherTest.ended[key]", index, f"the end of cell {index}", timeout_s=timeout_s)

    def run_all(self) -> None:
        """Queue every cell, as "Run All" does; returns at once."""
        self._command("notebook:run-all-cells", key="all")

    def wait_all_done(self, *, timeout_s: float = 60) -> None:
        """Wait until the cells that ``run_all`` queued have ended."""
        self._wait("() => aetherTest.ended.all", None, "the end of Run All", timeout_s=timeout_s)

    def restart(self) -> None:
        """Restart the kernel and wait until the new one answers."""
        self.page.evaluate("path => aetherTest.restart(path)", self.path)
        self._wait("() => aetherTest.ended.restart", None, "the restarted kernel", timeout_s=60)
        self.wait_ready()

    def restart_and_run_all(self) -> None:
        """Press that button, and confirm; returns as soon as the new kernel takes cells, long before they are done.

        What is pressed sooner Lab loses by itself, sockets and cells.
        """
        restarts = self.server.restarts(self.path)
        self._command("notebook:restart-run-all", key="all")
        self.page.locator(".jp-Dialog .jp-mod-accept").click()
        poll(lambda: self.server.restarts(self.path) > restarts, timeout_s=30, what="the restart")
        self._wait("path => aetherTest.working(path)", self.path, "a kernel at work", timeout_s=30)

    def clear_output(self, index: int) -> None:
        """Clear what a cell has put out."""
        self._select(index)
        self._command("notebook:clear-cell-output", key="clear")

    def dismiss_dialogs(self) -> None:
        """Say OK to what Lab tells of a kernel that died."""
        self.page.add_locator_handler(
            self.page.locator(".jp-Dialog"), lambda dialog: dialog.locator(".jp-mod-accept").click()
        )

    def kernel_pid(self) -> int:
        """The process of the kernel, as it says itself."""
        code = "import os; print(os.getpid())"
        return int(self.page.evaluate("([path, code]) => aetherTest.ask(path, code)", [self.path, code]))

    def interrupt(self) -> None:
        """Interrupt the kernel, as the stop button does."""
        self._command("notebook:interrupt-kernel", key="interrupt")

    def shut_down_kernel(self) -> None:
        """End the kernel for good; the page stays as it is."""
        for session in self.server.request("GET", "api/sessions"):
            if session["path"] == self.path:
                self.server.request("DELETE", f"api/sessions/{session['id']}")

    def save(self) -> nbformat.NotebookNode:
        """Save the notebook and return what is in the file now."""
        self.page.evaluate("path => aetherTest.panel(path).context.save()", self.path)
        return nbformat.read(self.file, as_version=4)

    def wait_saved(self, index: int, text: str, *, timeout_s: float = 15) -> None:
        """Save until the file has ``text`` among the plain texts of a cell's outputs."""

        def saved() -> bool:
            outputs = self.save().cells[index].outputs
            return any(text in str(each.get("data", {}).get("text/plain", "")) for each in outputs)

        poll(saved, timeout_s=timeout_s, what=f"{text!r} in the saved output of cell {index}")

    def cell(self, index: int) -> Locator:
        """The cell's place on the page."""
        return self.page.locator(f'.jp-Notebook [data-windowed-list-index="{index}"]')

    def scroll_to(self, index: int) -> None:
        """Bring a cell of a long notebook into sight: Lab draws no others."""
        self.page.evaluate("([path, index]) => aetherTest.scrollTo(path, index)", [self.path, index])

    def output(self, index: int) -> str:
        """The text of a cell's visible outputs, one line or more for each."""
        return str(
            self.page.evaluate("([path, index]) => aetherTest.output(path, index)", [self.path, index])
        )

    def wait_output(self, index: int, text: str, *, timeout_s: float = 30) -> None:
        """Wait until a cell's visible outputs contain ``text``."""
        self._wait(
            "([path, index, text]) => aetherTest.output(path, index).includes(text)",
            [self.path, index, text],
            f"{text!r} in the output of cell {index}",
            timeout_s=timeout_s,
        )

    def run_widget(self, index: int) -> Locator:
        """The live run in a cell's output; its ``data-status`` tells how it stands."""
        return self.cell(index).locator(".aether-live[data-aether-run]")

    def prompt(self, index: int, state: str = "open") -> Locator:
        """The prompts in a cell's output that are in ``state``."""
        return self.cell(index).locator(f"[data-aether-wait][data-state={state}]")

    def node(self, index: int, label: str) -> Locator:
        """A node of the live DAG in a cell's output, by its label."""
        return self.run_widget(index).locator("[data-aether-node]").filter(has_text=label)

    def answer(self, index: int, text: str, *, state: str = "open") -> None:
        """Type into the one prompt of a cell that is in ``state``, key by key, and press Enter."""
        field = self.prompt(index, state).get_by_role("textbox")
        field.press_sequentially(text, delay=20)
        field.press("Enter")

    def choose(self, index: int, label: str) -> None:
        """Press a button of the one open prompt of a cell."""
        self.prompt(index).get_by_role("button", name=label, exact=True).click()

    def press(self, index: int, label: str) -> None:
        """Press a button of the run in a cell's output."""
        self.run_widget(index).get_by_role("button", name=label, exact=True).click()

    def wait_status(self, index: int, status: str, *, timeout_s: float = 30) -> None:
        """Wait until the run in a cell's output shows ``status``."""
        expect(self.run_widget(index)).to_have_attribute("data-status", status, timeout=timeout_s * 1000)

    def use_theme(self, theme: Theme) -> None:
        """Choose one of Lab's own themes, and wait until the page has it."""
        self.page.evaluate(
            "theme => jupyterapp.commands.execute('apputils:change-theme', { theme })", f"JupyterLab {theme}"
        )
        light = str(theme == "Light").lower()
        expect(self.page.locator(f"body[data-jp-theme-light={light}]")).to_have_count(1)
        expect(self.page.locator("#jupyterlab-splash")).to_have_count(0)

    def faults(self, scope: str = ".jp-Notebook .aether-live") -> list[str]:
        """What axe finds wrong, seriously, in the runs of the notebook, or in what a selector finds."""
        if not self.page.evaluate("'axe' in window"):
            self.page.add_script_tag(path=AXE)
        before = self.page.viewport_size or {"width": 1280, "height": 1000}
        self.page.set_viewport_size({"width": 1280, "height": 6000})  # what is out of sight is not looked at
        found = list(self.page.evaluate(FAULTS, scope))
        self.page.set_viewport_size(before)
        return found

    def screenshot(self, name: str) -> Path:
        """Take a picture of the page into ``.build/screenshots``."""
        picture = SCREENSHOTS / f"{name}.png"
        self.page.screenshot(path=picture)
        return picture

    def _select(self, index: int) -> None:
        self.page.evaluate("([path, index]) => aetherTest.select(path, index)", [self.path, index])

    def _command(self, command: str, *, key: str) -> None:
        self.page.evaluate(
            "([id, key]) => aetherTest.follow(key, jupyterapp.commands.execute(id))", [command, key]
        )

    def _wait(self, condition: str, argument: Any, what: str, *, timeout_s: float) -> None:
        try:
            self.page.wait_for_function(condition, arg=argument, timeout=timeout_s * 1000, polling=50)
        except PageTimeout:
            raise TimeoutError(f"waited {timeout_s:g} s for {what} ({self.path}, {self.combo})") from None
