/**
 * Files on their way to the kernel: in pieces of 1 MiB by comm, at most four without an ack
 * (one message of 16 MiB drops the socket), so that memory stays small on both sides. The kernel
 * makes an artifact of them and gives back its label with the last ack.
 */

import type { FileRef } from "./api";
import type { Link } from "./link";
import { LinkDead } from "./link";
import type { FileItem, RunModel } from "./model";
import { newId } from "./replies";

const PIECE = 1 << 20;
const IN_FLIGHT = 4;

export class Uploads {
  readonly #model: RunModel;
  readonly #link: Pick<Link, "request">;
  readonly #stopped = new Set<string>();

  constructor(model: RunModel, link: Pick<Link, "request">) {
    this.#model = model;
    this.#link = link;
  }

  /** Starts to send the files; `single` puts the last in place of what was there. */
  add(token: string, files: readonly File[], single: boolean): void {
    const chosen = single ? files.slice(-1) : files;
    if (chosen.length === 0) return;
    if (single) for (const item of this.#items(token)) this.remove(token, item.key);
    for (const file of chosen) void this.#send(token, file);
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

  /** Takes a file off the list; what is under way stops at its next piece. */
  remove(token: string, key: string): void {
    this.#stopped.add(key);
    this.#model.setFiles(
      token,
      this.#items(token).filter((item) => item.key !== key),
    );
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

  async #send(token: string, file: File): Promise<void> {
    const key = newId();
    const { name, size } = file;
    const item: FileItem = { key, name, size, sent: 0, state: "sending", note: "", ref: null };
    this.#model.setFiles(token, [...this.#items(token), item]);
    try {
      const ref = await this.#pieces(token, key, file);
      if (ref) this.#change(token, key, { state: "ready", sent: size, ref });
    } catch (error) {
      const note =
        error instanceof LinkDead
          ? "The kernel is gone. Give a path on the server instead, or run the cell again."
          : String(error instanceof Error ? error.message : error);
      this.#change(token, key, { state: "failed", note });
    }
  }

  /** Sends all pieces in order; null when the file was taken off the list meanwhile. */
  async #pieces(token: string, key: string, file: File): Promise<FileRef | null> {
    const flying = new Set<Promise<void>>();
    let sent = 0;
    let ref: FileRef | null = null;
    let refused: Error | undefined;
    for (let offset = 0; offset === 0 || offset < file.size; offset += PIECE) {
      while (flying.size >= IN_FLIGHT && !refused) await Promise.race(flying);
      if (refused) throw refused;
      if (this.#stopped.has(key)) return null;
      const data = await file.slice(offset, offset + PIECE).arrayBuffer();
      const last = offset + PIECE >= file.size;
      const { name, size, type: media } = file;
      const piece = { token, upload: key, name, size, media, offset, last };
      const landed = this.#link.request({ type: "upload", id: newId(), ...piece }, [data]).then(
        (ack) => {
          if (!ack.ok) {
            const said = ack.note || Object.values(ack.problems ?? {}).join(" ");
            refused ??= new Error(said || "The kernel refused the file.");
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
    if (refused) throw refused;
    if (!ref) throw new Error("The kernel did not say what became of the file.");
    return ref;
  }
}
