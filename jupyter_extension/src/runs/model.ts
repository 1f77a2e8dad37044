/**
 * The runs that a list shows of very many: pages are fetched where somebody looks, and again when the stream says
 * that something happened. No DOM.
 */

import { Fresh } from "../fresh";
import type { Done, RunRow } from "../rows";
import type { Server } from "../server";
import { ServerError } from "../server";
import { Shown } from "../shown";

/** Runs of one request. */
export const PAGE = 50;
const PAUSE_MS = 700;
/** Who scrolls far passes by pages that are not to be fetched. */
const SETTLE_MS = 60;
/** After a fetch that failed. */
const AGAIN_MS = 5000;

export interface RunsState {
  readonly total: number;
  /** By page; what is not here has not been fetched. */
  readonly pages: ReadonlyMap<number, readonly RunRow[]>;
  readonly q: string;
  readonly status: string;
  readonly ready: boolean;
  readonly trouble: string;
  readonly link: "new" | "live" | "broken";
  /** What a button had to say. */
  readonly said: string;
}

export class Runs extends Shown<RunsState> {
  readonly #server: Server;
  readonly #fresh = new Fresh((signal) => this.#fetch(signal), PAUSE_MS);
  readonly #unsubscribe: () => void;
  #from = 0;
  #to = PAGE;
  #old = new Set<number>();
  #stores = "";
  #over = false;

  constructor(server: Server) {
    super({ total: 0, pages: new Map(), q: "", status: "", ready: false, trouble: "", link: "new", said: "" });
    this.#server = server;
    this.#unsubscribe = server.stream.subscribe(() => this.#onNews());
    this.#onNews();
    this.#fresh.want();
  }

  row(index: number): RunRow | undefined {
    return this.state.pages.get(Math.floor(index / PAGE))?.[index % PAGE];
  }

  /** Somebody looks at these rows, `to` not among them. */
  look(from: number, to: number): void {
    this.#from = from;
    this.#to = to;
    if (this.#wanted().some((page) => !this.state.pages.has(page))) this.#fresh.restart(SETTLE_MS);
    else if (this.#wanted().some((page) => this.#old.has(page))) this.#fresh.want();
  }

  search(q: string): void {
    if (q !== this.state.q) this.#ask({ q });
  }

  choose(status: string): void {
    if (status !== this.state.status) this.#ask({ status });
  }

  cancel(row: RunRow): Promise<void> {
    return this.#do(this.#server.cancel(row), `${row.graph} is being cancelled.`);
  }

  retry(row: RunRow): Promise<void> {
    return this.#do(this.#server.retry(row), `${row.graph} is tried again.`);
  }

  delete(row: RunRow): Promise<void> {
    return this.#do(this.#server.delete(row), `${row.graph} was deleted.`);
  }

  say(said: string): void {
    this.set({ said });
  }

  again(): void {
    this.#server.stream.again();
    this.#stale();
    this.#fresh.restart();
  }

  dispose(): void {
    this.#over = true;
    this.#unsubscribe();
    this.#fresh.stop();
  }

  async #do(asked: Promise<Done>, done: string): Promise<void> {
    this.say("");
    try {
      const became = await asked;
      this.say(became.note || (became.done ? done : "That could not be done."));
    } catch (error) {
      this.say(error instanceof ServerError ? error.message : String(error));
    }
    this.#stale();
    this.#fresh.restart();
  }

  #ask(asked: Partial<Pick<RunsState, "q" | "status">>): void {
    this.#from = 0;
    this.#to = PAGE;
    this.#stale();
    this.set({ ...asked, said: "" });
    this.#fresh.restart();
  }

  #onNews(): void {
    const { link, stores } = this.#server.stream.state;
    const now = JSON.stringify(stores);
    if (link === "live" && now !== this.#stores) {
      this.#stores = now;
      this.#stale();
      this.#fresh.want();
    }
    if (link !== this.state.link) this.set({ link });
  }

  #stale(): void {
    this.#old = new Set(this.state.pages.keys());
  }

  /** The pages that are looked at. */
  #wanted(): number[] {
    const last = Math.max(0, Math.ceil(Math.max(this.state.total, 1) / PAGE) - 1);
    const from = Math.min(Math.floor(this.#from / PAGE), last);
    const to = Math.min(Math.floor(Math.max(this.#from, this.#to - 1) / PAGE), last);
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  }

  async #fetch(signal: AbortSignal): Promise<void> {
    const { q, status, pages: known } = this.state;
    const missing = this.#wanted().filter((page) => !known.has(page) || this.#old.has(page));
    if (missing.length === 0) return;
    try {
      const fetched = await Promise.all(
        missing.map((page) => this.#server.runs({ q, status, offset: page * PAGE, limit: PAGE }, signal)),
      );
      if (signal.aborted || this.#over) return;
      const total = fetched[0]?.total ?? 0;
      for (const page of missing) this.#old.delete(page);
      // pages that nobody looks at and that are old are fetched when somebody does
      const pages = new Map([...known].filter(([page]) => !this.#old.has(page) && page * PAGE < total));
      for (const [i, page] of missing.entries()) pages.set(page, fetched[i]?.runs ?? []);
      this.set({ total, pages, ready: true, trouble: "" });
    } catch (error) {
      if (signal.aborted || this.#over) return;
      this.set({ trouble: error instanceof ServerError ? error.message : String(error) });
      this.#fresh.want(AGAIN_MS);
    }
  }
}
