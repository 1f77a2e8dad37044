import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import type { News } from "../src/api";
import type { HttpDoor } from "../src/door";
import type { Watched } from "../src/watch";
import { watchOf } from "../src/watch";
import { settled } from "./fixtures";

/** What the page's scripts see of the page. */
class FakeDocument extends EventTarget {
  visibilityState = "visible";

  show(state: string): void {
    this.visibilityState = state;
    this.dispatchEvent(new Event("visibilitychange"));
  }
}

let page: FakeDocument;
let stores = 0;

beforeEach(() => {
  page = new FakeDocument();
  Object.assign(globalThis, { document: page });
});
afterEach(() => {
  Reflect.deleteProperty(globalThis, "document");
});

/** A server that holds each request until the test answers it. */
class Server {
  readonly asked: { tokens: string[]; alive: boolean | null; off: boolean }[] = [];
  #answer: (news: News | null) => void = () => undefined;
  readonly place = { api: "/aether-nb/api", store: String(++stores) };

  watch(tokens: string[], alive: boolean | null, signal: AbortSignal): Promise<News | null> {
    const request = { tokens, alive, off: false };
    this.asked.push(request);
    signal.addEventListener("abort", () => (request.off = true));
    return new Promise((resolve) => (this.#answer = resolve));
  }

  async says(news: News | null): Promise<void> {
    this.#answer(news);
    for (let i = 0; i < 5; i++) await settled();
  }
}

function setup() {
  const server = new Server();
  const watch = watchOf(server as unknown as HttpDoor);
  assert.ok(watch);
  const heard: unknown[] = [];
  const run = (...tokens: string[]): Watched => ({
    door: server as unknown as HttpDoor,
    tokens: () => tokens,
    told: (news) => heard.push([tokens, news]),
  });
  return { server, watch, heard, run };
}

const GONE: News = { alive: false, closed: {} };

test("runs that lose their kernel together share one request, and each hears what it is told", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const { server, watch, heard, run } = setup();
  watch.join(run("a"));
  watch.join(run("b", "c"));
  t.mock.timers.tick(200);
  assert.deepEqual(server.asked.map(({ tokens, alive }) => [tokens, alive]), [[["a", "b", "c"], null]]);
  await server.says(GONE);
  assert.deepEqual(heard, [[["a"], GONE], [["b", "c"], GONE]]);
  t.mock.timers.tick(400);
  assert.equal(server.asked.at(-1)?.alive, false);
  t.mock.timers.tick(60_000);
  assert.equal(server.asked.length, 2);
});

test("nobody asks for a page that is not looked at", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const { server, watch, run } = setup();
  page.show("hidden");
  watch.join(run("a"));
  t.mock.timers.tick(60_000);
  assert.equal(server.asked.length, 0);
  page.show("visible");
  t.mock.timers.tick(10);
  assert.equal(server.asked.length, 1);
  page.show("hidden");
  assert.equal(server.asked[0]?.off, true);
});

test("a server that cannot say is asked less and less", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const { server, watch, heard, run } = setup();
  watch.join(run("a"));
  t.mock.timers.tick(200);
  for (const [n, pause] of [5000, 15_000, 60_000, 60_000].entries()) {
    await server.says(null);
    assert.equal(heard.length, n + 1);
    t.mock.timers.tick(pause - 1);
    assert.equal(server.asked.length, n + 1);
    t.mock.timers.tick(1);
    assert.equal(server.asked.length, n + 2);
  }
});

test("a run that leaves is not asked for any more, and the last one ends it", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const { server, watch, run } = setup();
  const [one, two] = [run("a"), run("b")];
  watch.join(one);
  watch.join(two);
  t.mock.timers.tick(200);
  watch.leave(one);
  t.mock.timers.tick(200);
  assert.deepEqual(server.asked.map(({ tokens, off }) => [tokens, off]), [[["a", "b"], true], [["b"], false]]);
  watch.leave(two);
  t.mock.timers.tick(60_000);
  assert.equal(server.asked.at(-1)?.off, true);
  assert.equal(server.asked.length, 2);
});

test("a server that has too many requests is left in peace for a while", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const { server, watch, run } = setup();
  watch.join(run("a"));
  t.mock.timers.tick(200);
  await server.says(GONE);
  t.mock.timers.tick(400);
  await server.says(GONE); // at once, and nothing new
  t.mock.timers.tick(4999);
  assert.equal(server.asked.length, 2);
  t.mock.timers.tick(1);
  assert.equal(server.asked.length, 3);
});
