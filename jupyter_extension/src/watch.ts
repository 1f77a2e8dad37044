/**
 * Asks the server about open questions whose kernel is not heard: is it gone, was one answered
 * elsewhere. The server holds a request until it has news, so there is one under way and none
 * while all is well.
 *
 * A browser has few connections to one server, for all its tabs: so all runs of a page and a store
 * share one request, and a page that nobody looks at has none.
 */

import type { News } from "./api";
import type { HttpDoor } from "./door";

/** One run that wants news. */
export interface Watched {
  readonly door: HttpDoor;
  /** Its questions that are open, as far as the page knows. */
  tokens(): string[];
  told(news: News | null): void;
}

/** Runs that lose their kernel together are asked for together. */
const GATHER_MS = 150;
/** Between two requests. */
const PAUSE_MS = 300;
/** The same when the server did not hold the last one: it has too many. */
const CROWDED_MS = 5000;
/** After a server that could not say: longer each time. */
const FAILED_MS = [5000, 15_000, 60_000];

class Watch {
  readonly #runs = new Set<Watched>();
  #alive: boolean | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asking: AbortController | undefined;
  #failed = 0;
  #round = 0;

  constructor() {
    document.addEventListener("visibilitychange", () => this.#ask(0));
  }

  join(run: Watched): void {
    this.#runs.add(run);
    this.#alive = null; // who is new has not been told
    this.#failed = 0;
    this.#ask(GATHER_MS);
  }

  leave(run: Watched): void {
    if (this.#runs.delete(run)) this.#ask(GATHER_MS);
  }

  /** Asks anew, soon; the request under way is for other questions. */
  #ask(soon: number): void {
    clearTimeout(this.#timer);
    this.#asking?.abort();
    this.#round++;
    if (this.#runs.size > 0 && document.visibilityState === "visible") {
      this.#timer = setTimeout(() => void this.#request(), soon);
    }
  }

  async #request(): Promise<void> {
    const runs = [...this.#runs];
    const [first] = runs;
    if (!first) return;
    this.#asking = new AbortController();
    const round = this.#round;
    const since = Date.now();
    const tokens = [...new Set(runs.flatMap((run) => run.tokens()))];
    const news = await first.door.watch(tokens, this.#alive, this.#asking.signal);
    if (this.#round !== round) return;
    this.#failed = news ? 0 : this.#failed + 1;
    const old = news?.alive === this.#alive && Object.keys(news.closed).length === 0;
    const pause = old && Date.now() - since < CROWDED_MS ? CROWDED_MS : PAUSE_MS;
    if (news) this.#alive = news.alive;
    for (const run of runs) run.told(news);
    if (this.#round !== round) return; // what they heard changed what they ask
    this.#ask(news ? pause : (FAILED_MS[this.#failed - 1] ?? 60_000));
  }
}

const PAGE = Symbol.for("aether_nb.watch");
type Page = typeof globalThis & { [PAGE]?: Map<string, Watch> };

/** The watch that all runs of this page with that store share; null where there is no door. */
export function watchOf(door: HttpDoor): Watch | null {
  const place = door.place;
  if (!place) return null;
  const watches = ((globalThis as Page)[PAGE] ??= new Map<string, Watch>());
  const key = `${place.api} ${place.store}`;
  const watch = watches.get(key) ?? new Watch();
  watches.set(key, watch);
  return watch;
}

export type { Watch };
