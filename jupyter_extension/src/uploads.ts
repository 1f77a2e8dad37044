/**
 * Files on their way to the kernel's machine: by HTTP in slices of 8 MiB where the server reads the
 * kernel's store, else by comm in pieces of 1 MiB, at most four without an ack (one message of
 * 16 MiB drops the socket). So memory stays small on all sides. What arrives is an artifact, and
 * its label comes back with the last piece.
 *
 * What can be said against a file is said before any of it is sent, in the words that the kernel
 * would use; the kernel checks again. A slice that breaks is sent again from where the server is.
 */

import type { FileRef, Prompt } from "./api";
import type { Door, Sending } from "./door";
import { bytes } from "./format";
import { LARGEST, most } from "./inputs/filerules";
import type { Link } from "./link";
import { LinkDead } from "./link";
import type { FileItem, RunModel } from "./model";
import { newId } from "./replies";

const SLICE = 8 << 20;
const PIECE = 1 << 20;
const IN_FLIGHT = 4;
/** Pauses before a broken slice is tried again. */
const AGAIN_MS = [500, 1000, 2000, 4000, 8000];

type Asking = Extract<Prompt, { accept: string[] }>;

/** Why a question does not take a file; "" when it does. */
export function misfit(prompt: Asking, file: Pick<File, "name" | "size" | "type">): string {
  const largest = most(prompt);
  if (file.size > largest) {
    const way = largest === LARGEST ? " Give its path on the server instead." : "";
    return `${bytes(file.size)}; at most ${bytes(largest)} are taken.${way}`;
  }
  const name = file.name.toLowerCase();
  const type = file.type.toLowerCase();
  const fits = (wanted: string) => {
    if (wanted.startsWith(".")) return name.endsWith(wanted);
    if (wanted === "*/*" || !wanted.endsWith("/*")) return true; // for the kernel to say, which knows types by name
    return type === "" || type.startsWith(wanted.slice(0, -1));
  };
  const accept = prompt.accept.map((wanted) => wanted.trim().toLowerCase());
  if (accept.length === 0 || accept.some(fits)) return "";
  return `None of what is asked for: ${prompt.accept.join(", ")}.`;
}

class Refused extends Error {}

/** One file that is being sent, or may be again. */
interface Job {
  file: File;
  stop: AbortController;
  /** By which way something of it has gone. */
  way: "" | "http" | "comm";
}

export class Uploads {
  readonly #model: RunModel;
  readonly #link: Pick<Link, "request">;
  readonly #door: Door;
  readonly #jobs = new Map<string, Job>();

  constructor(model: RunModel, link: Pick<Link, "request">, door: Door) {
    this.#model = model;
    this.#link = link;
    this.#door = door;
  }

