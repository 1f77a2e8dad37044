/**
 * The second door: HTTP to the server extension, which reads and writes the same store as the kernel.
 * For replies that the comm does not take, files, and what becomes of questions whose kernel is not
 * heard. All HTTP of the page is in `call` and `put`, but for `stream.ts`.
 */

import type { Closed, DoorShape, FileRef, News, Problems, ReplyValue } from "./api";

export type Posted =
  /** `driven`: a kernel that lives has the run and goes on by itself. */
  | { result: "accepted"; driven: boolean }
  | { result: "closed"; closed: Closed }
  | { result: "refused"; problems: Problems }
  /** There is no server extension, it has another store, or it cannot be reached. */
  | { result: "unavailable" };

/** One file that is being sent for a question. */
export interface Sending {
  token: string;
  /** Names this upload; the same for all its slices. */
  upload: string;
  name: string;
  size: number;
  media: string;
}

export type Landed =
  | { result: "taken"; received: number; file?: FileRef }
  /** The next slice begins elsewhere: something got lost, or came twice. */
  | { result: "elsewhere"; received: number }
  /** The question does not take this file, or is not asked any more. */
  | { result: "refused"; why: string }
  | { result: "broken" };

/** The way a reply goes when the comm does not take it, and files wherever they can. */
export interface Door {
  post(token: string, value: ReplyValue): Promise<Posted>;
  /** Whether the server has proved that it reads the kernel's store. */
  open(): Promise<boolean>;
  slice(file: Sending, offset: number, data: Blob, signal: AbortSignal, sent: (n: number) => void): Promise<Landed>;
  /** How much of a file has come; null when nobody can say. */
  received(file: Sending): Promise<number | null>;
  callOff(file: Sending): Promise<void>;
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

/** What lets a request in. */
export function pass(token = ""): Record<string, string> {
  const xsrf = /(?:^|; )_xsrf=([^;]*)/.exec(document.cookie)?.[1];
  return {
    ...(xsrf && { "X-XSRFToken": decodeURIComponent(xsrf) }),
    ...(token && { Authorization: `token ${token}` }),
  };
}

interface Asked {
  method: "GET" | "POST" | "DELETE";
  body?: unknown;
  signal?: AbortSignal;
  token?: string | undefined;
}

export async function call(url: string, { method, body, signal, token }: Asked): Promise<{ status: number; data: unknown }> {
  const response = await fetch(url, {
    method,
    credentials: "same-origin",
    headers: { ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...pass(token) },
    body: body === undefined ? null : JSON.stringify(body),
    signal: signal ?? null,
  });
  return { status: response.status, data: response.status === 204 ? null : await response.json() };
}

/** Sends bytes; in the old way, because only that one tells how far it is. */
function put(
  url: string,
  data: Blob,
  signal: AbortSignal,
  sent: (n: number) => void,
  token?: string,
): Promise<{ status: number; data: unknown }> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    const end = (act: () => void) => () => {
      signal.removeEventListener("abort", stop);
      act();
    };
    request.open("PUT", url);
    for (const [name, value] of Object.entries(pass(token))) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => sent(event.loaded);
    request.onload = end(() => {
      try {
        resolve({ status: request.status, data: JSON.parse(request.responseText) });
      } catch (error) {
        reject(error as Error);
      }
    });
    request.onerror = end(() => reject(new Error("the connection broke")));
    request.onabort = end(() => reject(new Error("called off")));
    signal.addEventListener("abort", stop);
    request.send(data);
  });
}

/** Where the routes are. */
export const apiAt = (base: string): string => `${base}${base.endsWith("/") ? "" : "/"}aether-nb/api`;

interface Place {
  api: string;
  /** The store's name there. */
  store: string;
  token: string | undefined;
}

export class HttpDoor implements Door {
  readonly #shape: () => DoorShape | null;
  /** `store nonce` of the door whose server has proved that it reads the same store. */
  #proved = "";

