/** Which files a question takes, in words; `uploads.ts` turns down those that it does not. Pure. */

import { bytes } from "../format";

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

/** ".csv, .tsv or images, at most 10 MB each."; "" when any file will do. */
export function filesHint({ multiple, accept, max_bytes }: FileRules): string {
  const kinds = accept.map((kind) => FAMILIES[kind] ?? kind);
  const last = kinds.pop() ?? "";
  const which = kinds.length > 0 ? `${kinds.join(", ")} or ${last}` : last;
  const size = max_bytes === null ? "" : `at most ${bytes(max_bytes)}${multiple ? " each" : ""}`;
  const words = [which, size].filter(Boolean).join(", ");
  return words ? `${words[0]?.toUpperCase()}${words.slice(1)}.` : "";
}
