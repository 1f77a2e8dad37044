/**
 * The comm between page and kernel: greets, sends requests and matches their acknowledgements,
 * hands on what the kernel says. One per widget model, ended by its `AbortSignal`.
 *
 * Traps: `send` on a dead comm throws, on a busy kernel it succeeds and nobody answers; a comm
 * message that was sent to a busy kernel is still delivered later, so an ack may come very late.
 */

import type { Ack, FromKernel, PatchShape, Request, RunShape, ToKernel } from "./api";
import type { RunModel } from "./model";

/** The part of anywidget's model that we use. */
export interface Wire {
  get(name: string): unknown;
  on(name: string, listener: (...args: never[]) => void): void;
  off(name: string, listener: (...args: never[]) => void): void;
  send(content: unknown, callbacks?: unknown, buffers?: (ArrayBuffer | ArrayBufferView)[]): void;
  /** JupyterLab's and Notebook's; others have none, or one without a kernel. */
  widget_manager?: { kernel?: Kernel | null };
}

/** The part of Lab's kernel connection that we use. */
export interface Kernel {
  statusChanged?: Signal<string>;
  disposed?: Signal<unknown>;
}

interface Signal<T> {
  connect(slot: (sender: unknown, value: T) => void): unknown;
  disconnect(slot: (sender: unknown, value: T) => void): unknown;
}

/** The comm cannot send any more: the kernel was restarted or shut down. */
export class LinkDead extends Error {}

/** A shape as it travels: JSON in a buffer. */
export const packed = (shape: RunShape | PatchShape): DataView =>
  new DataView(new TextEncoder().encode(JSON.stringify(shape)).buffer);

const unpacked = <T>(data: DataView | undefined): T => JSON.parse(new TextDecoder().decode(data)) as T;

const WELCOME_MS = 3000;
const PROBE_EVERY_MS = 15_000;
/** A greeting may be lost: Lab has just begun a thread of the kernel for a comm, and the kernel does not know it yet. */
const GREETINGS = 4;

interface Waiter<T> {
  resolve(value: T): void;
  reject(reason: Error): void;
}

export class Link {
  readonly #wire: Wire;
  readonly #model: RunModel;
  readonly #acks = new Map<string, Waiter<Ack>>();
  readonly #chunks = new Map<string, Waiter<ArrayBuffer>[]>();
  #greeting: ReturnType<typeof setTimeout> | undefined;
  #greeted = 0;
  #welcomed = false;
  #heard = 0;

  constructor(wire: Wire, model: RunModel, signal: AbortSignal) {
    this.#wire = wire;
    this.#model = model;
    const onMessage = (content: FromKernel, buffers: DataView[] = []) => this.#on(content, buffers);
    const onLive = () => {
      this.#forgetGreeting();
      this.hello();
    };
    wire.on("msg:custom", onMessage);
    wire.on("comm_live_update", onLive); // the manager lost or regained the kernel: find out which
    signal.addEventListener("abort", () => {
      wire.off("msg:custom", onMessage);
      wire.off("comm_live_update", onLive);
      this.#forgetGreeting();
      this.#fail(new LinkDead("the widget is gone"));
    });
  }

  /**
   * Greets the kernel, which answers with a whole view; when nothing at all comes, the link is
   * silent, and it is tried a few times more. While a greeting is under way another one is not sent.
   */
  hello(): void {
    if (this.#greeting !== undefined) return;
    const since = Date.now();
    this.#greeting = setTimeout(() => {
      this.#greeting = undefined;
      if (this.#heard >= since) return;
      this.#model.setLink("silent");
      if (this.#greeted < GREETINGS) this.hello();
    }, WELCOME_MS);
    this.#greeted += 1;
    this.#trySend({ type: "hello", seq: this.#model.state.view.seq, fresh: !this.#welcomed });
  }

  /** Something happened to the kernel: until it is heard again nobody knows whether it is the same. */
  doubt(): void {
    if (this.#model.state.link === "live") this.#model.setLink("new");
    this.hello();
  }

  /** Somebody who knows says that the kernel is gone: nothing that was sent will be answered. */
  lost(): void {
    this.#forgetGreeting();
    this.#model.setLink("dead");
    this.#fail(new LinkDead("the kernel that made this is gone"));
  }

  /** Greets when nothing was heard for a while: cheap enough to do whenever somebody looks. */
  probe(): void {
    if (Date.now() - this.#heard > PROBE_EVERY_MS) this.hello();
  }

  /**
   * Sends a request; the promise is its ack, however late that comes.
   * Rejects with `LinkDead` when the comm cannot send, or the widget goes first.
   */
  request(content: Request, buffers: ArrayBuffer[] = []): Promise<Ack> {
    return new Promise((resolve, reject) => {
      this.#acks.set(content.id, { resolve, reject });
      if (this.#model.state.link === "dead" || !this.#trySend(content, buffers)) {
        this.#acks.delete(content.id);
        reject(new LinkDead("the kernel that made this is gone"));
      }
    });
  }

  /** Tells the kernel how the page laid the graph out; nobody waits for that. */
  sendLayout(dot: string, svg: string): void {
    this.#trySend({ type: "layout", seq: this.#model.state.view.seq, dot, svg });
  }

  /** Asks the kernel for a file of the front end. */
  chunk(name: string): Promise<ArrayBuffer> {
    return new Promise((resolve, reject) => {
      const waiters = this.#chunks.get(name) ?? [];
      this.#chunks.set(name, [...waiters, { resolve, reject }]);
      if (waiters.length === 0 && !this.#trySend({ type: "chunk", name })) {
        this.#chunks.delete(name);
        reject(new LinkDead("the kernel that made this is gone"));
      }
    });
  }

  #trySend(content: ToKernel, buffers: ArrayBuffer[] = []): boolean {
    try {
      this.#wire.send(content, undefined, buffers);
      return true;
    } catch {
      this.lost();
      return false;
    }
  }

  #on(content: FromKernel, buffers: DataView[]): void {
    this.#heard = Date.now();
    this.#greeted = 0;
    this.#model.setLink("live");
    if (content.type === "welcome") {
      this.#welcomed = true;
      this.#forgetGreeting();
      this.#model.welcome(unpacked<RunShape>(buffers[0]));
    } else if (content.type === "patch") {
      if (this.#model.patch(unpacked<PatchShape>(buffers[0])) === "gap") this.hello();
    } else if (content.type === "ack") {
      this.#acks.get(content.id)?.resolve(content);
      this.#acks.delete(content.id);
    } else if (content.type === "chunk") this.#onChunk(content.name, content.ok, buffers[0]);
  }

  #onChunk(name: string, ok: boolean, data: DataView | undefined): void {
    const waiters = this.#chunks.get(name) ?? [];
    this.#chunks.delete(name);
    for (const waiter of waiters) {
      if (!ok || !data) waiter.reject(new Error(`the kernel has no ${name}`));
      else waiter.resolve(new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice().buffer);
    }
  }

  #forgetGreeting(): void {
    clearTimeout(this.#greeting);
    this.#greeting = undefined;
  }

  #fail(reason: Error): void {
    for (const waiter of [...this.#acks.values(), ...[...this.#chunks.values()].flat()]) {
      waiter.reject(reason);
    }
    this.#acks.clear();
    this.#chunks.clear();
  }
}
