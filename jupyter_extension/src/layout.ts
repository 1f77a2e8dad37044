/** Lays DOT out in the page when the kernel's machine has no `dot`. */

import { loadChunk } from "./chunks";
import type { Link } from "./link";

/** The picture of a graph, as SVG. Rejects when viz.js cannot be had or the DOT is wrong. */
export async function layOut(dot: string, link: Link): Promise<string> {
  const viz = await loadChunk<typeof import("./viz")>("viz.js", link);
  return viz.layout(dot);
}
