/** The server's routes as the sidebar and the tab use them; one `Server` for all views of a page. */

import type { DoorShape } from "./api";
import { apiAt, call } from "./door";
import type { Host } from "./host";
import type { Done, RunRow, RunsPage, RunsQuery, Viewed, WaitsPage, WaitsQuery } from "./rows";
import { Stream } from "./stream";

/** The server said no, or cannot be reached; the message is for people. */
export class ServerError extends Error {
  /** HTTP's; 0 when it was not reached. */
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

export class Server {
  readonly host: Host;
  readonly stream: Stream;
  readonly #api: string;

  constructor(host: Host) {
    this.host = host;
    this.#api = apiAt(host.baseUrl);
    this.stream = new Stream(`${this.#api}/stream`, host.token);
  }

  runs(query: RunsQuery, signal?: AbortSignal): Promise<RunsPage> {
    return this.#get("runs", { ...query }, signal);
  }

  waits(query: WaitsQuery, signal?: AbortSignal): Promise<WaitsPage> {
    return this.#get("waits", { ...query }, signal);
  }

  run(store: string, run: string): Promise<Viewed> {
    return this.#get("run", { store, run });
  }

  /** Of a run, or of one node. */
  cancel({ store, run_id }: RunRow, node: string | null = null): Promise<Done> {
    return this.#post("cancel", { store, run: run_id, node });
  }

  /** Runs the node again that the run failed of. */
  retry({ store, run_id }: RunRow): Promise<Done> {
    return this.#post("retry", { store, run: run_id, node: null });
  }

  delete({ store, run_id }: RunRow): Promise<Done> {
    return this.#post("delete", { store, run: run_id });
  }

  /** The door for answers and files of a store. */
  door(store: string): DoorShape {
    const { baseUrl: base, token } = this.host;
    return { store, nonce: "", base, served: true, token };
  }

  /** Where a run is told live, for a websocket. */
  live(store: string, run: string): string {
    const url = new URL(`${this.#api}/live`, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    url.search = params({ store, run, token: this.host.token });
    return url.href;
  }

  #get<T>(name: string, query: Record<string, string | number>, signal?: AbortSignal): Promise<T> {
    const url = `${this.#api}/${name}?${params({ ...query, no_track_activity: 1 })}`;
    return this.#call(url, { method: "GET", ...(signal && { signal }) });
  }

  #post<T>(name: string, body: object): Promise<T> {
    return this.#call(`${this.#api}/${name}`, { method: "POST", body });
  }

  async #call<T>(url: string, asked: Omit<Parameters<typeof call>[1], "token">): Promise<T> {
    let answer;
    try {
      answer = await call(url, { ...asked, token: this.host.token });
    } catch (error) {
      if (asked.signal?.aborted) throw error;
      throw new ServerError("The server is not reached.", 0);
    }
    if (answer.status === 200) return answer.data as T;
    const said = (answer.data as { message?: string } | null)?.message;
    throw new ServerError(said || `The server says no (${answer.status}).`, answer.status);
  }
}

/** What there is of it, as a query. */
const params = (query: Record<string, string | number | undefined>): string =>
  new URLSearchParams(
    Object.entries(query).flatMap(([name, value]) => (value === undefined || value === "" ? [] : [[name, String(value)]])),
  ).toString();

const servers = new WeakMap<Host, Server>();

/** The server that all views of an application share. */
export function serverOf(host: Host): Server {
  const server = servers.get(host) ?? new Server(host);
  servers.set(host, server);
  return server;
}
