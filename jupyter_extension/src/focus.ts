/** Where the cursor goes. */

const FIELDS = "input:not([type=file]), textarea, select, button";

/** Puts it into the first field of a question; into what stands in for one that is not there yet. */
export function focusFirst(within: Element | null | undefined): void {
  const chosen = within?.querySelector<HTMLElement>("input[type=radio]:checked");
  const field = within?.querySelector<HTMLElement>(FIELDS) ?? within?.querySelector<HTMLElement>("[tabindex]");
  const to = field?.matches("input[type=radio]") ? (chosen ?? field) : field;
  to?.focus({ preventScroll: true });
  to?.closest("[data-aether-wait]")?.scrollIntoView({ block: "nearest" });
}

/** Whether it may go to a run: nobody writes, and nobody works elsewhere than in this notebook. */
export function mayMove(at: Element | null, run: Element): boolean {
  if (!at || at === document.body) return true;
  const writes = at.matches("input, textarea, select, iframe") || (at as HTMLElement).isContentEditable;
  if (writes) return false;
  return run.contains(at) || (at.closest(".jp-Notebook")?.contains(run) ?? false);
}

/**
 * Keys pressed in what has the cursor are its own. Lumino looks for the mark from there upwards, and would
 * find a shortcut of the notebook, such as the arrows between cells, before a mark on what is around it.
 */
export function ownKeys(event: FocusEvent): void {
  if (event.target instanceof Element) event.target.setAttribute("data-lm-suppress-shortcuts", "true");
}
