/** The chunk that lays graphs out: viz.js behind one function. Its own file, as it is large. */

import { instance } from "@viz-js/viz";

const viz = instance();

/** The graph's picture as SVG text. Rejects when the DOT is wrong. */
export const layout = async (dot: string): Promise<string> =>
  (await viz).renderString(dot, { format: "svg", engine: "dot" });
