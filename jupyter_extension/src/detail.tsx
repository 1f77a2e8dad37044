/**
 * One node close up: what it was given and gave, its attempts, log and code. The kernel is asked for it when it is opened,
 * and again while something about the node changes.
 */

import { useEffect, useRef, useState } from "preact/hooks";
import type { AttemptShape, DetailShape, NodeShape, RunShape, ValueShape } from "./api";
import { RetryButton, SureButton } from "./buttons";
import { clock, counted, duration, sign, ticking, word } from "./format";
import { useNow, useSession } from "./hooks";
import { isOver } from "./model";
import { newId } from "./replies";

const REFRESH_MS = 2000;
const BUSY_MS = 1500;

/** What the kernel says of a node; asked again when the node changes, and now and then while it is at work. */
function useDetail(node: NodeShape): { detail: DetailShape | null; note: string } {
  const { link } = useSession();
  const [found, setFound] = useState<{ detail: DetailShape | null; note: string }>({ detail: null, note: "" });
  const asking = useRef(false);
  const again = useRef(false);
  const active = node.status === "running" || node.status === "waiting";
  const ask = async (here: { gone: boolean }): Promise<void> => {
    again.current = asking.current;
    if (asking.current) return;
    asking.current = true;
    const late = setTimeout(() => here.gone || setFound((f) => ({ ...f, note: "The kernel is busy." })), BUSY_MS);
    try {
      const ack = await link.request({ type: "details", id: newId(), node: node.id });
      if (!here.gone) setFound((f) => ({ detail: ack.detail ?? f.detail, note: ack.note ?? "" }));
    } catch {
      if (!here.gone) setFound((f) => ({ ...f, note: "The kernel that ran this is gone, and with it a closer look." }));
    } finally {
      clearTimeout(late);
      asking.current = false;
      if (again.current && !here.gone) void ask(here);
    }
  };
  const life = useRef({ gone: false });
  useEffect(() => () => void (life.current.gone = true), []);
  useEffect(() => void ask(life.current), [node]);
  useEffect(() => {
    if (!active) return undefined;
    const timer = setInterval(() => void ask(life.current), REFRESH_MS);
    return () => clearInterval(timer);
  }, [active]);
  return found;
}

export function Detail({ node, view, close }: { node: NodeShape; view: RunShape; close: () => void }) {
  const { detail, note } = useDetail(node);
  const root = useRef<HTMLElement>(null);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape") close();
  };
  useEffect(() => root.current?.focus({ preventScroll: true }), []);
  const title = node.label || node.name;
  return (
    <section
      ref={root}
      class="aether-detail"
      data-status={node.status}
      data-aether-detail={node.id}
      aria-label={`Node ${title}`}
      tabIndex={-1}
      onKeyDown={onKeyDown}
    >
      <div class="aether-detail-head">
        <span class="aether-sign" aria-hidden="true">
          {sign(node.status)}
        </span>
        <h2>{title}</h2>
        <span>
          {word(node.status)}
          {node.count && `, ${counted(node.count)}`}
        </span>
        <span class="aether-actions">
          <NodeButtons node={node} view={view} />
          <button type="button" class="aether-quiet" aria-label="Close details" onClick={close}>
            ✕
          </button>
        </span>
      </div>
      <Facts node={node} detail={detail} />
      {note && (
        <p class="aether-muted" role="status">
          {note}
        </p>
      )}
      {!detail?.attempts.length && node.error && <div class="aether-error-text">{node.error}</div>}
      {detail && (
        <>
          <Attempts attempts={detail.attempts} />
          <Values title="Inputs" values={detail.inputs} />
          <Values title="Outputs" values={detail.outputs} />
          <Log lines={detail.log} />
          {detail.source && (
            <details>
              <summary>Source</summary>
              <pre tabIndex={0}>{detail.source}</pre>
            </details>
          )}
        </>
      )}
    </section>
  );
}

