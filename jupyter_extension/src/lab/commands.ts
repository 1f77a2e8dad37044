/** What can be asked for by name: in the palette, in menus (`../../schema/plugin.json`), by a shortcut of one's own. */

import type { JupyterFrontEnd } from "@jupyterlab/application";
import type { ICommandPalette } from "@jupyterlab/apputils";
import { Notification } from "@jupyterlab/apputils";
import type { INotebookTracker, NotebookPanel } from "@jupyterlab/notebook";
import type { LabHost } from "./host";
import { icon } from "./icon";
import { kernelOf, resumeAll } from "./kernels";
import { scrollTo } from "./places";
import type { Sidebar } from "./sidebar";
import type { RunTabs } from "./tabs";

interface Parts {
  app: JupyterFrontEnd;
  host: LabHost;
  tabs: RunTabs;
  sidebar: Sidebar;
  notebooks: INotebookTracker | null;
  palette: ICommandPalette | null;
}

const SOON_MS = 5000;

export function addCommands({ app, host, tabs, sidebar, notebooks, palette }: Parts): void {
  const { commands, shell } = app;
  /** In the palette they stand under Aether already. */
  const named = (label: string) => (args: object) => ("inPalette" in args ? label : `Aether: ${label}`);
  const current = () => {
    const panel = notebooks?.currentWidget;
    return panel && panel === shell.currentWidget ? panel : null;
  };
  const listed = {
    "aether:open-inbox": {
      label: named("Open Inbox"),
      execute: () => {
        shell.activateById(sidebar.id);
        sidebar.showInbox();
      },
    },
    "aether:next-question": {
      label: named("Next Question"),
      execute: () => {
        shell.activateById(sidebar.id);
        if (!sidebar.next()) Notification.info("No question is open.", { autoClose: SOON_MS });
      },
    },
    "aether:resume-all": {
      label: named("Resume All in This Notebook"),
      isEnabled: () => current() !== null,
      execute: async () => {
        const panel = current();
        if (panel) await goOn(panel, app);
      },
    },
  };
  for (const [command, options] of Object.entries(listed)) {
    commands.addCommand(command, { ...options, icon: icon as never });
    palette?.addItem({ command, category: "Aether", args: { inPalette: true } });
  }
  commands.addCommand("aether:open-run", {
    label: "Aether: Open Run",
    execute: ({ store, run, title }) => tabs.open({ store: String(store), run: String(run), title: String(title) }, host),
  });
}

async function goOn(panel: NotebookPanel, app: JupyterFrontEnd): Promise<void> {
  const kernel = await kernelOf(panel);
  const said = kernel && (await resumeAll(kernel));
  const runAll = { label: "Run all cells", callback: () => void app.commands.execute("notebook:run-all-cells") };
  if (!said) Notification.warning("This notebook has no kernel.", { autoClose: SOON_MS });
  else if (said.is === "busy") Notification.info("The kernel is busy, and goes on with them after that.", { autoClose: SOON_MS });
  else if (said.is === "error") Notification.warning(said.text || said.name, { autoClose: false });
  else if (said.text === "0") {
    const none = "Nothing to go on with among the graphs that this kernel knows. After a restart, run the cells first.";
    Notification.info(none, { autoClose: false, actions: [runAll] });
  } else Notification.info(`${said.text} go${said.text === "1" ? "es" : ""} on.`, { autoClose: SOON_MS });
}

/** What the static twin of a run has for each of its questions; others wait for a job. */
const ASKS = /data-kind="(?!callback")\w+" data-state="open"/;

/** The next open question of a notebook: in its cell, else in the sidebar. */
export async function nextIn(panel: NotebookPanel, app: JupyterFrontEnd, sidebar: Sidebar): Promise<void> {
  const open = "[data-aether-wait][data-state=open]";
  if (await scrollTo(panel, (twin) => ASKS.test(twin.html))) {
    const cell = panel.content.widgets[panel.content.activeCellIndex]?.node;
    const field = cell?.querySelector<HTMLElement>(`${open} :is(input, textarea, select, button):not([disabled])`);
    if (field) {
      field.focus();
      return;
    }
  }
  app.shell.activateById(sidebar.id);
  sidebar.next();
}
