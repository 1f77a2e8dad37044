/**
 * Files of the front end that are too large for the core: each comes over the comm when it is first
 * needed, once per page, whatever number of widgets is on it.
 */

import type { Link } from "./link";

const CACHE = Symbol.for("aether_nb.chunks");
type Page = typeof globalThis & { [CACHE]?: Map<string, Chunk> };

interface Chunk {
  promise: Promise<unknown>;
  /** What it exports, once it is here. */
  loaded?: unknown;
}

const chunks = (): Map<string, Chunk> => ((globalThis as Page)[CACHE] ??= new Map<string, Chunk>());

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
  chunks().set(name, { promise: Promise.resolve(loaded), loaded });
}

/** What a file exports. Rejects when no kernel can send it, and then it is tried again next time. */
export function loadChunk<T>(name: string, link: Link): Promise<T> {
  const known = chunks().get(name);
  if (known) return known.promise as Promise<T>;
  const chunk: Chunk = { promise: load(name, link) };
  chunks().set(name, chunk);
  chunk.promise.then(
    (loaded) => (chunk.loaded = loaded),
    () => chunks().delete(name), // another widget may have a kernel that can send it
  );
  return chunk.promise as Promise<T>;
}

/** What a file exports, if it has come already. */
export const loadedChunk = <T,>(name: string): T | null => (chunks().get(name)?.loaded as T | undefined) ?? null;
