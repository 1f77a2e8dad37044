/** Finding options of a long list by what is typed. Pure. */

/** What a search looks at in a text: no case, no accents. */
const folded = (text: string): string => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

/**
 * Which options have every word of the query in their label or help: their places in the list, those
 * whose label begins with the query before the others.
 */
export function found(options: readonly { label: string; help: string }[], query: string): number[] {
  const sought = folded(query).trim();
  const words = sought.split(/\s+/).filter(Boolean);
  const first: number[] = [];
  const rest: number[] = [];
  options.forEach(({ label, help }, i) => {
    const text = folded(`${label}\n${help}`);
    if (!words.every((word) => text.includes(word))) return;
    (text.startsWith(sought) ? first : rest).push(i);
  });
  return [...first, ...rest];
}
