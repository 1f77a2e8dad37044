/** Asks to choose among options: marks beside each while they are few, a list to search in above that. */

import type { Option } from "../api";
import { useElementId } from "../ids";
import { Finder } from "./finder";
import type { Aria, InputProps, Of } from "./kit";
import { AnswerForm, Field, SubmitButton, useDraft, useFaults, whole } from "./kit";
import { choiceFault, choiceHint, FEW } from "./limits";

const isList = (draft: unknown): draft is unknown[] => Array.isArray(draft);

export function ChoiceInput({ token, prompt, labelId, noteId, problems, busy, answer }: InputProps<Of<"choice">>) {
  const { options, multiple, min, max, value } = prompt;
  const first = Array.isArray(value) ? value : value === null ? [] : [value];
  const [values, setValues] = useDraft<unknown[]>(token, first, isList);
  const faults = useFaults(problems);
  const chosen = options.flatMap((option, i) => (values.includes(option.value) ? [i] : []));
  const found = choiceFault(multiple, min, max, chosen.length);
  const valuesAt = (places: number[]) => options.filter((_, i) => places.includes(i)).map((o) => o.value);
  const choose = (places: number[]) => {
    setValues(valuesAt(places));
    faults.changed();
  };
  const submit = () => {
    const given = valuesAt(chosen);
    if (faults.pass(found)) answer(multiple ? given : (given[0] ?? null));
  };
  const few = options.length <= FEW;
  return (
    <AnswerForm class="aether-stack" busy={busy} submit={submit}>
      <Field
        labelId={labelId}
        noteId={noteId}
        hint={multiple ? choiceHint(min, max) : ""}
        count={multiple && chosen.length > 0 ? `${chosen.length} chosen` : ""}
        fault={faults.says(whole(problems), found)}
      >
        {(aria) => {
          const props = { options, multiple, chosen, choose, busy, aria };
          return few ? <Marks {...props} /> : <Finder {...props} />;
        }}
      </Field>
      <div class="aether-buttons">
        <SubmitButton busy={busy} />
      </div>
    </AnswerForm>
  );
}

/** What shows options and lets some of them be chosen; `chosen` are places in the list, in order. */
export interface OptionsProps {
  options: readonly Option[];
  multiple: boolean;
  chosen: readonly number[];
  choose: (places: number[]) => void;
  busy: boolean;
  aria: Aria;
}

/** The places after one was picked. */
export function picked(chosen: readonly number[], place: number, multiple: boolean): number[] {
  if (!multiple) return [place];
  return chosen.includes(place) ? chosen.filter((i) => i !== place) : [...chosen, place].sort((a, b) => a - b);
}

/** Each option with a mark; with `flow` beside each other. */
export function Marks({ options, multiple, chosen, choose, busy, aria, flow = false }: OptionsProps & { flow?: boolean }) {
  const id = useElementId();
  const { "aria-invalid": invalid, ...named } = aria;
  const group = multiple ? { role: "group" as const, ...named } : { role: "radiogroup" as const, ...aria };
  return (
    <div class="aether-marks" data-flow={flow} {...group}>
      {options.map(({ label, help }, i) => (
        <label key={i} class="aether-mark">
          <input
            type={multiple ? "checkbox" : "radio"}
            name={id}
            checked={chosen.includes(i)}
            aria-invalid={multiple && invalid}
            aria-describedby={help ? `${id}-${i}` : undefined}
            onClick={(event) => busy && event.preventDefault()}
            onChange={() => choose(picked(chosen, i, multiple))}
          />
          <span>{label}</span>
          {help && (
            <span class="aether-help" id={`${id}-${i}`}>
              {help}
            </span>
          )}
        </label>
      ))}
    </div>
  );
}
