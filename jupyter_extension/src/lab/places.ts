/**
 * Where runs stand in a notebook. Told by the saved outputs, not by what is drawn: Lab draws what is out of sight
 * later, and a run's static twin names the run.
 */

import type { ICell, INotebookTracker, NotebookPanel } from "@jupyterlab/notebook";

/** The static twin of a run among the outputs of a cell. */
export interface Twin {
  cell: ICell;
  index: number;
  html: string;
}

/** The run that a piece of HTML is the static twin of; "" when it is not one. */
export function runOf(html: string): string {
  if (!html.includes("aether-static")) return "";
  const inert = new DOMParser().parseFromString(html, "text/html"); // loads nothing, runs nothing
  return inert.querySelector("div.aether-box.aether-static")?.getAttribute("data-aether-run") ?? "";
}

/** The HTML of an output or a message: Jupyter's files have it in lines. */
export function htmlOf(data: Record<string, unknown> | undefined): string {
  const html = data?.["text/html"];
  return Array.isArray(html) ? html.join("") : typeof html === "string" ? html : "";
}

/** The static twins in a notebook, from its top. */
export function* twinsOf(panel: NotebookPanel): Generator<Twin & { run: string }> {
  for (const cell of panel.content.widgets) {
    const { outputs } = cell.model;
    for (let index = 0; outputs && index < outputs.length; index++) {
      const html = htmlOf(outputs.get(index).toJSON().data);
      const run = html && runOf(html);
      if (run) yield { cell, index, html, run };
    }
  }
}

/** A notebook that was just opened goes on drawing cells, and so moves what was in sight. */
const SETTLING_MS = [200, 400, 800, 1600];

/** Scrolls to the cell of the first twin that fits, and keeps it in sight until the page is drawn; false: there is none. */
export async function scrollTo(panel: NotebookPanel, fits: (twin: Twin & { run: string }) => boolean): Promise<boolean> {
  for (const twin of twinsOf(panel)) {
    if (!fits(twin)) continue;
    panel.content.activeCellIndex = panel.content.widgets.indexOf(twin.cell);
    await panel.content.scrollToCell(twin.cell, "start");
    keepInSight(panel, twin.cell);
    return true;
  }
  return false;
}

/** Scrolls again when the cell is out of sight a little later, unless somebody has taken the page into their hands. */
function keepInSight(panel: NotebookPanel, cell: ICell): void {
  const { content } = panel;
  const hands = new AbortController();
  for (const event of ["wheel", "pointerdown", "keydown"]) {
    panel.node.addEventListener(event, () => hands.abort(), { capture: true, signal: hands.signal });
  }
  const look = () => {
    if (hands.signal.aborted || panel.isDisposed) return;
    const box = content.node.getBoundingClientRect();
    const { top, bottom, height } = cell.node.getBoundingClientRect();
    if (height === 0 || top >= box.bottom || bottom <= box.top) void content.scrollToCell(cell, "start");
  };
  for (const ms of SETTLING_MS) setTimeout(look, ms);
  setTimeout(() => hands.abort(), Math.max(...SETTLING_MS));
}

const PLACE = "#aether-run=";
/** In the storage that a page gives to those that it opens: an address alone, from wherever, starts nothing. */
const RESUMES = "aether-nb:resumes";

/** Opens a notebook on a page of its own, which scrolls to the run, or has it go on; false: the browser forbids it. */
export function openElsewhere(baseUrl: string, notebook: string, run: string, resumes: boolean): boolean {
  const path = notebook.split("/").map(encodeURIComponent).join("/");
  if (resumes) sessionStorage.setItem(RESUMES, run);
  const page = window.open(`${baseUrl}notebooks/${path}${PLACE}${encodeURIComponent(run)}`, "_blank");
  sessionStorage.removeItem(RESUMES);
  return page !== null;
}

/** Scrolls to the run that the page was opened for, if it was opened for one, and has it go on if that was wished. */
export function followPlace(tracker: INotebookTracker, resume: (panel: NotebookPanel, run: string) => unknown): void {
  if (!location.hash.startsWith(PLACE)) return;
  const run = decodeURIComponent(location.hash.slice(PLACE.length));
  const follow = async (panel: NotebookPanel) => {
    await panel.context.ready;
    await panel.revealed;
    await scrollTo(panel, (twin) => twin.run === run);
    const wished = sessionStorage.getItem(RESUMES) === run;
    sessionStorage.removeItem(RESUMES);
    if (wished) resume(panel, run);
  };
  tracker.forEach((panel) => void follow(panel));
  tracker.widgetAdded.connect((_, panel) => void follow(panel));
}
