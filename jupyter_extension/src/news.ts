/** New questions: they are read out, and the cursor goes into the first of them unless it is needed elsewhere. */

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { RunShape } from "./api";

const FIELDS = "input:not([type=file]), textarea, select, button";

/** Whether the cursor may go: nobody writes, and nobody works elsewhere than in this notebook. */
export function mayMove(at: Element | null, run: Element): boolean {
  if (!at || at === document.body) return true;
  const writes = at.matches("input, textarea, select, iframe") || (at as HTMLElement).isContentEditable;
  if (writes) return false;
  return run.contains(at) || (at.closest(".jp-Notebook")?.contains(run) ?? false);
}

/** Gives the text to be read out. */
export function useNews(view: RunShape, root: { current: HTMLElement | null }): string {
  const known = useRef(new Set<string>());
  const [news, setNews] = useState("");
  useLayoutEffect(() => {
    const fresh = view.prompts.filter((p) => p.state === "open" && !known.current.has(p.token));
    if (fresh.length === 0) return;
    for (const prompt of fresh) known.current.add(prompt.token);
    setNews(fresh.map((p) => `${view.graph} asks: ${p.prompt.prompt}`).join(" "));
    const run = root.current;
    if (!run || !mayMove(document.activeElement, run)) return;
    const card = run.querySelector(`[data-aether-wait="${CSS.escape(fresh[0]?.token ?? "")}"]`);
    const field = card?.querySelector<HTMLElement>("input[type=radio]:checked") ?? card?.querySelector<HTMLElement>(FIELDS);
    field?.focus({ preventScroll: true });
  }, [view.prompts]);
  return news;
}
