/** What several views share: reading the model, and a clock that ticks only while it is needed. */

import { createContext } from "preact";
import { useContext, useEffect, useLayoutEffect, useState } from "preact/hooks";
import type { State } from "./model";
import { whenReleased } from "./press";
import type { Session } from "./session";
import type { Shown } from "./shown";

/** The session that a tree of views belongs to. */
export const SessionContext = createContext<Session>(null as unknown as Session);
export const useSession = (): Session => useContext(SessionContext);

/** The session's state; draws again when it changes. */
export const useModel = (session: Session): State => useShown(session.model);

/** A model's state; draws again when it changes. */
export function useShown<T>(model: Shown<T>): T {
  const [state, setState] = useState(model.state);
  useLayoutEffect(() => {
    let here = true;
    const read = () => here && setState(model.state);
    read(); // what changed between drawing and subscribing
    const unsubscribe = model.subscribe(() => whenReleased(read));
    return () => {
      here = false;
      unsubscribe();
    };
  }, [model]);
  return state;
}

/** Now, in milliseconds; moves on every second while `active`. */
export function useNow(active: boolean): number {
  const asOf = useSession()?.asOf ?? null; // a list of runs has none
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (!active || asOf !== null) return undefined;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [active]);
  return asOf ?? now;
}
