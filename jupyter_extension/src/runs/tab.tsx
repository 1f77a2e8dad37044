/** One run as a tab, whether a kernel drives it or none: what stands in a cell, told live by the server. */

import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Host } from "../host";
import { SessionContext, useModel, useShown } from "../hooks";
import { isOver } from "../model";
import { GoTo, Resume } from "../parts";
import type { RunRow } from "../rows";
import type { LiveState } from "../served";
import { ServedRun } from "../served";
import type { Server } from "../server";
import { ServerError, serverOf } from "../server";
import { Session } from "../session";
import { Shown } from "../shown";
import { Run } from "../view";
import { WatchedRow } from "./watched";

/** Draws a run of a store into an element; the result takes it away again. */
export function mountRun(el: HTMLElement, store: string, run: string, host: Host): () => void {
  const server = serverOf(host);
  const live = new Live({ state: "connecting" });
  const wire = new ServedRun(server, store, run, (state) => live.become(state));
  const session = new Session(wire);
  const watched = new WatchedRow(server, store, run);
  render(
    <SessionContext.Provider value={session}>
      <Tab session={session} live={live} watched={watched} host={host} look={() => fetched(server, store, run, session)} />
    </SessionContext.Provider>,
    el,
  );
  return () => {
    render(null, el);
    watched.dispose();
    session.dispose();
    wire.close();
  };
}

/** Has the run as it stands now where it is not told live; why it cannot be shown, "" when it can or nobody knows. */
async function fetched(server: Server, store: string, run: string, { model }: Session): Promise<string> {
  try {
    const { view } = await server.run(store, run);
    if (model.state.view.seq < view.seq) model.welcome(view);
    return "";
  } catch (error) {
    return error instanceof ServerError && error.status === 404 ? error.message : "";
  }
}

/** How the websocket stands. */
class Live extends Shown<{ readonly state: LiveState }> {
  become(state: LiveState): void {
    this.set({ state });
  }
}

interface Props {
  session: Session;
  live: Live;
  watched: WatchedRow;
  host: Host;
  look: () => Promise<string>;
}

function Tab({ session, live, watched, host, look }: Props) {
  const { view } = useModel(session);
  const { row } = useShown(watched);
  const { state } = useShown(live);
  const [gone, setGone] = useState("");
  useEffect(() => {
    let here = true;
    if (state === "lost") void look().then((why) => here && setGone(why));
    else setGone("");
    return () => {
      here = false;
    };
  }, [state, row]); // a row that is another one: something happened
  return (
    <section class="aether-tab" aria-label={`Run ${view.graph || view.run_id}`} aria-busy={view.seq < 0}>
      <div class="aether-run aether-live aether-tab-bar">
        <div class="aether-trouble" role="status">
          {gone || (state === "lost" && "Not connected; trying again. This is how it stood a moment ago.")}
        </div>
        {row && !gone && <Standing row={row} over={isOver(view)} host={host} />}
      </div>
      {view.seq >= 0 && <Run />}
    </section>
  );
}

/** Which notebook it belongs to, and who drives it. */
function Standing({ row, over, host }: { row: RunRow; over: boolean; host: Host }) {
  const driven = row.driver === "here" ? "A kernel here drives it." : row.driver ? "A kernel elsewhere drives it." : "";
  return (
    <div class="aether-standing">
      {row.notebook && <span class="aether-muted">{row.notebook}</span>}
      <GoTo host={host} notebook={row.notebook} run={row.run_id} />
      {!over && (driven ? <span class="aether-muted">{driven}</span> : <Resume host={host} notebook={row.notebook} run={row.run_id} />)}
    </div>
  );
}
