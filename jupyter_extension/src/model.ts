/**
 * What the page knows of one run: the kernel's view of it, and what happens here (answers on
 * their way, files on their way, whether the kernel is heard). No DOM, so that it can be tested.
 *
 * `session.ts` owns the one `RunModel` of a widget; every view of it subscribes.
 */

import type {
  FileRef,
  GrownShape,
  MarkShape,
  MessageShape,
  News,
  NodeShape,
  PatchShape,
  Problems,
  RunShape,
} from "./api";
import { Shown } from "./shown";

/** What became of the answer that was given here. */
export type Attempt =
  | { phase: "sending"; note: string }
  /** Accepted; the patch that closes the prompt is still to come. */
  | { phase: "taken"; note: string }
  /** Somebody or something else closed the wait first. */
  | { phase: "closed"; note: string }
  | { phase: "refused"; problems: Problems; note: string }
  /** No door took it; what was typed stays. */
  | { phase: "undelivered"; note: string };

/** One file of an answer that is being put together. */
export interface FileItem {
  key: string;
  name: string;
  size: number;
  /** Bytes that the kernel has acknowledged. */
  sent: number;
  state: "sending" | "ready" | "failed";
  note: string;
  ref: FileRef | { path: string } | null;
}

/** silent: no answer to a greeting, the kernel is busy or gone. dead: the comm cannot send. */
export type LinkState = "new" | "live" | "silent" | "dead";

export interface State {
  readonly view: RunShape;
  readonly link: LinkState;
  /** Whether the server reads the kernel's store, so that an answer is stored without the kernel; null: not known. */
  readonly door: boolean | null;
  readonly attempts: Readonly<Record<string, Attempt>>;
  readonly files: Readonly<Record<string, readonly FileItem[]>>;
  /** The graph as the page laid it out, for a kernel that has no `dot`. */
  readonly drawn: string;
  /** What a button (cancel, start over, retry) had to say. */
  readonly said: string;
}

/** A run of which nothing is known yet. */
export const emptyRun = (runId: string): RunShape => ({
  seq: -1,
  run_id: runId,
  graph: "",
  status: "running",
  created_ms: 0,
  ended_ms: null,
  note: "",
  stored: false,
  nodes: [],
  edges: [],
  prompts: [],
  messages: [],
  outputs: [],
  error: null,
  dot: "",
  svg: "",
});

function put<T>(list: readonly T[], changed: readonly T[], key: (item: T) => unknown): T[] {
  const out = [...list];
  const at = new Map(out.map((item, i) => [key(item), i]));
  for (const item of changed) {
    const i = at.get(key(item));
    if (i === undefined) {
      at.set(key(item), out.length);
      out.push(item);
    } else {
      out[i] = item;
    }
  }
  return out;
}

/** Nodes with what was told of some of them. */
function marked(nodes: NodeShape[], marks: readonly MarkShape[]): NodeShape[] {
  if (marks.length === 0) return nodes;
  const told = new Map(marks.map((mark) => [mark[0], mark]));
  return nodes.map((node) => {
    const mark = told.get(node.id);
    return mark ? { ...node, status: mark[1], attempt: mark[2], started_ms: mark[3], ended_ms: mark[4] } : node;
  });
}

function grow(messages: MessageShape[], grown: readonly GrownShape[]): MessageShape[] {
  const more = new Map(grown.map((g) => [g.id, g]));
  return messages.map((message) => {
    const { text, state } = more.get(message.id) ?? {};
    return state === undefined ? message : { ...message, text: message.text + text, state };
  });
}

/** Whether every stream of which the patch has more is known here up to there. */
const fits = (view: RunShape, grown: readonly GrownShape[]): boolean =>
  grown.every(({ id, at }) => view.messages.find((m) => m.id === id)?.text.length === at);

/** The view after a patch. The caller has checked that it applies (`patch.base === view.seq`). */
export function applyPatch(view: RunShape, patch: PatchShape): RunShape {
  const { base: _, nodes, marks, edges, prompts, messages, grown, outputs, ...rest } = patch;
  const said = messages ? put(view.messages, messages, (m) => m.id) : view.messages;
  return {
    ...view,
    ...rest,
    nodes: marked(nodes ? put(view.nodes, nodes, (n) => n.id) : view.nodes, marks ?? []),
    edges: edges ? [...view.edges, ...edges] : view.edges,
    prompts: prompts ? put(view.prompts, prompts, (p) => p.token) : view.prompts,
    messages: grown ? grow(said, grown) : said,
    outputs: outputs ? put(view.outputs, outputs, (o) => o.name) : view.outputs,
  };
}

export const isOver = (view: Pick<RunShape, "status">): boolean =>
  view.status === "succeeded" || view.status === "failed" || view.status === "cancelled";

/** A node by its id; a run has few of them open at once, so nobody needs an index. */
export const nodeOf = (view: RunShape, id: string): NodeShape | undefined =>
  view.nodes.find((n) => n.id === id);

/** Attempts whose prompt the kernel has spoken about since: its word counts, ours goes. */
function stillOurs(attempts: State["attempts"], view: RunShape): State["attempts"] {
  const kept = Object.entries(attempts).filter(([token]) => {
    const prompt = view.prompts.find((p) => p.token === token);
    return prompt?.state === "open" && Object.keys(prompt.problems).length === 0;
  });
  return kept.length === Object.keys(attempts).length ? attempts : Object.fromEntries(kept);
}

/** The store that the views draw from. */
export class RunModel extends Shown<State> {
  constructor(view: RunShape) {
    super({ view, link: "new", door: null, attempts: {}, files: {}, drawn: "", said: "" });
  }

  /** Takes the whole view that the kernel says holds now: also an earlier one, when a run starts over. */
  welcome(view: RunShape): void {
    this.#take(view);
  }

  /** Applies what changed. "gap": something was missed, so greet the kernel again. */
  patch(patch: PatchShape): "applied" | "old" | "gap" {
    const { view } = this.state;
    if (patch.base !== view.seq) return patch.seq <= view.seq ? "old" : "gap";
    if (patch.grown && !fits(view, patch.grown)) return "gap";
    this.#take(applyPatch(view, patch));
    return "applied";
  }

  setLink(link: LinkState): void {
    if (link !== this.state.link) this.set({ link });
  }

  setDoor(door: boolean): void {
    if (door !== this.state.door) this.set({ door });
  }

  /**
   * Takes the server's word for questions that were closed while the kernel was not heard. One whose answer is under
   * way hears of it by its own door, which also says what comes next.
   */
  close(closed: News["closed"]): void {
    const { view, attempts } = this.state;
    const prompts = view.prompts.map((prompt) => {
      const waits = prompt.state === "open" && attempts[prompt.token]?.phase !== "sending";
      const news = waits ? closed[prompt.token] : undefined;
      return news ? { ...prompt, state: news.status, reply: news.reply, problems: {} } : prompt;
    });
    this.#take({ ...view, prompts });
  }

  setAttempt(token: string, attempt: Attempt): void {
    this.set({ attempts: { ...this.state.attempts, [token]: attempt } });
  }

  setFiles(token: string, files: readonly FileItem[]): void {
    this.set({ files: { ...this.state.files, [token]: files } });
  }

  setDrawn(drawn: string): void {
    this.set({ drawn });
  }

  say(said: string): void {
    this.set({ said });
  }

  #take(view: RunShape): void {
    this.set({ view, attempts: stillOurs(this.state.attempts, view) });
  }
}
