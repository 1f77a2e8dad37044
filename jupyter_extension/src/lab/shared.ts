/**
 * Packages that JupyterLab or Notebook shares with its extensions: the page has each of them once. Filled by
 * `container.ts` before the plugin's own code begins; `federated.mjs` turns every import of one into a look here.
 */

const taken = new Map<string, unknown>();

/** The share scope of module federation: by package, by version. */
export type Scope = Record<string, Record<string, { get(): Promise<() => unknown> | (() => unknown) }>>;

/** Takes packages out of the scope. Rejects when the page has not got one. */
export async function take(names: readonly string[], scope: Scope): Promise<void> {
  await Promise.all(
    names.map(async (name) => {
      const versions = scope[name] ?? {};
      const newest = Object.keys(versions).sort((a, b) => a.localeCompare(b, "en", { numeric: true })).at(-1);
      const found = newest === undefined ? undefined : versions[newest];
      if (!found) throw new Error(`aether_nb: this page has no ${name}`);
      taken.set(name, (await found.get())());
    }),
  );
}

/** A package that was taken. */
export const shared = (name: string): unknown => taken.get(name);
