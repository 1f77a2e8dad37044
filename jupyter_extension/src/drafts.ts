/**
 * What was given and not sent, kept in the browser so that it survives a reload or a restart: one
 * JSON value per question. A page without storage (private windows, sandboxed frames) just has no drafts.
 */

/** Drafts of answers that were given: the question may be opened again, for the kernel has the last word. */
const given = new Map<string, unknown>();

const name = (token: string): string => `aether-nb:draft:${token}`;

/** The draft of a question; undefined when there is none, or not one that `fits`. */
export function readDraft<T>(token: string, fits: (draft: unknown) => draft is T): T | undefined {
  try {
    const draft: unknown = given.get(token) ?? JSON.parse(localStorage.getItem(name(token)) ?? "null");
    return fits(draft) ? draft : undefined;
  } catch {
    return undefined;
  }
}

/** An answer was given: its draft goes from the browser, and stays with this page. */
export function putAside(token: string): void {
  const draft = readDraft(token, (each): each is unknown => each !== null);
  if (draft !== undefined) given.set(token, draft);
  keep(token, undefined);
}

/** Keeps the draft; undefined removes it. */
export function keepDraft(token: string, draft: unknown): void {
  given.delete(token);
  keep(token, draft);
}

function keep(token: string, draft: unknown): void {
  try {
    if (draft === undefined) localStorage.removeItem(name(token));
    else localStorage.setItem(name(token), JSON.stringify(draft));
  } catch {
    // no storage here, or it is full
  }
}

export const isText = (draft: unknown): draft is string => typeof draft === "string";
