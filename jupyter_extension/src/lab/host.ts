/** What the views ask of JupyterLab or Notebook: the `Host` of `../host.ts`. */

import type { JupyterFrontEnd } from "@jupyterlab/application";
import { Dialog, Notification, showDialog } from "@jupyterlab/apputils";
import type { INotebookTracker, NotebookPanel } from "@jupyterlab/notebook";
import { servedAt } from "../chunks";
import type { Host } from "../host";
import type { Counts } from "./counts";
import { pathOf } from "./counts";
import { kernelOf, resumeRun } from "./kernels";
import { openElsewhere, scrollTo } from "./places";
import type { RunTabs } from "./tabs";

export class LabHost implements Host {
  readonly baseUrl: string;
  readonly token: string;
  readonly #app: JupyterFrontEnd;
  readonly #tracker: INotebookTracker | null;
  readonly #tabs: RunTabs;
  readonly #counts: Counts;
  readonly #many: boolean;

  /** `many`: the page has room for more notebooks than one, as JupyterLab's has and Notebook's has not. */
  constructor(app: JupyterFrontEnd, tracker: INotebookTracker | null, tabs: RunTabs, counts: Counts, many: boolean) {
    this.baseUrl = app.serviceManager.serverSettings.baseUrl;
    this.token = app.serviceManager.serverSettings.token;
    this.#app = app;
    this.#tracker = tracker;
    this.#tabs = tabs;
    this.#counts = counts;
    this.#many = many;
  }

  openRun(store: string, run: string, title: string): void {
    this.#tabs.open({ store, run, title }, this);
  }

  async goTo(notebook: string, run: string): Promise<boolean> {
    if (!this.#many && !this.#find(notebook)) return openElsewhere(this.baseUrl, notebook, run, false);
    const panel = await this.#open(notebook);
    return panel !== null && (await scrollTo(panel, (twin) => twin.run === run));
  }

  async resume(notebook: string, run: string): Promise<boolean> {
    if (!this.#many && !this.#find(notebook)) return openElsewhere(this.baseUrl, notebook, run, true);
    const panel = await this.#open(notebook);
    const kernel = panel && (await kernelOf(panel));
    if (!kernel) return false;
    const said = await resumeRun(kernel, run);
    if (said.is !== "error") return true;
    if (said.name === "RunHeldElsewhere") {
      Notification.warning(said.text, { autoClose: false });
      return false;
    }
    // a kernel that does not know the graph: the cells that define it, and start the run, are in the notebook
    void this.#app.commands.execute("notebook:run-all-cells");
    return true;
  }

  async confirm(title: string, text: string, button: string): Promise<boolean> {
    const buttons = [Dialog.cancelButton(), Dialog.warnButton({ label: button })];
    return (await showDialog({ title, body: text, buttons, defaultButton: 0 })).button.accept;
  }

  onCount(open: number, byNotebook: Record<string, number>): void {
    this.#counts.set(open, byNotebook);
  }

  async chunk(name: string): Promise<ArrayBuffer> {
    const response = await fetch(servedAt(name));
    if (!response.ok) throw new Error(`${name}: ${response.status}`);
    return response.arrayBuffer();
  }

  #find(notebook: string): NotebookPanel | undefined {
    return this.#tracker?.find((each) => pathOf(each.context.path) === notebook);
  }

  /** The notebook, opened and in front; null where this page cannot have it. */
  async #open(notebook: string): Promise<NotebookPanel | null> {
    let panel = this.#find(notebook);
    if (panel) this.#app.shell.activateById(panel.id);
    else {
      await Promise.resolve(this.#app.commands.execute("docmanager:open", { path: notebook })).catch(() => undefined);
      panel = this.#find(notebook);
    }
    if (!panel) return null;
    await panel.context.ready;
    await panel.revealed;
    return panel;
  }
}
