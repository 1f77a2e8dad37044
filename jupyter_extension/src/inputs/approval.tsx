/** Asks for one of a few options, each a button; some may be dangerous, and a reason may be wanted. */

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { isText } from "../drafts";
import { sentence } from "../format";
import { useElementId } from "../ids";
import type { InputProps, Of } from "./kit";
import { AnswerForm, Field, useDraft, useFaults, whole } from "./kit";

export function ApprovalInput({ token, prompt, labelId, noteId, problems, busy, answer }: InputProps<Of<"approval">>) {
  const field = useRef<HTMLInputElement>(null);
  const buttons = useRef<HTMLDivElement>(null);
  const [reason, setReason] = useDraft(token, "", isText);
  const [opened, setOpened] = useState(prompt.reason === "required" || reason !== "");
  /** The option that was pressed: on its way, or without the reason or the second press that it needs. */
  const [pressed, setPressed] = useState("");
  const [sure, setSure] = useState("");
  const faults = useFaults(problems);
  const { reason: refused = "", ...rest } = problems;
  const missing = prompt.reason === "required" && !reason.trim() ? "A reason is needed." : "";

  const choose = (option: string) => {
    if (busy) return;
    setPressed(option);
    if (!faults.pass(missing)) return field.current?.focus();
    if (prompt.danger.includes(option) && sure !== option) return setSure(option);
    setSure("");
    answer(prompt.reason === "no" ? option : { choice: option, reason: reason.trim() });
  };
  /** Enter in the reason: goes on with what was pressed, else to the options. */
  const submit = () => {
    const all = [...(buttons.current?.querySelectorAll("button") ?? [])];
    const at = prompt.options.indexOf(pressed);
    if (at >= 0) choose(pressed);
    if (at < 0 || prompt.danger.includes(pressed)) all[Math.max(at, 0)]?.focus();
  };
  return (
    <AnswerForm class="aether-stack" busy={busy} submit={submit}>
      {opened && (
        <Reason
          prompt={prompt}
          input={field}
          reason={reason}
          busy={busy}
          noteId={noteId}
          fault={faults.says(sentence(refused), missing)}
          change={(text) => {
            setReason(text);
            faults.changed();
          }}
        />
      )}
      <div class="aether-options" ref={buttons} role="group" aria-labelledby={labelId} onKeyDown={walk}>
        {prompt.options.map((option) => (
          <button
            key={option}
            type="button"
            class={`aether-button ${look(prompt, option)}`}
            aria-disabled={busy}
            aria-busy={busy && option === pressed}
            data-asked={sure === option}
            onClick={() => choose(option)}
            onBlur={() => setSure("")}
          >
            {sure === option ? `${option}: sure?` : option}
          </button>
        ))}
        {!opened && prompt.reason === "optional" && (
          <button type="button" class="aether-quiet" onClick={() => setOpened(true)}>
            Add a reason
          </button>
        )}
      </div>
      <div role="alert" class="aether-problems">
        {faults.says(whole(rest), "")}
      </div>
      <div role="status" class="aether-hidden">
        {sure && `Press ${sure} again to be sure.`}
      </div>
    </AnswerForm>
  );
}

function look({ danger, approve }: Of<"approval">, option: string): string {
  if (danger.includes(option)) return "aether-danger";
  return option === approve ? "aether-primary" : "";
}

interface ReasonProps {
  prompt: Of<"approval">;
  input: { current: HTMLInputElement | null };
  reason: string;
  busy: boolean;
  noteId: string;
  fault: string;
  change: (text: string) => void;
}

function Reason({ prompt, input, reason, busy, noteId, fault, change }: ReasonProps) {
  const id = useElementId();
  const required = prompt.reason === "required";
  useLayoutEffect(() => {
    if (!required && !reason) input.current?.focus(); // it was just asked for
  }, []);
  return (
    <div>
      <label class="aether-label" id={id} for={`${id}-field`}>
        Reason{!required && <span class="aether-muted"> (optional)</span>}
      </label>
      <Field labelId={id} noteId={noteId} fault={fault}>
        {(aria) => (
          <input
            ref={input}
            id={`${id}-field`}
            class="aether-input"
            type="text"
            autocomplete="off"
            value={reason}
            readOnly={busy}
            aria-required={required}
            onInput={(event) => change(event.currentTarget.value)}
            {...aria}
          />
        )}
      </Field>
    </div>
  );
}

/** Arrow keys move among the options. */
function walk(event: KeyboardEvent): void {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const buttons = [...(event.currentTarget as HTMLElement).querySelectorAll("button")];
  const now = buttons.indexOf(document.activeElement as HTMLButtonElement);
  buttons[(now + step + buttons.length) % buttons.length]?.focus();
}
