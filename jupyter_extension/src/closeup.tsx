/**
 * The timeline and the close look at a node: a file of its own, that comes over the comm when somebody opens one of
 * them. It has its own Preact, so it draws into elements that the core gives it; `lazy.tsx` is the core's side.
 */

import type { ComponentType } from "preact";
import { render } from "preact";
import type { NodeShape, RunShape } from "./api";
import { Detail } from "./detail";
import { SessionContext } from "./hooks";
import type { Session } from "./session";
import { Timeline } from "./timeline";

export interface Parts {
  Timeline: { view: RunShape; chosen: string; choose: (id: string) => void; stand: (node: NodeShape) => void };
  Detail: { node: NodeShape; view: RunShape; close: () => void };
}

const PARTS: { [Name in keyof Parts]: ComponentType<Parts[Name]> } = { Timeline, Detail };

/** Draws a part into an element, or draws it again with what is new. */
export function draw<Name extends keyof Parts>(
  el: HTMLElement, session: Session, name: Name, props: Parts[Name],
): void {
  const Part = PARTS[name] as ComponentType<Parts[Name]>;
  render(
    <SessionContext.Provider value={session}>
      <Part {...props} />
    </SessionContext.Provider>,
    el,
  );
}

/** Takes away what was drawn into an element. */
export const clear = (el: HTMLElement): void => render(null, el);
