/** What a run is made of, three ways: its graph, its timeline, its nodes as a table; and one node close up. */

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { NodeShape, RunShape } from "./api";
import { Drawing } from "./drawing";
import { Part } from "./lazy";
import { useElementId } from "./ids";
import { nodeOf } from "./model";
import { NodeTable } from "./nodes";

const TABS = { graph: "Graph", timeline: "Timeline", table: "Table" } as const;
type Tab = keyof typeof TABS;

/** Which tab of a run was looked at last, as long as the page lives: every widget has a module of its own. */
const remembered = (runId: string): string => `aether-nb:tab:${runId}`;

function lastTab(runId: string): Tab {
  try {
    const found = sessionStorage.getItem(remembered(runId));
    return found && found in TABS ? (found as Tab) : "graph";
  } catch {
    return "graph"; // no storage here
  }
}

function keepTab(runId: string, tab: Tab): void {
  try {
    sessionStorage.setItem(remembered(runId), tab);
  } catch {
    // no storage here
  }
}

export function Dag({ view, svg }: { view: RunShape; svg: string }) {
  const [wanted, want] = useState<Tab>(() => lastTab(view.run_id));
  const [chosen, setChosen] = useState("");
  const opener = useRef<Element | null>(null);
  const id = useElementId();
  const tabs = (Object.keys(TABS) as Tab[]).filter((tab) => tab !== "graph" || svg !== "");
  const tab = tabs.includes(wanted) ? wanted : "table";
  const [standIn, stand] = useState<NodeShape | null>(null);
  const node = nodeOf(view, chosen) ?? (standIn?.id === chosen ? standIn : undefined);
  const choose = (to: string) => {
    opener.current = document.activeElement;
    setChosen(to);
  };
  const close = () => {
    setChosen("");
    if (opener.current instanceof HTMLElement) opener.current.focus({ preventScroll: true });
  };
  const open = (to: Tab) => {
    keepTab(view.run_id, to);
    want(to);
  };
  return (
    <>
      <section class="aether-dag" aria-label="What runs" data-tab={tab}>
        <Tabs id={id} tabs={tabs} tab={tab} open={open} />
        <div class="aether-panel" role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${tab}`}>
          {tab === "graph" && <Drawing view={view} svg={svg} chosen={chosen} choose={choose} />}
          {tab === "timeline" && <Part name="Timeline" props={{ view, chosen, choose, stand }} />}
          {tab === "table" && <NodeTable view={view} choose={choose} />}
        </div>
      </section>
      {node && <Part key={node.id} name="Detail" props={{ node, view, close }} />}
    </>
  );
}

interface TabsProps {
  id: string;
  tabs: Tab[];
  tab: Tab;
  open: (tab: Tab) => void;
}

function Tabs({ id, tabs, tab, open }: TabsProps) {
  const list = useRef<HTMLDivElement>(null);
  const moved = useRef(false);
  useLayoutEffect(() => {
    if (moved.current) list.current?.querySelector<HTMLElement>('[aria-selected="true"]')?.focus();
    moved.current = false;
  }, [tab]);
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
    if (step === 0 || !next) return;
    event.preventDefault();
    moved.current = true;
    open(next);
  };
  return (
    <div ref={list} class="aether-tabs" role="tablist" aria-label="Ways to look at the run" onKeyDown={onKeyDown}>
      {tabs.map((each) => (
        <button
          key={each}
          type="button"
          role="tab"
          id={`${id}-${each}`}
          class="aether-quiet"
          aria-selected={each === tab}
          aria-controls={`${id}-panel`}
          tabIndex={each === tab ? 0 : -1}
          onClick={() => open(each)}
        >
          {TABS[each]}
        </button>
      ))}
    </div>
  );
}
