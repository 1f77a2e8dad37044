/** Pieces of runs, whole enough for the types and small enough to read. */

import type { NodeShape, PromptShape, RunShape } from "../src/api";
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

export const ask = (token: string, changed: Partial<PromptShape> = {}): PromptShape => ({
  token,
  node: "ask",
  seq: 3,
  kind: "text",
  prompt: {
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
  },
  state: "open",
  deadline_ms: null,
  reply: null,
  problems: {},
  ...changed,
});

/** Lets everything run that is ready. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
