/** How many questions are open: told by the inbox, read by the badge and the notebooks' buttons. No DOM. */

export class Counts {
  #open = 0;
  #byNotebook: Readonly<Record<string, number>> = {};
  readonly #listeners = new Set<() => void>();

  get open(): number {
    return this.#open;
  }

  /** Of one notebook, by its path on the server. */
  of(notebook: string): number {
    return this.#byNotebook[pathOf(notebook)] ?? 0;
  }

  set(open: number, byNotebook: Record<string, number>): void {
    this.#open = open;
    this.#byNotebook = byNotebook;
    this.tell();
  }

  /** Has everybody look again. */
  tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  /** Calls back when something changed; the result ends that. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}

/** A path without the drive that Lab puts before those of shared documents. */
export const pathOf = (path: string): string => path.replace(/^[A-Za-z]+:/, "").replace(/^\//, "");

/** "1 open question", "3 open questions". */
export const questions = (n: number): string => `${n} open question${n === 1 ? "" : "s"}`;
