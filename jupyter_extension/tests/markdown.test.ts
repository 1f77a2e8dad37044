import assert from "node:assert/strict";
import { test } from "node:test";
import { isPlain } from "../src/plain";

test("a line without marks needs nothing to be drawn", () => {
  assert.ok(["Your name?", "How many (at least 3)?", "Größe in %", "1,204 rows. Go on?"].every(isPlain));
});

test("whatever may be Markdown is none of these", () => {
  const marked = ["**Which** one?", "a `b`", "1. first", "- item", "see www.example.org", "a_b_", "x\ny", " indented", "<b>", "a & b", "#1", "ana@example.org"];
  assert.deepEqual(marked.filter(isPlain), []);
});
