/** The order of the rows of a table of nodes, and how long each took. Pure. */

import type { NodeShape } from "./api";
import { duration, ticking } from "./format";

export type Key = "order" | "status" | "attempt" | "time";

/** What people look for stands first. */
const URGENCY = ["failed", "waiting", "running", "cancelled", "pending", "succeeded", "skipped"];

/** Rows in the order that a column asks for; equal ones as they came. */
export function sorted(nodes: readonly NodeShape[], by: Key, down: boolean, now: number): NodeShape[] {
  if (by === "order") return [...nodes];
  const value = (node: NodeShape): number =>
    by === "status" ? URGENCY.indexOf(node.status) : by === "attempt" ? -node.attempt : -tookMs(node, now);
  const turn = down ? -1 : 1;
  return [...nodes].sort((a, b) => (value(a) - value(b)) * turn);
}

const tookMs = (node: NodeShape, now: number): number =>
  node.started_ms === null ? -1 : (node.ended_ms ?? now) - node.started_ms;

/** How long a node took or has taken so far, in words. */
export function took(node: NodeShape, now: number): string {
  if (node.started_ms === null) return "";
  if (node.ended_ms !== null) return duration(node.ended_ms - node.started_ms);
  return node.status === "running" || node.status === "waiting" ? ticking(now - node.started_ms) : "";
}
