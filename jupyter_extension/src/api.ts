/**
 * What travels between kernel and page: the twins of `aether_nb/display/shapes.py`, and the
 * messages of the run's comm. Types only; `link.ts` sends and receives them.
 */

/** Whatever JSON can say. */
export type Json = string | number | boolean | null | Json[] | { [name: string]: Json };

export type NodeStatus =
  | "pending"
  | "running"
  | "waiting"
  | "succeeded"
  | "failed"
  | "skipped"
  | "cancelled";
export type RunStatus = "running" | "waiting" | "succeeded" | "failed" | "cancelled" | "blocked";
export type WaitState = "open" | "answered" | "expired" | "withdrawn";

export interface NodeShape {
  id: string;
  label: string;
  name: string;
  kind: "tool" | "ask" | "wait" | "graph" | "fn" | "map" | "when";
  /** The node that it stands inside, "" at the top. */
  parent: string;
  status: NodeStatus;
  attempt: number;
  started_ms: number | null;
  ended_ms: number | null;
  /** One sentence, empty when all is well. */
  error: string;
  /** For a node in a branch of a choice: the choice, and which branch. */
  guard?: [string, "then" | "otherwise"];
  /** For a map that has begun; what is inside it is counted, and listed only when somebody opens it. */
  count?: CountShape;
}

/** How far a map is. */
export interface CountShape {
  /** How many items succeeded. */
  done: number;
  failed: number;
  total: number;
}

export interface ReplyShape {
  text: string;
  by: string;
  door: string;
  at_ms: number;
}

/** What is one value in JSON: what an option stands for. */
export type Scalar = string | number | boolean | null;

export interface Option {
  value: Scalar;
  label: string;
  help: string;
}

/** Every kind of question; twins of the classes in `aether_nb/prompts`, which say what each field means. */
export type Prompt =
  | TextPrompt
  | ApprovalPrompt
  | ChoicePrompt
  | NumberPrompt
  | DatePrompt
  | FilesPrompt
  | TextOrFilesPrompt
  | FormPrompt
  | CallbackPrompt;

/** The reply is the text. */
export interface TextPrompt {
  kind: "text";
  prompt: string;
  multiline: boolean;
  placeholder: string;
  /** Not shown while it is typed, kept in no draft. */
  secret: boolean;
  /** In characters (code points), as `max_length`. */
  min_length: number;
  max_length: number | null;
  /** Must match the whole text; what JavaScript cannot read with the u flag is checked by the kernel alone. */
  pattern: string | null;
  hint: string;
  value: string;
}

/** The reply is `{choice, approved, reason}`, or `{choice, reason}`, or the bare option. */
export interface ApprovalPrompt {
  kind: "approval";
  prompt: string;
  options: string[];
  approve: string;
  danger: string[];
  reason: "no" | "optional" | "required";
}

/** The reply is the value of an option, or with `multiple` the list of values. */
export interface ChoicePrompt {
  kind: "choice";
  prompt: string;
  options: Option[];
  multiple: boolean;
  /** How many, where several may be chosen. */
  min: number;
  max: number | null;
  /** What is chosen already. */
  value: Scalar[] | null;
}

/** The reply is the number. */
export interface NumberPrompt {
  kind: "number";
  prompt: string;
  min: number | null;
  max: number | null;
  step: number | null;
  integer: boolean;
  slider: boolean;
  unit: string;
  value: number | null;
}

/** The reply is ISO text; with `time` it has the page's own offset from UTC. */
export interface DatePrompt {
  kind: "date";
  prompt: string;
  time: boolean;
  min: string | null;
  max: string | null;
  value: string | null;
}

interface TakesFiles {
  prompt: string;
  multiple: boolean;
  accept: string[];
  /** Of each file. */
  max_bytes: number | null;
}

/** The reply is `{files, text}`. */
export interface FilesPrompt extends TakesFiles {
  kind: "files";
}

/** The reply is `{files, text}`, at least one of them. */
export interface TextOrFilesPrompt extends TakesFiles {
  kind: "text_or_files";
  placeholder: string;
  multiline: boolean;
}

