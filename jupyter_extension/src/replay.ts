/** The log of a run, step by step: the run as a page shows it after any of its events. Pure. */

import type { DetailShape, PatchShape, PromptShape, RowShape, RunShape, TimelineShape } from "./api";
import { applyPatch } from "./model";

/** One event: `aether_nb/display/report.py` has its twin. */
export interface StepShape {
  seq: number;
  at_ms: number;
  text: string;
  patch?: PatchShape;
  /** The run after it, where a patch cannot say that. */
  whole?: RunShape;
}

/** So far apart are the views that are kept, to begin from when the slider goes back. */
const KEPT = 50;

/** Gives the run after each of its steps; going forward costs what changed, going back at most `KEPT` steps. */
export class Replay {
  readonly steps: readonly StepShape[];
  readonly #kept: RunShape[];
  #last: { index: number; view: RunShape };

  constructor(run: RunShape, steps: readonly StepShape[]) {
    this.steps = steps;
    this.#kept = [run];
    this.#last = { index: 0, view: run };
  }

  /** The run after the step of that index. */
  at(index: number): RunShape {
    const near = Math.min(Math.floor(index / KEPT), this.#kept.length - 1);
    let from = { index: near * KEPT, view: this.#kept[near] as RunShape };
    if (this.#last.index <= index && this.#last.index > from.index) from = this.#last;
    let { view } = from;
    for (let i = from.index + 1; i <= index; i++) {
      view = after(view, this.steps[i]);
      if (i === this.#kept.length * KEPT) this.#kept.push(view);
    }
    this.#last = { index, view };
    return view;
  }
}

function after(view: RunShape, step: StepShape | undefined): RunShape {
  if (!step) return view;
  if (step.whole) return step.whole;
  const seq = step.seq;
  return step.patch ? { ...applyPatch(view, step.patch), seq } : { ...view, seq };
}

/** The run for reading: an open question has no form, it says that it waits. */
export function forReading(view: RunShape): RunShape {
  if (!view.prompts.some((item) => item.state === "open")) return view;
  return { ...view, prompts: view.prompts.map(unanswered) };
}

function unanswered(item: PromptShape): PromptShape {
  if (item.state !== "open" || item.prompt.kind === "callback") return item;
  return { ...item, prompt: { kind: "callback", prompt: item.prompt.prompt, job: "an answer" } };
}

/** A timeline as it stood then: bars that had not begun are not there, those that had not ended go on. Has every row. */
export function timelineAt(timeline: TimelineShape, view: RunShape, at: number): TimelineShape {
  const status = new Map(view.nodes.map((node) => [node.id, node.status]));
  const rows = timeline.rows.map((row): RowShape => ({
    ...row,
    status: status.get(row.id) ?? "pending",
    bars: row.bars
      .filter(([, from]) => from <= at)
      .map(([kind, from, to]) => [kind, from, to !== null && to > at ? null : to]),
  }));
  return { seq: 0, from_ms: timeline.from_ms, rows }; // never new enough: the slider goes back, too
}

/** A node as it stood then: later attempts are not there, nor what it had not given yet. */
export function detailAt(detail: DetailShape, done: boolean, at: number): DetailShape {
  const attempts = detail.attempts
    .filter((attempt) => attempt.started_ms <= at)
    .map((attempt) => {
      if (attempt.ended_ms !== null && attempt.ended_ms <= at) return attempt;
      const { number, started_ms } = attempt;
      return { number, started_ms, ended_ms: null, status: "running" as const };
    });
  return { ...detail, attempts, outputs: done ? detail.outputs : [] };
}

/** What the marks under the slider say: where somebody was asked, answered, where something failed. */
export type Mark = "asked" | "answered" | "failed";

/** The marks of a run, at most one a step. */
export function milestones(steps: readonly StepShape[]): { index: number; mark: Mark }[] {
  return steps.flatMap((step, index) => {
    const prompts = step.patch?.prompts ?? [];
    if (prompts.some((p) => p.state === "open" && Object.keys(p.problems).length === 0)) return { index, mark: "asked" };
    if (prompts.some((p) => p.state === "answered")) return { index, mark: "answered" };
    const { nodes = [], marks = [] } = step.patch ?? {};
    const failed = nodes.some((node) => node.status === "failed") || marks.some(([, status]) => status === "failed");
    if (failed) return { index, mark: "failed" };
    return [];
  });
}
