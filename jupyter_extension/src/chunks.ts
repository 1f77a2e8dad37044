/**
 * Files of the front end that are too large for the core: each comes over the comm when it is first
 * needed, once per page, whatever number of widgets is on it.
 */

import type { Link } from "./link";

const CACHE = Symbol.for("aether_nb.chunks");
type Page = typeof globalThis & { [CACHE]?: Map<string, Promise<unknown>> };

async function load(name: string, link: Link): Promise<unknown> {
  const code = new Blob([await link.chunk(name)], { type: "text/javascript" });
  const url = URL.createObjectURL(code);
  try {
    return await import(/* @vite-ignore */ url);
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** Takes a file as being here already, as a report has what it needs in its own. */
export function bring(name: string, loaded: unknown): void {
  ((globalThis as Page)[CACHE] ??= new Map()).set(name, Promise.resolve(loaded));
}

/** What a file exports. Rejects when no kernel can send it, and then it is tried again next time. */
export function loadChunk<T>(name: string, link: Link): Promise<T> {
  const chunks = ((globalThis as Page)[CACHE] ??= new Map());
  let chunk = chunks.get(name);
  if (!chunk) {
    chunk = load(name, link);
    chunks.set(name, chunk);
    chunk.catch(() => chunks.delete(name)); // another widget may have a kernel that can send it
  }
  return chunk as Promise<T>;
}