function NodeButtons({ node, view }: { node: NodeShape; view: RunShape }) {
  const { replies } = useSession();
  const over = isOver(view);
  const cancel = () => replies.command({ type: "cancel", id: newId(), node: node.id });
  const at = ["pending", "running", "waiting"].includes(node.status);
  return (
    <>
      {over && node.status === "failed" && <RetryButton node={node.id} label="Retry this node" kind="aether-quiet" />}
      {!over && at && <SureButton label="Cancel this node" sure act={cancel} />}
    </>
  );
}

function Facts({ node, detail }: { node: NodeShape; detail: DetailShape | null }) {
  const now = useNow(node.status === "running" || node.status === "waiting");
  const parts = [];
  if (node.started_ms !== null) {
    parts.push(`started ${clock(node.started_ms)}`);
    if (node.ended_ms !== null) parts.push(`took ${duration(node.ended_ms - node.started_ms)}`);
    else if (node.status === "running" || node.status === "waiting") parts.push(`for ${ticking(now - node.started_ms)}`);
  }
  const { queued = 0, computing = 0, waiting = 0 } = detail?.times ?? {};
  if (queued >= 1) parts.push(`in the queue ${duration(queued)}`);
  if (computing >= 1) parts.push(`computing ${duration(computing)}`);
  if (waiting >= 1) parts.push(`waiting ${duration(waiting)}`);
  return (
    <div class="aether-muted">
      <code>{node.id}</code>
      {parts.map((part) => ` · ${part}`)}
    </div>
  );
}

const BECAME: Record<AttemptShape["status"], string> = {
  running: "running", waiting: "waiting", succeeded: "done", failed: "failed", cancelled: "cancelled", lost: "its kernel died",
};

function Attempts({ attempts }: { attempts: AttemptShape[] }) {
  const plain = attempts.length === 1 && attempts[0]?.status !== "failed";
  if (attempts.length === 0 || plain) return null;
  return (
    <div class="aether-part">
      <h3>{attempts.length > 1 ? "Attempts" : "Error"}</h3>
      <ol class="aether-attempts">
        {attempts.map((attempt) => (
          <li key={`${attempt.number} ${attempt.started_ms}`}>
            {attempts.length > 1 && (
              <span>
                {attempt.number}. {BECAME[attempt.status]}{" "}
                <span class="aether-muted">
                  {clock(attempt.started_ms)}
                  {attempt.ended_ms !== null && `, ${duration(attempt.ended_ms - attempt.started_ms)}`}
                  {attempt.retry_ms !== undefined && `, the next one ${duration(attempt.retry_ms - (attempt.ended_ms ?? 0))} later`}
                </span>
              </span>
            )}
            {attempt.error && <div class="aether-error-text">{attempt.error}</div>}
            {attempt.frames && attempt.frames.length > 0 && <pre tabIndex={0}>{attempt.frames.join("\n")}</pre>}
          </li>
        ))}
      </ol>
    </div>
  );
}

function Values({ title, values }: { title: string; values: ValueShape[] }) {
  if (values.length === 0) return null;
  return (
    <div class="aether-part">
      <h3>{title}</h3>
      <dl class="aether-pairs">
        {values.map(({ name, text, cut }) => (
          <>
            <dt>{name}</dt>
            <dd tabIndex={text.length > 400 ? 0 : undefined}>
              {cut && <span class="aether-muted">({cut}){"\n"}</span>}
              {text}
            </dd>
          </>
        ))}
      </dl>
    </div>
  );
}

function Log({ lines }: { lines: DetailShape["log"] }) {
  if (lines.length === 0) return null;
  return (
    <div class="aether-part">
      <h3>Log, as far as this kernel knows</h3>
      <pre tabIndex={0}>
        {lines.map(({ at_ms, level, text }) => `${clock(at_ms)} ${["INFO", ""].includes(level) ? "" : `${level} `}${text}\n`)}
      </pre>
    </div>
  );
}
