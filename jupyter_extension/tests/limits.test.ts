import assert from "node:assert/strict";
import { test } from "node:test";
import { filesHint } from "../src/inputs/filerules";
import {
  amount,
  choiceFault,
  choiceHint,
  numberFault,
  numberHint,
  parseNumber,
  sliderStep,
  stepped,
  textFault,
  textHint,
} from "../src/inputs/limits";
import { text } from "./fixtures";

const number = { min: null, max: null, step: null, integer: false, unit: "" };

test("limits are said as people say them", () => {
  assert.deepEqual(
    [amount(2, 5, "file"), amount(1, 1, "item"), amount(0, 3, "item"), amount(2, null, "item"), amount(0, null, "item")],
    ["2 to 5 files", "exactly 1 item", "at most 3 items", "at least 2 items", ""],
  );
  assert.equal(choiceHint(1, 3), "Choose 1 to 3.");
  assert.equal(choiceHint(0, null), "");
});

test("both bounds of a number are said, also those that are themselves no answer", () => {
  assert.equal(numberHint({ ...number, above: 0, below: 1, step: 0.05 }), "More than 0 and less than 1, in steps of 0.05.");
  assert.equal(numberHint({ ...number, above: 0, max: 1, unit: "kg" }), "More than 0 kg and at most 1 kg.");
  assert.equal(numberHint({ ...number, min: 0, below: 10, integer: true }), "At least 0 and less than 10, a whole number.");
  assert.equal(numberHint({ ...number, min: 0, max: 9, unit: "%" }), "From 0 to 9 %.");
  assert.equal(numberHint(number), "");
});

test("a text is measured in characters, as Python does", () => {
  assert.equal(textFault(text({ max_length: 2 }), "👍👍"), "");
  assert.match(textFault(text({ max_length: 1 }), "👍👍"), /At most 1 character\. This has 2\./);
});

test("the whole text must match, and the hint says what is expected", () => {
  const version = text({ pattern: "\\d+\\.\\d+|latest", hint: "A version such as 1.4." });
  assert.equal(textFault(version, "1.4"), "");
  assert.equal(textFault(version, "latest"), "");
  assert.equal(textFault(version, "1.4 or so"), "A version such as 1.4.");
  assert.equal(textHint(version), "A version such as 1.4.");
});

test("a pattern that only Python can read is left to the kernel", () => {
  assert.equal(textFault(text({ pattern: "(?P<year>\\d{4})" }), "x"), "");
});

test("what is needed is told from what is too short", () => {
  assert.equal(textFault(text({ min_length: 3 }), ""), "An answer is needed.");
  assert.equal(textFault(text({ min_length: 3 }), "ab"), "At least 3 characters. This has 2.");
  assert.equal(textFault(text(), ""), "");
});

test("numbers are read strictly: what may mean two things is asked again", () => {
  assert.deepEqual(["1.5", " -3 ", "−2", "1e3", ".5", "5."].map(parseNumber), [1.5, -3, -2, 1000, 0.5, 5]);
  assert.deepEqual(["1,000", "one", "0x10", "Infinity", "1 000", ""].map(parseNumber), Array(6).fill(NaN));
  assert.match(numberFault(number, "1,5"), /with a point/);
});

test("a number's faults say the limit, with its unit", () => {
  const limits = { ...number, min: 1, max: 10, integer: true, unit: "kg" };
  assert.deepEqual(
    ["", "x", "1.5", "0", "11", "7"].map((typed) => numberFault(limits, typed)),
    [
      "A number is needed.",
      "This is no number.",
      "A whole number is needed.",
      "At least 1 kg is needed.",
      "At most 10 kg is possible.",
      "",
    ],
  );
  assert.equal(numberHint(limits), "From 1 to 10 kg, a whole number.");
});

test("steps begin at the least number, and binary fractions do not count against anybody", () => {
  const tenths = { ...number, min: 0.1, step: 0.1 };
  assert.equal(numberFault(tenths, "0.7"), "");
  assert.equal(numberFault(tenths, "0.75"), "Only steps of 0.1 from 0.1 are possible.");
  assert.equal(stepped(tenths, 0.2, 1), 0.3);
  assert.equal(stepped({ ...tenths, max: 0.25 }, 0.2, 1), 0.25);
});

test("a whole number that JavaScript would round is refused", () => {
  assert.equal(numberFault({ ...number, integer: true }, "9007199254740993"), "This is too large.");
});

test("a slider without a step has some hundred places, whole ones for whole numbers", () => {
  assert.deepEqual(
    [
      sliderStep({ ...number, min: 0, max: 1 }),
      sliderStep({ ...number, min: 0, max: 250 }),
      sliderStep({ ...number, min: 0, max: 10, integer: true }),
      sliderStep({ ...number, min: 0, max: 10, step: 5 }),
    ],
    [0.01, 1, 1, 5],
  );
});

test("one is to be chosen, or as many as are wanted", () => {
  assert.equal(choiceFault(false, 0, null, 0), "Choose one.");
  assert.equal(choiceFault(true, 2, 3, 1), "Choose 2 to 3.");
  assert.equal(choiceFault(true, 0, null, 0), "");
});

test("what files may be is said before one is sent", () => {
  assert.equal(filesHint({ multiple: true, accept: [".csv", ".tsv", "image/*"], max_bytes: 10e6 }), ".csv, .tsv or images, at most 10 MB each.");
  assert.equal(filesHint({ multiple: false, accept: [], max_bytes: 2000 }), "At most 2.0 kB.");
  assert.equal(filesHint({ multiple: true, accept: [], max_bytes: null }), "At most 4.3 GB each.");
});
