/**
 * One widget model's life on the page: the run as it is known, the comm, the two doors for
 * replies, uploads, and who to ask when the kernel is not heard. Made once by `widget.tsx`; all
 * views of the model share it.
 */

import type { DoorShape, News, RunShape } from "./api";
import { HttpDoor } from "./door";
import { layOut } from "./layout";
import type { Wire } from "./link";
import { Link } from "./link";
import { RunModel, emptyRun } from "./model";
import { Replies } from "./replies";
import { Uploads } from "./uploads";
import type { Watch, Watched } from "./watch";
import { watchOf } from "./watch";

/** Statuses of a kernel after which it may be another one, or none. */
const UNSURE = new Set(["starting", "restarting", "autorestarting", "terminating", "dead", "unknown"]);
/** A kernel that is well answers sooner than that; only then the server is asked. */
const UNHEARD_MS = 500;

export class Session implements Watched {
  readonly model: RunModel;
  readonly link: Link;
  readonly replies: Replies;
  readonly uploads: Uploads;
  readonly door: HttpDoor;
  /** The time that is shown, in milliseconds, where it is not the time that passes. */
  asOf: number | null = null;
  /** The server stands in for a kernel: nobody is to be missed, and nothing can be started. */
  readonly served: boolean;
  readonly #ended = new AbortController();
  #laidOut = "";
  #watch: Watch | null = null;
  #asked = "";
  #unheard: ReturnType<typeof setTimeout> | undefined;

  constructor(wire: Wire) {
    const signal = this.#ended.signal;
    const view = () => wire.get("view") as RunShape | null | undefined;
    this.model = new RunModel(emptyRun(String(wire.get("run_id") ?? "")));
    this.link = new Link(wire, this.model, signal);
    this.door = new HttpDoor(() => wire.get("door") as DoorShape | null);
    this.served = (wire.get("door") as DoorShape | null | undefined)?.served === true;
    this.replies = new Replies(this.model, this.link, this.door, this.served);
    this.uploads = new Uploads(this.model, this.link, this.door);

    const onView = () => {
      const now = view();
      if (isRun(now) && now.seq >= this.model.state.view.seq) this.model.welcome(now);
    };
    wire.on("change:view", onView);
    const unsubscribe = this.model.subscribe(() => this.#onChange());
    const onVisible = () => {
      if (document.visibilityState === "visible") this.look();
    };
    document.addEventListener("visibilitychange", onVisible, { signal });
    const kernel = wire.widget_manager?.kernel;
    const onStatus = (_: unknown, status: string) => {
      if (UNSURE.has(status)) this.#doubt();
    };
    const onDisposed = () => this.#doubt();
    kernel?.statusChanged?.connect(onStatus);
    kernel?.disposed?.connect(onDisposed);
    signal.addEventListener("abort", () => {
      wire.off("change:view", onView);
      unsubscribe();
      kernel?.statusChanged?.disconnect(onStatus);
      kernel?.disposed?.disconnect(onDisposed);
      this.#stopWatching();
    });
    onView();
    this.link.hello();
  }

  /** Somebody looks at an open question: is the kernel that asked it still there? */
  look(): void {
    if (this.tokens().length > 0) this.link.probe();
  }

  dispose(): void {
    this.#ended.abort();
  }

  // -- what the server knows -----------------------------------------------------------------

  /** Questions that are open, and that nobody has answered here. */
  tokens(): string[] {
    const { view, attempts } = this.model.state;
    const settled = (token: string) => ["taken", "closed"].includes(attempts[token]?.phase ?? "");
    return view.prompts.filter((p) => p.state === "open" && !settled(p.token)).map((p) => p.token);
  }

  told(news: News | null): void {
    this.model.setDoor(news !== null);
    if (!news || this.model.state.link === "live") return;
    if (!news.alive && this.model.state.link !== "dead") this.link.lost();
    const closed = this.tokens().flatMap((token) => {
      const what = news.closed[token];
      return what ? [[token, what] as const] : [];
    });
    if (closed.length > 0) this.model.close(Object.fromEntries(closed));
  }

  /** After the other listeners: then the comm knows, too. */
  #doubt(): void {
    queueMicrotask(() => {
      if (!this.#ended.signal.aborted) this.link.doubt();
    });
  }

  #stopWatching(): void {
    clearTimeout(this.#unheard);
    this.#unheard = undefined;
    this.#asked = "";
    this.#watch?.leave(this);
    this.#watch = null;
  }

  /** Asks the server while there is an open question and the kernel is not heard. */
  #watchIfUnheard(): void {
    const wanted = this.served || this.model.state.link === "live" ? "" : this.tokens().join(" ");
    if (wanted === this.#asked) return;
    this.#stopWatching();
    this.#asked = wanted;
    if (!wanted) return;
    this.#unheard = setTimeout(() => {
      this.#watch = watchOf(this.door);
      this.#watch?.join(this);
      if (!this.#watch) this.model.setDoor(false);
    }, UNHEARD_MS);
  }

  #onChange(): void {
    this.#watchIfUnheard();
    const { view, link } = this.model.state;
    if (view.svg || !view.dot || view.dot === this.#laidOut || link !== "live") return;
    const { dot } = view;
    this.#laidOut = dot;
    void layOut(dot, this.link).then(
      (svg) => {
        if (this.#ended.signal.aborted || this.#laidOut !== dot) return;
        this.model.setDrawn(svg);
        this.link.sendLayout(dot, svg);
      },
      (error: unknown) => {
        console.warn("aether_nb: no picture of the graph, the table says the same", error);
      },
    );
  }
}

const isRun = (value: RunShape | null | undefined): value is RunShape =>
  typeof value === "object" && value !== null && typeof value.seq === "number";
