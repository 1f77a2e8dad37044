/**
 * Keeps the cursor in a list that changes: when the row that has it goes, or what was in it, the cursor would fall out
 * of the page, and with it whoever works by keyboard. Rows bear `data-row`; what has the cursor of a row, `data-rove`.
 */

import { useEffect } from "preact/hooks";

type Ref = { readonly current: HTMLElement | null };

const rows = (root: Element): HTMLElement[] => [...root.querySelectorAll<HTMLElement>("[data-row]")];
const roveOf = (row: Element | undefined): HTMLElement | null => row?.querySelector<HTMLElement>("[data-rove]") ?? null;

/** Moves the cursor by so many rows, or to the first or last; false: there is none. */
export function rove(root: Element, by: number | "first" | "last"): boolean {
  const all = rows(root).flatMap((row) => roveOf(row) ?? []);
  const at = all.findIndex((each) => each.closest("[data-row]")?.contains(document.activeElement));
  const to = by === "first" ? 0 : by === "last" ? all.length - 1 : Math.max(0, Math.min(all.length - 1, at + by));
  const next = all[to];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
  return next !== undefined;
}

/**
 * The cursor stays at its row when that changes, else goes to the row that took its place, else to `fallback`.
 * Where it is on its way to a row that is not there yet, it waits on the list itself.
 */
export function useKeptFocus(list: Ref, fallback: () => HTMLElement | null): void {
  useEffect(() => {
    const root = list.current;
    if (!root) return undefined;
    let at: { element: Element; row: string; index: number } | null = null;
    const onIn = ({ target }: FocusEvent) => {
      const row = (target as Element).closest<HTMLElement>("[data-row]");
      at = row && { element: target as Element, row: row.dataset["row"] ?? "", index: rows(root).indexOf(row) };
    };
    const onOut = ({ target, relatedTarget }: FocusEvent) => {
      const left = target as Element;
      if (relatedTarget) at = null; // it went elsewhere; `onIn` says where
      else queueMicrotask(() => left.isConnected && document.activeElement === document.body && (at = null));
    };
    const onChange = () => {
      if (!at || at.element.isConnected || document.activeElement !== document.body) return;
      const all = rows(root);
      const own = all.find((row) => row.dataset["row"] === at?.row);
      const to = roveOf(own) ?? roveOf(all[Math.min(at.index, all.length - 1)]) ?? fallback();
      at = null;
      to?.focus({ preventScroll: own !== undefined });
    };
    const observer = new MutationObserver(onChange);
    observer.observe(root, { childList: true, subtree: true });
    root.addEventListener("focusin", onIn);
    root.addEventListener("focusout", onOut);
    return () => {
      observer.disconnect();
      root.removeEventListener("focusin", onIn);
      root.removeEventListener("focusout", onOut);
    };
  }, []);
}
