import assert from "node:assert/strict";
import { test } from "node:test";
import { Link, LinkDead, packed } from "../src/link";
import { RunModel } from "../src/model";
import { FakeWire, run } from "./fixtures";

function setup() {
  const wire = new FakeWire();
  const model = new RunModel(run());
  const life = new AbortController();
  return { wire, model, life, link: new Link(wire, model, life.signal) };
}

test("a gap in the patches is closed by one greeting, however many patches follow", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { wire, model } = setup();
  for (const base of [7, 8, 9]) wire.says({ type: "patch" }, packed({ base, seq: base + 1 }));
  assert.deepEqual(wire.sent, [{ type: "hello", seq: 5, fresh: true }]);
  wire.says({ type: "welcome" }, packed(run({ seq: 10 })));
  assert.equal(model.state.view.seq, 10);
});

test("a kernel that does not answer a greeting in 3 s is silent, and live when it speaks again", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const { wire, model, link } = setup();
  t.mock.timers.tick(1);
  link.hello();
  t.mock.timers.tick(3000);
  assert.equal(model.state.link, "silent");
  wire.says({ type: "welcome" }, packed(run()));
  assert.equal(model.state.link, "live");
});

test("a comm that cannot send is dead, and everything that waits on it is told", async () => {
  const { wire, model, link } = setup();
  const pending = link.request({ type: "cancel", id: "1" });
  wire.dead = true;
  wire.lost();
  await assert.rejects(pending, LinkDead);
  assert.equal(model.state.link, "dead");
});

test("an ack goes to the request with its id", async () => {
  const { wire, link } = setup();
  const one = link.request({ type: "cancel", id: "1" });
  const two = link.request({ type: "start_over", id: "2" });
  wire.says({ type: "ack", id: "2", ok: false });
  wire.says({ type: "ack", id: "1", ok: true });
  assert.deepEqual([(await one).ok, (await two).ok], [true, false]);
});

test("a chunk is asked for once and given to all who wait", async () => {
  const { wire, link } = setup();
  const both = [link.chunk("viz.js"), link.chunk("viz.js")];
  assert.deepEqual(wire.types(), ["chunk"]);
  wire.says({ type: "chunk", name: "viz.js", ok: true }, new DataView(new Uint8Array([9, 1, 2]).buffer, 1, 2));
  for (const bytes of await Promise.all(both)) assert.deepEqual([...new Uint8Array(bytes)], [1, 2]);
});

test("a link in doubt greets once, and believes the kernel when it answers", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { wire, model, link } = setup();
  wire.says({ type: "welcome" }, packed(run()));
  link.doubt();
  link.doubt();
  assert.deepEqual([model.state.link, wire.types()], ["new", ["hello"]]);
  wire.says({ type: "welcome" }, packed(run()));
  assert.equal(model.state.link, "live");
});

test("a link that is known to be lost sends no request any more, until the kernel is heard", async () => {
  const { wire, model, link } = setup();
  const pending = link.request({ type: "cancel", id: "1" });
  link.lost();
  await assert.rejects(pending, LinkDead);
  await assert.rejects(link.request({ type: "cancel", id: "2" }), LinkDead);
  assert.deepEqual(wire.types(), ["cancel"]);
  wire.says({ type: "welcome" }, packed(run()));
  assert.equal(model.state.link, "live");
});

test("a greeting that is lost is sent again, and is of a page that has missed all until it is welcome", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const { wire, link } = setup();
  t.mock.timers.tick(1);
  link.hello();
  t.mock.timers.tick(3000);
  assert.deepEqual(wire.sent, Array(2).fill({ type: "hello", seq: 5, fresh: true }));
  wire.says({ type: "patch" }, packed({ base: 5, seq: 6 }));
  link.hello();
  t.mock.timers.tick(60_000);
  wire.says({ type: "welcome" }, packed(run({ seq: 6 })));
  link.hello();
  assert.deepEqual(wire.sent.at(-1), { type: "hello", seq: 6, fresh: false });
});

test("a kernel that says nothing is greeted four times, and then when somebody looks", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const { wire, link } = setup();
  t.mock.timers.tick(1);
  link.hello();
  for (let i = 0; i < 100; i++) t.mock.timers.tick(3000);
  assert.equal(wire.sent.length, 4);
  link.probe();
  assert.equal(wire.sent.length, 5);
});
