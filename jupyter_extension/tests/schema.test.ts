import assert from "node:assert/strict";
import { test } from "node:test";
import { check } from "../src/forms/check";
import type { Schema } from "../src/forms/schema";
import { answerOf, drawable, hintsOf, placeOf, problemsAt, without } from "../src/forms/schema";

const trip: Schema = {
  type: "object",
  required: ["name", "agreed"],
  properties: {
    name: { type: "string", minLength: 1, default: "Ada" },
    agreed: { type: "boolean" },
    note: { type: "string", default: "-" },
    age: { type: "integer", minimum: 0, nullable: true },
    "e.mail": { type: "string" },
    address: { type: "object", required: ["street"], properties: { street: { type: "string" } } },
    tags: { type: "array", items: { type: "string", default: "new" }, maxItems: 2 },
    labels: { type: "object", additionalProperties: { type: "integer" } },
    pay: {
      anyOf: [
        { type: "object", required: ["card"], properties: { card: { type: "string" } } },
        { type: "object", required: ["to"], properties: { to: { type: "string" } } },
        { type: "string", format: "date" },
      ],
    },
  },
};

const texts = (schema: Schema, value: never) => check(schema, value).map(({ path, text }) => [path.join("."), text]);

test("a dotted path leads to its field, through lists, free names, unions, and names with dots", () => {
  const paths = ["name", "address.street", "tags.0", "labels.any", "pay.to", "e.mail", ""];
  assert.deepEqual(
    paths.map((path) => placeOf(trip, path)),
    [["name"], ["address", "street"], ["tags", 0], ["labels", "any"], ["pay", "to"], ["e.mail"], []],
  );
  assert.deepEqual(["nobody", "address.zip", "name.first", "toString"].map((path) => placeOf(trip, path)), [null, null, null, null]);
});

test("problems stand at their fields, and what is about no field is not lost", () => {
  const { tree, rest } = problemsAt(trip, { "address.street": "unknown", "tags.1": "twice", nobody: "odd", "": "try again" });
  assert.deepEqual(tree, { address: { street: { __errors: ["unknown"] } }, tags: { 1: { __errors: ["twice"] } } });
  assert.deepEqual(rest, ["nobody: odd", "try again"]);
});

test("a problem goes when its field, or what it is part of, changes", () => {
  const problems = { "address.street": "unknown", name: "taken", "": "try again" };
  assert.deepEqual(without(trip, problems, "address.street"), { name: "taken", "": "try again" });
  assert.deepEqual(without(trip, problems, "address"), { name: "taken", "": "try again" });
  assert.equal(without(trip, problems, "tags.0"), problems);
});

test("defaults come back into no field that was emptied, and are there for new items", () => {
  const drawn = drawable(trip);
  assert.equal(drawn.properties?.["name"]?.default, undefined);
  assert.equal(drawn.properties?.["tags"]?.items?.default, "new");
});

test("what must be yes or no is no until it is ticked", () => {
  assert.equal(drawable(trip).properties?.["agreed"]?.default, false);
});

test("what has a default that cannot be emptied is not called optional", () => {
  const properties: Record<string, Schema> = {
    seats: { type: "integer", default: 1 },
    cabin: { type: "string", enum: ["a", "b"], default: "a" },
    note: { type: "string", default: "-" },
    age: { type: "integer", default: 3, nullable: true },
  };
  assert.deepEqual(drawable({ type: "object", properties }).required, ["seats", "cabin"]);
});

test("the kinds of a union have names", () => {
  assert.deepEqual(
    drawable(trip).properties?.["pay"]?.anyOf?.map((kind) => kind.title),
    ["Fields", "Fields", "Date"],
  );
});

test("an optional group is there only when somebody fills it in", () => {
  const hints = hintsOf(trip) as Record<string, Record<string, unknown>>;
  const gate = "ui:enableOptionalDataFieldForType";
  assert.deepEqual(hints["address"]?.[gate], ["object"]);
  assert.equal(hints["labels"]?.[gate], undefined, "an entry can be added without");
  assert.equal(hintsOf({ ...trip, required: ["address"] })["address"]?.toString().includes(gate), false);
});

test("what was emptied is null where it may be, an empty text where any will do, and else left out", () => {
  const first = { name: "Ada", note: "-", age: 36, address: { street: "x" } };
  assert.deepEqual(answerOf(trip, { name: "Bob" }, first), { name: "Bob", note: "", age: null });
});

test("what was never filled in is left out", () => {
  assert.deepEqual(answerOf(trip, { name: "Bob", age: undefined as never }, {}), { name: "Bob" });
});

test("what is missing is found, and what is nullable may be missing or null", () => {
  assert.deepEqual(texts(trip, { agreed: true } as never), [["name", "This is needed."]]);
  assert.deepEqual(texts(trip, { name: "Ada", agreed: true, age: null } as never), []);
  assert.deepEqual(texts(trip, { name: null, agreed: true } as never), [["name", "This is needed."]]);
});

test("bounds, lengths, patterns and options are found where they stand", () => {
  const schema: Schema = {
    type: "object",
    properties: {
      n: { type: "integer", maximum: 3 },
      x: { type: "number", exclusiveMinimum: 0 },
      step: { type: "number", multipleOf: 0.5 },
      zip: { type: "string", pattern: "^\\d{5}$" },
      any: { type: "string", pattern: "b" },
      size: { enum: ["s", 1, null] },
      list: { type: "array", minItems: 1, uniqueItems: true, items: { type: "string", maxLength: 2 } },
    },
  };
  const good = { n: 3, x: 0.1, step: 1.5, zip: "12345", any: "abc", size: null, list: ["a"] };
  assert.deepEqual(texts(schema, good as never), []);
  assert.deepEqual(texts(schema, { n: 4, x: 0, step: 0.7, zip: "1234", any: "x", size: 2, list: ["abc", "abc"] } as never), [
    ["n", "At most 3 is possible."],
    ["x", "More than 0 is needed."],
    ["step", "Only steps of 0.5 are possible."],
    ["zip", "This does not match ^\\d{5}$"],
    ["any", "This does not match b"],
    ["size", "Choose one of the options."],
    ["list", "The same stands here twice."],
    ["list.0", "At most 2 characters. This has 3."],
    ["list.1", "At most 2 characters. This has 3."],
  ]);
});

test("what is typed into a number's field and is none says so", () => {
  assert.deepEqual(texts({ type: "integer" }, "three" as never), [["", "This is no number."]]);
});

test("of a union's kinds the one that comes closest is told of", () => {
  assert.deepEqual(texts(trip.properties?.["pay"] as Schema, { to: 3 } as never), [["to", "A number has no place here."]]);
  assert.deepEqual(texts(trip.properties?.["pay"] as Schema, { to: "me" } as never), []);
});

test("what the schema does not say is let through", () => {
  assert.deepEqual(texts({}, { whatever: [1, "x", null] } as never), []);
});

test("an entry that nobody has named needs a name", () => {
  const labels: Schema = { type: "object", properties: { labels: trip.properties?.["labels"] ?? {} } };
  assert.deepEqual(texts(labels, { labels: { newKey: 1, "newKey-1": "", keys: 2 } } as never), [
    ["labels.newKey", "It needs a name."],
    ["labels.newKey-1", "It needs a name."],
  ]);
});
