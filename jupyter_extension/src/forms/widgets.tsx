/** Inputs of forms: our own, where rjsf asks for one. What they look like and say is as in other questions. */

import type { FieldProps, WidgetProps } from "@rjsf/utils";
import { useState } from "preact/hooks";
import type { Json, Option, Scalar } from "../api";
import { Marks } from "../inputs/choice";
import { toLocal, withOffset } from "../inputs/dates";
import { Finder } from "../inputs/finder";
import type { Aria } from "../inputs/kit";
import type { NumberLimits } from "../inputs/limits";
import { FEW, parseNumber } from "../inputs/limits";
import { NumberField as NumberInput } from "../inputs/number";
import type { Schema } from "./schema";

/** What rjsf adds to the id of a field for the choice among the kinds of a union. */
const KINDS = /__(?:any|one)of_select$/;

/** Ids of what belongs to a field: its label, and the line under it. */
export const labelOf = (id: string): string => `${id.replace(KINDS, "")}.label`;
export const aboutOf = (id: string): string => `${id.replace(KINDS, "")}.about`;

const ariaOf = (id: string, faults: readonly string[] | undefined): Aria => ({
  "aria-labelledby": labelOf(id),
  "aria-describedby": aboutOf(id),
  "aria-invalid": (faults?.length ?? 0) > 0,
});

/** What was emptied is not there. */
const orNothing = (text: string) => (text === "" ? undefined : text);

/** Types of `input` by format; told as one of them, as they take the same attributes. */
const TYPES = { email: "email", uri: "url", time: "time" } as unknown as Record<string, "text">;

export function TextWidget({ id, value, schema, readonly, required, rawErrors, onChange }: WidgetProps) {
  return (
    <input
      id={id}
      class={schema.format === "time" ? "aether-input aether-date" : "aether-input"}
      type={TYPES[schema.format ?? ""] ?? "text"}
      autocomplete="off"
      value={(value as string | undefined) ?? ""}
      readOnly={readonly}
      aria-required={required}
      onInput={(event) => onChange(orNothing(event.currentTarget.value))}
      {...ariaOf(id, rawErrors)}
    />
  );
}

export function TextareaWidget({ id, value, readonly, required, rawErrors, onChange }: WidgetProps) {
  return (
    <textarea
      id={id}
      class="aether-input"
      rows={3}
      value={(value as string | undefined) ?? ""}
      readOnly={readonly}
      aria-required={required}
      onInput={(event) => onChange(orNothing(event.currentTarget.value))}
      {...ariaOf(id, rawErrors)}
    />
  );
}

/** A date, or with `time` a date and a time with this place's offset. */
function dateWidget(time: boolean) {
  return function DateWidget({ id, value, readonly, required, rawErrors, onChange }: WidgetProps) {
    const text = typeof value === "string" ? value : "";
    return (
      <input
        id={id}
        class="aether-input aether-date"
        type={time ? "datetime-local" : "date"}
        value={time ? toLocal(text) : text}
        readOnly={readonly}
        aria-required={required}
        onInput={(event) => {
          const typed = event.currentTarget.value;
          onChange(typed && time ? withOffset(typed) : orNothing(typed));
        }}
        {...ariaOf(id, rawErrors)}
      />
    );
  };
}

export function CheckboxWidget({ id, value, label, readonly, rawErrors, onChange }: WidgetProps) {
  return (
    <label class="aether-mark">
      <input
        id={id}
        type="checkbox"
        checked={value === true}
        onClick={(event) => readonly && event.preventDefault()}
        onChange={(event) => onChange(event.currentTarget.checked)}
        aria-describedby={aboutOf(id)}
        aria-invalid={(rawErrors?.length ?? 0) > 0}
      />
      <span>{label}</span>
    </label>
  );
}

