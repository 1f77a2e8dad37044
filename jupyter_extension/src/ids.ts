/** Ids for elements, which labels and inputs know each other by. */

import { useState } from "preact/hooks";

let count = 0;
/** An element id that is unique on the page, for labels. */
export function useElementId(): string {
  const [id] = useState(() => `aether-${Math.random().toString(36).slice(2, 8)}-${++count}`);
  return id;
}
