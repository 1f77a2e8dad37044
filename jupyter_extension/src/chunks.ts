/**
 * Files of the front end that are too large for the core: each comes when it is first needed, once per page,
 * whatever number of widgets is on it. From the server, where it has this version of the extension; else over
 * the comm.
 */

import type { Link } from "./link";

/** Names what is in these files; written in by `build.mjs`. */
declare const CHUNKS: string;

const CACHE = Symbol.for("aether_nb.chunks");
type Page = typeof globalThis & { [CACHE]?: Map<string, Chunk> };

/** The part of what JupyterLab and Notebook write into their pages that we use. */
interface PageConfig {
  federated_extensions?: { name: string }[];
  fullLabextensionsUrl?: string;
}

const EXTENSION = "aether_nb";

interface Chunk {
  promise: Promise<unknown>;
  /** What it exports, once it is here. */
  loaded?: unknown;
}

const chunks = (): Map<string, Chunk> => ((globalThis as Page)[CACHE] ??= new Map<string, Chunk>());

/** Where the server has a file; "" when it has no extension of ours, or there is no server. */
export function servedAt(name: string): string {
  try {
    const text = document.getElementById("jupyter-config-data")?.textContent;
    const page = JSON.parse(text ?? "{}") as PageConfig;
    const served = page.federated_extensions?.some((each) => each.name === EXTENSION);
    return served ? `${page.fullLabextensionsUrl}/${EXTENSION}/static/${CHUNKS}/${name}` : "";
  } catch {
    return "";
  }
}

async function load(name: string, link: Link): Promise<unknown> {
  const served = servedAt(name);
  if (served) {
    try {
      return await import(/* @vite-ignore */ new URL(served, document.baseURI).href);
    } catch {
      // the server's is of another version than the kernel's: the kernel has the file
    }
  }
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
