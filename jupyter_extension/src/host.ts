/**
 * What the views of the sidebar and of a run's tab ask of the application that they stand in. JupyterLab's and
 * Notebook's plugin gives it (`lab/`); the tests have one of their own. No Lumino here.
 */

export interface Host {
  /** Base URL of the server, with a slash at its end. */
  baseUrl: string;
  /** What the server's `Authorization` header wants; "" where the cookie is enough. */
  token: string;
  /** Opens a run as a tab, or brings the tab that has it to the front. */
  openRun(store: string, run: string, title: string): void;
  /** Opens a notebook and scrolls to a run in it; false: it cannot be found. */
  goTo(notebook: string, run: string): Promise<boolean>;
  /** Opens a notebook and has its kernel go on with its runs; false: that could not be done. */
  resume(notebook: string, run: string): Promise<boolean>;
  /** Asks back before something that cannot be undone. */
  confirm(title: string, text: string, button: string): Promise<boolean>;
  /** How many questions are open now, in all and by notebook, told whenever that changed. */
  onCount(open: number, byNotebook: Record<string, number>): void;
  /** A file of the front end that is not in the core: `forms.js`, `closeup.js`, `markdown.js`, `viz.js`. */
  chunk(name: string): Promise<ArrayBuffer>;
}
