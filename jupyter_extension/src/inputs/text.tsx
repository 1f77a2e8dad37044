/** Asks for text: a line, a paragraph, or a secret, which is not shown and not kept. */

import { useState } from "preact/hooks";
import { isText } from "../drafts";
import type { InputProps, Of } from "./kit";
import { AnswerForm, Field, SubmitButton, useDraft, useFaults, whole } from "./kit";
import { length, textFault, textHint } from "./limits";

export function TextInput({ token, prompt, labelId, noteId, problems, busy, answer }: InputProps<Of<"text">>) {
  const { multiline, secret, max_length } = prompt;
  const [text, setText] = useDraft(token, prompt.value, isText, !secret);
  const [revealed, setRevealed] = useState(false);
  const faults = useFaults(problems);
  const found = textFault(prompt, text);
  const change = (event: { currentTarget: HTMLInputElement | HTMLTextAreaElement }) => {
    setText(event.currentTarget.value);
    faults.changed();
  };
  const submit = () => {
    if (faults.pass(found)) answer(text);
  };
  const shared = { value: text, placeholder: prompt.placeholder, readOnly: busy, onInput: change };
  const masked = secret && !revealed;
  return (
    <AnswerForm class={multiline ? "aether-stack" : "aether-row"} busy={busy} submit={submit}>
      <Field
        labelId={labelId}
        noteId={noteId}
        hint={textHint(prompt)}
        count={max_length === null ? "" : `${length(text)}/${max_length}`}
        fault={faults.says(whole(problems), found)}
      >
        {(aria) =>
          multiline ? (
            <textarea class="aether-input" rows={3} {...shared} {...aria} />
          ) : (
            <input
              class="aether-input"
              type={(masked ? "password" : "text") as "text"}
              autocomplete="off"
              spellcheck={!secret}
              {...shared}
              {...aria}
            />
          )
        }
      </Field>
      <div class="aether-buttons">
        {secret && (
          <button type="button" class="aether-button" aria-pressed={revealed} onClick={() => setRevealed(!revealed)}>
            {revealed ? "Hide" : "Show"}
          </button>
        )}
        <SubmitButton busy={busy} title={multiline ? "Ctrl+Enter" : "Enter"} />
      </div>
    </AnswerForm>
  );
}
