import assert from "node:assert/strict";
import { test } from "node:test";
import type { FileRef, Prompt } from "../src/api";
import type { Landed, Sending } from "../src/door";
import { Link } from "../src/link";
import { RunModel } from "../src/model";
import { LARGEST } from "../src/inputs/filerules";
import { Uploads, misfit } from "../src/uploads";
import { FakeWire, NoDoor, ask, run, settled } from "./fixtures";

type Asking = Extract<Prompt, { kind: "files" }>;
const MIB = 2 ** 20;
const wanted = (changed: Partial<Asking> = {}): Asking => ({
  kind: "files",
  prompt: "Data?",
  multiple: true,
  accept: [],
  max_bytes: null,
  ...changed,
});
const ref = (size: number): FileRef => ({ name: "a.bin", size, sha256: "", media_type: "", path: "/x" });
const file = (size: number, name = "a.bin", type = "") => new File([new Uint8Array(size)], name, { type });

/** A server that keeps how much came, and breaks when told to. */
class Server extends NoDoor {
  readonly slices: number[] = [];
  readonly off: string[] = [];
  got = 0;
  next: Landed[] = [];

  override open(): Promise<boolean> {
    return Promise.resolve(true);
  }

  override slice(sending: Sending, offset: number, data: Blob): Promise<Landed> {
    this.slices.push(offset / MIB);
    const planned = this.next.shift();
    if (planned) return Promise.resolve(planned);
    this.got = offset + data.size;
    const last = this.got === sending.size ? { file: ref(sending.size) } : {};
    return Promise.resolve({ result: "taken", received: this.got, ...last });
  }

  override received(): Promise<number> {
    return Promise.resolve(this.got);
  }

  override callOff(sending: Sending): Promise<void> {
    this.off.push(sending.name);
    return Promise.resolve();
  }
}

function setup(door: NoDoor = new NoDoor(), prompt: Partial<Asking> = {}) {
  const wire = new FakeWire();
  const model = new RunModel(run({ prompts: [ask("t1", { kind: "files", prompt: wanted(prompt) })] }));
  const link = new Link(wire, model, new AbortController().signal);
  const uploads = new Uploads(model, link, door);
  const items = () => (model.state.files["t1"] ?? []).map((f) => [f.name, f.state, f.sent]);
  const sent = () => wire.sent.flatMap((m) => (m.type === "upload" ? [m] : []));
  const key = () => model.state.files["t1"]?.[0]?.key ?? "";
  const until = async (done: () => boolean) => {
    for (let i = 0; i < 200 && !done(); i++) await settled();
    assert.ok(done());
  };
  return { wire, model, uploads, items, sent, key, until };
}

test("by comm at most four pieces of a file are under way, and they are in order", async () => {
  const { wire, model, uploads, sent, until } = setup();
  const size = 6 * MIB + 5;
  uploads.add("t1", [file(size)], false);
  await until(() => sent().length === 4);
  for (let i = 0; i < 20; i++) await settled();
  assert.deepEqual(sent().map((m) => m.offset / MIB), [0, 1, 2, 3]);
  for (let done = 0; done < 7; done++) {
    await until(() => sent().length > done);
    const piece = sent()[done];
    assert.ok(piece);
    wire.says({ type: "ack", id: piece.id, ok: true, ...(piece.last ? { file: ref(size) } : {}) });
  }
  await until(() => model.state.files["t1"]?.[0]?.state === "ready");
  assert.deepEqual(model.state.files["t1"]?.map((f) => [f.sent, f.ref]), [[size, ref(size)]]);
  assert.deepEqual(sent().map((m) => m.last), [false, false, false, false, false, false, true]);
});

test("a file that the kernel refuses says why and stops", async () => {
  const { wire, model, uploads, sent, until } = setup();
  uploads.add("t1", [file(3)], false);
  await until(() => sent().length === 1);
  wire.says({ type: "ack", id: sent()[0]?.id ?? "", ok: false, problems: { files: "files end at 2 GB here" } });
  await until(() => model.state.files["t1"]?.[0]?.state === "failed");
  assert.equal(model.state.files["t1"]?.[0]?.note, "files end at 2 GB here");
});

