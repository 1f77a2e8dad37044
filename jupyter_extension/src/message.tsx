/** One message of a run, by its kind; a stream and a bar also while they go on. */

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { ProgressShape, FileShape, MessageShape, TableShape } from "./api";
import { bytes } from "./format";
import { GrowingMarkdown, GrowingText } from "./growing";
import { useElementId } from "./ids";

/** Drawn again only when it has changed: a feed has many, and a stream changes often. */
export function MessageView({ message, gone }: { message: MessageShape; gone: boolean }) {
  return useMemo(() => draw(message, gone), [message, gone && message.state === "live"]);
}

function draw(message: MessageShape, gone: boolean) {
  const { kind } = message;
  const state = gone && message.state === "live" ? "gone" : message.state;
  return (
    <div class={`aether-message aether-message-${kind}`} data-kind={kind} data-state={state}>
      <Body message={message} live={state === "live"} />
      {state === "gone" && <div class="aether-muted aether-fine">The kernel that told this is gone.</div>}
      {state === "stopped" && kind !== "progress" && <div class="aether-muted aether-fine">✕ broken off</div>}
    </div>
  );
}

function Body({ message, live }: { message: MessageShape; live: boolean }) {
  const { kind, text, name, src, file, table, bar } = message;
  if (kind === "text") return <GrowingText text={text} live={live} />;
  if (kind === "markdown") return <GrowingMarkdown text={text} live={live} />;
  if (bar) return <Bar bar={bar} label={text} state={message.state} live={live} />;
  if (table) return <Table table={table} caption={[name, text].filter(Boolean).join(": ")} />;
  if (src && /^data:image\//i.test(src)) return <Picture src={src} caption={text} name={name} />;
  return file ? <FileCard file={file} name={name || kind} caption={text} /> : <>{text || name}</>;
}

/** A message as it is read out. */
export function inWords({ kind, text, name, bar, state }: MessageShape): string {
  const said = [name, text].filter(Boolean).join(": ");
  if (bar) return `${said || "Progress"}: ${bar.count}${state === "stopped" ? ", broken off" : ""}`;
  return kind === "text" || kind === "markdown" ? said : `${kind}: ${said}`;
}

interface BarProps {
  bar: ProgressShape;
  label: string;
  state: MessageShape["state"];
  live: boolean;
}

function Bar({ bar: { done, total, count, pace }, label, state, live }: BarProps) {
  const id = useElementId();
  const share = total === null ? null : total > 0 ? Math.min(1, Math.max(0, done / total)) : 1;
  const facts = [count, pace].filter(Boolean).join(" · ");
  const range = total === null ? {} : { "aria-valuemax": total, "aria-valuenow": Math.min(done, total) };
  return (
    <>
      <div class="aether-progress-head">
        <span class="aether-progress-label" id={id}>
          {state !== "live" && (
            <span class="aether-sign" aria-hidden="true">
              {state === "said" ? "✓ " : "✕ "}
            </span>
          )}
          {label || "Progress"}
          {state === "stopped" && <span class="aether-muted"> broken off</span>}
        </span>
        <span class="aether-progress-facts">{facts}</span>
      </div>
      {(share !== null || live) && (
        <div
          class="aether-progress-track"
          role="progressbar"
          aria-labelledby={id}
          aria-valuemin={0}
          {...range}
          aria-valuetext={facts}
          data-unknown={share === null}
        >
          <div class="aether-progress-fill" style={share === null ? {} : { transform: `scaleX(${share})` }} />
        </div>
      )}
    </>
  );
}

/** A picture; a click shows it as large as it is, or as the window takes. */
function Picture({ src, caption, name }: { src: string; caption: string; name: string }) {
  const large = useRef<HTMLDialogElement>(null);
  const [open, setOpen] = useState(false);
  const alt = caption || name || "Picture";
  useLayoutEffect(() => {
    if (open) large.current?.showModal();
  }, [open]);
  return (
    <figure>
      <button type="button" class="aether-picture" aria-label={`Enlarge: ${alt}`} onClick={() => setOpen(true)}>
        <img src={src} alt={alt} />
      </button>
      {caption && <figcaption>{caption}</figcaption>}
      {open && (
        <dialog
          class="aether-large"
          aria-label={alt}
          ref={large}
          onClick={() => large.current?.close()}
          onClose={() => setOpen(false)}
        >
          <img src={src} alt={alt} />
          <button type="button" class="aether-button" aria-label="Close">
            ✕
          </button>
        </dialog>
      )}
    </figure>
  );
}

function FileCard({ file: { size, path, href }, name, caption }: { file: FileShape; name: string; caption: string }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return undefined;
    const timer = setTimeout(() => setCopied(false), 1500);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = () => void navigator.clipboard?.writeText(path).then(() => setCopied(true), () => undefined);
  return (
    <>
      <span class="aether-file-sign" aria-hidden="true" />
      <span class="aether-file-facts">
        <span>
          <strong class="aether-file-name">{name}</strong> <span class="aether-muted">{bytes(size)}</span>
        </span>
        {caption && <span>{caption}</span>}
        {path && (
          <button type="button" class="aether-quiet aether-path" title={`Copy ${path}`} onClick={copy}>
            {copied ? "copied" : <code>{path}</code>}
          </button>
        )}
      </span>
      {/^data:application\/octet-stream;/.test(href) && (
        <a class="aether-button" href={href} download={name}>
          Download
        </a>
      )}
    </>
  );
}

function Table({ table: { columns, rows, right, more_rows, more_columns }, caption }: { table: TableShape; caption: string }) {
  const side = (i: number) => (right.includes(i) ? "aether-number" : "");
  const more = [counted(more_rows, "row"), counted(more_columns, "column")].filter(Boolean).join(", ");
  return (
    <>
      <div class="aether-scroll" tabIndex={0} role="region" aria-label={caption || "Table"}>
        <table class="aether-table">
          {caption && <caption>{caption}</caption>}
          {columns.length > 0 && (
            <thead>
              <tr>
                {columns.map((name, i) => (
                  <th key={i} scope="col" class={side(i)}>
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
          )}
          <tbody>
            {rows.map((row, i) => (
              <tr key={i}>
                {row.map((cell, j) => (
                  <td key={j} class={side(j)}>
                    {cell ?? <span class="aether-muted">–</span>}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {rows.length === 0 && <div class="aether-muted aether-fine">(no rows)</div>}
      {more && <div class="aether-muted aether-fine">… {more}</div>}
    </>
  );
}

const counted = (n: number, what: string): string =>
  n > 0 ? `${n.toLocaleString("en")} more ${what}${n === 1 ? "" : "s"}` : "";
