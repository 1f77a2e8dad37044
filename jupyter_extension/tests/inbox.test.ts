import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import type { Host } from "../src/host";
import { closed, grouped, isAsked, keyOf, merged } from "../src/inbox/items";
import { Inbox } from "../src/inbox/model";
import { shortNames } from "../src/paths";
import { Server } from "../src/server";
import { FakeDocument, FakeServer, becomes, wait } from "./fakeserver";

let server: FakeServer;
let host: Host;
let page: FakeDocument;
let inbox: Inbox | undefined;

beforeEach(async () => {
  page = new FakeDocument();
  Object.assign(globalThis, { document: page });
  server = new FakeServer();
  host = await server.start();
});
afterEach(async () => {
  inbox?.dispose();
  inbox = undefined;
  await server.stop();
  Reflect.deleteProperty(globalThis, "document");
});

const open = () => {
  inbox = new Inbox(new Server(host));
  return inbox;
};
const tokens = (model: Inbox) => model.state.items.map((item) => item.wait.token);

test("what waits is there, and a new question comes by the stream", async () => {
  server.waits = [wait("t1")];
  const model = open();
  await becomes("one question", () => tokens(model).join() === "t1");
  server.waits = [wait("t0", { deadline_ms: 5 }), ...server.waits];
  server.news();
  await becomes("two questions", () => tokens(model).join() === "t0,t1");
  assert.equal(model.state.open, 2);
  assert.deepEqual(model.state.byNotebook, { "a.ipynb": 2 });
  assert.equal(server.asked[0]?.token, "token secret");
});

test("an answer goes to its store, and the question says who answered it", async () => {
  server.waits = [wait("t1"), wait("t2")];
  const model = open();
  await becomes("two questions", () => tokens(model).length === 2);
  const session = model.session("s1");
  assert.equal(await session.replies.answer("t1", "Ada"), true);
  assert.deepEqual(server.asked.find((each) => each.name === "answer")?.body, { store: "s1", token: "t1", value: "Ada" });
  await becomes("closed", () => (model.state.items[0]?.closedMs ?? 0) > 0);
  assert.equal(model.state.items[0]?.wait.reply?.text, "Ada");
  assert.equal(model.state.open, 1);
  const shown = session.model.state.view.prompts.find((each) => each.token === "t1");
  assert.equal(shown?.state, "answered");
});

test("a question that was answered elsewhere stays a while where it stood, with who it was", async () => {
  server.waits = [wait("t1"), wait("t2"), wait("t3")];
  const model = open();
  await becomes("three questions", () => tokens(model).length === 3);
  server.close("t2", { status: "answered", reply: { text: "yes", by: "ana", door: "cli", at_ms: 7 } });
  await becomes("closed", () => (model.state.items[1]?.closedMs ?? 0) > 0);
  assert.deepEqual(tokens(model), ["t1", "t2", "t3"]);
  assert.equal(model.state.items[1]?.wait.reply?.by, "ana");
});

test("a refused answer shows why, and one that no kernel takes up says when it goes on", async () => {
  server.waits = [wait("t1", { driven: false })];
  const model = open();
  await becomes("one question", () => tokens(model).length === 1);
  const { model: shown, replies } = model.session("s1");
  assert.equal(await replies.answer("t1", ""), false);
  assert.deepEqual(shown.state.attempts["t1"], { phase: "refused", problems: { "": "an answer is needed" }, note: "" });
  const notes: string[] = [];
  shown.subscribe(() => notes.push(shown.state.attempts["t1"]?.note ?? ""));
  await replies.answer("t1", "Ada");
  assert.ok(notes.includes("Stored. Will continue when the notebook resumes."), notes.join());
});

test("an answer that the server does not get is said to be undelivered, and the question is open", async () => {
  server.waits = [wait("t1")];
  const model = open();
  await becomes("one question", () => tokens(model).length === 1);
  server.down = true;
  const { model: shown, replies } = model.session("s1");
  assert.equal(await replies.answer("t1", "Ada"), false);
  assert.equal(shown.state.attempts["t1"]?.phase, "undelivered");
  assert.match(shown.state.attempts["t1"]?.note ?? "", /server is not reached/);
});

