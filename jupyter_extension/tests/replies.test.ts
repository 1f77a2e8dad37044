import assert from "node:assert/strict";
import { test } from "node:test";
import type { Ack, Request } from "../src/api";
import type { Posted } from "../src/door";
import { LinkDead } from "../src/link";
import { RunModel } from "../src/model";
import { Replies } from "../src/replies";
import { NoDoor, ask, run, settled } from "./fixtures";

/** A comm that keeps what is sent until the test acknowledges it. */
class Comm {
  readonly sent: Request[] = [];
  readonly #waiting: ((ack: Ack) => void)[] = [];
  dead = false;

  request(content: Request): Promise<Ack> {
    if (this.dead) return Promise.reject(new LinkDead("gone"));
    this.sent.push(content);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  ack(said: Partial<Ack>): void {
    this.#waiting.shift()?.({ type: "ack", id: "", ok: true, ...said });
  }
}

class Recorder extends NoDoor {
  readonly posts: unknown[] = [];
  constructor(readonly says: Posted) {
    super();
  }

  override post(token: string, value: unknown): Promise<Posted> {
    this.posts.push([token, value]);
    return Promise.resolve(this.says);
  }
}

function setup(says: Posted) {
  const model = new RunModel(run({ prompts: [ask("t1")] }));
  const comm = new Comm();
  const door = new Recorder(says);
  return { model, comm, door, replies: new Replies(model, comm, door) };
}

const attempt = (model: RunModel) => model.state.attempts["t1"];

test("an answer that the comm acknowledges goes through one door", async () => {
  const { model, comm, door, replies } = setup({ result: "accepted", driven: false });
  const given = replies.answer("t1", "Ada");
  assert.equal(attempt(model)?.phase, "sending");
  comm.ack({ ok: true });
  assert.equal(await given, true);
  assert.equal(attempt(model)?.phase, "taken");
  assert.deepEqual(door.posts, []);
});

test("a refused answer shows its problems and the question stays", async () => {
  const { model, comm, replies } = setup({ result: "accepted", driven: false });
  const given = replies.answer("t1", "x");
  comm.ack({ ok: false, problems: { "": "a number is needed" } });
  assert.equal(await given, false);
  assert.deepEqual(attempt(model), { phase: "refused", problems: { "": "a number is needed" }, note: "" });
});

test("who comes second reads the kernel's word for it", async () => {
  const { model, comm, replies } = setup({ result: "accepted", driven: false });
  const given = replies.answer("t1", "x");
  comm.ack({ ok: false, note: "already answered by ana through the inbox at 14:02" });
  await given;
  assert.deepEqual(attempt(model), { phase: "closed", note: "already answered by ana through the inbox at 14:02" });
});

test("a comm that stays silent for 1.5 s is followed by HTTP", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { model, door, replies } = setup({ result: "accepted", driven: false });
  const given = replies.answer("t1", "Ada");
  t.mock.timers.tick(1499);
  await settled();
  assert.deepEqual(door.posts, []);
  t.mock.timers.tick(1);
  assert.equal(await given, true);
  assert.deepEqual(door.posts, [["t1", "Ada"]]);
  assert.match((attempt(model) as { note: string }).note, /busy/);
});

test("a dead comm is followed by HTTP at once", async () => {
  const { model, comm, door, replies } = setup({ result: "accepted", driven: false });
  comm.dead = true;
  assert.equal(await replies.answer("t1", "Ada"), true);
  assert.equal(door.posts.length, 1);
  assert.match((attempt(model) as { note: string }).note, /gone: Run All/);
});

test("with no door at all it says how to answer, and nothing is taken", async () => {
  const { model, comm, replies } = setup({ result: "unavailable" });
  comm.dead = true;
  assert.equal(await replies.answer("t1", "Ada"), false);
  assert.equal(attempt(model)?.phase, "undelivered");
  assert.match((attempt(model) as { note: string }).note, /Run All asks again/);
});

test("without HTTP a busy kernel's late ack still counts", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { model, comm, replies } = setup({ result: "unavailable" });
  const given = replies.answer("t1", "Ada");
  t.mock.timers.tick(1500);
  await settled();
  assert.match((attempt(model) as { note: string }).note, /interrupt/);
  comm.ack({ ok: true });
  assert.equal(await given, true);
  assert.equal(attempt(model)?.phase, "taken");
});

test("a button says what the kernel said", async () => {
  const { model, comm, replies } = setup({ result: "unavailable" });
  const pressed = replies.command({ type: "cancel", id: "1" });
  comm.ack({ ok: false, note: "it is over already" });
  await pressed;
  assert.equal(model.state.said, "it is over already");
});
