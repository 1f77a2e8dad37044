import assert from "node:assert/strict";
import { test } from "node:test";
import { RunModel, applyPatch } from "../src/model";
import { ask, node, run, said } from "./fixtures";

test("a patch replaces the items it names and leaves the others and their order", () => {
  const before = run({ nodes: [node("a"), node("b")], edges: [["a", "b"]] });
  const after = applyPatch(before, {
    base: 5,
    seq: 7,
    nodes: [node("c"), node("a", { status: "running" })],
    edges: [["b", "c"]],
  });
  assert.deepEqual(
    after.nodes.map((n) => [n.id, n.status]),
    [["a", "running"], ["b", "pending"], ["c", "pending"]],
  );
  assert.deepEqual(after.edges, [["a", "b"], ["b", "c"]]);
  assert.equal(after.seq, 7);
  assert.equal("base" in after, false);
});

test("marks change how nodes stand, after the nodes that are new, and touch nothing else", () => {
  const before = run({ nodes: [node("a", { error: "no" }), node("b")] });
  const after = applyPatch(before, {
    base: 5, seq: 7, nodes: [node("c")], marks: [["c", "running", 1, 10, null], ["a", "succeeded", 2, 5, 9]],
  });
  const [a, b, c] = after.nodes;
  assert.deepEqual(a, node("a", { error: "no", status: "succeeded", attempt: 2, started_ms: 5, ended_ms: 9 }));
  assert.equal(b, before.nodes[1]);
  assert.equal(c?.status, "running");
});

test("a patch changes nothing of the view it was applied to", () => {
  const before = run({ nodes: [node("a")] });
  const copy = structuredClone(before);
  applyPatch(before, { base: 5, seq: 6, status: "failed", nodes: [node("a", { status: "failed" })] });
  assert.deepEqual(before, copy);
});

test("what a patch does not name stays, and null is a value", () => {
  const before = run({ error: { message: "no", node: "a", frames: [], inputs: {} }, note: "n" });
  assert.equal(applyPatch(before, { base: 5, seq: 6 }).error?.message, "no");
  assert.equal(applyPatch(before, { base: 5, seq: 6, error: null }).error, null);
  assert.equal(applyPatch(before, { base: 5, seq: 6 }).note, "n");
});

test("a message that comes twice is shown once", () => {
  const message = said("4");
  const once = applyPatch(run(), { base: 5, seq: 6, messages: [message] });
  assert.equal(applyPatch(once, { base: 6, seq: 7, messages: [message] }).messages.length, 1);
});

test("what a stream has more of is added to what it said, and leaves the other messages as they are", () => {
  const other = said("4");
  const before = run({ messages: [other, said("s", { text: "Once", state: "live" })] });
  const model = new RunModel(before);
  const grown = { id: "s", at: 4, text: " upon", state: "live" as const };
  assert.equal(model.patch({ base: 5, seq: 5, grown: [grown] }), "applied");
  assert.equal(model.patch({ base: 5, seq: 6, grown: [{ ...grown, at: 9, text: "", state: "said" }] }), "applied");
  const [first, stream] = model.state.view.messages;
  assert.equal(first, other);
  assert.deepEqual([stream?.text, stream?.state], ["Once upon", "said"]);
});

test("more of a stream that is not known up to there is a gap", () => {
  const model = new RunModel(run({ messages: [said("s", { text: "Once", state: "live" })] }));
  const grown = { id: "s", at: 9, text: "a time", state: "live" as const };
  assert.equal(model.patch({ base: 5, seq: 5, grown: [grown] }), "gap");
  assert.equal(model.patch({ base: 5, seq: 5, grown: [{ ...grown, id: "other" }] }), "gap");
  assert.equal(model.state.view.messages[0]?.text, "Once");
});

test("a patch for a later view is a gap, one for an earlier view is old news", () => {
  const model = new RunModel(run());
  assert.equal(model.patch({ base: 6, seq: 7, status: "failed" }), "gap");
  assert.equal(model.patch({ base: 3, seq: 5, status: "failed" }), "old");
  assert.equal(model.state.view.status, "running");
  assert.equal(model.patch({ base: 5, seq: 6, status: "failed" }), "applied");
  assert.equal(model.state.view.status, "failed");
});

test("a welcome is the whole truth, also when the run begins again", () => {
  const model = new RunModel(run({ status: "succeeded" }));
  model.welcome(run({ seq: 1, status: "running", prompts: [] }));
  assert.equal(model.state.view.status, "running");
  assert.equal(model.state.view.seq, 1);
});

test("an answer under way is forgotten when the kernel has spoken about its prompt", () => {
  const model = new RunModel(run({ prompts: [ask("t1"), ask("t2"), ask("t3")] }));
  for (const token of ["t1", "t2", "t3"]) model.setAttempt(token, { phase: "sending", note: "" });
  const refused = ask("t2", { problems: { "": "a number is needed" } });
  model.patch({ base: 5, seq: 6, prompts: [ask("t1", { state: "answered" }), refused] });
  assert.deepEqual(Object.keys(model.state.attempts), ["t3"]);
});

test("a question whose answer is under way is not closed by what the server says meanwhile", () => {
  const model = new RunModel(run({ prompts: [ask("t1"), ask("t2")] }));
  model.setAttempt("t1", { phase: "sending", note: "" });
  const news = { status: "answered", reply: null } as const;
  model.close({ t1: news, t2: news });
  assert.deepEqual(model.state.view.prompts.map((prompt) => prompt.state), ["open", "answered"]);
});

test("listeners hear every change until they leave", () => {
  const model = new RunModel(run());
  let heard = 0;
  const leave = model.subscribe(() => heard++);
  model.setLink("live");
  model.setLink("live");
  model.say("ok");
  leave();
  model.say("more");
  assert.equal(heard, 2);
});
