/**
 * One widget model's life on the page: the run as it is known, the comm, the two doors for
 * replies, uploads. Made once by `widget.tsx`; all views of the model share it.
 */

import type { DoorShape, RunShape } from "./api";
import { HttpDoor } from "./door";
import { layOut } from "./layout";
import type { Wire } from "./link";
import { Link } from "./link";
import { RunModel, emptyRun } from "./model";
import { Replies } from "./replies";
import { Uploads } from "./uploads";

export class Session {
  readonly model: RunModel;
  readonly link: Link;
  readonly replies: Replies;
  readonly uploads: Uploads;
  readonly #ended = new AbortController();
  #laidOut = "";

  constructor(wire: Wire) {
    const signal = this.#ended.signal;
    const view = () => wire.get("view") as RunShape | null | undefined;
    this.model = new RunModel(emptyRun(String(wire.get("run_id") ?? "")));
    this.link = new Link(wire, this.model, signal);
    const door = new HttpDoor(() => wire.get("door") as DoorShape | null);
    this.replies = new Replies(this.model, this.link, door);
    this.uploads = new Uploads(this.model, this.link);

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
    signal.addEventListener("abort", () => {
      wire.off("change:view", onView);
      unsubscribe();
    });
    onView();
    this.link.hello();
  }

  /** Somebody looks at an open question: is the kernel that asked it still there? */
  look(): void {
    if (this.model.state.view.prompts.some((p) => p.state === "open")) this.link.probe();
  }

  dispose(): void {
    this.#ended.abort();
  }

  #onChange(): void {
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
