/** One run of the list, kept up to date while its tab is open: who drives it, and which notebook it belongs to. No DOM. */

import { Fresh } from "../fresh";
import type { RunRow } from "../rows";
import type { Server } from "../server";
import { Shown } from "../shown";

const PAUSE_MS = 1000;

export class WatchedRow extends Shown<{ readonly row: RunRow | null }> {
  readonly #fresh: Fresh;
  readonly #unsubscribe: () => void;

  constructor(server: Server, store: string, run: string) {
    super({ row: null });
    this.#fresh = new Fresh(async (signal) => {
      try {
        const { runs } = await server.runs({ store, q: run, limit: 20 }, signal);
        const row = runs.find((each) => each.run_id === run);
        if (row && !signal.aborted) this.set({ row });
      } catch {
        // the connection of the run itself says so
      }
    }, PAUSE_MS);
    let seen = "";
    const onNews = () => {
      const now = JSON.stringify(server.stream.state.stores[store] ?? null);
      if (now !== seen) this.#fresh.want();
      seen = now;
    };
    this.#unsubscribe = server.stream.subscribe(onNews);
    this.#fresh.want();
  }

  dispose(): void {
    this.#unsubscribe();
    this.#fresh.stop();
  }
}
