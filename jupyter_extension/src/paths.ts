/** Where a run belongs, as the server calls it. Pure. */

/** The last part of a path. */
export const fileName = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

/** By path what to call it: its name, and of the folders above it as many as tell it from all the others. */
export function shortNames(paths: readonly string[]): Map<string, string> {
  const all = [...new Set(paths)].map((path) => path.split("/"));
  const end = (parts: readonly string[], n: number) => parts.slice(-n).join("/");
  return new Map(
    all.map((parts) => {
      const others = all.filter((other) => other !== parts && other.at(-1) === parts.at(-1));
      let n = 1;
      while (n < parts.length && others.some((other) => end(other, n) === end(parts, n))) n++;
      return [parts.join("/"), end(parts, n)];
    }),
  );
}

/** What a run belongs to may be a script or a module, which no page opens. */
export const isNotebook = (path: string): boolean => path.endsWith(".ipynb");
