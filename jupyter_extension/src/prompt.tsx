/**
 * One question: its text, the input that fits its kind, what became of the answer. A new kind of
 * prompt is a component here (or in a module of its own, as `files.tsx`) and a line in `Input`.
 */

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Prompt, PromptShape, ReplyValue } from "./api";
import { keepDraft, readDraft } from "./drafts";
import { FilesInput } from "./files";
import { clock, countdown, sentences, who } from "./format";
import { useElementId, useModel, useNow, useSession } from "./hooks";
import { Markdown } from "./markdown";
import type { Attempt } from "./model";
import { standing } from "./replies";

/** What an input of some kind gets. */
export interface InputProps<P = Prompt> {
  token: string;
  prompt: P;
  /** Id of the element that labels the input, and of what else there is to say about it. */
  labelId: string;
  noteId: string;
  busy: boolean;
  answer: (value: ReplyValue) => void;
}

export function PromptCard({ prompt: item }: { prompt: PromptShape }) {
  const session = useSession();
  const model = useModel(session);
  const { attempts, link } = model;
  const labelId = useElementId();
  const attempt = attempts[item.token];
  const { token, prompt } = item;
  const state = item.state === "open" && link === "dead" ? "stale" : item.state;
  useEffect(() => {
    if (item.state !== "open") keepDraft(token, "");
  }, [item.state]);
  const answer = (value: ReplyValue) =>
    void session.replies.answer(token, value).then((taken) => taken && keepDraft(token, ""));
  const settled = attempt?.phase === "taken" || attempt?.phase === "closed";
  return (
    <div
      class="aether-prompt"
      role="group"
      aria-labelledby={labelId}
      data-aether-wait={token}
      data-kind={item.kind}
      data-state={state}
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
          {!settled && (
            <Input
              token={token}
              prompt={prompt}
              labelId={labelId}
              noteId={`${labelId}-note`}
              busy={attempt?.phase === "sending"}
              answer={answer}
            />
          )}
          <Notes id={`${labelId}-note`} item={item} attempt={attempt}>
            {!attempt && prompt.kind !== "callback" && standing(model)}
          </Notes>
        </>
      )}
    </div>
  );
}

function Input(props: InputProps) {
  const { prompt } = props;
  if (prompt.kind === "text") return <TextInput {...props} prompt={prompt} />;
  if (prompt.kind === "approval") return <ApprovalInput {...props} prompt={prompt} />;
  if (prompt.kind === "files") return <FilesInput {...props} prompt={prompt} />;
  if (prompt.kind === "callback") {
    return <div class="aether-muted">Waits for {prompt.job || "an answer from elsewhere"}.</div>;
  }
  return <div class="aether-muted">Answer it by run.answer(...), or aether-nb answer in a terminal.</div>;
}

interface NotesProps {
  id: string;
  item: PromptShape;
  attempt: Attempt | undefined;
  children: ComponentChildren;
}

function Notes({ id, item, attempt, children }: NotesProps) {
  const problems = attempt?.phase === "refused" ? attempt.problems : attempt ? {} : item.problems;
  const note = attempt?.phase === "taken" ? attempt.note || "Accepted." : attempt?.note;
  return (
    <div id={id} class="aether-notes">
      <div role="alert" class="aether-problems">
        {sentences(problems).map((text) => (
          <div key={text}>{text}</div>
        ))}
        {attempt?.phase === "undelivered" && attempt.note}
      </div>
      <div role="status">{attempt?.phase === "undelivered" ? "" : note || children}</div>
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

function Outcome({ item: { reply, state } }: { item: PromptShape }) {
  if (!reply) {
    return <div class="aether-outcome">{state === "expired" ? "⊘ no answer in time" : "⊘ not asked any more"}</div>;
  }
  return (
    <div class="aether-outcome" title={`${new Date(reply.at_ms).toLocaleString()} ${reply.door}`}>
      <span class="aether-check">✓ </span>
      <span class="aether-answer">{reply.text}</span>
      {` · ${who(reply)} · ${clock(reply.at_ms)}`}
    </div>
  );
}

type Of<K extends Prompt["kind"]> = Extract<Prompt, { kind: K }>;

function TextInput({ token, prompt, labelId, noteId, busy, answer }: InputProps<Of<"text">>) {
  const [text, setText] = useState(() => readDraft(token));
  const onInput = (event: { currentTarget: HTMLInputElement | HTMLTextAreaElement }) => {
    setText(event.currentTarget.value);
    keepDraft(token, event.currentTarget.value);
  };
  const submit = () => {
    if (!busy) answer(text);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.isComposing) return;
    if (prompt.multiline && !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    submit();
  };
  const shared = {
    value: text,
    placeholder: prompt.placeholder,
    readOnly: busy,
    onInput,
    onKeyDown,
    "aria-labelledby": labelId,
    "aria-describedby": noteId,
  };
  return (
    <div class="aether-fields" data-multiline={prompt.multiline}>
      {prompt.multiline ? (
        <textarea class="aether-input" rows={3} {...shared} />
      ) : (
        <input class="aether-input" type="text" autocomplete="off" {...shared} />
      )}
      <SubmitButton busy={busy} onClick={submit} title={prompt.multiline ? "Ctrl+Enter" : "Enter"} />
    </div>
  );
}

function ApprovalInput({ prompt, busy, answer }: InputProps<Of<"approval">>) {
  const group = useRef<HTMLDivElement>(null);
  const [given, setGiven] = useState("");
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const buttons = [...(group.current?.querySelectorAll("button") ?? [])];
    const now = buttons.indexOf(document.activeElement as HTMLButtonElement);
    buttons[(now + step + buttons.length) % buttons.length]?.focus();
  };
  const choose = (option: string) => {
    if (busy) return;
    setGiven(option);
    answer(option);
  };
  return (
    <div class="aether-options" ref={group} onKeyDown={onKeyDown}>
      {prompt.options.map((option) => (
        <button
          key={option}
          type="button"
          class={`aether-button ${option === prompt.approve ? "aether-primary" : ""}`}
          aria-disabled={busy}
          aria-busy={busy && option === given}
          onClick={() => choose(option)}
        >
          {option}
        </button>
      ))}
    </div>
  );
}

interface SubmitProps {
  busy: boolean;
  onClick: () => void;
  title?: string;
  disabled?: boolean;
}

export function SubmitButton({ busy, onClick, title = "", disabled = false }: SubmitProps) {
  return (
    <button
      type="button"
      class="aether-button aether-primary aether-submit"
      title={title}
      disabled={disabled}
      aria-disabled={busy}
      aria-busy={busy}
      onClick={onClick}
    >
      Submit
    </button>
  );
}
