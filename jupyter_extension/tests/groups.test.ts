import assert from "node:assert/strict";
import { test } from "node:test";
import { counts, opens } from "../src/groups";
import { sorted, took } from "../src/order";
import { node } from "./fixtures";

test("a group counts the nodes inside it all the way down, and not the groups among them", () => {
  const found = counts([
    node("a"),
    node("a/b", { parent: "a" }),
    node("a/b/c", { parent: "a/b", status: "succeeded" }),
    node("a/b/d", { parent: "a/b", status: "failed" }),
    node("a/e", { parent: "a", status: "succeeded" }),
    node("z"),
  ]);
  assert.deepEqual(Object.fromEntries(found), {
    "a": { done: 2, failed: 1, total: 3 },
    "a/b": { done: 1, failed: 1, total: 2 },
  });
});

test("a map counts its items, whatever these hold", () => {
  const count = { done: 1, failed: 0, total: 9 };
  const found = counts([node("m", { kind: "map", count }), node("m/x", { parent: "m" })]);
  assert.deepEqual(found.get("m"), count);
});

test("groups open, maps that have begun, and nothing else", () => {
  const map = node("m", { kind: "map", count: { done: 0, failed: 0, total: 2 } });
  const empty = node("n", { kind: "map", count: { done: 0, failed: 0, total: 0 } });
  const nodes = [map, empty, node("p", { kind: "map" }), node("g"), node("g/a", { parent: "g" }), node("t")];
  const groups = counts(nodes);
  assert.deepEqual(nodes.filter((n) => opens(n, groups)).map((n) => n.id), ["m", "g"]);
});

test("the table is sorted by what people look for, and equal rows stay as they came", () => {
  const nodes = [
    node("a", { status: "succeeded", started_ms: 0, ended_ms: 10 }),
    node("b", { status: "failed", started_ms: 0, ended_ms: 500, attempt: 3 }),
    node("c", { status: "running", started_ms: 100 }),
    node("d", { status: "succeeded", started_ms: 0, ended_ms: 10 }),
  ];
  const ids = (by: "order" | "status" | "attempt" | "time", down = false) =>
    sorted(nodes, by, down, 1000).map((n) => n.id).join("");
  assert.equal(ids("order"), "abcd");
  assert.equal(ids("status"), "bcad");
  assert.equal(ids("time"), "cbad");
  assert.equal(ids("time", true), "adbc");
  assert.equal(ids("attempt"), "bacd");
});

test("a node that waits says for how long", () => {
  assert.equal(took(node("a", { status: "waiting", started_ms: 0 }), 7_000), "7 s");
  assert.equal(took(node("a"), 7_000), "");
});
