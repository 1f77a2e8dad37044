import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, clock, closedLine, countdown, counted, duration, sentence, sentences, through, ticking, who } from "../src/format";

test("lengths of time read naturally at every size", () => {
  assert.deepEqual(
    [40, 400, 12_400, 59_600, 185_000, 7_440_000, -5].map(duration),
    ["40 ms", "0.4 s", "12 s", "1 min 00 s", "3 min 05 s", "2 h 04 min", "0 ms"],
  );
});

test("a length of time that goes by has no tenths", () => {
  assert.deepEqual([0, 900, 59_000, 61_000].map(ticking), ["0 s", "0 s", "59 s", "1 min 01 s"]);
});

test("a countdown never shows less than nothing", () => {
  assert.deepEqual(
    [252_000, 42_000, 3_723_000, 273_600_000, -1].map(countdown),
    ["4:12", "0:42", "1:02:03", "3 d 4 h", "0:00"],
  );
});

test("a map says how far it is, and what failed only when something did", () => {
  assert.equal(counted({ done: 37, failed: 0, total: 100 }), "37/100");
  assert.equal(counted({ done: 2, failed: 1, total: 3 }), "2/3, 1 failed");
});

test("sizes have at most three digits", () => {
  assert.deepEqual([0, 999, 1400, 12_345, 3e8, 2e12].map(bytes), ["0 B", "999 B", "1.4 kB", "12 kB", "300 MB", "2 TB"]);
});

test("the time of day has a date only on another day", () => {
  const at = new Date(2026, 10, 22, 14, 2).getTime();
  assert.equal(clock(at, at + 60_000), "14:02");
  assert.equal(clock(at, at + 86_400_000), "2026-11-22 14:02");
});

test("an answer from this page was given by you, unless it says by whom", () => {
  assert.equal(who({ by: "", door: "widget" }), "you");
  assert.equal(who({ by: "ana", door: "widget" }), "ana");
  assert.equal(who({ by: "", door: "scripted" }), "a script");
  assert.equal(who({ by: "", door: "pigeon" }), "pigeon");
});

test("who comes second is told who was first", () => {
  const at = new Date();
  at.setHours(14, 2);
  assert.equal(
    closedLine({ status: "answered", by: "ana", door: "inbox", at_ms: at.getTime() }),
    "Already answered by ana through the inbox at 14:02.",
  );
  assert.equal(closedLine({ status: "expired" }), "Too late: the time for an answer is over.");
});

test("problems of the whole come before those of a field", () => {
  assert.deepEqual(sentences({ age: "too young", "": "no" }), ["No.", "age: too young"]);
});

test("words of the kernel read as a sentence", () => {
  assert.deepEqual(["a text is needed", "Too long.", "why?", ""].map(sentence), ["A text is needed.", "Too long.", "Why?", ""]);
});

test("who answered elsewhere is named with the way it came", () => {
  assert.equal(through({ by: "ana", door: "inbox" }), " through the inbox");
  assert.equal(through({ by: "you", door: "widget" }), "");
  assert.equal(through({ by: "", door: "scripted" }), "", "a script is named by its way alone");
});