/** One of some options, or several: with a mark each, or in a list to search in. */
export function SelectWidget({ id, value, multiple, options, required, readonly, rawErrors, onChange }: WidgetProps) {
  const listed = (options.enumOptions ?? []) as { value: Json; label: string }[];
  const shown: Option[] = listed.map((each) => ({ value: each.value as Scalar, label: each.label, help: "" }));
  const given = multiple ? ((value as Json[] | undefined) ?? []) : value === undefined ? [] : [value];
  const has = (one: Json) => given.some((each) => JSON.stringify(each) === JSON.stringify(one));
  const chosen = listed.flatMap((each, i) => (has(each.value) ? [i] : []));
  const choose = (places: number[]) => {
    const values = places.map((place) => listed[place]?.value ?? null);
    onChange(multiple ? values : values[0]);
  };
  const props = { options: shown, multiple: multiple === true, chosen, choose, busy: readonly === true };
  const few = listed.length <= FEW;
  const aria = ariaOf(id, rawErrors);
  return (
    <div class="aether-choice">
      {few ? <Marks {...props} aria={aria} flow /> : <Finder {...props} aria={aria} />}
      {few && !multiple && !required && !KINDS.test(id) && chosen.length > 0 && (
        <button type="button" class="aether-quiet" onClick={() => !readonly && choose([])}>
          Clear
        </button>
      )}
    </div>
  );
}

const YES_NO = [
  { value: true, label: "Yes" },
  { value: false, label: "No" },
];

/** Whether yes or no is a box to tick; what may be left open has three states, which a box has not. */
export const ticks = ({ type, nullable }: Schema): boolean => type === "boolean" && !nullable;

function YesNoWidget(props: WidgetProps) {
  if (ticks(props.schema as Schema)) return <CheckboxWidget {...props} />;
  return <SelectWidget {...props} required={false} options={{ ...props.options, enumOptions: YES_NO }} />;
}

/** A number as it is typed; what is none yet stays as text, and is said to be none. */
export function NumberField({ fieldPathId, formData, schema, readonly, required, rawErrors, onChange, ...rest }: FieldProps) {
  const { $id: id, path } = fieldPathId;
  const [typed, setTyped] = useState(shown(formData));
  const now = toNumber(typed) === formData ? typed : shown(formData);
  const limits = numberLimits(schema as Schema);
  if (schema.enum) {
    const names = (schema as Schema).names ?? [];
    const options = { enumOptions: schema.enum.map((value, i) => ({ value: value as Json, label: names[i] ?? String(value) })) };
    const props = { id, value: formData, options, required, readonly, rawErrors, schema, label: "", ...rest };
    return <SelectWidget {...(props as unknown as WidgetProps)} onChange={(value: Json | undefined) => onChange(value, path)} />;
  }
  return (
    <NumberInput
      id={id}
      prompt={limits}
      typed={now}
      busy={readonly === true}
      change={(text) => {
        setTyped(text);
        onChange(toNumber(text), path);
      }}
      {...ariaOf(id, rawErrors)}
    />
  );
}

const shown = (value: Json | undefined): string => (value === undefined || value === null ? "" : String(value));

function toNumber(typed: string): Json | undefined {
  if (!typed.trim()) return undefined;
  const n = parseNumber(typed);
  return Number.isNaN(n) ? typed : n;
}

export function numberLimits(schema: Schema): NumberLimits {
  const { minimum = null, maximum = null, multipleOf = null, type, exclusiveMinimum: above, exclusiveMaximum: below } = schema;
  return { min: minimum, max: maximum, step: multipleOf, integer: type === "integer", unit: "", above, below };
}

/** What no other input is for, as JSON. */
export function JsonField({ fieldPathId, formData, readonly, rawErrors, onChange }: FieldProps) {
  const { $id: id, path } = fieldPathId;
  const [typed, setTyped] = useState(() => (formData === undefined ? "" : JSON.stringify(formData)));
  return (
    <textarea
      id={id}
      class="aether-input aether-json"
      rows={2}
      spellcheck={false}
      placeholder="JSON"
      value={typed}
      readOnly={readonly}
      onInput={(event) => {
        const text = event.currentTarget.value;
        setTyped(text);
        onChange(fromJson(text), path);
      }}
      {...ariaOf(id, rawErrors)}
    />
  );
}

/** What a text says as JSON; one that says nothing is a text. */
function fromJson(text: string): Json | undefined {
  if (!text.trim()) return undefined;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

export const widgets = {
  TextWidget,
  TextareaWidget,
  EmailWidget: TextWidget,
  URLWidget: TextWidget,
  TimeWidget: TextWidget,
  DateWidget: dateWidget(false),
  DateTimeWidget: dateWidget(true),
  CheckboxWidget: YesNoWidget,
  SelectWidget,
  RadioWidget: SelectWidget,
  CheckboxesWidget: SelectWidget,
};

export const fields = { NumberField, FallbackField: JsonField };
