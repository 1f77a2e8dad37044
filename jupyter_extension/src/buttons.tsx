/** Buttons that several parts of a run have. */

import { useState } from "preact/hooks";
import { useSession } from "./hooks";
import { newId } from "./replies";

interface Sure {
  label: string;
  /** What it does cannot be undone: ask back once. */
  sure: boolean;
  act: () => unknown;
  kind?: string;
}

/** A quiet button; with `sure` it asks back once, as what it does cannot be undone. */
export function SureButton({ label, sure, act, kind = "aether-quiet" }: Sure) {
  const [asked, setAsked] = useState(false);
  const press = () => {
    if (sure && !asked) return setAsked(true);
    setAsked(false);
    void act();
  };
  return (
    <button type="button" class={kind} data-asked={asked} onClick={press} onBlur={() => setAsked(false)}>
      {asked ? `${label}: sure?` : label}
    </button>
  );
}

/** Runs a failed node again. */
export function RetryButton({ node, label, kind }: { node: string; label: string; kind: string }) {
  const { replies } = useSession();
  const retry = () => void replies.command({ type: "retry", id: newId(), node });
  return (
    <button type="button" class={kind} onClick={retry}>
      {label}
    </button>
  );
}
