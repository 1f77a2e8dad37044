/**
 * Lays DOT out in the page when the kernel's machine has no `dot`: viz.js comes over the comm
 * when it is first needed, once per page, whatever number of widgets is on it.
 */

import type { Link } from "./link";

interface Viz {
  layout(dot: string): Promise<string>;
}

const CACHE = Symbol.for("aether_nb.viz");
type Page = typeof globalThis & { [CACHE]?: Promise<Viz> };

async function load(link: Link): Promise<Viz> {
  const code = new Blob([await link.chunk("viz.js")], { type: "text/javascript" });
  const url = URL.createObjectURL(code);
  try {
    return (await import(/* @vite-ignore */ url)) as Viz;
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** The picture of a graph, as SVG. Rejects when viz.js cannot be had or the DOT is wrong. */
export async function layOut(dot: string, link: Link): Promise<string> {
  const page = globalThis as Page;
  page[CACHE] ??= load(link).catch((error: unknown) => {
    delete page[CACHE]; // another widget may have a kernel that can send it
    throw error;
  });
  return (await page[CACHE]).layout(dot);
}
