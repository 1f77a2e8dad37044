/** One run of the list: what it is, how far, who drives it, and what can be done with it. */

import { SureButton } from "../buttons";
import { sign, word } from "../format";
import type { Host } from "../host";
import { isOver } from "../model";
import { Ago } from "../parts";
import { fileName, isNotebook } from "../paths";
import type { RunRow } from "../rows";
import type { Runs } from "./model";

/** Pixels of a row; the list counts on it. */
export const HEIGHT = 52;

interface Props {
  runs: Runs;
  host: Host;
  index: number;
  total: number;
  /** Missing while it is fetched. */
  row: RunRow | undefined;
  reached: boolean;
}

export function Row({ runs, host, index, total, row, reached }: Props) {
  const place = { top: `${index * HEIGHT}px`, height: `${HEIGHT}px` };
  if (!row) return <div class="aether-run-row" role="listitem" aria-setsize={total} aria-posinset={index + 1} aria-busy="true" style={place} />;
  return (
    <div
      class="aether-run-row"
      role="listitem"
      aria-setsize={total}
      aria-posinset={index + 1}
      style={place}
      data-row={`${row.store} ${row.run_id}`}
      data-index={index}
      data-run={row.run_id}
      data-status={row.status}
    >
      <button
        type="button"
        class="aether-run-open"
        data-rove
        tabIndex={reached ? 0 : -1}
        title={row.run_id}
        onClick={() => host.openRun(row.store, row.run_id, row.graph)}
      >
        <span class="aether-sign" aria-hidden="true">
          {sign(row.status)}
        </span>
        <span class="aether-run-what">
          <span class="aether-run-graph">
            {row.graph} <span class="aether-run-id">{row.run_id}</span>
          </span>
          <span class="aether-run-facts" title={row.notebook}>
            {word(row.status)}
            {driver(row)}
            {` · `}
            <Ago at={row.created_ms} />
            {row.notebook && ` · ${fileName(row.notebook)}`}
          </span>
        </span>
        <Progress row={row} />
      </button>
      <Actions runs={runs} host={host} row={row} />
    </div>
  );
}

/** Who drives it, where that is a question at all. */
function driver(row: RunRow): string {
  if (isOver(row)) return "";
  return row.driver === "here" ? " · kernel here" : row.driver === "elsewhere" ? " · kernel elsewhere" : " · no kernel";
}

function Progress({ row: { done, total, open } }: { row: RunRow }) {
  return (
    <span class="aether-run-far">
      {open > 0 && (
        <span class="aether-run-asks" title={open === 1 ? "1 open question" : `${open} open questions`}>
          {open === 1 ? "1 question" : `${open} questions`}
        </span>
      )}
      {total > 0 && (
        <>
          <span class="aether-number" title={`${done} of ${total} nodes done`}>
            {done}/{total}
          </span>
          <span class="aether-run-bar" aria-hidden="true" style={{ "--far": `${(100 * done) / total}%` }} />
        </>
      )}
    </span>
  );
}

interface ActionsProps {
  runs: Runs;
  host: Host;
  row: RunRow;
}

function Actions({ runs, host, row }: ActionsProps) {
  const over = isOver(row);
  const resume = () => {
    runs.say("");
    return host.resume(row.notebook, row.run_id).then(
      (done) => runs.say(done ? `${fileName(row.notebook)} goes on with ${row.graph}.` : `${fileName(row.notebook)} could not go on with it: open it and run its cells.`),
      () => runs.say(`${fileName(row.notebook)} could not be opened.`),
    );
  };
  const remove = async () => {
    const text = `${row.graph} (${row.run_id}) and everything in it will be gone: answers, results, files.`;
    if (await host.confirm("Delete this run?", text, "Delete")) await runs.delete(row);
  };
  return (
    <div class="aether-run-actions" role="group" aria-label={`What to do with ${row.graph}`}>
      {!over && !row.driver && isNotebook(row.notebook) && (
        <SureButton label="Resume" sure={false} act={resume} icon={<Icon path="M5 3.5v9l7-4.5z" />} />
      )}
      {row.status === "failed" && (
        <SureButton label="Retry" sure={false} act={() => runs.retry(row)} icon={<Icon path="M12.5 8A4.5 4.5 0 1 1 11 4.6M11.5 2v3h-3" />} />
      )}
      {!over && <SureButton label="Cancel" sure act={() => runs.cancel(row)} icon={<Icon path="M4 4h8v8H4z" />} />}
      <SureButton
        label="Delete"
        sure={false}
        act={remove}
        icon={<Icon path="M3 4.5h10M6.5 4.5v-2h3v2M4.5 4.5l.5 9h6l.5-9M7 7v4M9 7v4" />}
      />
    </div>
  );
}

function Icon({ path }: { path: string }) {
  return (
    <svg class="aether-icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={path} />
    </svg>
  );
}
