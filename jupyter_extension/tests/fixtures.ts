/** Pieces of runs, whole enough for the types and small enough to read. */

import type { FromKernel, MessageShape, NodeShape, PromptShape, RunShape, TextPrompt, ToKernel } from "../src/api";
import type { Door, Landed, Posted } from "../src/door";
import { emptyRun } from "../src/model";

export const run = (changed: Partial<RunShape> = {}): RunShape => ({
  ...emptyRun("r1"),
  seq: 5,
  graph: "greet",
  ...changed,
});

export const node = (id: string, changed: Partial<NodeShape> = {}): NodeShape => ({
  id,
  label: id,
  name: id,
  kind: "tool",
  parent: "",
  status: "pending",
  attempt: 1,
  started_ms: null,
  ended_ms: null,
  error: "",
  ...changed,
});

export const text = (changed: Partial<TextPrompt> = {}): TextPrompt => ({
  kind: "text",
  prompt: "Your name?",
  multiline: false,
  placeholder: "",
  secret: false,
  min_length: 0,
  max_length: null,
  pattern: null,
  hint: "",
  value: "",
  ...changed,
});

export const ask = (token: string, changed: Partial<PromptShape> = {}): PromptShape => ({
  token,
  node: "ask",
  seq: 3,
  kind: "text",
  prompt: text(),
  state: "open",
  deadline_ms: null,
  reply: null,
  problems: {},
  ...changed,
});

export const said = (id: string, changed: Partial<MessageShape> = {}): MessageShape => ({
  id,
  seq: 4,
  order: 0,
  node: "",
  kind: "text",
  state: "said",
  text: "hi",
  name: "",
  ...changed,
});

/** Lets everything run that is ready. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A page beside which no server reads the store. */
export class NoDoor implements Door {
  post(_token: string, _value: unknown): Promise<Posted> {
    return Promise.resolve({ result: "unavailable" });
  }

  open(): Promise<boolean> {
    return Promise.resolve(false);
  }

  slice(..._: Parameters<Door["slice"]>): Promise<Landed> {
    return Promise.resolve({ result: "broken" });
  }

  received(_: unknown): Promise<number | null> {
    return Promise.resolve(null);
  }

  callOff(_: unknown): Promise<void> {
    return Promise.resolve();
  }
}

/** A widget model whose kernel is the test. */
export class FakeWire {
  readonly sent: ToKernel[] = [];
  dead = false;
  readonly #listeners = new Map<string, (...args: never[]) => void>();

  get(): unknown {
    return undefined;
  }

  on(name: string, listener: (...args: never[]) => void): void {
    this.#listeners.set(name, listener);
  }

  off(name: string): void {
    this.#listeners.delete(name);
  }

  send(content: unknown): void {
    if (this.dead) throw new Error("Cannot send");
    this.sent.push(content as ToKernel);
  }

  says(content: FromKernel, ...buffers: DataView[]): void {
    (this.#listeners.get("msg:custom") as ((c: FromKernel, b: DataView[]) => void) | undefined)?.(content, buffers);
  }

  lost(): void {
    this.#listeners.get("comm_live_update")?.();
  }

  types(): string[] {
    return this.sent.map((m) => m.type);
  }
}
