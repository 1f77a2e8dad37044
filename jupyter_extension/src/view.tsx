/** A run as a whole: header, graph and feed side by side, then what came out. Starts with `mount`. */

import { render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { ErrorShape, NodeShape, RunShape } from "./api";
import { RetryButton, SureButton } from "./buttons";
import { Dag } from "./dag";
import { Changes } from "./diff";
import { Feed } from "./feed";
import { ownKeys } from "./focus";
import { clock, duration, sign, ticking, word } from "./format";
import { SessionContext, useModel, useNow, useSession } from "./hooks";
import { isOver, nodeOf } from "./model";
import { useNews } from "./news";
import { newId } from "./replies";
import type { Session } from "./session";

/** How a note tells that the code is not what it was. */
const CHANGED = /\brun\.changes\b/;

/** Draws a session into an element; the result takes it away again. */
export function mount(session: Session, el: HTMLElement): () => void {
  render(
    <SessionContext.Provider value={session}>
      <Run />
    </SessionContext.Provider>,
    el,
  );
  return () => render(null, el);
}

/** The run of the session around it. */
export function Run() {
  const session = useSession();
  const { view, drawn, said } = useModel(session);
  const root = useRef<HTMLDivElement>(null);
  const feed = view.prompts.length + view.messages.length > 0;
  const news = useNews(view, root);
  return (
    <div
      ref={root}
      class="aether-run aether-live"
      data-aether-run={view.run_id}
      data-status={view.status}
      data-lm-suppress-shortcuts="true"
      onKeyDown={(event) => event.stopPropagation()}
      onFocusIn={(event) => {
        ownKeys(event);
        session.look();
      }}
    >
      <Header view={view} />
      {view.note && (
        <div class="aether-note">
          {view.note}
          {view.stored && <RunAgain />}
          {CHANGED.test(view.note) && <Changes />}
        </div>
      )}
      {said && (
        <p class="aether-note" role="status">
          {said}
        </p>
      )}
      {(feed || view.nodes.length > 0) && (
        <div class="aether-columns">
          {view.nodes.length > 0 && <Dag view={view} svg={view.svg || drawn} />}
          {feed && <Feed view={view} />}
        </div>
      )}
      {view.error && <Failure error={view.error} view={view} />}
      {view.outputs.length > 0 && <Outputs view={view} />}
      <div class="aether-hidden" aria-live="polite">
        {news}
      </div>
    </div>
  );
}

/** Beside the line that says that this is a stored result. */
function RunAgain() {
  const { replies, served } = useSession();
  if (served) return null;
  const again = () => void replies.command({ type: "start_over", id: newId() });
  return (
    <button type="button" class="aether-button aether-small" onClick={again}>
      Run again
    </button>
  );
}

function Header({ view }: { view: RunShape }) {
  const { replies, served } = useSession();
  const over = isOver(view);
  const now = useNow(!over);
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return undefined;
    const timer = setTimeout(() => setCopied(false), 1500);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = () =>
    void navigator.clipboard?.writeText(view.run_id).then(() => setCopied(true), () => undefined);
  const elapsed = over ? duration((view.ended_ms ?? now) - view.created_ms) : ticking(now - view.created_ms);
  const failed = view.status === "failed" && view.error ? retriable(view, view.error.node) : undefined;
  const started = view.created_ms ? `Started ${clock(view.created_ms)}` : "";
  return (
    <div class="aether-header">
      <h2 class="aether-name">{view.graph || "…"}</h2>
      <span class="aether-pill" data-status={view.status}>
        <span class="aether-sign" aria-hidden="true">
          {sign(view.status)}
        </span>
        {word(view.status)}
      </span>
      {view.created_ms > 0 && (
        <span class="aether-elapsed" title={started}>
          {elapsed}
        </span>
      )}
      {view.run_id && <span class="aether-actions">
        <button type="button" class="aether-quiet aether-copy" title={`Copy ${view.run_id}`} onClick={copy}>
          {copied ? "copied" : <code>{view.run_id}</code>}
        </button>
        {failed && <RetryButton node={failed.id} label="Retry" kind="aether-quiet" />}
        {!served && (
          <SureButton label="Start over" sure={!over} act={() => replies.command({ type: "start_over", id: newId() })} />
        )}
        {!over && <SureButton label="Cancel" sure act={() => replies.command({ type: "cancel", id: newId() })} />}
      </span>}
    </div>
  );
}

/** The node that failed the run, if it can be run again. */
function retriable(view: RunShape, id: string): NodeShape | undefined {
  const node = nodeOf(view, id);
  return node?.status === "failed" ? node : undefined;
}

export function Failure({ error, view }: { error: ErrorShape; view: RunShape }) {
  const node = nodeOf(view, error.node);
  const inputs = Object.entries(error.inputs);
  return (
    <section class="aether-failure" aria-label="Error">
      <div class="aether-failure-head">
        <span class="aether-error-text">{error.message}</span>
      </div>
      {node && (
        <div class="aether-muted">
          in <code>{node.label || node.name}</code>
          {node.attempt > 1 && `, attempt ${node.attempt}`}
        </div>
      )}
      {inputs.length > 0 && (
        <dl class="aether-pairs">
          {inputs.map(([name, text]) => (
            <Pair key={name} name={name} text={text} />
          ))}
        </dl>
      )}
      {error.frames.length > 0 && (
        <details>
          <summary>Where in your code</summary>
          <pre>{error.frames.join("\n")}</pre>
        </details>
      )}
    </section>
  );
}

export function Outputs({ view }: { view: RunShape }) {
  return (
    <section class="aether-outputs" aria-label="Outputs">
      <dl class="aether-pairs">
        {view.outputs.map(({ name, text }) => (
          <Pair key={name} name={name} text={text} />
        ))}
      </dl>
    </section>
  );
}

export function Pair({ name, text }: { name: string; text: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{text}</dd>
    </>
  );
}