  /** Starts to send the files; `single` puts the last in place of what was there. */
  add(token: string, files: readonly File[], single: boolean): void {
    const chosen = single ? files.slice(-1) : files;
    if (chosen.length === 0) return;
    if (single) for (const item of this.#items(token)) this.remove(token, item.key);
    for (const file of chosen) {
      const key = newId();
      const { name, size } = file;
      const item: FileItem = { key, name, size, sent: 0, state: "sending", note: "", ref: null };
      this.#model.setFiles(token, [...this.#items(token), item]);
      this.#jobs.set(key, { file, stop: new AbortController(), way: "" });
      void this.#send(token, key);
    }
  }

  /** Adds a file that is already on the kernel's machine. */
  addPath(token: string, path: string, single: boolean): void {
    if (single) for (const item of this.#items(token)) this.remove(token, item.key);
    const item: FileItem = {
      key: newId(),
      name: path,
      size: 0,
      sent: 0,
      state: "ready",
      note: "on the server",
      ref: { path },
    };
    this.#model.setFiles(token, [...this.#items(token), item]);
  }

  /** Whether a file that could not be sent may be tried again: not one that is refused. */
  mayTry(key: string): boolean {
    return this.#jobs.has(key);
  }

  /** Tries a file again that could not be sent. */
  again(token: string, key: string): void {
    const job = this.#jobs.get(key);
    if (!job || this.#items(token).find((item) => item.key === key)?.state !== "failed") return;
    this.#change(token, key, { state: "sending", note: "" });
    void this.#send(token, key);
  }

  /** Takes a file off the list; what has come of it is thrown away. */
  remove(token: string, key: string): void {
    const state = this.#items(token).find((item) => item.key === key)?.state;
    const job = this.#jobs.get(key);
    this.#jobs.delete(key);
    this.#model.setFiles(
      token,
      this.#items(token).filter((item) => item.key !== key),
    );
    if (!job) return;
    job.stop.abort();
    if (state === "ready") return;
    const sending = describe(token, key, job.file);
    if (job.way === "http") void this.#door.callOff(sending);
    if (job.way === "comm") {
      this.#link.request({ type: "call_off", id: newId(), token, upload: key }).catch(() => undefined);
    }
  }

  #items(token: string): readonly FileItem[] {
    return this.#model.state.files[token] ?? [];
  }

  #change(token: string, key: string, changed: Partial<FileItem>): void {
    this.#model.setFiles(
      token,
      this.#items(token).map((item) => (item.key === key ? { ...item, ...changed } : item)),
    );
  }

  async #send(token: string, key: string): Promise<void> {
    const job = this.#jobs.get(key);
    if (!job) return;
    try {
      const prompt = this.#model.state.view.prompts.find((p) => p.token === token)?.prompt;
      const why = prompt && "accept" in prompt ? misfit(prompt, job.file) : "";
      if (why) throw new Refused(why);
      const open = await this.#door.open();
      if (job.stop.signal.aborted) return;
      job.way = open ? "http" : "comm";
      const ref = await (open ? this.#slices(token, key, job) : this.#pieces(token, key, job));
      if (!ref) return;
      this.#change(token, key, { state: "ready", sent: job.file.size, ref });
    } catch (error) {
      const note = error instanceof LinkDead ? GONE : String(error instanceof Error ? error.message : error);
      if (error instanceof Refused) this.#jobs.delete(key);
      this.#change(token, key, { state: "failed", note });
    }
  }

  /** Sends a file by HTTP; null when it was called off meanwhile. */
  async #slices(token: string, key: string, { file, stop }: Job): Promise<FileRef | null> {
    const sending = describe(token, key, file);
    let offset = (await this.#door.received(sending)) ?? 0;
    let broken = 0;
    while (!stop.signal.aborted) {
      const told = (n: number) =>
        this.#change(token, key, { sent: Math.min(file.size, offset + n) });
      const data = file.slice(offset, offset + SLICE);
      const landed = await this.#door.slice(sending, offset, data, stop.signal, told);
      if (stop.signal.aborted) return null;
      if (landed.result === "refused") throw new Refused(landed.why || "The server refused the file.");
      if (landed.result === "taken") {
        broken = 0;
        if (landed.file) return landed.file;
        offset = landed.received;
      } else {
        const pause = AGAIN_MS[broken++];
        if (pause === undefined) throw new Error("The connection broke.");
        await new Promise((resolve) => setTimeout(resolve, pause));
        if (landed.result === "elsewhere") offset = landed.received;
        else offset = (await this.#door.received(sending)) ?? offset;
      }
      this.#change(token, key, { sent: offset });
    }
    return null;
  }

  /** Sends all pieces in order by comm; null when it was called off meanwhile. */
  async #pieces(token: string, key: string, { file, stop }: Job): Promise<FileRef | null> {
    const flying = new Set<Promise<void>>();
    const { name, size, media } = describe(token, key, file);
    let sent = 0;
    let ref: FileRef | null = null;
    let refused: Error | undefined;
    for (let offset = 0; offset === 0 || offset < size; offset += PIECE) {
      while (flying.size >= IN_FLIGHT && !refused) await Promise.race(flying);
      if (refused) throw refused;
      const data = await file.slice(offset, offset + PIECE).arrayBuffer();
      if (stop.signal.aborted) return null;
      const last = offset + PIECE >= size;
      const piece = { token, upload: key, name, size, media, offset, last };
      const landed = this.#link.request({ type: "upload", id: newId(), ...piece }, [data]).then(
        (ack) => {
          if (!ack.ok) {
            const said = Object.values(ack.problems ?? {}).join(" ") || ack.note;
            refused ??= new Refused(said || "The kernel refused the file.");
          }
          sent += data.byteLength;
          ref = ack.file ?? ref;
          this.#change(token, key, { sent });
        },
        (error: Error) => {
          refused ??= error;
        },
      );
      flying.add(landed);
      void landed.then(() => flying.delete(landed));
    }
    await Promise.all(flying);
    if (stop.signal.aborted) return null;
    if (refused) throw refused;
    if (!ref) throw new Error("The kernel did not say what became of the file.");
    return ref;
  }
}

const GONE = "The kernel is gone. Run the cell again and choose the file again.";

const describe = (token: string, key: string, { name, size, type }: File): Sending => ({
  token,
  upload: key,
  name,
  size,
  media: type,
});
