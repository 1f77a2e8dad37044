/** When to try again what broke: soon at first, then less and less, and not all pages at once. Pure. */

const FIRST_MS = 500;
const MOST_MS = 15_000;

/** Milliseconds to wait before a try; `failed` counts those that failed so far, 1 or more. */
export const pauseMs = (failed: number, chance: number = Math.random()): number =>
  Math.min(FIRST_MS * 2 ** (failed - 1), MOST_MS) * (0.8 + 0.4 * chance);
