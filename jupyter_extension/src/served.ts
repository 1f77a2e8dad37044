/**
 * The server in place of a kernel: wires of another kind, so that a `Session` and all views of it work for a run that
 * nobody drives, and for questions of many runs. `ServedRun` tells a run live over a websocket; `ServedList` holds
 * questions that somebody else fetches. Answers and files go by HTTP (`Replies` and `Uploads` know).
 */

import type { FromKernel, RunShape, ToKernel } from "./api";
import { pauseMs } from "./again";
import type { Wire } from "./link";
import { packed } from "./link";
import type { Server } from "./server";

type Listener = (...args: never[]) => void;

const NOT_REACHED = "The server is not reached. Try again when it is.";

abstract class ServedWire implements Wire {
  readonly #known: Record<string, unknown>;
  readonly #server: Server;
  readonly #listeners = new Map<string, Set<Listener>>();

  constructor(server: Server, store: string, run: string) {
    this.#server = server;
    this.#known = { run_id: run, door: server.door(store) };
  }

  get(name: string): unknown {
    return this.#known[name] ?? null;
  }

  on(name: string, listener: Listener): void {
    this.#listeners.set(name, (this.#listeners.get(name) ?? new Set()).add(listener));
  }

  off(name: string, listener: Listener): void {
    this.#listeners.get(name)?.delete(listener);
  }

  send(content: unknown): void {
    const asked = content as ToKernel;
    if (asked.type === "chunk") void this.#chunk(asked.name);
    else this.carry(asked);
  }

  protected abstract carry(asked: ToKernel): void;

  protected tell(name: string, ...args: unknown[]): void {
    for (const listener of this.#listeners.get(name) ?? []) (listener as (...args: unknown[]) => void)(...args);
  }

  protected say(content: FromKernel, ...buffers: DataView[]): void {
    this.tell("msg:custom", content, buffers);
  }

  /** To who asked something that cannot be done now. */
  protected decline(asked: ToKernel): void {
    if ("id" in asked) queueMicrotask(() => this.say({ type: "ack", id: asked.id, ok: false, note: NOT_REACHED }));
  }

  async #chunk(name: string): Promise<void> {
    const code = await this.#server.host.chunk(name).catch(() => null);
    this.say({ type: "chunk", name, ok: code !== null }, ...(code ? [new DataView(code)] : []));
  }
}

/** Questions of one store. */
export class ServedList extends ServedWire {
  #view: RunShape | null = null;

  constructor(server: Server, store: string) {
    super(server, store, "");
  }

  show(view: RunShape): void {
    this.#view = view;
    this.say({ type: "welcome" }, packed(view));
  }

  protected carry(asked: ToKernel): void {
    if (asked.type !== "hello") return this.decline(asked);
    const view = this.#view;
    if (view) queueMicrotask(() => this.say({ type: "welcome" }, packed(view)));
  }
}

/** connecting: it has never been up. lost: it was, and is tried again. */
export type LiveState = "connecting" | "up" | "lost";

/** What the server says over the websocket: shapes come as JSON within. */
type Frame = FromKernel & { shape?: RunShape };

/** One run. */
export class ServedRun extends ServedWire {
  readonly #url: string;
  readonly #onState: (state: LiveState) => void;
  #socket: WebSocket | undefined;
  #state: LiveState = "connecting";
  #failed = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(server: Server, store: string, run: string, onState: (state: LiveState) => void) {
    super(server, store, run);
    this.#url = server.live(store, run);
    this.#onState = onState;
    this.#connect();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket?.close();
  }

  protected carry(asked: ToKernel): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(asked));
    else this.decline(asked); // a greeting is sent as soon as it is up
  }

  #connect(): void {
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.onopen = () => {
      this.#failed = 0;
      this.#become("up");
      this.tell("comm_live_update"); // so the page greets
    };
    socket.onmessage = ({ data }) => {
      const { shape, ...content } = JSON.parse(String(data)) as Frame;
      this.say(content as FromKernel, ...(shape ? [packed(shape)] : []));
    };
    socket.onclose = () => {
      if (this.#closed) return;
      this.#failed += 1;
      this.#become("lost");
      this.#timer = setTimeout(() => this.#connect(), pauseMs(this.#failed));
    };
  }

  #become(state: LiveState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#onState(state);
  }
}
