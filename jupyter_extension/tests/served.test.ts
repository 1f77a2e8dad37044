import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import type { Host } from "../src/host";
import { Link } from "../src/link";
import { RunModel, emptyRun } from "../src/model";
import type { LiveState } from "../src/served";
import { ServedRun } from "../src/served";
import { Server } from "../src/server";
import { pauseMs } from "../src/again";
import { Fields } from "../src/stream";
import { FakeDocument, FakeServer } from "./fakeserver";
import { run, settled } from "./fixtures";

/** A websocket whose other end is the test. */
class Socket {
  static readonly OPEN = 1;
  static all: Socket[] = [];
  readyState = 0;
  readonly sent: { type: string; id?: string }[] = [];
  onopen: () => void = () => undefined;
  onmessage: (event: { data: string }) => void = () => undefined;
  onclose: () => void = () => undefined;
  readonly url: string;

  constructor(url: string) {
    this.url = url;
    Socket.all.push(this);
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text) as { type: string });
  }

  close(): void {
    this.readyState = 3;
    this.onclose();
  }

  opens(): void {
    this.readyState = 1;
    this.onopen();
  }

  says(content: object): void {
    this.onmessage({ data: JSON.stringify(content) });
  }
}

let host: Host;
let server: FakeServer;
beforeEach(async () => {
  Socket.all = [];
  Object.assign(globalThis, { document: new FakeDocument(), WebSocket: Socket, location: { href: "http://here/lab" } });
  server = new FakeServer();
  host = await server.start();
});
afterEach(async () => {
  await server.stop();
  for (const name of ["document", "location"]) Reflect.deleteProperty(globalThis, name);
});

function setup() {
  const states: LiveState[] = [];
  const wire = new ServedRun(new Server(host), "s1", "r1", (state) => states.push(state));
  const model = new RunModel(emptyRun("r1"));
  const link = new Link(wire, model, new AbortController().signal);
  return { wire, model, link, states, socket: () => Socket.all.at(-1) as Socket };
}

test("a run is told over the websocket as by comm: whole at first, then what changed", () => {
  const { model, socket, link, states, wire } = setup();
  link.hello(); // before it is up
  assert.match(socket().url, /^ws:\/\/127\.0\.0\.1:\d+\/user\/ana\/aether-nb\/api\/live\?store=s1&run=r1&token=secret$/);
  socket().opens();
  assert.deepEqual(socket().sent.map((each) => each.type), ["hello"]);
  socket().says({ type: "welcome", shape: run({ seq: 5, status: "running" }) });
  socket().says({ type: "patch", shape: { base: 5, seq: 6, status: "succeeded" } });
  assert.equal(model.state.view.status, "succeeded");
  assert.deepEqual(states, ["up"]);
  wire.close();
});

test("a connection that breaks is made again, and greets", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { model, socket, states, wire } = setup();
  socket().opens();
  socket().says({ type: "welcome", shape: run({ seq: 5 }) });
  socket().close();
  t.mock.timers.tick(1000);
  assert.equal(Socket.all.length, 2);
  socket().opens();
  assert.deepEqual(socket().sent.map((each) => each.type), ["hello"]);
  socket().says({ type: "welcome", shape: run({ seq: 9 }) });
  assert.equal(model.state.view.seq, 9);
  assert.deepEqual(states, ["up", "lost", "up"]);
  wire.close();
  t.mock.timers.tick(60_000);
  assert.equal(Socket.all.length, 2, "who closed it does not want another");
});

test("what is asked while it is down is declined in a sentence, and the run is not taken for dead", async () => {
  const { model, link, wire } = setup();
  const asked = link.request({ type: "cancel", id: "1" });
  const ack = await asked;
  assert.equal(ack.ok, false);
  assert.match(ack.note ?? "", /not reached/);
  assert.notEqual(model.state.link, "dead");
  wire.close();
});

test("a file of the front end that cannot be had is said to be missing", async () => {
  const { link, wire } = setup();
  await assert.rejects(link.chunk("viz.js"), /no viz\.js/);
  await settled();
  wire.close();
});

test("pauses grow to a quarter of a minute", () => {
  const all = [1, 2, 3, 4, 5, 6, 7, 20].map((failed) => pauseMs(failed, 0.5));
  assert.deepEqual(all, [500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
  assert.ok(pauseMs(3, 0) < pauseMs(3, 1));
});

test("events are put together from pieces of text", () => {
  const heard: string[][] = [];
  const fields = new Fields((event, data) => heard.push([event, data]));
  for (const piece of ["event: ne", "ws\ndata: {\"a\"", ":1}\n", "\nevent: beat\r\ndata:\r\n\r\nevent: x"]) fields.take(piece);
  assert.deepEqual(heard, [["news", '{"a":1}'], ["beat", ""]]);
});
