import assert from "node:assert/strict";
import { test } from "node:test";
import { centred, fit, followed, moved, opening, room, zoomed } from "../src/zoom";

const box = { width: 400, height: 200 };
const small = { width: 200, height: 100 };
const wide = { width: 4000, height: 100 };

test("a small picture is shown as it is, in the middle", () => {
  assert.deepEqual(fit(small, box), { scale: 1, x: -100, y: -50 });
});

test("a large picture is made smaller until it fits", () => {
  assert.deepEqual(fit({ width: 800, height: 100 }, box), { scale: 0.5, x: 0, y: -150 });
});

test("a picture that could not be read as a whole opens at what happens, and stays inside", () => {
  assert.equal(opening(wide, box, { x: 2000, y: 50 }).scale, 0.6);
  assert.equal(opening(wide, box, { x: 0, y: 0 }).x, 0);
  assert.equal(opening(wide, box, { x: 4000, y: 0 }).x, 4000 - 400 / 0.6);
  assert.equal(opening(small, box, { x: 10, y: 10 }).scale, 1);
});

test("what is under the pointer stays there while it is zoomed", () => {
  const look = centred(1, { x: 2000, y: 50 }, wide, box);
  const at = { x: 100, y: 100 };
  const seen = look.x + at.x / look.scale;
  const after = zoomed(look, 2, at, wide, box);
  assert.equal(after.scale, 2);
  assert.equal(after.x + at.x / after.scale, seen);
});

test("there is an end to zooming, at both sides", () => {
  let look = fit(wide, box);
  for (let i = 0; i < 50; i++) look = zoomed(look, 2, { x: 0, y: 0 }, wide, box);
  assert.equal(look.scale, 4);
  for (let i = 0; i < 50; i++) look = zoomed(look, 0.5, { x: 0, y: 0 }, wide, box);
  assert.deepEqual(look, fit(wide, box));
});

test("a chain of a thousand is seen as a whole, and can be zoomed back to", () => {
  const chain = { width: 100, height: 50_000 };
  const whole = fit(chain, box);
  assert.equal(whole.y, 0);
  assert.equal(box.height / whole.scale, chain.height);
  let look = centred(1, { x: 50, y: 40_000 }, chain, box);
  for (let i = 0; i < 50; i++) look = zoomed(look, 1 / 1.3, { x: 200, y: 100 }, chain, box);
  assert.deepEqual(look, whole);
});

test("a picture is moved as far as its edge", () => {
  const look = centred(1, { x: 2000, y: 50 }, wide, box);
  assert.equal(moved(look, -30, 0, wide, box).x, look.x + 30);
  assert.equal(moved(look, 1e6, 0, wide, box).x, 0);
  assert.equal(moved(look, 0, 500, wide, box).y, look.y);
});

test("in a new picture a node stays where it was seen", () => {
  const look = centred(1, { x: 2000, y: 50 }, wide, box);
  const after = followed(look, { x: 2000, y: 50 }, { x: 2300, y: 50 }, wide, box);
  assert.equal(after.x, look.x + 300);
});

test("a picture gets all of the width, and of the height what it needs", () => {
  assert.deepEqual(room(small, 800, 420), { width: 800, height: 100 });
  assert.deepEqual(room({ width: 100, height: 5000 }, 800, 420), { width: 800, height: 420 });
  assert.deepEqual(room({ width: 5000, height: 100 }, 800, 420), { width: 800, height: 60 });
});
