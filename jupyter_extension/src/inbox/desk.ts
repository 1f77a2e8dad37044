/** A store's questions as a session, so that the card of a question in the inbox is the one of the cell. */

import type { News } from "../api";
import { emptyRun } from "../model";
import type { WaitRow } from "../rows";
import { ServedList } from "../served";
import type { Server } from "../server";
import { Session } from "../session";

export class Desk {
  readonly session: Session;
  readonly #wire: ServedList;
  #seq = 0;

  constructor(server: Server, store: string) {
    this.#wire = new ServedList(server, store);
    this.session = new Session(this.#wire);
  }

  /** These questions stand there now, open and lately closed ones. */
  show(waits: readonly WaitRow[]): void {
    this.#wire.show({ ...emptyRun(""), seq: ++this.#seq, graph: "Inbox", status: "waiting", prompts: [...waits] });
  }

  /** What became of these; empty when the server cannot say. */
  async ask(tokens: readonly string[], signal: AbortSignal): Promise<News["closed"]> {
    const news = await this.session.door.watch(tokens, null, signal);
    return news?.closed ?? {};
  }

  dispose(): void {
    this.session.dispose();
  }
}
