/** What the inputs of all kinds share: their props, drafts, what is said at a field, the button. */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Problems, Prompt, ReplyValue } from "../api";
import { keepDraft, readDraft } from "../drafts";
import { sentence } from "../format";
import { useElementId } from "../ids";

export type Of<K extends Prompt["kind"]> = Extract<Prompt, { kind: K }>;

/** What an input of some kind gets. */
export interface InputProps<P = Prompt> {
  token: string;
  prompt: P;
  /** Id of the element that labels the input, and of what else there is to say about it. */
  labelId: string;
  noteId: string;
  /** Why the last answer was refused, by field; the same object until the next refusal. */
  problems: Problems;
  busy: boolean;
  answer: (value: ReplyValue) => void;
}

/** A value that outlives the page, until it is what it was at first; `kept` is false for secrets. */
export function useDraft<T>(
  token: string,
  first: T,
  fits: (draft: unknown) => draft is T,
  kept = true,
): [T, (value: T) => void] {
  const [value, setValue] = useState(() => (kept ? readDraft(token, fits) : undefined) ?? first);
  const change = (next: T) => {
    setValue(next);
    if (kept) keepDraft(token, JSON.stringify(next) === JSON.stringify(first) ? undefined : next);
  };
  return [value, change];
}

export interface Faults {
  /** What to say: the kernel's word until something changes, then what the page found. */
  says(said: string, found: string): string;
  /** The answer was changed: the kernel's word was about another. */
  changed(): void;
  /** Whether nothing was found; from now on the page says what it finds. */
  pass(...found: string[]): boolean;
}

export function useFaults(problems: Problems): Faults {
  const [over, setOver] = useState<Problems>();
  const [tried, setTried] = useState(false);
  return {
    says: (said, found) => (over !== problems && said) || (tried ? found : ""),
    changed: () => setOver(problems),
    pass: (...found) => {
      setTried(true);
      setOver(problems);
      return found.every((text) => !text);
    },
  };
}

/** All that is wrong, for a kind that has one field. */
export const whole = (problems: Problems): string => Object.values(problems).map(sentence).join(" ");

/** What ties an element to its label, its notes and its fault. */
export interface Aria {
  "aria-labelledby": string;
  "aria-describedby": string;
  "aria-invalid": boolean;
}

interface FieldProps {
  labelId: string;
  noteId: string;
  hint?: ComponentChildren;
  /** How much of a limit is used: `12/140`. */
  count?: string;
  fault: string;
  children: (aria: Aria) => ComponentChildren;
}

/** An input with the line under it: what is expected, or in its place what is wrong. */
export function Field({ labelId, noteId, hint = "", count = "", fault, children }: FieldProps) {
  const id = useElementId();
  const aria: Aria = {
    "aria-labelledby": labelId,
    "aria-describedby": `${noteId} ${id}`,
    "aria-invalid": fault !== "",
  };
  return (
    <div class="aether-field">
      {children(aria)}
      <div class="aether-under">
        <div id={id}>
          <div role="alert" class="aether-problems">
            {fault}
          </div>
          {!fault && hint}
        </div>
        {count && <div class="aether-count">{count}</div>}
      </div>
    </div>
  );
}

interface AnswerFormProps {
  class?: string;
  busy: boolean;
  submit: () => void;
  children: ComponentChildren;
}

/** The form around the inputs of a question: Enter in any of them submits, as everywhere. */
export function AnswerForm({ class: name = "aether-row", busy, submit, children }: AnswerFormProps) {
  const onSubmit = (event: SubmitEvent) => {
    event.preventDefault();
    if (!busy) submit();
  };
  return (
    <form class={name} noValidate onSubmit={onSubmit}>
      {children}
    </form>
  );
}

/**
 * Keys of all inputs. Ctrl+Enter submits where Enter makes a new line. Elsewhere only Enter by itself
 * counts: with Shift, Ctrl or Alt it runs a cell, and a question may have come just before it was pressed.
 */
export function onEnter(event: KeyboardEvent): void {
  if (event.key !== "Enter" || event.isComposing) return;
  const { target, shiftKey, altKey, ctrlKey, metaKey } = event;
  if (!(target instanceof HTMLElement)) return;
  const writes = target instanceof HTMLTextAreaElement;
  if ((writes || target.role === "combobox") && (ctrlKey || metaKey)) {
    event.preventDefault();
    target.closest("form")?.requestSubmit();
  } else if (!writes && (shiftKey || altKey || ctrlKey || metaKey)) event.preventDefault();
}

export function SubmitButton({ busy, title = "Enter", children = "Submit" }: SubmitProps) {
  return (
    <button
      type="submit"
      class="aether-button aether-primary aether-submit"
      title={title}
      aria-disabled={busy}
      aria-busy={busy}
    >
      {children}
    </button>
  );
}

interface SubmitProps {
  busy: boolean;
  title?: string;
  children?: ComponentChildren;
}
