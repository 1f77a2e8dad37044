/** A server in this process with the routes of `aether_nb/jupyter/handlers.py`, as far as the page sees them. */

import { createServer } from "node:http";
import type { IncomingMessage, Server as HttpServer, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { News } from "../src/api";
import type { Host } from "../src/host";
import type { RunRow, WaitRow } from "../src/rows";
import { ask } from "./fixtures";

export const wait = (token: string, changed: Partial<WaitRow> = {}): WaitRow => ({
  ...ask(token),
  store: "s1",
  run_id: "r1",
  graph: "greet",
  notebook: "a.ipynb",
  cell: "",
  asked_ms: 1000,
  driven: true,
  ...changed,
});

export const row = (run_id: string, changed: Partial<RunRow> = {}): RunRow => ({
  store: "s1",
  run_id,
  graph: "greet",
  status: "running",
  created_ms: 1000,
  ended_ms: null,
  notebook: "a.ipynb",
  cell: "",
  done: 0,
  total: 2,
  open: 0,
  driver: "here",
  ...changed,
});

export class FakeServer {
  waits: WaitRow[] = [];
  runs: RunRow[] = [];
  readonly closed: Record<string, News["closed"][string]> = {};
  /** Method, path and query or body of every request but the stream's. */
  readonly asked: { name: string; query: Record<string, string>; body: Record<string, unknown>; token: string }[] = [];
  readonly counts: [number, Record<string, number>][] = [];
  readonly opened: string[] = [];
  /** What is said to everything. */
  down = false;
  streams = 0;
  #seq = 0;
  readonly #listening = new Set<ServerResponse>();
  readonly #http: HttpServer;

  constructor() {
    this.#http = createServer((request, response) => void this.#on(request, response));
  }

  async start(): Promise<Host> {
    await new Promise<void>((resolve) => this.#http.listen(0, "127.0.0.1", resolve));
    const { port } = this.#http.address() as AddressInfo;
    return {
      baseUrl: `http://127.0.0.1:${port}/user/ana/`,
      token: "secret",
      openRun: (store, run) => void this.opened.push(`${store} ${run}`),
      goTo: () => Promise.resolve(true),
      resume: () => Promise.resolve(true),
      confirm: () => Promise.resolve(true),
      onCount: (open, by) => void this.counts.push([open, by]),
      chunk: () => Promise.reject(new Error("none here")),
    };
  }

  async stop(): Promise<void> {
    this.cut();
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  /** Breaks the streams. */
  cut(): void {
    for (const each of this.#listening) each.destroy();
  }

  /** Tells that something changed. */
  news(): void {
    this.#seq += 1;
    const stores = { s1: { open: this.#questions().length, seq: this.#seq } };
    for (const each of this.#listening) each.write(`event: news\ndata: ${JSON.stringify({ stores })}\n\n`);
  }

  close(token: string, what: News["closed"][string]): void {
    this.closed[token] = what;
    this.waits = this.waits.filter((each) => each.token !== token);
    this.news();
  }

  names(): string[] {
    return this.asked.map((each) => each.name);
  }

  #questions(): WaitRow[] {
    return this.waits.filter((each) => each.prompt.kind !== "callback");
  }

  async #on(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "", "http://here");
    const name = url.pathname.replace("/user/ana/aether-nb/api/", "");
    const query = Object.fromEntries(url.searchParams);
    if (this.down) return this.#say(response, 503, { message: "the store is locked" });
    if (name === "stream") return this.#stream(response);
    let text = "";
    for await (const piece of request) text += String(piece);
    const body = (text ? JSON.parse(text) : {}) as Record<string, unknown>;
    this.asked.push({ name, query, body, token: request.headers.authorization ?? "" });
    const [status, said] = this.#answer(name, query, body);
    this.#say(response, status, said);
  }

  #stream(response: ServerResponse): void {
    this.streams += 1;
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    this.#listening.add(response);
    response.on("close", () => this.#listening.delete(response));
    this.news();
  }

  #answer(name: string, query: Record<string, string>, body: Record<string, unknown>): [number, unknown] {
    const offset = Number(query["offset"] ?? 0);
    const limit = Number(query["limit"] ?? 100);
    const q = query["q"] ?? "";
    if (name === "waits") {
      const found = this.waits.filter(
        (each) => each.prompt.prompt.includes(q) && each.notebook.includes(query["notebook"] ?? ""),
      );
      const notebooks: Record<string, number> = {};
      for (const each of this.#questions()) notebooks[each.notebook] = (notebooks[each.notebook] ?? 0) + 1;
      return [200, { total: found.length, waits: found.slice(offset, offset + limit), notebooks }];
    }
    if (name === "runs") {
      const found = this.runs.filter(
        (each) => (each.graph.includes(q) || each.run_id.includes(q)) && each.status.includes(query["status"] ?? ""),
      );
      return [200, { total: found.length, runs: found.slice(offset, offset + limit) }];
    }
    if (name === "watch") {
      const closed = Object.fromEntries(
        (body["tokens"] as string[]).flatMap((token) => (this.closed[token] ? [[token, this.closed[token]]] : [])),
      );
      return [200, { alive: true, closed }];
    }
    if (name === "answer") return this.#taken(String(body["token"]), body["value"]);
    if (name === "delete") {
      this.runs = this.runs.filter((each) => each.run_id !== body["run"]);
      return [200, { done: true, note: "" }];
    }
    if (name === "cancel") return [200, { done: false, note: "Nobody drives this run." }];
    return [404, { message: "this server does not know that store" }];
  }

  #taken(token: string, value: unknown): [number, unknown] {
    const found = this.waits.find((each) => each.token === token);
    if (!found) return [200, { accepted: false, status: "answered", by: "ana", door: "http", at_ms: 5 }];
    if (value === "") return [422, { problems: { "": "an answer is needed" } }];
    this.close(token, { status: "answered", reply: { text: String(value), by: "", door: "http", at_ms: 5 } });
    return [200, { accepted: true, status: "answered", driven: found.driven }];
  }

  #say(response: ServerResponse, status: number, said: unknown): void {
    response.writeHead(status, { "Content-Type": "application/json" });
    response.end(JSON.stringify(said));
  }
}

/** Resolves when it holds, told by the model; fails after a while with what it was. */
export async function becomes(what: string, holds: () => boolean): Promise<void> {
  const until = Date.now() + 5000;
  while (!holds()) {
    if (Date.now() > until) throw new Error(`it never became so: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** What the page's scripts see of the page. */
export class FakeDocument extends EventTarget {
  visibilityState = "visible";
  cookie = "_xsrf=a%3Db";
  activeElement = null;
  readonly body = null;

  show(state: string): void {
    this.visibilityState = state;
    this.dispatchEvent(new Event("visibilitychange"));
  }
}
