/**
 * What the inbox shows. The stream says that a store changed, then the questions are fetched again; what is not open
 * any more is asked for by name, and shown a little longer with who answered it. No DOM.
 */

import type { News } from "../api";
import { Fresh } from "../fresh";
import type { WaitRow } from "../rows";
import type { Server } from "../server";
import { ServerError } from "../server";
import type { Session } from "../session";
import { Shown } from "../shown";
import { Desk } from "./desk";
import type { Item } from "./items";
import { closed, keyOf, merged, missing } from "./items";

/** So many questions are fetched at first, and with each "more". */
export const PAGE = 100;
/** Between two fetches when the number of open questions changed, and when something else did. */
const SOON_MS = 100;
const LATER_MS = 1000;
/** After a fetch that failed. */
const AGAIN_MS = 5000;
/** A question that was closed stays where it stood for so long. */
export const LINGER_MS = 6000;
/** Answered questions that are kept for looking back. */
const KEPT = 20;

export interface InboxState {
  /** Questions first, each with the oldest deadline first, and those that were just closed. */
  readonly items: readonly Item[];
  /** How many open ones fit what is asked for. */
  readonly total: number;
  /** Open questions in all. */
  readonly open: number;
  readonly byNotebook: Readonly<Record<string, number>>;
  /** Closed ones, the latest first. */
  readonly answered: readonly Item[];
  readonly q: string;
  readonly notebook: string;
  /** Whether anything was fetched yet. */
  readonly ready: boolean;
  /** Why the last fetch failed. */
  readonly trouble: string;
  readonly link: "new" | "live" | "broken";
}

export class Inbox extends Shown<InboxState> {
  readonly #server: Server;
  readonly #desks = new Map<string, Desk>();
  readonly #fresh = new Fresh((signal) => this.#fetch(signal), SOON_MS);
  readonly #unsubscribe: () => void;
  /** Whether a closed question may go from its place. */
  #held: (key: string) => boolean = () => false;
  #limit = PAGE;
  #stores = "";
  #timer: ReturnType<typeof setTimeout> | undefined;
  #over = false;

  constructor(server: Server) {
    super({
      items: [], total: 0, open: 0, byNotebook: {}, answered: [], q: "", notebook: "", ready: false, trouble: "",
      link: "new",
    });
    this.#server = server;
    this.#unsubscribe = server.stream.subscribe(() => this.#onNews());
    this.#onNews();
    this.#fresh.want();
  }

  /** The session whose cards these are. */
  session(store: string): Session {
    return this.#desk(store).session;
  }

  /** Says which questions somebody is at, so that they stay where they are. */
  hold(held: (key: string) => boolean): void {
    this.#held = held;
  }

  search(q: string): void {
    if (q === this.state.q) return;
    this.#ask({ q });
  }

  choose(notebook: string): void {
    if (notebook === this.state.notebook) return;
    this.#ask({ notebook });
  }

  more(): void {
    this.#limit = Math.max(this.#limit, this.state.items.length) + PAGE;
    this.#fresh.want();
  }

  again(): void {
    this.#server.stream.again();
    this.#fresh.restart();
  }

  dispose(): void {
    this.#over = true;
    this.#unsubscribe();
    this.#fresh.stop();
    clearTimeout(this.#timer);
    for (const desk of this.#desks.values()) desk.dispose();
  }

  #ask(asked: Partial<Pick<InboxState, "q" | "notebook">>): void {
    this.#limit = PAGE;
    this.set(asked);
    this.#fresh.restart();
  }

  #desk(store: string): Desk {
    const desk = this.#desks.get(store) ?? new Desk(this.#server, store);
    this.#desks.set(store, desk);
    return desk;
  }

  #onNews(): void {
    const { link, stores } = this.#server.stream.state;
    const now = JSON.stringify(stores);
    if (link === "live" && now !== this.#stores) {
      this.#stores = now;
      const open = Object.values(stores).reduce((sum, mark) => sum + mark.open, 0);
      this.#fresh.want(open === this.state.open && this.state.ready ? LATER_MS : 0);
      this.set({ open });
    }
    if (link !== this.state.link) this.set({ link });
  }

  async #fetch(signal: AbortSignal): Promise<void> {
    const { q, notebook } = this.state;
    try {
      const page = await this.#server.waits({ q, notebook, limit: this.#limit }, signal);
      const told = await this.#becomeOf(missing(this.state.items, page.waits), signal);
      if (signal.aborted || this.#over) return;
      this.set({
        items: merged(closed(this.state.items, told, Date.now()), page.waits),
        total: page.total,
        byNotebook: page.notebooks,
        open: Object.values(page.notebooks).reduce((sum, count) => sum + count, 0),
        ready: true,
        trouble: "",
      });
      this.#lay();
      this.#tidy();
    } catch (error) {
      if (signal.aborted || this.#over) return;
      this.set({ trouble: error instanceof ServerError ? error.message : String(error) });
      this.#fresh.want(AGAIN_MS);
    }
  }

  /** Gives each store's questions to the cards that draw them. */
  #lay(): void {
    const byStore = new Map<string, WaitRow[]>([...this.#desks.keys()].map((store) => [store, []]));
    for (const { wait } of this.state.items) {
      const waits = byStore.get(wait.store);
      if (waits) waits.push(wait);
      else byStore.set(wait.store, [wait]);
    }
    for (const [store, waits] of byStore) this.#desk(store).show(waits);
  }

  async #becomeOf(waits: readonly WaitRow[], signal: AbortSignal): Promise<Map<string, News["closed"][string]>> {
    const byStore = new Map<string, string[]>();
    for (const { store, token } of waits) byStore.set(store, [...(byStore.get(store) ?? []), token]);
    const told = new Map<string, News["closed"][string]>();
    await Promise.all(
      [...byStore].map(async ([store, tokens]) => {
        const became = await this.#desk(store).ask(tokens, signal);
        for (const [token, what] of Object.entries(became)) told.set(keyOf({ store, token }), what);
      }),
    );
    return told;
  }

  /** Takes closed questions from their place, once they stood there long enough and nobody is at them. */
  #tidy(): void {
    clearTimeout(this.#timer);
    const now = Date.now();
    const due = ({ key, closedMs }: Item) => closedMs > 0 && closedMs + LINGER_MS <= now && !this.#held(key);
    const gone = this.state.items.filter(due);
    if (gone.length > 0) {
      const answered = [...gone].sort((a, b) => b.closedMs - a.closedMs).concat(this.state.answered).slice(0, KEPT);
      this.set({ items: this.state.items.filter((item) => !due(item)), answered });
      this.#lay();
    }
    if (this.state.items.some((item) => item.closedMs > 0)) {
      this.#timer = setTimeout(() => this.#tidy(), 1000);
    }
  }
}
