/** The sidebar "Aether": the inbox above, the runs below, and how many questions are open at its tab. */

import { SidePanel } from "@jupyterlab/ui-components";
import type { Host } from "../host";
import { mountInbox, nextQuestion } from "../inbox/inbox";
import { mountRuns } from "../runs/runs";
import type { Counts } from "./counts";
import { questions } from "./counts";
import { icon } from "./icon";
import { Mounted } from "./mounted";

/** Of the tab: what the badge says. */
const OPEN = "aether-open";

export class Sidebar extends SidePanel {
  readonly #inbox: Mounted;
  readonly #counts: Counts;
  #badge = true;

  constructor(host: Host, counts: Counts) {
    super();
    this.id = "aether-sidebar";
    this.addClass("aether-sidebar");
    this.title.icon = icon as unknown as NonNullable<typeof this.title.icon>;
    this.#counts = counts;
    counts.subscribe(() => this.#mark());
    this.#inbox = section("Inbox", (el) => mountInbox(el, host));
    this.addWidget(this.#inbox);
    this.addWidget(section("Runs", (el) => mountRuns(el, host)));
    this.#mark();
  }

  /** Whether the tab says how many. */
  set badge(shown: boolean) {
    this.#badge = shown;
    this.#mark();
  }

  /** Puts the cursor into the next open question; false: there is none. */
  next(): boolean {
    this.showInbox();
    return nextQuestion(this.#inbox.node);
  }

  /** Opens the section of the inbox, if somebody has closed it. */
  showInbox(): void {
    this.content.expand(0);
  }

  #mark(): void {
    const { open } = this.#counts;
    this.title.caption = open > 0 ? `Aether: ${questions(open)}` : "Aether";
    const { [OPEN]: _, ...others } = this.title.dataset; // Lab has its own there
    this.title.dataset = open > 0 && this.#badge ? { ...others, [OPEN]: open > 99 ? "99+" : String(open) } : others;
  }
}

function section(label: string, mount: (el: HTMLElement) => () => void): Mounted {
  const made = new Mounted(mount);
  made.id = `aether-${label.toLowerCase()}`;
  made.title.label = label;
  return made;
}
