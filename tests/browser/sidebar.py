"""The sidebar of a page, and the tab of a run, as objects."""

from __future__ import annotations

from browser.lab import AXE, Notebook
from playwright.sync_api import Locator, Page, expect

TAB = '.jp-SideBar .lm-TabBar-tab[data-id="aether-sidebar"]'
# Lab's body is 0 high and hides what flows over: axe takes all of the page for invisible then, and finds nothing.
FAULTS = """
async place => {
  document.body.style.overflow = 'visible';
  await new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  const { violations, passes } = await axe.run(place);
  document.body.style.overflow = '';
  if (!passes.some(each => each.id === 'color-contrast')) return ['axe looked at nothing'];
  return violations.map(each => each.id + ': ' + each.nodes.map(node => node.html.slice(0, 200)).join(' '));
}
"""
# When each question came to stand in the inbox, by the page's clock.
CLOCK = """
() => {
  const seen = (window.aetherSeen = {});
  const look = () => {
    for (const row of document.querySelectorAll('.aether-inbox [data-row]')) {
      const token = row.dataset.row.split(' ')[1];
      seen[token] ??= Date.now();
    }
  };
  look();
  new MutationObserver(look).observe(document.querySelector('.aether-inbox'), { childList: true, subtree: true });
}
"""


class Sidebar:
    """The sidebar "Aether" on the page of a notebook."""

    def __init__(self, notebook: Notebook) -> None:
        self.page: Page = notebook.page
        self.inbox = self.page.locator(".aether-inbox")
        self.runs = self.page.locator(".aether-runs")

    def open(self) -> None:
        """Show it."""
        if not self.inbox.is_visible():
            self.page.locator(TAB).click()
        expect(self.inbox).to_be_visible()

    def asks(self) -> Locator:
        """The questions of the inbox, those that were just closed among them."""
        return self.inbox.locator("[data-row]")

    def ask(self, text: str) -> Locator:
        """One question of the inbox."""
        return self.asks().filter(has_text=text)

    def card(self, text: str, state: str = "open") -> Locator:
        """The card of a question that stands open in the inbox."""
        return self.ask(text).locator(f"[data-aether-wait][data-state={state}]")

    def answer(self, ask: Locator, text: str) -> None:
        """Open a question where it is closed, type, and press Enter."""
        field = ask.get_by_role("textbox")
        if not field.is_visible():
            ask.locator("[data-rove]").click()
        field.fill(text)
        field.press("Enter")

    def run(self, run_id: str) -> Locator:
        """A run of the list."""
        return self.runs.locator(f'[data-run="{run_id}"]')

    def open_run(self, run_id: str) -> Locator:
        """Open a run as a tab; returns what stands in it."""
        self.run(run_id).locator("[data-rove]").click()
        shown = self.page.locator(f'.aether-tab [data-aether-run="{run_id}"]')
        expect(shown).to_be_visible()
        return shown

    def press(self, run_id: str, label: str) -> None:
        """Press a button of a run in the list."""
        row = self.run(run_id)
        if not row.locator(":focus").count():  # its buttons are there while the mouse or the cursor is
            row.locator("[data-rove]").focus()
        row.get_by_role("button", name=label).click()

    def keep_time(self) -> None:
        """From now on notes when questions come."""
        self.page.evaluate(CLOCK)

    def came(self, token: str) -> float:
        """When a question came, in milliseconds since 1970."""
        self.page.wait_for_function("token => window.aetherSeen[token]", arg=token)
        return float(self.page.evaluate("token => window.aetherSeen[token]", token))

    def faults(self, place: str) -> list[str]:
        """What axe finds wrong in a part of the page."""
        if not self.page.evaluate("'axe' in window"):
            self.page.add_script_tag(path=AXE)
        return list(self.page.evaluate(FAULTS, place))
