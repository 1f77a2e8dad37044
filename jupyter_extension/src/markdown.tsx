/**
 * Markdown from a run. What makes elements of it is a file of its own, once per page; text without a sign
 * of Markdown needs none, and until it is here, or when no kernel can send it, a text stands there as it is.
 */

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { loadChunk, loadedChunk } from "./chunks";
import { useModel, useSession } from "./hooks";
import { isPlain } from "./plain";

type Sanitize = typeof import("./sanitize");

export function Markdown({ text, class: name = "", id }: { text: string; class?: string; id?: string }) {
  const ref = useRef<HTMLDivElement>(null);
  const plain = isPlain(text);
  const sanitize = useSanitize(!plain);
  useLayoutEffect(() => ref.current?.replaceChildren(sanitize && !plain ? sanitize.render(text) : text), [text, sanitize]);
  return <div ref={ref} class={`aether-md ${name}`} id={id} data-plain={!sanitize || plain} />;
}

function useSanitize(needed: boolean): Sanitize | null {
  const session = useSession();
  const heard = useModel(session).link === "live";
  const [sanitize, setSanitize] = useState(() => loadedChunk<Sanitize>("markdown.js"));
  useEffect(() => {
    if (!needed || sanitize) return undefined;
    let here = true;
    loadChunk<Sanitize>("markdown.js", session.link).then(
      (loaded) => here && setSanitize(loaded),
      () => undefined, // the text is there
    );
    return () => {
      here = false;
    };
  }, [needed, heard]);
  return sanitize;
}
