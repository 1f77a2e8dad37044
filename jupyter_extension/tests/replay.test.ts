import assert from "node:assert/strict";
import { test } from "node:test";
import type { DetailShape, TimelineShape } from "../src/api";
import type { StepShape } from "../src/replay";
import { shownWith } from "../src/paper";
import { Replay, detailAt, forReading, milestones, timelineAt } from "../src/replay";
import { ask, node, run } from "./fixtures";

/** A run in which a node is done at every step, and a message is sent at every third. */
function story(length: number): Replay {
  const steps: StepShape[] = [{ seq: 1, at_ms: 1000, text: "" }];
  for (let i = 1; i < length; i++) {
    const step: StepShape = { seq: i + 1, at_ms: 1000 + i, text: "" };
    if (i % 3) step.patch = { base: i, seq: i + 1, nodes: [node(`n${i}`, { status: "succeeded" })] };
    steps.push(step);
  }
  return new Replay(run({ seq: 1, nodes: [], edges: [] }), steps);
}

const done = (replay: Replay, index: number) => replay.at(index).nodes.length;

test("any step can be gone to from any other, and says the same", () => {
  const [here, there] = [story(400), story(400)];
  for (let i = 0; i < 400; i++) here.at(i);
  for (const index of [399, 0, 120, 119, 121, 50, 49, 51, 399, 398, 7]) {
    assert.deepEqual(here.at(index), there.at(index), `step ${index}`);
    assert.equal(done(here, index), index - Math.floor(index / 3));
  }
});

test("a step without a patch is a step all the same", () => {
  const replay = story(5);
  assert.equal(replay.at(3).seq, 4);
  assert.deepEqual(replay.at(3).nodes, replay.at(2).nodes);
});

test("where a patch cannot say it, the step has the whole run", () => {
  const steps: StepShape[] = [
    { seq: 1, at_ms: 0, text: "" },
    { seq: 2, at_ms: 0, text: "", whole: run({ seq: 2, nodes: [node("new")] }) },
  ];
  const replay = new Replay(run({ seq: 1, nodes: [node("old")] }), steps);
  assert.deepEqual(replay.at(1).nodes.map((n) => n.id), ["new"]);
  assert.deepEqual(replay.at(0).nodes.map((n) => n.id), ["old"]);
});

test("an open question has no form when it is read, an answered one is as it was", () => {
  const view = run({ prompts: [ask("t1"), ask("t2", { state: "answered" })] });
  const read = forReading(view);
  assert.deepEqual(read.prompts.map((p) => p.prompt.kind), ["callback", "text"]);
  assert.equal(read.prompts[0]?.prompt.prompt, view.prompts[0]?.prompt.prompt);
  assert.equal(read.prompts[0]?.state, "open");
  const closed = run({ prompts: [ask("t2", { state: "answered" })] });
  assert.equal(forReading(closed), closed);
});

test("a timeline at a time has no later bars, and those that had not ended go on", () => {
  const timeline: TimelineShape = {
    seq: 9,
    from_ms: 0,
    rows: [
      { id: "a", label: "a", parent: "", group: false, status: "succeeded", bars: [["computing", 0, 10]] },
      { id: "b", label: "b", parent: "", group: false, status: "failed", bars: [["waiting", 5, 20], ["computing", 20, 30]] },
      { id: "c", label: "c", parent: "", group: false, status: "succeeded", bars: [["computing", 40, 50]] },
    ],
  };
  const view = run({ seq: 4, nodes: [node("a", { status: "succeeded" }), node("b", { status: "waiting" })] });
  const then = timelineAt(timeline, view, 12);
  assert.deepEqual(then.rows.map((row) => row.bars), [[["computing", 0, 10]], [["waiting", 5, null]], []]);
  assert.deepEqual(then.rows.map((row) => row.status), ["succeeded", "waiting", "pending"]);
  assert.equal(then.seq, 0);
});

test("a node close up has no later attempts, and no outputs before it gave them", () => {
  const detail: DetailShape = {
    node: "a",
    inputs: [],
    outputs: [{ name: "x", text: "1" }],
    attempts: [
      { number: 1, status: "failed", started_ms: 0, ended_ms: 5, error: "no" },
      { number: 2, status: "succeeded", started_ms: 10, ended_ms: 20 },
    ],
    log: [],
    source: "",
    times: { queued: 0, computing: 0, waiting: 0 },
  };
  assert.deepEqual(detailAt(detail, false, 7).attempts.map((a) => a.status), ["failed"]);
  assert.deepEqual(detailAt(detail, false, 12).attempts.map((a) => a.status), ["failed", "running"]);
  assert.deepEqual(detailAt(detail, false, 12).outputs, []);
  assert.deepEqual(detailAt(detail, true, 30), detail);
});

test("the marks say where somebody was asked and answered and where something failed", () => {
  const patch = { base: 0, seq: 0 };
  const steps: StepShape[] = [
    { seq: 1, at_ms: 0, text: "" },
    { seq: 2, at_ms: 0, text: "", patch: { ...patch, prompts: [ask("t")] } },
    { seq: 3, at_ms: 0, text: "", patch: { ...patch, prompts: [ask("t", { problems: { "": "no" } })] } },
    { seq: 4, at_ms: 0, text: "", patch: { ...patch, prompts: [ask("t", { state: "answered" })] } },
    { seq: 5, at_ms: 0, text: "", patch: { ...patch, nodes: [node("a", { status: "failed" })] } },
    { seq: 6, at_ms: 0, text: "", patch: { ...patch, marks: [["b", "failed", 1, 0, 1], ["c", "succeeded", 1, 0, 1]] } },
  ];
  assert.deepEqual(milestones(steps), [
    { index: 1, mark: "asked" },
    { index: 3, mark: "answered" },
    { index: 4, mark: "failed" },
    { index: 5, mark: "failed" },
  ]);
});

test("a group is pressed: its own picture is shown, or that of what it stands inside", () => {
  const groups = { map: true, "map/0": false, sub: false };
  const view = run({ nodes: [node("map"), node("map/0", { parent: "map" }), node("sub")] });
  const shown = (group: string, open: boolean) => shownWith(groups, view, group, open);
  assert.equal(shown("map", true), "map");
  assert.equal(shown("map", false), "");
  assert.equal(shown("map/0", false), "map/0");
  assert.equal(shown("map/0", true), "map");
  assert.equal(shown("sub", false), "sub");
  assert.equal(shown("sub", true), "");
});
