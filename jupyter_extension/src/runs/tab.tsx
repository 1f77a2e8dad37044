/** One run as a tab, whether a kernel drives it or none. */

import { render } from "preact";
import type { Host } from "../host";

/** Draws a run of a store into an element; the result takes it away again. */
export function mountRun(el: HTMLElement, store: string, run: string, _host: Host): () => void {
  render(<div class="aether-tab" data-store={store} data-run={run} />, el);
  return () => render(null, el);
}
