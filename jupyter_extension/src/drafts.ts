/**
 * What was given and not sent, kept in the browser so that it survives a reload or a restart: one
 * JSON value per question. A page without storage (private windows, sandboxed frames) just has no drafts.
 */

const name = (token: string): string => `aether-nb:draft:${token}`;

/** The draft of a question; undefined when there is none, or not one that `fits`. */
export function readDraft<T>(token: string, fits: (draft: unknown) => draft is T): T | undefined {
  try {
    const draft: unknown = JSON.parse(localStorage.getItem(name(token)) ?? "null");
    return fits(draft) ? draft : undefined;
  } catch {
    return undefined;
  }
}

/** Keeps the draft; undefined removes it. */
export function keepDraft(token: string, draft: unknown): void {
  try {
    if (draft === undefined) localStorage.removeItem(name(token));
    else localStorage.setItem(name(token), JSON.stringify(draft));
  } catch {
    // no storage here, or it is full
  }
}

export const isText = (draft: unknown): draft is string => typeof draft === "string";
