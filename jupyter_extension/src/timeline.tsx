/**
 * The run over time: a bar for whatever a node did, and for how long. What is needed for it travels only while it is
 * shown: all of it at first, then the rows that changed. Of a thousand rows those are drawn that are seen.
 */

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { NodeShape, RowShape, RunShape } from "./api";
import { sign, word } from "./format";
import type { Line } from "./gantt";
import { WORDS, arrange, latest, parts, ticks, told, visible } from "./gantt";
import { useNow, useSession } from "./hooks";
import { isOver } from "./model";
import { newId } from "./replies";

const EVERY_MS = 500;
const LINE = 22;
const MAX_HEIGHT = 420;
const STEP = 1.6;
const MOST = 500;

/** The rows as the kernel has them, asked for again, at most twice a second, when something happened. */
function useRows(view: RunShape): { rows: Map<string, RowShape>; from: number; note: string } {
  const { link } = useSession();
  const [found, setFound] = useState({ rows: new Map<string, RowShape>(), from: 0, note: "" });
  const known = useRef({ seq: 0, created: view.created_ms, asked: -1, busy: false, gone: false });
  const ask = async (): Promise<void> => {
    const at = known.current;
    if (at.busy || at.gone) return;
    at.busy = true;
    const { created } = at;
    try {
      const ack = await link.request({ type: "timeline", id: newId(), since: at.seq });
      const { timeline } = ack;
      if (at.gone || at.created !== created) return;
      if (!timeline) return setFound((f) => ({ ...f, note: ack.note ?? "" }));
      at.seq = timeline.seq;
      setFound((f) => {
        const rows = new Map(f.rows);
        for (const row of timeline.rows) rows.set(row.id, row);
        return { rows, from: timeline.from_ms, note: "" };
      });
    } catch {
      if (!at.gone) setFound((f) => ({ ...f, note: "The kernel that ran this is gone: nothing new comes." }));
    } finally {
      at.busy = false;
    }
  };
  useEffect(() => {
    const at = known.current;
    at.gone = false;
    const timer = setInterval(() => {
      if (at.seq >= at.asked && at.asked !== -1) return;
      void ask();
    }, EVERY_MS);
    void ask();
    return () => {
      at.gone = true;
      clearInterval(timer);
    };
  }, []);
  useEffect(() => {
    const at = known.current;
    if (at.created !== 0 && view.created_ms !== at.created) {
      at.seq = 0; // it was started over: what was is another run's
      setFound({ rows: new Map(), from: 0, note: "" });
    }
    at.created = view.created_ms;
    at.asked = view.seq;
  }, [view.seq, view.created_ms]);
  return found;
}

interface Props {
  view: RunShape;
  chosen: string;
  choose: (id: string) => void;
  /** Takes how the chosen node stands: one inside a map is in no other list. */
  stand: (node: NodeShape) => void;
}

