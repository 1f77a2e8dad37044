/** The runs of every store that the server knows. */

import { render } from "preact";
import type { Host } from "../host";

/** Draws the runs into an element; the result takes them away again. */
export function mountRuns(el: HTMLElement, _host: Host): () => void {
  render(<section class="aether-run aether-live aether-runs" aria-label="Runs" />, el);
  return () => render(null, el);
}
