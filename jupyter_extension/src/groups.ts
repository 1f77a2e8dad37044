/** Which nodes stand inside which, and how far each group is. Pure. */

import type { CountShape, NodeShape } from "./api";

/** By group: how many of the nodes inside, all the way down and without the groups among them, are done. */
export function counts(nodes: readonly NodeShape[]): Map<string, CountShape> {
  const known = new Map(nodes.map((node) => [node.id, node]));
  const groups = new Set(nodes.filter((node) => known.has(node.parent)).map((node) => node.parent));
  const found = new Map<string, CountShape>([...groups].map((id) => [id, { done: 0, failed: 0, total: 0 }]));
  for (const node of nodes) {
    if (groups.has(node.id)) continue;
    for (let at = node.parent, around = found.get(at); around; around = found.get(at)) {
      around.done += Number(node.status === "succeeded");
      around.failed += Number(node.status === "failed");
      around.total += 1;
      at = known.get(at)?.parent ?? "";
    }
  }
  for (const id of groups) {
    const own = known.get(id)?.count; // of a map: its items, whatever they hold
    if (own) found.set(id, own);
  }
  return found;
}

/** Whether a node may be opened in the picture: it holds nodes, or is a map that has begun. */
export const opens = (node: NodeShape, groups: ReadonlyMap<string, CountShape>): boolean =>
  groups.has(node.id) || (node.kind === "map" && (node.count?.total ?? 0) > 0);