test("while the stream is broken the inbox says so, and it comes back by itself with what was missed", async () => {
  server.waits = [wait("t1")];
  const model = open();
  await becomes("one question", () => tokens(model).length === 1);
  server.down = true;
  server.cut();
  await becomes("broken", () => model.state.link === "broken");
  assert.deepEqual(tokens(model), ["t1"]);
  server.waits = [wait("t2")];
  server.down = false;
  await becomes("live", () => model.state.link === "live" && tokens(model).includes("t2"));
});

test("nothing is asked while nothing changes", async () => {
  server.waits = [wait("t1")];
  const model = open();
  await becomes("one question", () => tokens(model).length === 1);
  // once for the page, once for what the stream says first
  await becomes("settled", () => server.names().filter((name) => name === "waits").length === 2);
  const before = server.asked.length;
  await new Promise((resolve) => setTimeout(resolve, 1500)); // longer than any pause between two requests
  assert.equal(server.asked.length, before);
});

test("a page that nobody looks at holds no connection", async () => {
  const model = open();
  await becomes("live", () => model.state.link === "live");
  page.show("hidden");
  server.waits = [wait("t1")];
  server.news();
  page.show("visible");
  await becomes("the question", () => tokens(model).includes("t1"));
  assert.equal(server.streams, 2);
});

test("a search asks the server, and counts stay those of everything", async () => {
  server.waits = [wait("t1"), wait("t2", { notebook: "b.ipynb" })];
  const model = open();
  await becomes("two questions", () => tokens(model).length === 2);
  model.choose("b.ipynb");
  await becomes("one", () => tokens(model).join() === "t2");
  assert.equal(model.state.open, 2);
  assert.deepEqual(model.state.byNotebook, { "a.ipynb": 1, "b.ipynb": 1 });
});

test("what waits for a job stands there and is no question", async () => {
  server.waits = [wait("t1"), wait("job", { kind: "callback", prompt: { kind: "callback", prompt: "Waiting", job: "7" } })];
  const model = open();
  await becomes("two waits", () => tokens(model).join() === "t1,job");
  assert.deepEqual(model.state.items.map(isAsked), [true, false]);
  assert.deepEqual([model.state.open, model.state.total, model.state.byNotebook], [1, 2, { "a.ipynb": 1 }]);
});

test("many questions come a page at a time", async () => {
  server.waits = Array.from({ length: 250 }, (_, i) => wait(`t${i}`));
  const model = open();
  await becomes("a page", () => tokens(model).length === 100);
  assert.equal(model.state.total, 250);
  model.more();
  await becomes("two pages", () => tokens(model).length === 200);
});

test("closed questions keep their place among those that are fetched anew", () => {
  const items = merged([], [wait("a"), wait("b"), wait("c"), wait("d")]);
  const told = new Map([[keyOf(wait("b")), { status: "expired" as const, reply: null }]]);
  const then = merged(closed(items, told, 9), [wait("x"), wait("a"), wait("d")]);
  assert.deepEqual(then.map((item) => item.wait.token), ["x", "a", "b", "d"]);
  assert.equal(then[1], items[0], "what did not change is the same object");
});

test("the notebook with the most urgent question comes first", () => {
  const groups = grouped(merged([], [wait("a", { notebook: "n2" }), wait("b", { notebook: "n1" }), wait("c", { notebook: "n2" })]));
  assert.deepEqual(groups.map((g) => [g.notebook, g.items.length]), [["n2", 2], ["n1", 1]]);
});

test("a notebook is called by its name, and by so much of its folder as tells it from others", () => {
  const paths = ["a/one/lesson.ipynb", "b/one/lesson.ipynb", "b/two/lesson.ipynb", "lesson.ipynb", "a/other.ipynb", ""];
  assert.deepEqual([...shortNames(paths).values()], [
    "a/one/lesson.ipynb", "b/one/lesson.ipynb", "two/lesson.ipynb", "lesson.ipynb", "other.ipynb", "",
  ]);
});
