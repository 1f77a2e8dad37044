/** What the server lists: the twins of `aether_nb/jupyter/listing.py`. Types only; `server.ts` asks for them. */

import type { PromptShape, RunShape, RunStatus } from "./api";

/** A run as a row of a list. */
export interface RunRow {
  store: string;
  run_id: string;
  graph: string;
  status: RunStatus;
  created_ms: number;
  ended_ms: number | null;
  /** As seen from the server's root; "" when it belongs to none. */
  notebook: string;
  cell: string;
  /** How many of its nodes are done, of how many that are known so far. */
  done: number;
  total: number;
  /** Its questions that are open. */
  open: number;
  /** A living kernel has it, of this machine or another; "": nobody drives it. */
  driver: "here" | "elsewhere" | "";
}

/** A question with where it comes from. */
export interface WaitRow extends PromptShape {
  store: string;
  run_id: string;
  graph: string;
  notebook: string;
  cell: string;
  asked_ms: number;
  /** Whether a living kernel has its run. */
  driven: boolean;
}

export interface RunsQuery {
  store?: string;
  status?: string;
  q?: string;
  offset?: number;
  limit?: number;
}

export interface WaitsQuery {
  store?: string;
  notebook?: string;
  q?: string;
  offset?: number;
  limit?: number;
}

export interface RunsPage {
  total: number;
  runs: RunRow[];
}

export interface WaitsPage {
  /** How many fit the query. */
  total: number;
  waits: WaitRow[];
  /** Open questions by notebook, whatever was asked for. */
  notebooks: Record<string, number>;
}

/** How a store stands: how many questions are open, and a number that is another one after any change. */
export interface Mark {
  open: number;
  seq: number;
}

/** What the stream tells: all stores, each time. */
export interface StoreNews {
  stores: Record<string, Mark>;
}

/** What became of a button. */
export interface Done {
  done: boolean;
  note: string;
}

export interface Viewed {
  view: RunShape;
}
