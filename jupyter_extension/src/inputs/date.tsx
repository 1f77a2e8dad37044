/** Asks for a date, or for a date and a time, in the browser's own inputs. */

import { useRef, useState } from "preact/hooks";
import { isText } from "../drafts";
import { dateFault, dateHint, offsetAt, toLocal, withOffset } from "./dates";
import type { InputProps, Of } from "./kit";
import { AnswerForm, Field, SubmitButton, useDraft, useFaults, whole } from "./kit";

export function DateInput({ token, prompt, labelId, noteId, problems, busy, answer }: InputProps<Of<"date">>) {
  const { time } = prompt;
  const own = (iso: string | null) => (iso === null ? "" : time ? toLocal(iso) : iso);
  const min = own(prompt.min);
  const max = own(prompt.max);
  const input = useRef<HTMLInputElement>(null);
  const [value, setValue] = useDraft(token, own(prompt.value), isText);
  const [partial, setPartial] = useState(false);
  const faults = useFaults(problems);
  const found = dateFault(value, partial, min, max, time);
  const submit = () => {
    const typed = input.current?.validity.badInput ?? false;
    setPartial(typed);
    if (faults.pass(dateFault(value, typed, min, max, time))) answer(time ? withOffset(value) : value);
  };
  const zone = time && `Your time, UTC${offsetAt(value || new Date().toISOString().slice(0, 16))}.`;
  return (
    <AnswerForm busy={busy} submit={submit}>
      <Field
        labelId={labelId}
        noteId={noteId}
        hint={[dateHint(min, max), zone].filter(Boolean).join(" ")}
        fault={faults.says(whole(problems), found)}
      >
        {(aria) => (
          <input
            ref={input}
            class="aether-input aether-date"
            type={time ? "datetime-local" : "date"}
            value={value}
            min={min || undefined}
            max={max || undefined}
            readOnly={busy}
            onInput={(event) => {
              setValue(event.currentTarget.value);
              setPartial(event.currentTarget.validity.badInput);
              faults.changed();
            }}
            {...aria}
          />
        )}
      </Field>
      <div class="aether-buttons">
        <SubmitButton busy={busy} />
      </div>
    </AnswerForm>
  );
}
