/** What becomes of a list of questions when it is fetched anew, and how it is put in groups. Pure. */

import type { News } from "../api";
import type { WaitRow } from "../rows";

/** A question as it stands in the inbox. */
export interface Item {
  /** Unique among all stores. */
  readonly key: string;
  readonly wait: WaitRow;
  /** When it was seen to be closed; 0 while it is open. */
  readonly closedMs: number;
}

/** Whether it stands there and asks somebody; else it is closed, or waits for a job or an event. */
export const isAsked = ({ closedMs, wait }: Item): boolean => closedMs === 0 && wait.prompt.kind !== "callback";

/** What a question is known by: tokens are a store's own. */
export const keyOf = ({ store, token }: Pick<WaitRow, "store" | "token">): string => `${store} ${token}`;

/** A row that is as it was stays the same object, so that it is not drawn again. */
const same = (a: WaitRow, b: WaitRow): boolean => JSON.stringify(a) === JSON.stringify(b);

/** What was just fetched, with the closed ones that are still shown where they stood. */
export function merged(old: readonly Item[], fetched: readonly WaitRow[]): Item[] {
  const known = new Map(old.map((item) => [item.key, item]));
  const items = fetched.map((wait): Item => {
    const was = known.get(keyOf(wait));
    return was && was.closedMs === 0 && same(was.wait, wait) ? was : { key: keyOf(wait), wait, closedMs: 0 };
  });
  const fresh = new Set(items.map((item) => item.key));
  let before: Item | undefined;
  for (const item of old) {
    if (fresh.has(item.key)) before = items.find((each) => each.key === item.key);
    else if (item.closedMs > 0) {
      items.splice(before ? items.indexOf(before) + 1 : 0, 0, item);
      before = item;
    }
  }
  return items;
}

/** Open questions that were shown and are not in what was fetched. */
export function missing(old: readonly Item[], fetched: readonly WaitRow[]): WaitRow[] {
  const fresh = new Set(fetched.map(keyOf));
  return old.filter((item) => item.closedMs === 0 && !fresh.has(item.key)).map((item) => item.wait);
}

/** Items with what was told of some of them. */
export function closed(items: readonly Item[], told: ReadonlyMap<string, News["closed"][string]>, now: number): Item[] {
  return items.map((item) => {
    const news = told.get(item.key);
    if (!news || item.closedMs > 0) return item;
    return { ...item, wait: { ...item.wait, state: news.status, reply: news.reply, problems: {} }, closedMs: now };
  });
}

export interface Group {
  readonly notebook: string;
  readonly items: readonly Item[];
}

/** By notebook: the one with the most urgent question first. */
export function grouped(items: readonly Item[]): Group[] {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(item.wait.notebook);
    if (group) group.push(item);
    else groups.set(item.wait.notebook, [item]);
  }
  return [...groups].map(([notebook, within]) => ({ notebook, items: within }));
}

/** The first line of a question without its marks, as a heading. */
export const heading = (prompt: string): string => (prompt.trim().split("\n", 1)[0] ?? "").replace(/^#+\s*|\*\*|__|`/g, "");
