/** The run's graph: a picture whose nodes change colour, the same as a table, and one node close up. */

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { NodeShape, RunShape } from "./api";
import { clock, counted, duration, sign, ticking, word } from "./format";
import { useNow, useSession } from "./hooks";
import { nodeOf } from "./model";
import { newId } from "./replies";
import { picture, setStatus } from "./svg";

/** A picture is made smaller to fit, but not below this: then it scrolls. */
const SMALLEST = 0.6;
const MAX_HEIGHT = 420;
/** Wider than this, the graph stands above the feed and not beside it. */
const WIDE = 560;

export function Dag({ view, svg }: { view: RunShape; svg: string }) {
  const [table, setTable] = useState(false);
  const [chosen, setChosen] = useState("");
  const node = nodeOf(view, chosen);
  const drawable = svg !== "";
  return (
    <section class="aether-dag" aria-label="Graph">
      {table || !drawable ? (
        <NodeTable view={view} choose={setChosen} />
      ) : (
        <Drawing view={view} svg={svg} chosen={chosen} choose={setChosen} />
      )}
      {node && <Detail key={node.id} node={node} close={() => setChosen("")} />}
      {drawable && (
        <button type="button" class="aether-quiet aether-toggle" onClick={() => setTable(!table)}>
          {table ? "Show as graph" : "Show as table"}
        </button>
      )}
    </section>
  );
}

interface Choosing {
  view: RunShape;
  choose: (id: string) => void;
}

function Drawing({ view, svg, chosen, choose }: Choosing & { svg: string; chosen: string }) {
  const box = useRef<HTMLDivElement>(null);
  const drawn = useMemo(() => picture(svg), [svg]);

  useLayoutEffect(() => {
    if (!drawn || !box.current) return;
    const { width, height } = drawn;
    const shown = Math.max(Math.min(width, (MAX_HEIGHT * width) / height), SMALLEST * width);
    drawn.svg.setAttribute("width", String(shown));
    drawn.svg.setAttribute("height", String((shown * height) / width));
    drawn.svg.style.minWidth = `${SMALLEST * width}px`;
    drawn.svg.setAttribute("role", "img");
    box.current.replaceChildren(drawn.svg);
  }, [drawn]);

  useLayoutEffect(() => {
    if (!drawn) return;
    for (const node of view.nodes) {
      const group = drawn.nodes.get(node.id);
      if (group) setStatus(group, node);
    }
    const done = view.nodes.filter((n) => n.status === "succeeded").length;
    const label = `Graph ${view.graph}: ${done} of ${view.nodes.length} nodes done. The table says which.`;
    drawn.svg.setAttribute("aria-label", label);
  }, [drawn, view.nodes]);

  useLayoutEffect(() => {
    for (const [id, group] of drawn?.nodes ?? []) group.toggleAttribute("data-chosen", id === chosen);
  }, [drawn, chosen]);

  // Only when the picture is new: a graph that is larger than its box opens where things happen.
  useEffect(() => {
    const busy =
      view.nodes.find((n) => n.status === "waiting") ?? view.nodes.find((n) => n.status === "running");
    const group = busy && drawn?.nodes.get(busy.id);
    if (group && box.current) center(box.current, group);
  }, [drawn]);

  const onClick = (event: MouseEvent) => {
    const group = (event.target as Element).closest<SVGGElement>("[data-aether-node]");
    const id = group?.dataset["aetherNode"] ?? "";
    choose(id === chosen ? "" : id);
  };
  return <div class="aether-drawing" data-wide={(drawn?.width ?? 0) > WIDE} ref={box} onClick={onClick} />;
}

function center(box: HTMLElement, group: SVGGElement): void {
  const outer = box.getBoundingClientRect();
  const inner = group.getBoundingClientRect();
  box.scrollTop += inner.top + inner.height / 2 - outer.top - outer.height / 2;
  box.scrollLeft += inner.left + inner.width / 2 - outer.left - outer.width / 2;
}

function NodeTable({ view, choose }: Choosing) {
  const now = useNow(view.nodes.some((n) => n.status === "running"));
  return (
    <div class="aether-scroll">
      <table class="aether-table">
        <thead>
          <tr>
            <th scope="col">Node</th>
            <th scope="col">Status</th>
            <th scope="col" class="aether-number">
              Time
            </th>
          </tr>
        </thead>
        <tbody>
          {view.nodes.map((node) => (
            <tr key={node.id} data-status={node.status}>
              <th scope="row">
                <button type="button" class="aether-link" onClick={() => choose(node.id)}>
                  {node.label || node.name}
                </button>
              </th>
              <td>
                <span class="aether-sign" aria-hidden="true">
                  {sign(node.status)}
                </span>{" "}
                {word(node.status)}
                {node.count && `, ${counted(node.count)}`}
              </td>
              <td class="aether-number">{took(node, now)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function took(node: NodeShape, now: number): string {
  if (node.started_ms === null) return "";
  if (node.ended_ms !== null) return duration(node.ended_ms - node.started_ms);
  return node.status === "running" ? ticking(now - node.started_ms) : "";
}

function Detail({ node, close }: { node: NodeShape; close: () => void }) {
  const now = useNow(node.status === "running");
  const time = took(node, now);
  return (
    <div class="aether-detail" data-status={node.status}>
      <div class="aether-detail-head">
        <strong>{node.label || node.name}</strong>
        <button type="button" class="aether-quiet" aria-label="Close details" onClick={close}>
          ✕
        </button>
      </div>
      <dl>
        <dt>Status</dt>
        <dd>
          <span class="aether-sign" aria-hidden="true">
            {sign(node.status)}
          </span>{" "}
          {word(node.status)}
          {node.count && `, ${counted(node.count)}`}
          {node.attempt > 1 && `, attempt ${node.attempt}`}
        </dd>
        {node.started_ms !== null && (
          <>
            <dt>Started</dt>
            <dd>
              {clock(node.started_ms)}
              {time && `, ${node.ended_ms === null ? "for" : "took"} ${time}`}
            </dd>
          </>
        )}
        <dt>Node</dt>
        <dd>
          <code>{node.id}</code>
        </dd>
        {node.error && (
          <>
            <dt>Error</dt>
            <dd class="aether-error-text">{node.error}</dd>
          </>
        )}
      </dl>
      {node.status === "failed" && <RetryButton node={node.id} />}
    </div>
  );
}

/** Runs a failed node again. */
export function RetryButton({ node }: { node: string }) {
  const session = useSession();
  const retry = () => void session.replies.command({ type: "retry", id: newId(), node });
  return (
    <button type="button" class="aether-button" onClick={retry}>
      Retry
    </button>
  );
}
