/** Runs as tabs of the main area; in Notebook, which has one place there, below it. */

import type { ILayoutRestorer, JupyterFrontEnd } from "@jupyterlab/application";
import { MainAreaWidget, WidgetTracker } from "@jupyterlab/apputils";
import type { Widget } from "@lumino/widgets";
import { SplitPanel } from "@lumino/widgets";
import type { Host } from "../host";
import { mountRun } from "../runs/tab";
import { icon } from "./icon";
import { Mounted } from "./mounted";

/** What a tab shows; also what brings it back after a reload. */
export interface Place {
  store: string;
  run: string;
  title: string;
}

class RunTab extends MainAreaWidget<Mounted> {
  constructor(
    readonly place: Place,
    host: Host,
  ) {
    super({ content: new Mounted((el) => mountRun(el, place.store, place.run, host)) });
    this.id = idOf(place);
    this.addClass("aether-run-tab");
    this.toolbar.hide();
    this.title.label = place.title || place.run;
    this.title.caption = `Run ${place.run}`;
    this.title.icon = icon as unknown as NonNullable<typeof this.title.icon>;
    this.title.closable = true;
  }
}

const idOf = ({ store, run }: Place): string => `aether-run:${store}:${run}`;

/** Half of the page for what is below, where nobody has given it a height yet. */
function makeRoom(tab: Widget): void {
  const split = tab.parent?.parent?.parent;
  if (split instanceof SplitPanel && tab.node.offsetHeight < LOW) split.setRelativeSizes([1, 1]);
}

const LOW = 100;

export class RunTabs {
  readonly #app: JupyterFrontEnd;
  readonly #area: string;
  readonly #tracker = new WidgetTracker<RunTab>({ namespace: "aether-run" });

  constructor(app: JupyterFrontEnd, area: "main" | "down") {
    this.#app = app;
    this.#area = area;
  }

  open(place: Place, host: Host): void {
    let tab = this.#tracker.find((each) => each.id === idOf(place));
    if (!tab) {
      tab = new RunTab(place, host);
      this.#app.shell.add(tab, this.#area);
      void this.#tracker.add(tab);
    }
    this.#app.shell.activateById(tab.id);
    if (this.#area === "down") makeRoom(tab);
  }

  /** Has the tabs come back by a command when the page is loaded again. */
  restore(restorer: ILayoutRestorer, command: string): void {
    void restorer.restore(this.#tracker, { command, args: (tab) => ({ ...tab.place }), name: (tab) => tab.id });
  }
}
