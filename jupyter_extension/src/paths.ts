/** Where a run belongs, as the server calls it. Pure. */

/** The last part of a path. */
export const fileName = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

/** What a run belongs to may be a script or a module, which no page opens. */
export const isNotebook = (path: string): boolean => path.endsWith(".ipynb");
