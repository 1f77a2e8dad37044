/**
 * The plugin: puts sidebar, tabs, commands and the notebooks' button into JupyterLab or Notebook, each where there
 * is a place for it. What is in them stands in `../inbox` and `../runs`; menus, shortcuts and settings in `../../schema`.
 */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ILabShell, ILayoutRestorer } from "@jupyterlab/application";
import { ICommandPalette, IToolbarWidgetRegistry } from "@jupyterlab/apputils";
import type { NotebookPanel } from "@jupyterlab/notebook";
import { INotebookTracker } from "@jupyterlab/notebook";
import { ISettingRegistry } from "@jupyterlab/settingregistry";
import { addCommands, nextIn } from "./commands";
import { Counts, pathOf } from "./counts";
import { LabHost } from "./host";
import { followPlace } from "./places";
import { Sidebar } from "./sidebar";
import { RunTabs } from "./tabs";
import { keepTwins } from "./twins";
import { WaitingButton } from "./waiting";

const ID = "aether_nb:plugin";
/** Below the files and the sessions, above the table of contents. */
const RANK = 250;

function activate(
  app: JupyterFrontEnd,
  lab: ILabShell | null,
  restorer: ILayoutRestorer | null,
  palette: ICommandPalette | null,
  notebooks: INotebookTracker | null,
  toolbars: IToolbarWidgetRegistry | null,
  settings: ISettingRegistry | null,
): void {
  const counts = new Counts();
  const tabs = new RunTabs(app, lab ? "main" : "down");
  const host = new LabHost(app, notebooks, tabs, counts, lab !== null);
  const sidebar = new Sidebar(host, counts);
  app.shell.add(sidebar, "left", { rank: RANK });
  addCommands({ app, host, tabs, sidebar, notebooks, palette });
  restorer?.add(sidebar, sidebar.id);
  if (restorer) tabs.restore(restorer, "aether:open-run");
  if (notebooks) {
    keepTwins(notebooks);
    followPlace(notebooks, (panel, run) => host.resume(pathOf(panel.context.path), run));
  }

  let buttons = true;
  toolbars?.addFactory<NotebookPanel>(
    "Notebook",
    "aether-waiting",
    (panel) => new WaitingButton(panel, counts, () => buttons, (asked) => void nextIn(asked, app, sidebar)),
  );
  void settings?.load(ID).then((loaded) => {
    const read = () => {
      buttons = loaded.composite["toolbarButton"] !== false;
      sidebar.badge = loaded.composite["badge"] !== false;
      counts.tell();
    };
    loaded.changed.connect(read);
    read();
  });
}

const plugin: JupyterFrontEndPlugin<void> = {
  id: ID,
  description: "Questions of agents and their runs, in the sidebar and as tabs.",
  autoStart: true,
  optional: [ILabShell, ILayoutRestorer, ICommandPalette, INotebookTracker, IToolbarWidgetRegistry, ISettingRegistry],
  activate,
};

export default [plugin];