test("where the server reads the store a file goes there, in slices of 8 MiB", async () => {
  const server = new Server();
  const { uploads, items, sent, until } = setup(server);
  uploads.add("t1", [file(20 * MIB)], false);
  await until(() => items()[0]?.[1] === "ready");
  assert.deepEqual([server.slices, sent()], [[0, 8, 16], []]);
});

test("a slice that breaks goes on from where the server is", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const server = new Server();
  const { uploads, items, until } = setup(server);
  server.next = [{ result: "broken" }, { result: "elsewhere", received: 3 * MIB }];
  uploads.add("t1", [file(10 * MIB)], false);
  await until(() => server.slices.length === 1);
  for (let i = 0; i < 5; i++) await settled();
  server.got = 2 * MIB;
  t.mock.timers.tick(500);
  await until(() => server.slices.length === 2);
  for (let i = 0; i < 5; i++) await settled();
  t.mock.timers.tick(1000);
  await until(() => items()[0]?.[1] === "ready");
  assert.deepEqual(server.slices, [0, 2, 3]);
});

test("a file whose connection stays broken fails, and goes on when it is tried again", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const server = new Server();
  const { uploads, items, key, until } = setup(server);
  server.next = Array<Landed>(6).fill({ result: "broken" });
  uploads.add("t1", [file(10 * MIB)], false);
  for (let tried = 1; tried <= 6; tried++) {
    await until(() => server.slices.length === tried);
    for (let i = 0; i < 5; i++) await settled();
    t.mock.timers.tick(8000);
  }
  await until(() => items()[0]?.[1] === "failed");
  server.got = 4 * MIB;
  uploads.again("t1", key());
  await until(() => items()[0]?.[1] === "ready");
  assert.deepEqual(server.slices.slice(6), [4]);
});

test("a file that is taken off the list is called off, by the way it went", async () => {
  const server = new Server();
  server.next = [{ result: "broken" }];
  const http = setup(server);
  http.uploads.add("t1", [file(3, "a.csv")], false);
  await http.until(() => server.slices.length === 1);
  http.uploads.remove("t1", http.key());
  await http.until(() => server.off.length === 1);
  assert.deepEqual([http.items(), server.off], [[], ["a.csv"]]);

  const comm = setup();
  comm.uploads.add("t1", [file(3)], false);
  await comm.until(() => comm.sent().length === 1);
  comm.uploads.remove("t1", comm.key());
  assert.deepEqual(comm.wire.types(), ["upload", "call_off"]);
});

test("what is too large or of another kind is not sent at all", async () => {
  const server = new Server();
  const { model, uploads, items, until } = setup(server, { accept: [".csv"], max_bytes: 10_000 });
  uploads.add("t1", [file(10_001, "a.csv"), file(3, "a.txt"), file(3, "B.CSV")], false);
  await until(() => items().every(([, state]) => state !== "sending"));
  assert.deepEqual(items().map(([, state]) => state), ["failed", "failed", "ready"]);
  const [large, other] = model.state.files["t1"] ?? [];
  assert.match(large?.note ?? "", /at most 10 kB/);
  assert.match(other?.note ?? "", /\.csv/);
  assert.equal(server.slices.length, 1);
});

test("a kind is judged by the page only where a browser's word for it can be trusted", () => {
  const of = (accept: string[], name: string, type: string) => misfit(wanted({ accept }), { name, type, size: 1 });
  assert.equal(of(["image/*"], "a.png", "image/png"), "");
  assert.notEqual(of(["image/*"], "a.csv", "text/csv"), "");
  assert.equal(of(["text/csv"], "a.csv", "application/vnd.ms-excel"), "");
  assert.equal(of(["image/*"], "a.heic", ""), "");
  assert.match(misfit(wanted(), { name: "a", type: "", size: LARGEST + 1 }), /path on the server/);
});