/** The reply is an object that fits the schema; problems are keyed by the dotted path of the field. */
export interface FormPrompt {
  kind: "form";
  prompt: string;
  /**
   * JSON Schema (2020-12) without `$ref`. What may also be null has `nullable: true` in place of a union: one
   * that was emptied is sent as null, one that was never filled may be left out.
   */
  schema: Record<string, Json>;
  value: Record<string, Json>;
  /** The words on the button; "" is the usual ones. */
  submit: string;
}

/** Nobody here answers it. */
export interface CallbackPrompt {
  kind: "callback";
  prompt: string;
  job: string;
}

export interface PromptShape {
  token: string;
  node: string;
  /** Place in the log: prompts and messages are shown in this order. */
  seq: number;
  kind: string;
  prompt: Prompt;
  state: WaitState;
  deadline_ms: number | null;
  reply: ReplyShape | null;
  /** Which run asks, where prompts of several stand together. */
  source?: string;
  /** Why the last reply was refused, by field; "" is the reply as a whole. */
  problems: Problems;
}

/** live: it is being told, and goes on. stopped: it was broken off. */
export type MessageState = "said" | "live" | "stopped";

export interface MessageShape {
  /** The same from the first word of a stream to its end. */
  id: string;
  /** Place in the log: where it was said, or where it began. */
  seq: number;
  /** Among those of the same place; 0 for what was said at once. */
  order: number;
  node: string;
  kind: "text" | "markdown" | "image" | "file" | "table" | "progress";
  state: MessageState;
  text: string;
  name: string;
  /** For an image that is not too large: a `data:` URL. */
  src?: string;
  file?: FileShape;
  table?: TableShape;
  bar?: ProgressShape;
}

/** The file of a message. */
export interface FileShape {
  size: number;
  /** Where it lies on the kernel's machine. */
  path: string;
  /** Its bytes as a `data:` URL; "" when it is not small. */
  href: string;
}

export interface TableShape {
  columns: string[];
  /** As people read them. */
  rows: (string | null)[][];
  /** Columns of numbers, which stand to the right. */
  right: number[];
  /** How many are not in here. */
  more_rows: number;
  more_columns: number;
}

/** How far something is. */
export interface ProgressShape {
  done: number;
  total: number | null;
  /** In words: 42/100. */
  count: string;
  /** How fast, and how long it will take or took. */
  pace: string;
}

/** What a stream that is known has more of. */
export interface GrownShape {
  id: string;
  /** Its length so far. */
  at: number;
  text: string;
  state: MessageState;
}

export interface OutputShape {
  name: string;
  text: string;
}

export interface ErrorShape {
  message: string;
  node: string;
  frames: string[];
  inputs: Record<string, string>;
}

export interface RunShape {
  /** The last event that is in here. */
  seq: number;
  run_id: string;
  graph: string;
  status: RunStatus;
  created_ms: number;
  ended_ms: number | null;
  note: string;
  /** It had ended before it was shown here. */
  stored: boolean;
  nodes: NodeShape[];
  edges: [string, string][];
  prompts: PromptShape[];
  messages: MessageShape[];
  outputs: OutputShape[];
  error: ErrorShape | null;
  /** The graph as DOT, for the page to lay out when `svg` is empty. */
  dot: string;
  svg: string;
}

/** How a node stands that is as it was otherwise: id, status, attempt, started_ms, ended_ms. */
export type MarkShape = [string, NodeStatus, number, number | null, number | null];

export interface PatchShape extends Partial<Omit<RunShape, "run_id" | "graph" | "created_ms">> {
  /** After `nodes`: of nodes that the page has. */
  marks?: MarkShape[];
  /** Applies to a page whose `seq` is this; another page says hello again. */
  base: number;
  seq: number;
  /** After the messages. */
  grown?: GrownShape[];
}

/** What a node does: stands ready without a place, computes, waits for a person, waits for something else. */
export type BarKind = "queued" | "computing" | "waiting" | "outside";

/** One node of a timeline. */
export interface RowShape {
  id: string;
  label: string;
  parent: string;
  /** Others may stand inside it: what it computes is theirs. */
  group: boolean;
  status: NodeStatus;
  /** From when to when; null while it goes on. */
  bars: [BarKind, number, number | null][];
}

