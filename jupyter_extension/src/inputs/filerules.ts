/** Which files a question takes, in words; `uploads.ts` turns down those that it does not. Pure. */

import { bytes } from "../format";

/** Bytes of a file that comes from a page; the kernel has the same (`services/incoming.py`). */
export const LARGEST = 4 * 2 ** 30;

export interface FileRules {
  multiple: boolean;
  accept: readonly string[];
  max_bytes: number | null;
}

const FAMILIES: Record<string, string> = {
  "image/*": "images",
  "audio/*": "sounds",
  "video/*": "videos",
  "text/*": "texts",
};

/** How large a file may be, bytes. */
export function most({ max_bytes }: Pick<FileRules, "max_bytes">): number {
  return Math.min(max_bytes ?? LARGEST, LARGEST);
}

/** ".csv, .tsv or images, at most 10 MB each." */
export function filesHint(rules: FileRules): string {
  const kinds = rules.accept.map((kind) => FAMILIES[kind] ?? kind);
  const last = kinds.pop() ?? "";
  const which = kinds.length > 0 ? `${kinds.join(", ")} or ${last}` : last;
  const size = `at most ${bytes(most(rules))}${rules.multiple ? " each" : ""}`;
  const words = [which, size].filter(Boolean).join(", ");
  return `${words[0]?.toUpperCase()}${words.slice(1)}.`;
}
