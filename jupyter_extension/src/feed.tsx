/** What a run says and asks, in the order of its log. */

import { useState } from "preact/hooks";
import type { MessageShape, PromptShape, RunShape } from "./api";
import { Markdown } from "./markdown";
import { PromptCard } from "./prompt";

/** Longer feeds show their end, and the questions that are still open. */
const SHOWN = 30;
const ROWS = 50;

type Item = { seq: number; prompt: PromptShape } | { seq: number; message: MessageShape };

/** Messages and prompts in one order. */
function items(view: RunShape): Item[] {
  return [
    ...view.messages.map((message) => ({ seq: message.seq, message })),
    ...view.prompts.map((prompt) => ({ seq: prompt.seq, prompt })),
  ].sort((a, b) => a.seq - b.seq);
}

export function Feed({ view }: { view: RunShape }) {
  const [all, setAll] = useState(false);
  const every = items(view);
  const from = all ? 0 : every.length - SHOWN;
  const shown = every.filter((item, i) => i >= from || ("prompt" in item && item.prompt.state === "open"));
  const hidden = every.length - shown.length;
  return (
    <section class="aether-feed" aria-label="Messages and questions">
      {hidden > 0 && (
        <button type="button" class="aether-quiet" onClick={() => setAll(true)}>
          Show {hidden} earlier
        </button>
      )}
      {shown.map((item) =>
        "prompt" in item ? (
          <PromptCard key={item.prompt.token} prompt={item.prompt} />
        ) : (
          <Message key={item.seq} message={item.message} />
        ),
      )}
    </section>
  );
}

function Message({ message }: { message: MessageShape }) {
  const { kind, text, name } = message;
  return (
    <div class={`aether-message aether-message-${kind}`}>
      {kind === "text" && text}
      {kind === "markdown" && <Markdown text={text} />}
      {kind === "image" && <Image message={message} />}
      {kind === "file" && (
        <>
          <span class="aether-file-name">{name}</span>
          {text && <span class="aether-muted"> {text}</span>}
        </>
      )}
      {kind === "table" && <Table message={message} />}
    </div>
  );
}

function Image({ message: { src, text, name } }: { message: MessageShape }) {
  if (!/^data:image\//i.test(src)) return <span class="aether-muted">{text || name}</span>;
  return (
    <figure>
      <img src={src} alt={text || name} />
      {text && <figcaption>{text}</figcaption>}
    </figure>
  );
}

function Table({ message: { columns, rows, text } }: { message: MessageShape }) {
  const more = rows.length - ROWS;
  const kinds = columns.map((_, i) => {
    const numbers = rows.every((row) => typeof row[i] === "number" || row[i] === null);
    return numbers ? "aether-number" : "";
  });
  return (
    <div class="aether-scroll">
      <table class="aether-table">
        {text && <caption>{text}</caption>}
        <thead>
          <tr>
            {columns.map((name, i) => (
              <th key={i} scope="col" class={kinds[i]}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, ROWS).map((row, i) => (
            <tr key={i}>
              {row.map((cell, j) => (
                <td key={j} class={kinds[j]}>
                  {cellText(cell)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {more > 0 && <div class="aether-muted">… {more} more rows</div>}
    </div>
  );
}

function cellText(cell: unknown): string {
  if (cell === null || cell === undefined) return "–";
  return typeof cell === "object" ? JSON.stringify(cell) : String(cell);
}
