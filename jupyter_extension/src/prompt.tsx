/** One question: its text, the input that fits its kind, what became of the answer. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Problems, PromptShape } from "./api";
import { putAside } from "./drafts";
import { clock, countdown, through, who } from "./format";
import { useModel, useNow, useSession } from "./hooks";
import { useElementId } from "./ids";
import { Input } from "./inputs/input";
import { onEnter } from "./inputs/kit";
import { Markdown } from "./markdown";
import type { Attempt } from "./model";
import { standing } from "./replies";

const NONE: Problems = {};
const ONLY_THERE = "A secret is stored nowhere, so only the kernel that asks takes it: answer it in its cell.";

export function PromptCard({ prompt: item }: { prompt: PromptShape }) {
  const session = useSession();
  const model = useModel(session);
  const { attempts, link } = model;
  const labelId = useElementId();
  const card = useRef<HTMLDivElement>(null);
  const attempt = attempts[item.token];
  const { token, prompt } = item;
  const state = item.state === "open" && link === "dead" ? "stale" : item.state;
  const settled = attempt?.phase === "taken" || attempt?.phase === "closed";
  const over = item.state !== "open" || settled;
  const barred = session.served && prompt.kind === "text" && prompt.secret;
  useEffect(() => {
    if (over) putAside(token);
  }, [over]);
  const problems = attempt?.phase === "refused" ? attempt.problems : attempt ? NONE : item.problems;
  useEffect(() => showFault(card.current), [problems]);
  return (
    <div
      ref={card}
      class="aether-prompt"
      role="group"
      aria-labelledby={labelId}
      data-aether-wait={token}
      data-kind={item.kind}
      data-state={state}
      onKeyDown={onEnter}
    >
      {item.source && <div class="aether-muted">{item.source}</div>}
      <div class="aether-question">
        <Markdown text={prompt.prompt} id={labelId} />
        {item.state === "open" && item.deadline_ms !== null && <Deadline at={item.deadline_ms} />}
      </div>
      {item.state !== "open" ? (
        <Outcome item={item} />
      ) : (
        <>
          {!settled && !barred && (
            <Input
              token={token}
              prompt={prompt}
              labelId={labelId}
              noteId={`${labelId}-note`}
              problems={problems}
              busy={attempt?.phase === "sending"}
              answer={(value) => void session.replies.answer(token, value)}
            />
          )}
          <Notes id={`${labelId}-note`} attempt={attempt}>
            {barred ? ONLY_THERE : !attempt && !session.served && prompt.kind !== "callback" && standing(model)}
          </Notes>
        </>
      )}
    </div>
  );
}

/** Whoever gave an answer that was refused finds the cursor in the first field that it was refused for. */
function showFault(card: HTMLDivElement | null): void {
  const at = document.activeElement;
  if (at !== document.body && !card?.contains(at)) return;
  if (at?.getAttribute("aria-invalid") === "true") return;
  card?.querySelector<HTMLElement>(":is(input, textarea, select)[aria-invalid=true]")?.focus();
}

interface NotesProps {
  id: string;
  attempt: Attempt | undefined;
  children: ComponentChildren;
}

/** What is said about the answer as a whole: where it is, or why nobody takes it. */
function Notes({ id, attempt, children }: NotesProps) {
  const note = attempt?.phase === "taken" ? attempt.note || "Accepted." : attempt?.note;
  const undelivered = attempt?.phase === "undelivered";
  return (
    <div id={id} class="aether-notes">
      <div role="alert" class="aether-problems">
        {undelivered && note}
      </div>
      <div role="status">{undelivered ? "" : note || children}</div>
    </div>
  );
}

function Deadline({ at }: { at: number }) {
  const left = at - useNow(true);
  return (
    <span class="aether-deadline" data-near={left < 60_000} title={`Until ${clock(at)}`}>
      {left > 0 ? `${countdown(left)} left` : "time is up"}
    </span>
  );
}

/** How a question ended, in one line. */
export function Outcome({ item: { reply, state } }: { item: Pick<PromptShape, "reply" | "state"> }) {
  if (!reply) {
    return <div class="aether-outcome">{state === "expired" ? "⊘ no answer in time" : "⊘ not asked any more"}</div>;
  }
  return (
    <div class="aether-outcome" title={new Date(reply.at_ms).toLocaleString()}>
      <span class="aether-check">✓ </span>
      <span class="aether-answer">{reply.text}</span>
      {` · ${who(reply)}${through(reply)} · ${clock(reply.at_ms)}`}
    </div>
  );
}
