/** Words, signs and numbers as people read them. Pure. */

import type { Closed, CountShape, NodeStatus, ReplyShape, RunStatus } from "./api";

const SIGNS: Record<NodeStatus | RunStatus, string> = {
  pending: "○",
  running: "◐",
  waiting: "?",
  succeeded: "✓",
  failed: "✕",
  skipped: "–",
  cancelled: "⊘",
  blocked: "!",
};

/** The mark beside the colour, so that colour is never the only sign. */
export const sign = (status: NodeStatus | RunStatus): string => SIGNS[status];

/** The status as one word. */
export const word = (status: NodeStatus | RunStatus): string =>
  status === "succeeded" ? "done" : status;

/** How far a map is: `37/100`, and what failed. */
export const counted = ({ done, failed, total }: CountShape): string =>
  `${done}/${total}${failed ? `, ${failed} failed` : ""}`;

const two = (n: number): string => String(n).padStart(2, "0");

/** A length of time: `40 ms`, `0.4 s`, `12 s`, `3 min 05 s`, `2 h 04 min`. */
export function duration(ms: number): string {
  const s = Math.max(0, ms) / 1000;
  if (s < 0.0995) return `${Math.round(s * 1000)} ms`;
  if (s < 9.95) return `${s.toFixed(1)} s`;
  if (s < 59.5) return `${Math.round(s)} s`;
  const whole = Math.round(s);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
}

/** A length of time that goes by on the page, in whole seconds so that it does not flicker. */
export const ticking = (ms: number): string =>
  ms < 59_500 ? `${Math.floor(Math.max(0, ms) / 1000)} s` : duration(ms);

/** What is left until a deadline: `4:12`, `1:02:03`, `3 d 4 h`. */
export function countdown(ms: number): string {
  const s = Math.max(0, Math.ceil(ms / 1000));
  if (s >= 86_400) return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
  const rest = `${two(Math.floor((s % 3600) / 60))}:${two(s % 60)}`;
  return s >= 3600 ? `${Math.floor(s / 3600)}:${rest}` : rest.replace(/^0/, "");
}

/** How long ago, roughly: `just now`, `3 min ago`, `2 h ago`, `4 d ago`. */
export function ago(ms: number): string {
  const minutes = Math.floor(Math.max(0, ms) / 60_000);
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min ago`;
  return minutes < 48 * 60 ? `${Math.floor(minutes / 60)} h ago` : `${Math.floor(minutes / 1440)} d ago`;
}

/** Local time of day, `14:02`; with the date when it is another day than `now`. */
export function clock(ms: number, now: number = Date.now()): string {
  const at = new Date(ms);
  const time = `${two(at.getHours())}:${two(at.getMinutes())}`;
  if (at.toDateString() === new Date(now).toDateString()) return time;
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${time}`;
}

/** Local date and time to the second, for what may have happened on any day. */
export function clockOfSeconds(ms: number): string {
  return `${clock(ms, 0)}:${two(new Date(ms).getSeconds())}`;
}

/** `812 B`, `1.4 MB`. */
export function bytes(n: number): string {
  if (n < 1000) return `${n} B`;
  let size = n;
  for (const unit of ["kB", "MB", "GB"]) {
    size /= 1000;
    if (size < 999.5) return `${size < 9.95 ? size.toFixed(1) : Math.round(size)} ${unit}`;
  }
  return `${Math.round(size / 1000)} TB`;
}

const DOORS: Record<string, string> = {
  widget: "the widget",
  http: "the page",
  console: "the console",
  scripted: "a script",
  api: "code",
  cli: "the terminal",
  inbox: "the inbox",
  default: "the default",
};

/** Who gave a reply, for the quiet line. On the page it was the person who reads it. */
export function who(reply: Pick<ReplyShape, "by" | "door">): string {
  if (reply.by) return reply.by;
  if (reply.door === "widget" || reply.door === "http" || !reply.door) return "you";
  return DOORS[reply.door] ?? reply.door;
}

/** Which way a named person's reply came, where that was not this page: " through the inbox". */
export function through({ by, door }: Pick<ReplyShape, "by" | "door">): string {
  if (!by || !door || door === "widget" || door === "http" || door === "default") return "";
  return ` through ${DOORS[door] ?? door}`;
}

/** What somebody is told whose answer came second. */
export function closedLine(closed: Closed): string {
  const at = closed.at_ms ? ` at ${clock(closed.at_ms)}` : "";
  if (closed.status === "expired") return "Too late: the time for an answer is over.";
  if (closed.status === "withdrawn") return "This is not asked any more.";
  const by = closed.by ? ` by ${closed.by}` : "";
  const through = closed.door ? ` through ${DOORS[closed.door] ?? closed.door}` : "";
  return `Already answered${by}${through}${at}.`;
}

/** Words of the kernel as a sentence. */
export const sentence = (words: string): string =>
  words && `${words[0]?.toUpperCase()}${words.slice(1)}${/[.!?…:]$/.test(words) ? "" : "."}`;

/** Problems as sentences, the whole first. */
export const sentences = (problems: Readonly<Record<string, string>>): string[] =>
  Object.entries(problems)
    .sort(([a], [b]) => Number(a !== "") - Number(b !== ""))
    .map(([field, text]) => (field ? `${field}: ${text}` : sentence(text)));
