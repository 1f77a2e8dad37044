/** New questions: they are read out, and the cursor goes into the first of them unless it is needed elsewhere. */

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { RunShape } from "./api";
import { focusFirst, mayMove } from "./focus";

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
    focusFirst(run.querySelector(`[data-aether-wait="${CSS.escape(fresh[0]?.token ?? "")}"]`));
  }, [view.prompts]);
  return news;
}
