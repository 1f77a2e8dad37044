/**
 * The server's events: which stores changed. One connection for all views of a page, as a browser has few of them to
 * one server; none while nobody listens or the page is not looked at. When it breaks it is tried again, less and less.
 *
 * By `fetch` and not by `EventSource`, which sends no header that lets it in, and does not say that it broke.
 */

import { pauseMs } from "./again";
import { pass } from "./door";
import type { Mark, StoreNews } from "./rows";
import { Shown } from "./shown";

/** The server says something every 15 s. */
const SILENT_MS = 40_000;

export interface Heard {
  /** new: not heard yet. broken: it was tried and failed, and is tried again. */
  readonly link: "new" | "live" | "broken";
  readonly stores: Readonly<Record<string, Mark>>;
}

export class Stream extends Shown<Heard> {
  readonly #url: string;
  readonly #token: string;
  #listeners = 0;
  #failed = 0;
  #connection: AbortController | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(url: string, token: string) {
    super({ link: "new", stores: {} });
    this.#url = url;
    this.#token = token;
  }

  override subscribe(listener: () => void): () => void {
    const unsubscribe = super.subscribe(listener);
    if (this.#listeners++ === 0) {
      document.addEventListener("visibilitychange", this.#onVisible);
      this.#onVisible();
    }
    return () => {
      unsubscribe();
      if (--this.#listeners > 0) return;
      document.removeEventListener("visibilitychange", this.#onVisible);
      this.#stop();
    };
  }

  /** Tries at once what would be tried later. */
  again(): void {
    if (this.state.link !== "broken" || this.#listeners === 0) return;
    this.#stop();
    this.#start();
  }

  readonly #onVisible = (): void => {
    if (document.visibilityState !== "visible") this.#stop();
    else if (!this.#connection) this.#start();
  };

  #stop(): void {
    clearTimeout(this.#timer);
    this.#connection?.abort();
    this.#connection = undefined;
  }

  #start(): void {
    const connection = new AbortController();
    this.#connection = connection;
    void this.#listen(connection.signal)
      .catch(() => undefined)
      .then(() => {
        connection.abort();
        if (this.#connection !== connection) return; // not wanted any more
        this.#failed += 1;
        if (this.state.link !== "broken") this.set({ link: "broken" });
        this.#timer = setTimeout(() => this.#start(), pauseMs(this.#failed));
      });
  }

  async #listen(signal: AbortSignal): Promise<void> {
    const silence = new AbortController();
    let timer = setTimeout(() => silence.abort(), SILENT_MS);
    const heard = () => {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENT_MS);
    };
    try {
      const response = await fetch(`${this.#url}?no_track_activity=1`, {
        credentials: "same-origin",
        headers: { Accept: "text/event-stream", ...pass(this.#token) },
        cache: "no-store",
        signal: AbortSignal.any([signal, silence.signal]),
      });
      if (response.status !== 200 || !response.body) throw new Error(String(response.status));
      const fields = new Fields((event, data) => this.#on(event, data));
      const text = response.body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>);
      for (const reader = text.getReader(); ; ) {
        const { done, value } = await reader.read();
        if (done || signal.aborted) return;
        heard();
        fields.take(value);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #on(event: string, data: string): void {
    if (event !== "news") return;
    const { stores } = JSON.parse(data) as StoreNews;
    this.#failed = 0;
    this.set({ link: "live", stores });
  }
}

/** Server-sent events out of text that comes in pieces. */
export class Fields {
  readonly #on: (event: string, data: string) => void;
  #rest = "";

  constructor(on: (event: string, data: string) => void) {
    this.#on = on;
  }

  take(text: string): void {
    const events = (this.#rest + text).split(/\r?\n\r?\n/);
    this.#rest = events.pop() ?? "";
    for (const each of events) {
      const lines = each.split(/\r?\n/);
      const field = (name: string) =>
        lines.filter((line) => line.startsWith(`${name}:`)).map((line) => line.slice(name.length + 1).trimStart());
      this.#on(field("event")[0] ?? "message", field("data").join("\n"));
    }
  }
}
