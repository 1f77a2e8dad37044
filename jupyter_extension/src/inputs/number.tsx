/** Asks for a number: typed, or with a slider between two ends. */

import { isText } from "../drafts";
import type { Aria, InputProps, Of } from "./kit";
import { AnswerForm, Field, SubmitButton, useDraft, useFaults, whole } from "./kit";
import type { NumberLimits } from "./limits";
import { numberFault, numberHint, parseNumber, quantity, sliderStep, stepped } from "./limits";

export function NumberInput({ token, prompt, labelId, noteId, problems, busy, answer }: InputProps<Of<"number">>) {
  const { slider, value } = prompt;
  const first = value ?? (slider ? middle(prompt) : "");
  const [typed, setTyped] = useDraft(token, String(first), isText);
  const faults = useFaults(problems);
  const found = numberFault(prompt, typed);
  const change = (text: string) => {
    setTyped(text);
    faults.changed();
  };
  const submit = () => {
    if (faults.pass(found)) answer(parseNumber(typed));
  };
  const props = { prompt, typed, change, busy };
  return (
    <AnswerForm busy={busy} submit={submit}>
      <Field
        labelId={labelId}
        noteId={noteId}
        hint={slider ? "" : numberHint(prompt)}
        fault={faults.says(whole(problems), found)}
      >
        {(aria) => (slider ? <Slider {...props} {...aria} /> : <NumberField {...props} {...aria} />)}
      </Field>
      <div class="aether-buttons">
        <SubmitButton busy={busy} />
      </div>
    </AnswerForm>
  );
}

function middle(prompt: Of<"number">): number {
  const { min, max } = prompt;
  const step = sliderStep(prompt);
  return stepped({ ...prompt, step }, min ?? 0, Math.round(((max ?? 1) - (min ?? 0)) / step / 2));
}

interface TypedProps {
  prompt: NumberLimits;
  typed: string;
  change: (typed: string) => void;
  busy: boolean;
  id?: string;
}

/**
 * A field for a number. The browser's own would keep to itself what it cannot read, and count on
 * when somebody scrolls over it.
 */
export function NumberField({ prompt, typed, change, busy, ...rest }: TypedProps & Partial<Aria>) {
  const { min, max, unit, integer } = prompt;
  const now = parseNumber(typed);
  const onKeyDown = (event: KeyboardEvent) => {
    const steps = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!steps || busy) return;
    event.preventDefault();
    change(String(Number.isNaN(now) ? stepped(prompt, min ?? 0, 0) : stepped(prompt, now, steps)));
  };
  return (
    <div class="aether-number-field">
      <input
        class="aether-input"
        type="text"
        role="spinbutton"
        inputMode={integer ? "numeric" : "decimal"}
        autocomplete="off"
        value={typed}
        readOnly={busy}
        aria-valuenow={Number.isNaN(now) ? undefined : now}
        aria-valuemin={min ?? undefined}
        aria-valuemax={max ?? undefined}
        onInput={(event) => change(event.currentTarget.value)}
        onKeyDown={onKeyDown}
        {...rest}
      />
      {unit && <span class="aether-unit">{unit}</span>}
    </div>
  );
}

export function Slider({ prompt, typed, change, busy, ...rest }: TypedProps & Partial<Aria>) {
  const { min, max, unit } = prompt;
  return (
    <div class="aether-slider">
      <output>{quantity(Number(typed), unit)}</output>
      <span class="aether-muted">{min}</span>
      <input
        type="range"
        min={min ?? undefined}
        max={max ?? undefined}
        step={sliderStep(prompt)}
        value={typed}
        aria-valuetext={quantity(Number(typed), unit)}
        onInput={(event) => !busy && change(event.currentTarget.value)}
        {...rest}
      />
      <span class="aether-muted">{max}</span>
    </div>
  );
}
