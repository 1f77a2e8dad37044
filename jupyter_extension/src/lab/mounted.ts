/** A view of Preact's as a widget of Lumino's: drawn when it is made, taken away when it is disposed of. */

import { Widget } from "@lumino/widgets";

export class Mounted extends Widget {
  readonly #clear: () => void;

  constructor(mount: (el: HTMLElement) => () => void) {
    super();
    this.addClass("aether-mounted");
    this.#clear = mount(this.node);
  }

  override dispose(): void {
    if (this.isDisposed) return;
    this.#clear();
    super.dispose();
  }
}