/** The rows of a timeline that changed. */
export interface TimelineShape {
  /** The last event that is in here. */
  seq: number;
  from_ms: number;
  rows: RowShape[];
}

export interface ValueShape {
  name: string;
  text: string;
  /** How much of it this is, when it is not all. */
  cut?: string;
}

/** One try of a node. */
export interface AttemptShape {
  number: number;
  status: "running" | "waiting" | "succeeded" | "failed" | "cancelled" | "lost";
  started_ms: number;
  ended_ms: number | null;
  error?: string;
  /** The user's own, innermost last. */
  frames?: string[];
  /** When the next one comes. */
  retry_ms?: number;
}

/** One node close up. */
export interface DetailShape {
  node: string;
  inputs: ValueShape[];
  outputs: ValueShape[];
  attempts: AttemptShape[];
  log: { at_ms: number; level: string; text: string }[];
  /** Its code as it was kept with the run; empty when it could not be had. */
  source: string;
  /** Where its time went, in milliseconds. */
  times: { queued: number; computing: number; waiting: number };
}

/** By field; "" is the whole. */
export type Problems = Record<string, string>;

/** A file that the kernel has: `aether_nb.prompts.FileRef`. */
export type FileRef = {
  name: string;
  size: number;
  sha256: string;
  media_type: string;
  path: string;
};

/** In a request for files: `{ files: (FileRef | { path: string })[]; text: string }`. */
export type ReplyValue = Json;

/** Page to kernel. */
export type Request =
  | { type: "answer"; id: string; token: string; value: ReplyValue }
  /** Of the run, or of one node. */
  | { type: "cancel"; id: string; node?: string }
  | { type: "start_over"; id: string }
  | { type: "retry"; id: string; node: string }
  | { type: "call_off"; id: string; token: string; upload: string }
  | { type: "fold"; id: string; group: string; open: boolean }
  | { type: "details"; id: string; node: string }
  | { type: "changes"; id: string }
  /** The rows of the timeline that changed after that event. */
  | { type: "timeline"; id: string; since: number }
  | {
      type: "upload";
      id: string;
      token: string;
      /** Names this upload; the same in all its pieces. */
      upload: string;
      name: string;
      size: number;
      media: string;
      offset: number;
      last: boolean;
    };

export type ToKernel =
  | Request
  /** fresh: a page that has not heard anything yet. */
  | { type: "hello"; seq: number; fresh: boolean }
  | { type: "layout"; seq: number; dot: string; svg: string }
  | { type: "chunk"; name: string };

export interface Ack {
  type: "ack";
  id: string;
  ok: boolean;
  problems?: Problems;
  note?: string;
  /** With the ack of an upload's last piece. */
  file?: FileRef;
  /** What `changes` asked for: how the code that there is differs from the one that the run was driven with. */
  diff?: string;
  /** What `details` asked for. */
  detail?: DetailShape;
  /** What `timeline` asked for. */
  timeline?: TimelineShape;
}

/** Kernel to page. A chunk's bytes are its one buffer, and so is the JSON of the RunShape or PatchShape. */
export type FromKernel =
  | { type: "welcome" }
  | { type: "patch" }
  | { type: "chunk"; name: string; ok: boolean }
  | Ack;

/** The kernel's word on the HTTP door: which store the server must have, and how to tell. */
export interface DoorShape {
  store: string;
  nonce: string;
  /** Base URL of the server; "" for the page's own. */
  base: string;
  /** The server itself gave this shape, and no kernel: there is nothing to prove. */
  served?: true;
  /** What its `Authorization` header wants, where the cookie is not enough. */
  token?: string;
}

/** What the server says of questions whose kernel is not heard: `aether_nb/jupyter/watching.py`. */
export interface News {
  /** Whether the kernel that asked lives. */
  alive: boolean;
  /** Of the questions asked for, those that are not open any more. */
  closed: Record<string, { status: Exclude<WaitState, "open">; reply: ReplyShape | null }>;
}

/** How a wait ended, as the loser of a race is told. */
export interface Closed {
  status: string;
  by?: string;
  door?: string;
  at_ms?: number;
}
