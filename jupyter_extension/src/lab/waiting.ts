/** The button in a notebook's toolbar that says how many of its questions are open; not there while none is. */

import type { NotebookPanel } from "@jupyterlab/notebook";
import { Widget } from "@lumino/widgets";
import type { Counts } from "./counts";
import { questions } from "./counts";

export class WaitingButton extends Widget {
  readonly #button = document.createElement("button");
  readonly #ended = new AbortController();

  /** `enabled`: whether somebody wants such buttons. */
  constructor(panel: NotebookPanel, counts: Counts, enabled: () => boolean, act: (panel: NotebookPanel) => void) {
    super();
    this.addClass("aether-waiting");
    this.#button.type = "button";
    this.#button.addEventListener("click", () => act(panel), { signal: this.#ended.signal });
    this.node.append(this.#button);
    const draw = () => {
      const n = counts.of(panel.context.path);
      this.#button.textContent = `${n} waiting`;
      this.#button.title = `${questions(n)} in this notebook: go to the next`;
      this.setHidden(n === 0 || !enabled());
    };
    this.#ended.signal.addEventListener("abort", counts.subscribe(draw));
    draw();
  }

  override dispose(): void {
    this.#ended.abort();
    super.dispose();
  }
}