export function Timeline({ view, chosen, choose, stand }: Props) {
  const { rows, from, note } = useRows(view);
  useEffect(() => {
    const row = rows.get(chosen);
    if (row) stand(standing(row));
  }, [rows, chosen]);
  const now = useNow(!isOver(view));
  const [wishes, setWishes] = useState<ReadonlyMap<string, boolean>>(new Map());
  const [zoom, setZoom] = useState(1);
  const [seen, setSeen] = useState({ top: 0, height: MAX_HEIGHT, width: 600 });
  const box = useRef<HTMLDivElement>(null);
  const lines = arrange(rows.values(), wishes);
  const span = Math.max((latest(rows.values(), now) - from) * 1.01, 1); // the end of the last bar is seen, too

  const look = () => {
    const element = box.current;
    if (element) setSeen({ top: element.scrollTop, height: element.clientHeight, width: element.clientWidth });
  };
  useLayoutEffect(look, [lines.length]);
  useEffect(() => {
    const size = new ResizeObserver(look);
    if (box.current) size.observe(box.current);
    return () => size.disconnect();
  }, []);
  const zoomBy = (factor: number, x = 0.5) => {
    const element = box.current;
    const next = Math.min(MOST, Math.max(1, zoom * factor));
    if (!element) return;
    const at = (element.scrollLeft + element.clientWidth * x) / zoom;
    setZoom(next);
    requestAnimationFrame(() => (element.scrollLeft = at * next - element.clientWidth * x));
  };
  useEffect(() => {
    const element = box.current;
    const onWheel = (event: WheelEvent) => {
      if (!(event.ctrlKey || event.metaKey) || !element) return;
      event.preventDefault();
      zoomBy(Math.exp(-event.deltaY / 200), (event.clientX - element.getBoundingClientRect().left) / element.clientWidth);
    };
    element?.addEventListener("wheel", onWheel, { passive: false });
    return () => element?.removeEventListener("wheel", onWheel);
  });
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "+" || event.key === "=") zoomBy(STEP);
    else if (event.key === "-") zoomBy(1 / STEP);
    else if (event.key === "0") setZoom(1);
    else return;
    event.preventDefault();
  };

  const [first, last] = visible(seen.top, seen.height, LINE, lines.length);
  const marks = ticks(span, Math.max(2, Math.floor(((seen.width - 180) * zoom) / 90)));
  const toggle = (line: Line) => setWishes(new Map(wishes).set(line.row.id, !line.open));
  const least = (1.5 / Math.max(100, (seen.width - 180) * zoom)) * 100;
  return (
    <div class="aether-timeline">
      <div
        ref={box}
        class="aether-gantt"
        role="region"
        aria-label="Timeline"
        tabIndex={0}
        aria-keyshortcuts="+ - 0"
        onScroll={look}
        onKeyDown={onKeyDown}
      >
        <div class="aether-gantt-sheet" style={{ width: `calc((100% - 180px) * ${zoom} + 180px)`, height: `${(lines.length + 1) * LINE}px` }}>
          <div class="aether-axis" aria-hidden="true">
            {marks.map(({ at, text }) => (
              <span key={at} style={{ left: `${(at / span) * 100}%` }}>
                {text}
              </span>
            ))}
          </div>
          <ol>
            {lines.slice(first, last).map((line, i) => (
              <GanttLine key={line.row.id} {...{ line, from, span, now, least, choose, toggle }} top={(first + i + 1) * LINE} />
            ))}
          </ol>
        </div>
      </div>
      <Legend />
      <div class="aether-zoom" role="group" aria-label="Zoom">
        <button type="button" class="aether-quiet" aria-label="Zoom out" onClick={() => zoomBy(1 / STEP)}>
          −
        </button>
        <button type="button" class="aether-quiet" aria-label="Zoom in" onClick={() => zoomBy(STEP)}>
          +
        </button>
        <button type="button" class="aether-quiet" onClick={() => setZoom(1)}>
          Fit
        </button>
      </div>
      {note && (
        <p class="aether-muted" role="status">
          {note}
        </p>
      )}
    </div>
  );
}

/** A row as the node that it is of. */
function standing(row: RowShape): NodeShape {
  const { id, label, parent, status, bars } = row;
  return {
    id, label, name: label, kind: "tool", parent, status, attempt: 1, error: "",
    started_ms: bars[0]?.[1] ?? null, ended_ms: bars[bars.length - 1]?.[2] ?? null,
  };
}

interface LineProps {
  line: Line;
  from: number;
  span: number;
  now: number;
  least: number;
  top: number;
  choose: (id: string) => void;
  toggle: (line: Line) => void;
}

function GanttLine({ line, from, span, now, least, top, choose, toggle }: LineProps) {
  const { row, depth, holds, open } = line;
  const words = told(row, now);
  return (
    <li class="aether-line" style={{ top: `${top}px`, height: `${LINE}px` }} data-aether-row={row.id} data-status={row.status}>
      <span class="aether-line-name" style={{ paddingLeft: `${6 + depth * 12}px` }}>
        {holds > 0 && (
          <button
            type="button"
            class="aether-twist"
            aria-expanded={open}
            aria-label={`${open ? "Fold" : "Open"} ${row.label}, ${holds} inside`}
            onClick={() => toggle(line)}
          >
            {open ? "▾" : "▸"}
          </button>
        )}
        <span class="aether-sign" aria-hidden="true">
          {sign(row.status)}
        </span>
        <button type="button" class="aether-link" title={`${row.label}: ${words}`} onClick={() => choose(row.id)}>
          {row.label}
          {!open && ` (${holds})`}
        </button>
        <span class="aether-hidden">
          {word(row.status)}, {words}
        </span>
      </span>
      <span class="aether-track" aria-hidden="true" title={words}>
        {parts(row, from, span, now, least).map((part) => (
          <span
            key={part.left}
            class="aether-bar"
            data-kind={row.group && part.kind === "computing" ? "group" : part.kind}
            data-open={part.open}
            style={{ left: `${part.left}%`, width: `max(${part.width}%, 2px)` }}
          />
        ))}
      </span>
    </li>
  );
}

function Legend() {
  return (
    <ul class="aether-legend">
      {Object.entries(WORDS).map(([kind, text]) => (
        <li key={kind}>
          <span class="aether-bar" data-kind={kind} aria-hidden="true" /> {text}
        </li>
      ))}
    </ul>
  );
}
