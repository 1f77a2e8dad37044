/** Has a notebook's kernel go on with its runs; nothing here happens without somebody's click. */

import type { IKernel, NotebookPanel } from "@jupyterlab/notebook";

/** What a kernel said: done, with what; or which error. A busy one does it when it can. */
export type Said = { is: "done"; text: string } | { is: "busy" } | { is: "error"; name: string; text: string };

const PATIENCE_MS = 4000;

/** The kernel of a notebook, started when there is none. */
export async function kernelOf(panel: NotebookPanel): Promise<IKernel | null> {
  const context = panel.sessionContext;
  const living = () => (context.session?.kernel?.status === "dead" ? null : (context.session?.kernel ?? null));
  await context.sessionManager.refreshRunning(); // a page hears late that a kernel is gone
  // without one the notebook never is ready
  if (!living() && context.prevKernelName) await context.changeKernel({ name: context.prevKernelName });
  else await context.ready;
  return living();
}

/** Go on with one run. Its cells stay as they are: what it shows is in the cell that began it, and in the sidebar. */
export const resumeRun = (kernel: IKernel, run: string): Promise<Said> =>
  evaluate(kernel, `__import__("aether_nb").resume(${JSON.stringify(run)}).run_id`);

/** Go on with all of the notebook's runs; the text is how many those were. */
export const resumeAll = (kernel: IKernel): Promise<Said> => evaluate(kernel, `len(__import__("aether_nb").resume_all())`);

async function evaluate(kernel: IKernel, expression: string): Promise<Said> {
  const asked = kernel.requestExecute({ code: "", silent: true, store_history: false, user_expressions: { said: expression } });
  const busy = new Promise<null>((resolve) => setTimeout(() => resolve(null), PATIENCE_MS));
  const reply = await Promise.race([asked.done, busy]);
  if (!reply) return { is: "busy" };
  const said = reply.content.user_expressions?.["said"];
  if (said?.status === "ok") return { is: "done", text: said.data?.["text/plain"] ?? "" };
  return { is: "error", name: said?.ename ?? "", text: said?.evalue ?? "" };
}
