/** Parts of a run that are in a file of their own (`closeup.tsx`), from the core's side. */

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { loadChunk } from "./chunks";
import type { Parts } from "./closeup";
import { useModel, useSession } from "./hooks";

type Closeup = typeof import("./closeup");

/** A kernel that is at work sends nothing: say so. */
const PATIENCE_MS = 1500;

interface Props<Name extends keyof Parts> {
  name: Name;
  props: Parts[Name];
}

/** A part, drawn as soon as its file is here. */
export function Part<Name extends keyof Parts>({ name, props }: Props<Name>) {
  const session = useSession();
  const box = useRef<HTMLDivElement>(null);
  const { link } = useModel(session);
  const [closeup, setCloseup] = useState<Closeup | null>(null);
  const [note, setNote] = useState("");
  useEffect(() => {
    let here = true;
    const timer = setTimeout(() => setNote("The kernel is busy."), PATIENCE_MS);
    loadChunk<Closeup>("closeup.js", session.link).then(
      (loaded) => here && setCloseup(loaded),
      () => here && setNote("The kernel that ran this is gone, and with it a closer look. The table has what is known here."),
    );
    return () => {
      here = false;
      clearTimeout(timer);
    };
  }, [link === "live"]);
  useLayoutEffect(() => {
    if (closeup && box.current) closeup.draw(box.current, session, name, props);
  });
  useEffect(() => {
    const element = box.current;
    return () => void (element && closeup?.clear(element));
  }, [closeup]);
  return (
    <>
      <div ref={box} class="aether-lazy" />
      {!closeup && note && (
        <p class="aether-muted aether-lazy-note" role="status">
          {note}
        </p>
      )}
    </>
  );
}
