import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { isText, keepDraft, putAside, readDraft } from "../src/drafts";
import { dateFault, dateHint, offset, toLocal, withOffset } from "../src/inputs/dates";
import { found } from "../src/inputs/filter";
import { isObject, parseObject, properties, skeleton } from "../src/inputs/objects";

const options = ["Lisbon", "Zürich", "New York", "York"].map((label) => ({ label, help: "" }));
const names = (query: string) => found(options, query).map((i) => options[i]?.label);

test("options are found without case and accents, by any of their words", () => {
  assert.deepEqual(names("zur"), ["Zürich"]);
  assert.deepEqual(names("LIS"), ["Lisbon"]);
  assert.deepEqual(names("york new"), ["New York"]);
  assert.deepEqual(names(""), ["Lisbon", "Zürich", "New York", "York"]);
  assert.deepEqual(names("rome"), []);
});

test("an option that begins with what is typed comes first", () => {
  assert.deepEqual(names("york"), ["York", "New York"]);
});

test("options are found by their help, too", () => {
  assert.deepEqual(found([{ label: "small", help: "fast enough" }, { label: "large", help: "" }], "fast"), [0]);
});

test("a time goes out with the offset of the place it was typed in", () => {
  assert.equal(withOffset("2026-11-22T14:02", "+01:00"), "2026-11-22T14:02:00+01:00");
  assert.equal(withOffset("2026-11-22T14:02:07", "-03:30"), "2026-11-22T14:02:07-03:30");
  assert.deepEqual([60, -210, 0, 345].map(offset), ["+01:00", "-03:30", "+00:00", "+05:45"]);
});

test("an instant is shown in the time of this place", () => {
  const at = new Date(2026, 10, 22, 14, 2);
  assert.equal(toLocal(at.toISOString()), "2026-11-22T14:02");
  assert.equal(toLocal("2026-11-22T14:02:59"), "2026-11-22T14:02", "what has no offset is local already");
  assert.equal(toLocal("soonZ"), "");
});

test("a date out of its limits is told the limit, one that is half typed to go on", () => {
  const fault = (value: string, partial = false) => dateFault(value, partial, "2026-11-01", "2026-12-31", false);
  assert.deepEqual(
    [fault(""), fault("", true), fault("2026-10-31"), fault("2027-01-01"), fault("2026-11-01")],
    ["A date is needed.", "Complete the date.", "Not before 2026-11-01.", "Not after 2026-12-31.", ""],
  );
  assert.equal(dateHint("2026-11-01T09:00", ""), "Not before 2026-11-01 09:00.");
});

const store = new Map<string, string>();
beforeEach(() => {
  store.clear();
  Object.assign(globalThis, {
    localStorage: {
      getItem: (key: string) => store.get(key) ?? null,
      setItem: (key: string, value: string) => store.set(key, value),
      removeItem: (key: string) => store.delete(key),
    },
  });
});

test("a draft is any JSON value, and gone when it is removed", () => {
  keepDraft("t1", { name: "Ada", seats: 2 });
  assert.deepEqual(readDraft("t1", isObject), { name: "Ada", seats: 2 });
  keepDraft("t1", undefined);
  assert.equal(readDraft("t1", isObject), undefined);
  assert.equal(store.size, 0);
});

test("an empty draft is one: what was suggested and deleted stays deleted", () => {
  keepDraft("t1", "");
  assert.equal(readDraft("t1", isText), "");
});

test("a draft of another shape, or a damaged one, is none", () => {
  keepDraft("t1", [1]);
  assert.equal(readDraft("t1", isText), undefined);
  store.set("aether-nb:draft:t1", "{");
  assert.equal(readDraft("t1", isText), undefined);
});

test("a draft whose answer was given is in no storage, and there again when the question is opened again", () => {
  keepDraft("t2", "Ada");
  putAside("t2");
  assert.equal(store.size, 0);
  assert.equal(readDraft("t2", isText), "Ada");
  keepDraft("t2", undefined);
  assert.equal(readDraft("t2", isText), undefined);
});

test("without storage there are no drafts and no errors", () => {
  Object.assign(globalThis, { localStorage: undefined });
  keepDraft("t1", "x");
  assert.equal(readDraft("t1", isText), undefined);
});

test("an object that is written as JSON says what it is not yet", () => {
  assert.deepEqual(parseObject('{"a": 1}'), { object: { a: 1 }, found: "" });
  assert.match(parseObject('{"a": }').found, /^This is no JSON yet: /);
  assert.match(parseObject("[1]").found, /object in braces/);
});

test("what is required stands there to be filled in, and each field says what it takes", () => {
  const schema = {
    type: "object",
    required: ["name", "size"],
    properties: {
      name: { type: "string", description: "As in the passport" },
      size: { enum: ["s", "m"] },
      at: { type: "string", format: "date" },
    },
  };
  assert.deepEqual(skeleton(schema), { name: "", size: "s" });
  assert.deepEqual(properties(schema), [
    { name: "name", words: "a text: As in the passport" },
    { name: "size", words: 'one of "s", "m"' },
    { name: "at", words: "a date such as 2026-11-27, optional" },
  ]);
});
