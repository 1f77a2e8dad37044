/**
 * What was typed and not sent, kept in the browser so that it survives a reload or a restart.
 * A page without storage (private windows, sandboxed frames) just has no drafts.
 */

const name = (token: string): string => `aether-nb:draft:${token}`;

export function readDraft(token: string): string {
  try {
    return localStorage.getItem(name(token)) ?? "";
  } catch {
    return "";
  }
}

/** Keeps the draft; an empty one is removed. */
export function keepDraft(token: string, text: string): void {
  try {
    if (text) localStorage.setItem(name(token), text);
    else localStorage.removeItem(name(token));
  } catch {
    // no storage here
  }
}