  /** `shape` gives what the kernel says of the door at that moment. */
  constructor(shape: () => DoorShape | null) {
    this.#shape = shape;
  }

  /** Null where there is no door. */
  get place(): Place | null {
    const door = this.#shape();
    const base = door?.base || pageBase();
    if (!door?.store || !base) return null;
    return { api: apiAt(base), store: door.store, token: door.token };
  }

  async open(): Promise<boolean> {
    const door = this.#shape();
    const place = this.place;
    if (!door || !place) return false;
    if (door.served) return true;
    const key = `${door.store} ${door.nonce}`;
    if (this.#proved === key) return true;
    try {
      const { status, data } = await call(`${place.api}/nonce?store=${encodeURIComponent(place.store)}`, {
        method: "GET",
        token: place.token,
      });
      if (status !== 200 || (data as { nonce?: string }).nonce !== door.nonce) return false;
    } catch {
      return false;
    }
    this.#proved = key;
    return true;
  }

  async post(token: string, value: ReplyValue): Promise<Posted> {
    const place = this.place;
    if (!place || !(await this.open())) return { result: "unavailable" };
    try {
      const body = { store: place.store, token, value };
      const { status, data } = await call(`${place.api}/answer`, { method: "POST", body, token: place.token });
      if (status === 422) {
        return { result: "refused", problems: (data as { problems: Problems }).problems };
      }
      if (status !== 200) return { result: "unavailable" };
      const said = data as { accepted: boolean; driven?: boolean } & Closed;
      if (said.accepted) return { result: "accepted", driven: said.driven ?? false };
      return { result: "closed", closed: said };
    } catch {
      return { result: "unavailable" };
    }
  }

  /**
   * Waits until one of these questions is closed, or the kernel's life is not what is believed; a
   * few seconds at most. Null: the server cannot say.
   */
  async watch(tokens: readonly string[], alive: boolean | null, signal: AbortSignal): Promise<News | null> {
    const place = this.place;
    if (!place || !(await this.open())) return null;
    try {
      const body = { store: place.store, tokens, alive };
      // said to be no activity: a server that ends when nobody uses it may end
      const url = `${place.api}/watch?no_track_activity=1`;
      const { status, data } = await call(url, { method: "POST", body, signal, token: place.token });
      return status === 200 ? (data as News) : null;
    } catch {
      return null;
    }
  }

  async slice(
    file: Sending,
    offset: number,
    data: Blob,
    signal: AbortSignal,
    sent: (n: number) => void,
  ): Promise<Landed> {
    const { name, size, media } = file;
    const url = this.#upload(file, { name, size: String(size), media, offset: String(offset) });
    try {
      const answer = await put(url, data, signal, sent, this.place?.token);
      const said = answer.data as { received?: number; file?: FileRef; problems?: Problems; message?: string };
      if (answer.status === 200) return { result: "taken", received: said.received ?? 0, ...(said.file && { file: said.file }) };
      if (answer.status === 409 && said.received !== undefined) return { result: "elsewhere", received: said.received };
      if (answer.status >= 500) return { result: "broken" };
      return { result: "refused", why: Object.values(said.problems ?? {}).join(" ") || said.message || "" };
    } catch {
      return { result: "broken" };
    }
  }

  async received(file: Sending): Promise<number | null> {
    try {
      const { status, data } = await call(this.#upload(file), { method: "GET", token: this.place?.token });
      return status === 200 ? (data as { received: number }).received : null;
    } catch {
      return null;
    }
  }

  async callOff(file: Sending): Promise<void> {
    await call(this.#upload(file), { method: "DELETE", token: this.place?.token }).catch(() => undefined);
  }

  #upload(file: Sending, more: Record<string, string> = {}): string {
    const { api, store } = this.place ?? { api: "", store: "" };
    const named = { store, wait: file.token, upload: file.upload, ...more };
    return `${api}/upload?${new URLSearchParams(named).toString()}`;
  }
}
