/**
 * Keeps the static twins in a notebook up to date. The kernel refreshes a twin under its display id; a page that
 * was loaded again has forgotten what display ids its outputs have, and drops that silently, so it is done here.
 */

import type { IMessage, INotebookTracker, NotebookPanel } from "@jupyterlab/notebook";
import { htmlOf, runOf, twinsOf } from "./places";

/** Lab has put an update that it knows the place of there by then. */
const LABS_TURN_MS = 50;

export function keepTwins(tracker: INotebookTracker): void {
  const follow = (panel: NotebookPanel) => {
    panel.sessionContext.iopubMessage.connect((_, message) => {
      if (message.header.msg_type !== "update_display_data") return;
      const run = runOf(htmlOf(message.content.data));
      if (run) setTimeout(() => refresh(panel, run, message.content), LABS_TURN_MS);
    });
  };
  tracker.forEach(follow);
  tracker.widgetAdded.connect((_, panel) => follow(panel));
}

function refresh(panel: NotebookPanel, run: string, { data, metadata }: IMessage["content"]): void {
  if (panel.isDisposed || !data) return;
  const html = htmlOf(data);
  for (const twin of [...twinsOf(panel)].filter((each) => each.run === run && each.html !== html)) {
    twin.cell.model.outputs?.set(twin.index, { output_type: "display_data", data, metadata: metadata ?? {} });
  }
}
