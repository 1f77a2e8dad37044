/**
 * The page of a report: the views of the notebook over what stands in the file, and a slider through the log. It asks
 * nothing of anybody and keeps nothing. `aether_nb/display/report.py` writes the file around it.
 */

import { render } from "preact";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { RunShape } from "./api";
import { bring } from "./chunks";
import * as closeup from "./closeup";
import { Dag } from "./dag";
import { Diff } from "./diff";
import { Feed } from "./feed";
import { clock, duration, sign, word } from "./format";
import { SessionContext, useModel } from "./hooks";
import { isOver } from "./model";
import type { ReportShape } from "./paper";
import { Paper, shownWith } from "./paper";
import { Player } from "./player";
import { Replay, forReading } from "./replay";
import * as sanitize from "./sanitize";
import { Session } from "./session";
import { Failure, Outputs, Pair } from "./view";

function Report({ report }: { report: ReportShape }) {
  const replay = useMemo(() => new Replay(report.run, report.steps), []);
  const last = replay.steps.length - 1;
  const end = useMemo(() => replay.at(last), []);
  const [index, go] = useState(last);
  const at = index === last ? report.written_ms : (replay.steps[index]?.at_ms ?? 0);
  const [{ svg, dot }, draw] = useState<Pick<RunShape, "svg" | "dot">>(report);
  const view = useMemo(() => forReading({ ...replay.at(index), svg, dot }), [index, svg, dot]);
  const [paper] = useState(() => {
    const fold = async (group: string, open: boolean) => {
      const shown = shownWith(report.groups, end, group, open);
      draw((shown && (await groupPictures())[shown]) || report);
    };
    return new Paper(report, () => packed("viz"), (group, open) => void fold(group, open));
  });
  paper.turn(view, at);
  const session = useMemo(() => new Session(paper), []);
  session.asOf = at;
  useLayoutEffect(() => session.model.welcome(view), [view]);
  const { drawn } = useModel(session);
  const root = useRef<HTMLElement>(null);
  useLayoutEffect(() => mark(root.current, view, report.groups));
  const feed = view.prompts.length + view.messages.length > 0;
  return (
    <SessionContext.Provider value={session}>
      <main
        ref={root}
        class="aether-run aether-live aether-report"
        data-aether-run={view.run_id}
        data-status={view.status}
      >
        <Header view={end} report={report} />
        {last > 0 && <Player replay={replay} index={index} status={view.status} go={go} />}
        {view.note && <p class="aether-note">{view.note}</p>}
        {(feed || view.nodes.length > 0) && (
          <div class="aether-columns">
            {view.nodes.length > 0 && <Dag view={view} svg={view.svg || drawn} />}
            {feed && <Feed view={view} />}
          </div>
        )}
        {view.error && <Failure error={view.error} view={view} />}
        <Inputs inputs={report.inputs} />
        {view.outputs.length > 0 && <Outputs view={view} />}
        <Code code={report.code} />
        <About report={report} />
      </main>
    </SessionContext.Provider>
  );
}

/** The picture is that of the whole graph: marks its nodes that are not there yet at this step, and those that stay as they are. */
function mark(root: HTMLElement | null, view: RunShape, groups: ReportShape["groups"]): void {
  const present = new Set(view.nodes.map((node) => node.id));
  for (const element of root?.querySelectorAll<SVGElement>("[data-aether-node]") ?? []) {
    const id = element.dataset["aetherNode"] ?? "";
    element.toggleAttribute("data-absent", !present.has(id));
    element.toggleAttribute("data-fixed", !Object.hasOwn(groups, id));
  }
}

function Header({ view, report }: { view: RunShape; report: ReportShape }) {
  const ended = view.ended_ms ?? null;
  return (
    <header class="aether-header">
      <h1 class="aether-name">{view.graph}</h1>
      <span class="aether-pill" data-status={view.status}>
        <span class="aether-sign" aria-hidden="true">
          {sign(view.status)}
        </span>
        {word(view.status)}
      </span>
      <span class="aether-muted">
        started {clock(view.created_ms, 0)}
        {ended !== null && `, took ${duration(ended - view.created_ms)}`}
        {!isOver(view) && `, as of ${clock(report.written_ms, 0)}`}
      </span>
      <code class="aether-run-id">{view.run_id}</code>
    </header>
  );
}

function Inputs({ inputs }: { inputs: ReportShape["inputs"] }) {
  if (inputs.length === 0) return null;
  return (
    <section class="aether-inputs" aria-label="Inputs">
      <h2>Inputs</h2>
      <dl class="aether-pairs">
        {inputs.map(([name, text]) => (
          <Pair key={name} name={name} text={text} />
        ))}
      </dl>
    </section>
  );
}

function Code({ code }: { code: ReportShape["code"] }) {
  if (code.length === 0) return null;
  return (
    <section class="aether-code" aria-label="Code">
      <h2>Code, as it was kept with the run</h2>
      {code.map(({ name, source, diff }) => (
        <details key={name}>
          <summary>
            <code>{name}</code>
            {diff && <span class="aether-changed"> has changed since</span>}
          </summary>
          <pre tabIndex={0}>{source || "(there is no source)"}</pre>
          {diff && <Diff text={diff} />}
        </details>
      ))}
    </section>
  );
}

function About({ report }: { report: ReportShape }) {
  const { hidden } = report;
  return (
    <footer class="aether-about">
      {hidden > 0 && (
        <p>
          {hidden === 1 ? "One answer is" : `${hidden} answers are`} hidden in this report; what followed from{" "}
          {hidden === 1 ? "it" : "them"} is not.
        </p>
      )}
      <dl>
        <div>
          <dt>Written</dt>
          <dd>{clock(report.written_ms, 0)}</dd>
        </div>
        {report.facts.map(([name, text]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </footer>
  );
}

let pictures: Promise<Record<string, Pick<RunShape, "svg" | "dot">>> | null = null;

/** The pictures with a group opened or folded; unpacked when the first of them is wanted. */
function groupPictures(): NonNullable<typeof pictures> {
  pictures ??= packed("groups").then((text) => JSON.parse(text) as Awaited<NonNullable<typeof pictures>>);
  return pictures;
}

const text = (id: string): string => document.getElementById(id)?.textContent ?? "";

/** A large text that stands in the file in fewer letters. */
function packed(id: string): Promise<string> {
  const bytes = Uint8Array.from(atob(text(id)), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}

bring("closeup.js", closeup);
bring("markdown.js", sanitize);
const root = document.getElementById("report");
const report = JSON.parse(text("run") || "null") as ReportShape | null;
if (root && report) render(<Report report={report} />, root);
