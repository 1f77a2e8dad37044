import assert from "node:assert/strict";
import { test } from "node:test";
import type { RowShape } from "../src/api";
import { arrange, latest, parts, sums, ticks, told, visible } from "../src/gantt";

const row = (id: string, begin: number, changed: Partial<RowShape> = {}): RowShape => ({
  id, label: id, parent: "", group: false, status: "running", bars: [["computing", begin, begin + 10]], ...changed,
});

test("rows stand under their group, in the order in which they began", () => {
  const rows = [row("z", 5), row("g/b", 3, { parent: "g" }), row("g", 1, { group: true }), row("g/a", 2, { parent: "g" })];
  const lines = arrange(rows, new Map());
  assert.deepEqual(lines.map((l) => [l.row.id, l.depth, l.holds]), [["g", 0, 2], ["g/a", 1, 0], ["g/b", 1, 0], ["z", 0, 0]]);
});

test("a group of very many rows is folded until somebody opens it", () => {
  const inside = Array.from({ length: 100 }, (_, i) => row(`g/${i}`, i + 1, { parent: "g" }));
  const rows = [row("g", 0), ...inside, row("z", 500)];
  const ids = (wishes: [string, boolean][]) => arrange(rows, new Map(wishes)).map((l) => l.row.id);
  assert.deepEqual(ids([]), ["g", "z"]);
  assert.equal(ids([["g", true]]).length, 102);
});

test("a row whose group is not there stands by itself", () => {
  assert.deepEqual(arrange([row("g/a", 0, { parent: "g" })], new Map()).map((l) => l.depth), [0]);
});

test("what goes on counts up to now", () => {
  const going = row("a", 0, { bars: [["waiting", 0, 100], ["computing", 100, null]] });
  assert.equal(latest([going], 700), 700);
  assert.deepEqual([...sums(going, 700)], [["waiting", 100], ["computing", 600]]);
  assert.equal(told(going, 700), "waiting for a person 0.1 s, computing 0.6 s");
  assert.equal(told({ ...going, group: true }, 700), "waiting for a person 0.1 s, under way 0.6 s");
});

test("an axis has few marks, at round numbers", () => {
  assert.deepEqual(ticks(70, 8).map((t) => t.text), ["0", "10 ms", "20 ms", "30 ms", "40 ms", "50 ms", "60 ms", "70 ms"]);
  assert.deepEqual(ticks(2600, 6).map((t) => t.text), ["0", "500 ms", "1.0 s", "1.5 s", "2.0 s", "2.5 s"]);
  assert.deepEqual(ticks(200_000, 5).map((t) => t.text), ["0", "1 min 00 s", "2 min 00 s", "3 min 00 s"]);
  for (const span of [1, 999, 1e5, 1e9, 1e12]) assert.ok(ticks(span, 7).length <= 8, String(span));
});

test("of many lines those are drawn that are seen", () => {
  assert.deepEqual(visible(0, 400, 20, 1000), [0, 30]);
  assert.deepEqual(visible(10_000, 400, 20, 1000), [490, 530]);
  assert.deepEqual(visible(0, 400, 20, 5), [0, 5]);
});

test("bars too short to be seen become one", () => {
  const many = row("a", 0, { bars: Array.from({ length: 100 }, (_, i) => ["computing", i * 2, i * 2 + 1] as const).map((b) => [...b]) });
  assert.equal(parts(many, 0, 100_000, 0, 0.3).length, 1);
  assert.equal(parts(many, 0, 200, 0, 0.3).length, 100);
});

test("bars keep their place and say which goes on", () => {
  const going = row("a", 0, { bars: [["queued", 0, 50], ["computing", 50, null]] });
  assert.deepEqual(parts(going, 0, 200, 100, 0.1), [
    { kind: "queued", left: 0, width: 25, open: false },
    { kind: "computing", left: 25, width: 25, open: true },
  ]);
});
