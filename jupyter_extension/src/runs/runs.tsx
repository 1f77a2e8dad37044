/** The runs of every store that the server knows: of ten thousand those are on the page that are seen. */

import { render } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Host } from "../host";
import { useShown } from "../hooks";
import { useKeptFocus } from "../keepfocus";
import { Clock, Search, Trouble } from "../parts";
import { serverOf } from "../server";
import type { RunsState } from "./model";
import { Runs } from "./model";
import { HEIGHT, Row } from "./row";

/** Rows beyond those that are seen, above and below. */
const SPARE = 6;

const STATUSES: [string, string][] = [
  ["", "All runs"],
  ["running", "Running"],
  ["waiting", "Waiting"],
  ["blocked", "Blocked"],
  ["failed", "Failed"],
  ["succeeded", "Done"],
  ["cancelled", "Cancelled"],
];

/** Draws the runs into an element; the result takes them away again. */
export function mountRuns(el: HTMLElement, host: Host): () => void {
  const runs = new Runs(serverOf(host));
  render(<View runs={runs} host={host} />, el);
  return () => {
    render(null, el);
    runs.dispose();
  };
}

function View({ runs, host }: { runs: Runs; host: Host }) {
  const state = useShown(runs);
  const root = useRef<HTMLElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const { total } = state;
  const [from, to] = useSeen(box, total);
  const [reached, reach] = useState(0);
  const moving = useRef(false);
  const at = Math.min(reached, Math.max(0, total - 1));
  useKeptFocus(box, () => root.current?.querySelector("input") ?? null);
  useLayoutEffect(() => runs.look(from, to), [from, to, state.q, state.status, state.pages]);
  useLayoutEffect(() => {
    if (moving.current && focusRow(box.current, at)) moving.current = false;
  });
  const go = (index: number) => {
    const next = Math.max(0, Math.min(total - 1, index));
    moving.current = true;
    reach(next);
    bringInto(box.current, next);
    if (focusRow(box.current, next)) moving.current = false;
    else box.current?.focus({ preventScroll: true }); // until it is there
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const page = Math.max(1, Math.floor((box.current?.clientHeight ?? 0) / HEIGHT) - 1);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: total - 1 }[event.key];
    if (to === undefined || total === 0) return;
    event.preventDefault();
    go(to);
  };
  const onFocusIn = ({ target }: FocusEvent) => {
    const index = (target as Element).closest<HTMLElement>("[data-index]")?.dataset["index"];
    if (index !== undefined) reach(Number(index));
  };
  const shown = Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
  if (total > 0 && !shown.includes(at)) shown.push(at); // what has the cursor stays
  return (
    <Clock>
      <section ref={root} class="aether-run aether-live aether-side aether-runs" aria-label="Runs">
        <Bar runs={runs} state={state} down={() => go(at)} />
        <Trouble broken={state.link === "broken"} trouble={state.trouble} again={() => runs.again()} />
        <p class="aether-said" role="status">
          {state.said}
        </p>
        <div ref={box} tabIndex={-1} class="aether-side-list aether-run-list" onKeyDown={onKeyDown} onFocusIn={onFocusIn} aria-busy={!state.ready}>
          <div role="list" aria-label={`${total} runs`} class="aether-run-rows" style={{ height: `${total * HEIGHT}px` }}>
            {shown.map((index) => {
              const row = runs.row(index);
              return (
                <Row
                  key={row ? `${row.store} ${row.run_id}` : index}
                  runs={runs}
                  host={host}
                  index={index}
                  total={total}
                  row={row}
                  reached={index === at}
                />
              );
            })}
          </div>
        </div>
        {state.ready && total === 0 && (
          <p class="aether-nothing">{state.q || state.status ? "No run fits that." : "There are no runs yet."}</p>
        )}
        <div class="aether-hidden" role="status">
          {state.ready && (state.q || state.status) ? `${total} runs found` : ""}
        </div>
      </section>
    </Clock>
  );
}

interface BarProps {
  runs: Runs;
  state: RunsState;
  down: () => void;
}

function Bar({ runs, state, down }: BarProps) {
  return (
    <div class="aether-side-bar" role="search" aria-label="Among the runs">
      <Search label="Search runs" search={(q) => runs.search(q)} down={down} />
      <select class="aether-input" aria-label="Status" value={state.status} onChange={(event) => runs.choose(event.currentTarget.value)}>
        {STATUSES.map(([status, label]) => (
          <option key={status} value={status}>
            {label}
          </option>
        ))}
      </select>
    </div>
  );
}

/** The rows that are seen, and some more: from, to. */
function useSeen(box: { current: HTMLElement | null }, total: number): [number, number] {
  const [seen, setSeen] = useState({ top: 0, height: 600 });
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const read = () => setSeen({ top: element.scrollTop, height: element.clientHeight });
    const size = new ResizeObserver(read);
    size.observe(element);
    element.addEventListener("scroll", read, { passive: true });
    return () => {
      size.disconnect();
      element.removeEventListener("scroll", read);
    };
  }, []);
  const from = Math.max(0, Math.floor(seen.top / HEIGHT) - SPARE);
  const to = Math.ceil((seen.top + seen.height) / HEIGHT) + SPARE;
  return [Math.min(from, Math.max(0, total - 1)), Math.min(to, total)];
}

/** Scrolls no farther than a row needs to be seen. */
function bringInto(box: HTMLElement | null, index: number): void {
  if (!box) return;
  const top = index * HEIGHT;
  if (top < box.scrollTop) box.scrollTop = top;
  else if (top + HEIGHT > box.scrollTop + box.clientHeight) box.scrollTop = top + HEIGHT - box.clientHeight;
}

/** Whether the row was there to get the cursor. */
function focusRow(box: HTMLElement | null, index: number): boolean {
  const head = box?.querySelector<HTMLElement>(`[data-index="${index}"] [data-rove]`);
  head?.focus({ preventScroll: true });
  return head !== null && head !== undefined;
}
