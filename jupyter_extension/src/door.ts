/**
 * The second door for a reply: HTTP to the server extension, which writes the same row that the
 * kernel would. All HTTP of the page is in `call`.
 */

import type { Closed, DoorShape, Problems, ReplyValue } from "./api";

export type Posted =
  | { result: "accepted" }
  | { result: "closed"; closed: Closed }
  | { result: "refused"; problems: Problems }
  /** There is no server extension, it has another store, or it cannot be reached. */
  | { result: "unavailable" };

/** The way a reply goes when the comm does not take it. */
export interface Door {
  post(token: string, value: ReplyValue): Promise<Posted>;
}

/** The page's own base URL, as JupyterLab and Notebook write it into the page; "" elsewhere. */
function pageBase(): string {
  try {
    const text = document.getElementById("jupyter-config-data")?.textContent;
    return (JSON.parse(text ?? "{}") as { baseUrl?: string }).baseUrl ?? "";
  } catch {
    return "";
  }
}

async function call(url: string, body?: unknown): Promise<{ status: number; data: unknown }> {
  const xsrf = /(?:^|; )_xsrf=([^;]*)/.exec(document.cookie)?.[1];
  const response = await fetch(url, {
    method: body === undefined ? "GET" : "POST",
    credentials: "same-origin",
    headers: {
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      ...(xsrf ? { "X-XSRFToken": decodeURIComponent(xsrf) } : {}),
    },
    body: body === undefined ? null : JSON.stringify(body),
  });
  return { status: response.status, data: await response.json() };
}

export class HttpDoor implements Door {
  readonly #shape: () => DoorShape | null;
  /** `store nonce` of the door whose server has proved that it reads the same store. */
  #proved = "";

  /** `shape` gives what the kernel says of the door at that moment. */
  constructor(shape: () => DoorShape | null) {
    this.#shape = shape;
  }

  async post(token: string, value: ReplyValue): Promise<Posted> {
    const door = this.#shape();
    const base = door?.base || pageBase();
    if (!door?.store || !base) return { result: "unavailable" };
    const api = `${base}${base.endsWith("/") ? "" : "/"}aether-nb/api`;
    try {
      if (!(await this.#sameStore(api, door))) return { result: "unavailable" };
      const { status, data } = await call(`${api}/answer`, { store: door.store, token, value });
      if (status === 422) {
        return { result: "refused", problems: (data as { problems: Problems }).problems };
      }
      if (status !== 200) return { result: "unavailable" };
      const said = data as { accepted: boolean } & Closed;
      return said.accepted ? { result: "accepted" } : { result: "closed", closed: said };
    } catch {
      return { result: "unavailable" };
    }
  }

  async #sameStore(api: string, door: DoorShape): Promise<boolean> {
    const key = `${door.store} ${door.nonce}`;
    if (this.#proved === key) return true;
    const { status, data } = await call(`${api}/nonce?store=${encodeURIComponent(door.store)}`);
    if (status !== 200 || (data as { nonce?: string }).nonce !== door.nonce) return false;
    this.#proved = key;
    return true;
  }
}
