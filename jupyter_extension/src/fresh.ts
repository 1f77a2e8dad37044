/**
 * Fetches again what changed: one request at a time, the next one only when something changed since the last was
 * sent, and not sooner than it is good for; a server that is slow is asked less often.
 */

export class Fresh {
  readonly #fetch: (signal: AbortSignal) => Promise<void>;
  readonly #pauseMs: number;
  #due = Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asking: AbortController | undefined;
  #last = 0;
  #took = 0;
  #over = false;

  /** `fetch` must not reject; `pauseMs` is the least time between two of them. */
  constructor(fetch: (signal: AbortSignal) => Promise<void>, pauseMs: number) {
    this.#fetch = fetch;
    this.#pauseMs = pauseMs;
  }

  /** Something changed: fetch soon, at the latest in `withinMs`. */
  want(withinMs = 0): void {
    if (this.#over) return;
    const soonest = this.#last + Math.max(this.#pauseMs, this.#took);
    const due = Math.max(Date.now() + withinMs, soonest);
    if (due >= this.#due) return;
    this.#due = due;
    this.#schedule();
  }

  /** Something else is asked for: what is under way is not wanted any more. */
  restart(inMs = 0): void {
    if (this.#over) return;
    this.#asking?.abort();
    this.#asking = undefined;
    this.#due = Date.now() + inMs;
    this.#schedule();
  }

  stop(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#asking?.abort();
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#asking || this.#due === Infinity) return;
    this.#timer = setTimeout(() => void this.#go(), Math.max(0, this.#due - Date.now()));
  }

  async #go(): Promise<void> {
    const asking = new AbortController();
    this.#asking = asking;
    this.#due = Infinity;
    this.#last = Date.now();
    await this.#fetch(asking.signal);
    if (this.#asking !== asking || this.#over) return;
    this.#took = Date.now() - this.#last;
    this.#asking = undefined;
    if (this.#due !== Infinity) {
      this.#due = Math.max(this.#due, this.#last + Math.max(this.#pauseMs, 2 * this.#took));
      this.#schedule();
    }
  }
}
