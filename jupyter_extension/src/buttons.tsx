/** Buttons that several parts of a run have. */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { useSession } from "./hooks";
import { newId } from "./replies";

interface Sure {
  label: string;
  /** What it does cannot be undone: ask back once. */
  sure: boolean;
  act: () => unknown;
  kind?: string;
  /** Drawn in place of the label, which is its name all the same. */
  icon?: ComponentChildren;
}

/** A quiet button; with `sure` it asks back once, as what it does cannot be undone. */
export function SureButton({ label, sure, act, kind = "aether-quiet", icon }: Sure) {
  const [asked, setAsked] = useState(false);
  const press = () => {
    if (sure && !asked) return setAsked(true);
    setAsked(false);
    void act();
  };
  return (
    <button
      type="button"
      class={kind}
      data-asked={asked}
      aria-label={icon && !asked ? label : undefined}
      title={icon && !asked ? label : undefined}
      onClick={press}
      onBlur={() => setAsked(false)}
    >
      {asked ? `${label}: sure?` : (icon ?? label)}
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
