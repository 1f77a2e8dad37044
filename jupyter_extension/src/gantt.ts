/** A timeline as numbers: its rows in order, its axis, the part of it that is drawn. Pure. */

import type { BarKind, RowShape } from "./api";
import { duration } from "./format";

/** A group of more rows is folded until somebody opens it. */
const MANY = 60;

export interface Line {
  row: RowShape;
  depth: number;
  /** How many rows stand inside it, all the way down. */
  holds: number;
  open: boolean;
}

/** Rows under the groups that they stand in, in the order in which they began; folded groups alone. */
export function arrange(rows: Iterable<RowShape>, wishes: ReadonlyMap<string, boolean>): Line[] {
  const all = [...rows].sort((a, b) => began(a) - began(b));
  const known = new Set(all.map((row) => row.id));
  const inside = new Map<string, RowShape[]>();
  for (const row of all) {
    const parent = known.has(row.parent) ? row.parent : "";
    const those = inside.get(parent);
    if (those) those.push(row);
    else inside.set(parent, [row]);
  }
  const lines: Line[] = [];
  const walk = (parent: string, depth: number, shown: boolean): number => {
    let n = 0;
    for (const row of inside.get(parent) ?? []) {
      const line: Line = { row, depth, holds: 0, open: true };
      if (shown) lines.push(line);
      const at = lines.length;
      line.holds = walk(row.id, depth + 1, shown);
      line.open = wishes.get(row.id) ?? line.holds <= MANY;
      if (shown && !line.open) lines.length = at;
      n += 1 + line.holds;
    }
    return n;
  };
  walk("", 0, true);
  return lines;
}

const began = (row: RowShape): number => row.bars[0]?.[1] ?? Infinity;

/** When the last thing happened, or now, while something goes on. */
export function latest(rows: Iterable<RowShape>, now: number): number {
  let last = 0;
  for (const row of rows) for (const [, , to] of row.bars) last = Math.max(last, to ?? now);
  return last;
}

/** How long a node did what, in milliseconds. */
export function sums(row: RowShape, now: number): Map<BarKind, number> {
  const found = new Map<BarKind, number>();
  for (const [kind, from, to] of row.bars) found.set(kind, (found.get(kind) ?? 0) + Math.max(0, (to ?? now) - from));
  return found;
}

export const WORDS: Record<BarKind, string> = {
  queued: "in the queue",
  computing: "computing",
  waiting: "waiting for a person",
  outside: "waiting for something else",
};

/** The same in words: `waiting for a person 12 s, computing 0.1 s`. */
export const told = (row: RowShape, now: number): string =>
  [...sums(row, now)]
    .map(([kind, ms]) => `${row.group && kind === "computing" ? "under way" : WORDS[kind]} ${duration(ms)}`)
    .join(", ");

const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500].concat(
  [1, 2, 5, 10, 15, 30].map((s) => s * 1000),
  [1, 2, 5, 10, 15, 30].map((m) => m * 60_000),
  [1, 2, 3, 6, 12, 24, 48, 168].map((h) => h * 3_600_000),
);

/** Marks for an axis of so many milliseconds: at most so many of them, at round numbers. */
export function ticks(span: number, most: number): { at: number; text: string }[] {
  const step = STEPS.find((s) => span / s <= most) ?? Math.ceil(span / most / 86_400_000) * 86_400_000;
  const found = [];
  for (let at = 0; at <= span; at += step) found.push({ at, text: passed(at, step) });
  return found;
}

function passed(ms: number, step: number): string {
  if (ms === 0) return "0";
  if (ms < 1000 && step < 1000) return `${ms} ms`;
  if (step < 1000) return `${(ms / 1000).toFixed(step < 100 ? 2 : 1)} s`;
  if (ms < 60_000) return `${ms / 1000} s`;
  return duration(ms);
}

/** The lines that a box of this height shows, with some to spare. */
export function visible(top: number, height: number, line: number, count: number): [number, number] {
  const spare = 10;
  return [
    Math.max(0, Math.floor(top / line) - spare),
    Math.min(count, Math.ceil((top + height) / line) + spare),
  ];
}

/** Bars as parts of the axis, in percent; of those too short to be seen, those that touch become one. */
export function parts(
  row: RowShape, from: number, span: number, now: number, least: number,
): { kind: BarKind; left: number; width: number; open: boolean }[] {
  const found: { kind: BarKind; left: number; width: number; open: boolean }[] = [];
  for (const [kind, start, end] of row.bars) {
    const left = ((start - from) / span) * 100;
    const width = (((end ?? now) - start) / span) * 100;
    const last = found[found.length - 1];
    if (last && last.kind === kind && width < least && left - (last.left + last.width) < least) {
      last.width = Math.max(last.width, left + width - last.left);
    } else {
      found.push({ kind, left, width: Math.max(width, 0), open: end === null });
    }
  }
  return found;
}
