/** A report in place of a kernel: what a page asks of a run is answered from what stands in the file. */

import type { DetailShape, FromKernel, RunShape, TimelineShape, ToKernel } from "./api";
import type { Wire } from "./link";
import { packed } from "./link";
import type { StepShape } from "./replay";
import { detailAt, timelineAt } from "./replay";

/** Everything in a report; `ReportShape` in `aether_nb/display/report.py` is the twin. */
export interface ReportShape {
  run: RunShape;
  steps: StepShape[];
  svg: string;
  dot: string;
  /** The groups that may be opened or folded in the picture, and whether they are open then. */
  groups: Record<string, boolean>;
  inputs: [string, string][];
  details: Record<string, DetailShape>;
  timeline: TimelineShape;
  code: { name: string; source: string; diff: string }[];
  facts: [string, string][];
  written_ms: number;
  hidden: number;
}

type Listener = (content: FromKernel, buffers?: DataView[]) => void;

export class Paper implements Wire {
  readonly #report: ReportShape;
  readonly #viz: () => Promise<string>;
  readonly #fold: (group: string, open: boolean) => void;
  readonly #listeners = new Set<Listener>();
  #view: RunShape;
  #at = 0;

  /**
   * @param viz gives the code that lays graphs out, where the report has it.
   * @param fold somebody opens or folds a group of the picture.
   */
  constructor(report: ReportShape, viz: () => Promise<string>, fold: (group: string, open: boolean) => void) {
    this.#report = report;
    this.#viz = viz;
    this.#fold = fold;
    this.#view = report.run;
  }

  /** What is shown from now on: the run as it was at that time. */
  turn(view: RunShape, at: number): void {
    this.#view = view;
    this.#at = at;
  }

  get(name: string): unknown {
    return name === "run_id" ? this.#report.run.run_id : null;
  }

  on(name: string, listener: (...args: never[]) => void): void {
    if (name === "msg:custom") this.#listeners.add(listener as Listener);
  }

  off(_name: string, listener: (...args: never[]) => void): void {
    this.#listeners.delete(listener as Listener);
  }

  send(content: unknown): void {
    queueMicrotask(() => this.#answer(content as ToKernel));
  }

  #answer(asked: ToKernel): void {
    if (asked.type === "hello") this.#say({ type: "welcome" }, [packed(this.#view)]);
    else if (asked.type === "chunk") void this.#chunk(asked.name);
    else if (asked.type === "details") this.#say({ type: "ack", id: asked.id, ok: true, ...this.#detail(asked.node) });
    else if (asked.type === "timeline") {
      const timeline = timelineAt(this.#report.timeline, this.#view, this.#at);
      this.#say({ type: "ack", id: asked.id, ok: true, timeline });
    } else if (asked.type === "fold") {
      this.#fold(asked.group, asked.open);
      this.#say({ type: "ack", id: asked.id, ok: true });
    } else if ("id" in asked) this.#say({ type: "ack", id: asked.id, ok: false, note: "This is a report." });
  }

  #detail(id: string): { detail?: DetailShape } {
    const node = this.#view.nodes.find((each) => each.id === id);
    const detail = this.#report.details[id];
    if (!node || !detail) return {};
    const source = this.#report.code.find((piece) => piece.name === node.name)?.source ?? "";
    return { detail: { ...detailAt(detail, node.status === "succeeded", this.#at), source } };
  }

  async #chunk(name: string): Promise<void> {
    const code = name === "viz.js" ? await this.#viz() : "";
    const bytes = new TextEncoder().encode(code);
    this.#say({ type: "chunk", name, ok: code !== "" }, code === "" ? [] : [new DataView(bytes.buffer)]);
  }

  #say(content: FromKernel, buffers: DataView[] = []): void {
    for (const listener of this.#listeners) listener(content, buffers);
  }
}

/** Whose picture is shown when a group is opened or folded: its own, or that of what it stands inside; "" is the first one. */
export function shownWith(groups: ReportShape["groups"], view: RunShape, group: string, open: boolean): string {
  if (groups[group] === open) return group;
  const around = view.nodes.find((node) => node.id === group)?.parent ?? "";
  return groups[around] === true ? around : "";
}
