/**
 * Brings an answer to the kernel: by comm, and when that stays silent for 1.5 s or is dead, by
 * the HTTP door. What became of it stands in the model as an `Attempt`.
 *
 * Both doors may get the same answer; the store takes the first, and the ack that comes after
 * the matter is settled is only listened to for good news.
 */

import type { Ack, ReplyValue, Request } from "./api";
import type { Door, Posted } from "./door";
import { closedLine } from "./format";
import type { Link } from "./link";
import type { RunModel, State } from "./model";

const ACK_MS = 1500;

const STORED_BUSY = "Stored. The kernel is busy and goes on after this cell.";
const STORED_DRIVEN = "Stored. Another kernel has this run now and goes on with it.";
const STORED_DEAD = "Stored. The kernel that asked is gone: Run All carries on.";
const SENT_BUSY =
  "Sent. The kernel is busy and takes it after this cell. " +
  "If the cell itself waits for this answer, interrupt it (the run goes on) and use run.answer(…).";
const SERVED_UNDRIVEN = "Stored. Will continue when the notebook resumes.";
const NO_SERVER = "Not delivered: the server is not reached. What you typed stays.";
const NO_DOOR = "Not delivered: the kernel that asked this is gone. Run All asks again, and keeps what you typed.";

/** What a person should know before answering, "" when all is well. */
export function standing({ link, door }: Pick<State, "link" | "door">): string {
  if (link === "dead") {
    return door === false
      ? "The kernel that asked this is gone. Run All asks again, and keeps what you typed."
      : "The kernel that asked this is gone. An answer still counts; Run All then carries on.";
  }
  if (link !== "silent") return "";
  return door
    ? "The kernel is busy. An answer is stored, and it goes on after this cell."
    : "The kernel does not answer: it is busy, or gone. An answer is taken after the cell that runs.";
}

let count = 0;
/** An id for one request, unique on this page and, with the random part, among pages. */
export const newId = (): string => `${Math.random().toString(36).slice(2, 10)}-${++count}`;

export class Replies {
  readonly #model: RunModel;
  readonly #link: Pick<Link, "request">;
  readonly #door: Door;
  readonly #served: boolean;

  /** `served`: the server stands in for the kernel, so the HTTP door is the only one. */
  constructor(model: RunModel, link: Pick<Link, "request">, door: Door, served = false) {
    this.#model = model;
    this.#link = link;
    this.#door = door;
    this.#served = served;
  }

  /** Sends the answer and sees it through. Resolves to whether some door took it. */
  async answer(token: string, value: ReplyValue): Promise<boolean> {
    this.#model.setAttempt(token, { phase: "sending", note: "" });
    if (this.#served) return this.#told(token, await this.#door.post(token, value), true);
    const acked = this.#link.request({ type: "answer", id: newId(), token, value });
    const first = await Promise.race([acked, after(ACK_MS)]).catch(() => "dead" as const);
    if (typeof first === "object") return this.#settle(token, first);

    const posted = await this.#door.post(token, value);
    if (posted.result !== "unavailable" || first === "dead") return this.#told(token, posted, first === "dead");
    if (this.#model.state.attempts[token]?.phase === "sending") {
      this.#model.setAttempt(token, { phase: "sending", note: SENT_BUSY });
    }
    try {
      return this.#settle(token, await acked);
    } catch {
      this.#model.setAttempt(token, { phase: "undelivered", note: NO_DOOR });
      return false;
    }
  }

  /** Presses a button of the run; the model says what the kernel had to say about it. */
  async command(request: Request): Promise<void> {
    this.#model.say("");
    const acked = this.#link.request(request);
    try {
      const first = await Promise.race([acked, after(ACK_MS)]);
      if (first === "late" && !this.#served) this.#model.say("The kernel is busy and takes this after the cell.");
      const ack = await acked;
      this.#model.say(ack.note ?? Object.values(ack.problems ?? {}).join(" "));
    } catch {
      this.#model.say("The kernel that ran this is gone. Run All carries on.");
    }
  }

  #settle(token: string, ack: Ack): boolean {
    const note = ack.note ?? "";
    if (ack.ok) this.#model.setAttempt(token, { phase: "taken", note });
    else if (ack.problems && Object.keys(ack.problems).length > 0) {
      this.#model.setAttempt(token, { phase: "refused", problems: ack.problems, note });
    } else {
      this.#model.setAttempt(token, { phase: "closed", note: note || "Not asked any more." });
    }
    return ack.ok;
  }

  #told(token: string, posted: Posted, dead: boolean): boolean {
    if (posted.result === "unavailable") {
      this.#model.setAttempt(token, { phase: "undelivered", note: this.#served ? NO_SERVER : NO_DOOR });
    } else if (posted.result === "refused") {
      this.#model.setAttempt(token, { phase: "refused", problems: posted.problems, note: "" });
    } else if (posted.result === "closed") {
      this.#model.setAttempt(token, { phase: "closed", note: closedLine(posted.closed) });
    } else {
      const served = posted.driven ? "" : SERVED_UNDRIVEN;
      const note = this.#served ? served : !dead ? STORED_BUSY : posted.driven ? STORED_DRIVEN : STORED_DEAD;
      this.#model.setAttempt(token, { phase: "taken", note });
    }
    return posted.result === "accepted";
  }
}

const after = (ms: number): Promise<"late"> =>
  new Promise((resolve) => setTimeout(() => resolve("late"), ms));
