import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import type { Host } from "../src/host";
import { PAGE, Runs } from "../src/runs/model";
import { Server } from "../src/server";
import { FakeDocument, FakeServer, becomes, row } from "./fakeserver";

let server: FakeServer;
let host: Host;
let runs: Runs | undefined;

beforeEach(async () => {
  Object.assign(globalThis, { document: new FakeDocument() });
  server = new FakeServer();
  host = await server.start();
});
afterEach(async () => {
  runs?.dispose();
  runs = undefined;
  await server.stop();
  Reflect.deleteProperty(globalThis, "document");
});

const open = () => {
  runs = new Runs(new Server(host));
  return runs;
};
const offsets = () => server.asked.filter((each) => each.name === "runs").map((each) => Number(each.query["offset"] ?? 0));

test("of ten thousand runs those are fetched that are looked at", async () => {
  server.runs = Array.from({ length: 10_000 }, (_, i) => row(`r${i}`));
  const model = open();
  await becomes("a page", () => model.state.ready);
  assert.equal(model.state.total, 10_000);
  model.look(5000, 5020);
  await becomes("the middle", () => model.row(5010) !== undefined);
  assert.equal(model.row(5010)?.run_id, "r5010");
  assert.deepEqual(offsets(), [0, 5000]);
});

test("when something happened, what is looked at is fetched again, and the rest when somebody comes there", async () => {
  server.runs = Array.from({ length: 3 * PAGE }, (_, i) => row(`r${i}`));
  const model = open();
  await becomes("a page", () => model.state.ready);
  model.look(PAGE, PAGE + 10);
  await becomes("the second", () => model.row(PAGE) !== undefined);
  server.runs = server.runs.map((each) => ({ ...each, status: "succeeded" }));
  server.news();
  await becomes("news", () => model.row(PAGE)?.status === "succeeded");
  assert.deepEqual(offsets(), [0, PAGE, PAGE]);
  assert.equal(model.row(0), undefined);
});

test("a list is filtered by the server and begins at its beginning", async () => {
  server.runs = [...Array.from({ length: 200 }, (_, i) => row(`r${i}`)), row("bad", { status: "failed" })];
  const model = open();
  await becomes("a page", () => model.state.ready);
  model.look(150, 160);
  model.choose("failed");
  await becomes("one", () => model.state.total === 1);
  assert.equal(model.row(0)?.run_id, "bad");
});

test("a button says what the server had to say, and what is gone goes from the list", async () => {
  server.runs = [row("r1"), row("r2")];
  const model = open();
  await becomes("a page", () => model.state.ready);
  await model.cancel(row("r1"));
  assert.equal(model.state.said, "Nobody drives this run.");
  await model.delete(row("r1"));
  await becomes("gone", () => model.state.total === 1);
  assert.match(model.state.said, /was deleted/);
  await model.retry(row("r2"));
  assert.equal(model.state.said, "this server does not know that store");
});

test("a list that cannot be fetched says why and keeps what it has", async () => {
  server.runs = [row("r1")];
  const model = open();
  await becomes("a page", () => model.state.ready);
  server.down = true;
  model.again();
  await becomes("trouble", () => model.state.trouble === "the store is locked");
  assert.equal(model.row(0)?.run_id, "r1");
});
