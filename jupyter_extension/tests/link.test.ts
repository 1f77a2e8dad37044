import assert from "node:assert/strict";
import { test } from "node:test";
import type { FromKernel, ToKernel } from "../src/api";
import { Link, LinkDead } from "../src/link";
import { RunModel } from "../src/model";
import { Uploads } from "../src/uploads";
import { run, settled } from "./fixtures";

/** A widget model whose kernel is the test. */
class FakeWire {
  readonly sent: ToKernel[] = [];
  dead = false;
  readonly #listeners = new Map<string, (...args: never[]) => void>();

  get(): unknown {
    return undefined;
  }

  on(name: string, listener: (...args: never[]) => void): void {
    this.#listeners.set(name, listener);
  }

  off(name: string): void {
    this.#listeners.delete(name);
  }

  send(content: unknown): void {
    if (this.dead) throw new Error("Cannot send");
    this.sent.push(content as ToKernel);
  }

  says(content: FromKernel, ...buffers: DataView[]): void {
    (this.#listeners.get("msg:custom") as ((c: FromKernel, b: DataView[]) => void) | undefined)?.(content, buffers);
  }

  lost(): void {
    this.#listeners.get("comm_live_update")?.();
  }

  types(): string[] {
    return this.sent.map((m) => m.type);
  }
}

function setup() {
  const wire = new FakeWire();
  const model = new RunModel(run());
  const life = new AbortController();
  return { wire, model, life, link: new Link(wire, model, life.signal) };
}

test("a gap in the patches is closed by one greeting, however many patches follow", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { wire, model } = setup();
  for (const base of [7, 8, 9]) wire.says({ type: "patch", patch: { base, seq: base + 1 } });
  assert.deepEqual(wire.sent, [{ type: "hello", seq: 5 }]);
  wire.says({ type: "welcome", snapshot: run({ seq: 10 }) });
  assert.equal(model.state.view.seq, 10);
});

test("a kernel that does not answer a greeting in 3 s is silent, and live when it speaks again", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const { wire, model, link } = setup();
  t.mock.timers.tick(1);
  link.hello();
  t.mock.timers.tick(3000);
  assert.equal(model.state.link, "silent");
  wire.says({ type: "welcome", snapshot: run() });
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

test("at most four pieces of a file are under way, and they are in order", async () => {
  const { wire, model, link } = setup();
  const uploads = new Uploads(model, link);
  uploads.add("t1", [new File([new Uint8Array(6 * 2 ** 20 + 5)], "a.bin")], false);
  await settled();
  const sent = () => wire.sent.flatMap((m) => (m.type === "upload" ? [m] : []));
  for (let i = 0; i < 100 && sent().length < 4; i++) await settled();
  for (let i = 0; i < 20; i++) await settled();
  assert.deepEqual(sent().map((m) => m.offset / 2 ** 20), [0, 1, 2, 3]);
  const file = { name: "a.bin", size: 6 * 2 ** 20 + 5, sha256: "", media_type: "", path: "/x" };
  for (let done = 0; done < 7; done++) {
    for (let i = 0; i < 100 && sent().length <= done; i++) await settled();
    const piece = sent()[done];
    assert.ok(piece);
    wire.says({ type: "ack", id: piece.id, ok: true, ...(piece.last ? { file } : {}) });
  }
  for (let i = 0; i < 20; i++) await settled();
  assert.deepEqual(model.state.files["t1"]?.map((f) => [f.state, f.sent, f.ref]), [["ready", file.size, file]]);
  assert.deepEqual(sent().map((m) => m.last), [false, false, false, false, false, false, true]);
});

test("a file that the kernel refuses says why and stops", async () => {
  const { wire, model, link } = setup();
  new Uploads(model, link).add("t1", [new File(["abc"], "a.txt")], false);
  for (let i = 0; i < 100 && wire.sent.length === 0; i++) await settled();
  const piece = wire.sent[0];
  assert.ok(piece?.type === "upload");
  wire.says({ type: "ack", id: piece.id, ok: false, note: "files end at 2 GB here" });
  for (let i = 0; i < 20; i++) await settled();
  assert.deepEqual(model.state.files["t1"]?.map((f) => [f.state, f.note]), [["failed", "files end at 2 GB here"]]);
});
