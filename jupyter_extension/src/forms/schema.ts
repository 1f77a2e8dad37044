/**
 * The JSON Schema of a form: what of it we read, and what is done to it, to answers and to problems
 * around the form that is drawn from it. Pure.
 */

import type { Json, Problems } from "../api";

/** JSON Schema as the kernel gives it: without `$ref`, and with `nullable` in place of unions with null. */
export interface Schema {
  type?: string | string[];
  title?: string;
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  additionalProperties?: Schema | boolean;
  anyOf?: Schema[];
  oneOf?: Schema[];
  enum?: Json[];
  /** Ours: what the numbers of an enum are called. */
  names?: string[];
  const?: Json;
  default?: Json;
  nullable?: boolean;
  format?: string;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  multipleOf?: number;
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  /** Ours: this is one of the kinds of a union, whose name stands beside it already. */
  kind?: true;
}

/** What an entry is called, in the form's values, until somebody names it. */
const UNNAMED = /^newKey(?:-\d+)?$/;
export const isNamed = (entry: string): boolean => !UNNAMED.test(entry);

export type Path = (string | number)[];

const map = (schemas: Record<string, Schema>, change: (schema: Schema, name: string) => Schema) =>
  Object.fromEntries(Object.entries(schemas).map(([name, inner]) => [name, change(inner, name)]));

/**
 * The schema as rjsf draws it best. Defaults are in the values already and would come back into a
 * field that was emptied, so only those of new items stay; what is yes or no is no until it is ticked;
 * the kinds of a union have names.
 */
export function drawable(schema: Schema, item = false): Schema {
  const made = { ...schema };
  if (!item) delete made.default;
  if (made.properties) {
    made.properties = map(made.properties, (inner, name) => {
      const drawn = drawable(inner, item);
      const asked = inner.type === "boolean" && !inner.nullable && schema.required?.includes(name);
      return asked ? { default: false, ...drawn } : drawn;
    });
    const filled = Object.keys(made.properties).filter((name) => isFilled(schema.properties?.[name] ?? {}));
    made.required = [...new Set([...(made.required ?? []), ...filled])];
  }
  if (typeof made.additionalProperties === "object") {
    made.additionalProperties = drawable(made.additionalProperties, true);
  }
  if (made.items) made.items = drawable(made.items, true);
  for (const union of ["anyOf", "oneOf"] as const) {
    const kinds = made[union];
    if (kinds) made[union] = kinds.map((inner) => ({ title: kindOf(inner), ...drawable(inner, item), kind: true }));
  }
  return made;
}

/** What rjsf is told beside the schema: which groups are there only when somebody fills them in. */
export interface Hints {
  "ui:enableOptionalDataFieldForType"?: string[];
  [name: string]: unknown;
}

export function hintsOf(schema: Schema, required = true): Hints {
  const { properties, items, additionalProperties, anyOf, oneOf } = schema;
  const hints: Hints = {};
  if (!required && (properties || anyOf || oneOf)) hints["ui:enableOptionalDataFieldForType"] = ["object"];
  for (const [name, inner] of Object.entries(properties ?? {})) {
    hints[name] = hintsOf(inner, schema.required?.includes(name) ?? false);
  }
  if (items) hints["items"] = hintsOf(items);
  if (typeof additionalProperties === "object") hints["additionalProperties"] = hintsOf(additionalProperties);
  for (const union of ["anyOf", "oneOf"] as const) {
    if (schema[union]) hints[union] = schema[union].map((kind) => ({ ...hintsOf(kind), ...gate(hints) }));
  }
  return hints;
}

const gate = (hints: Hints): Hints => {
  const types = hints["ui:enableOptionalDataFieldForType"];
  return types ? { "ui:enableOptionalDataFieldForType": types } : {};
};

/** What has a default that cannot be emptied: it is not optional for who fills the form in. */
const isFilled = (schema: Schema): boolean =>
  schema.default !== undefined &&
  schema.default !== null &&
  !schema.nullable &&
  (["integer", "number", "boolean"].includes(String(schema.type)) || schema.enum !== undefined || schema.format !== undefined);

const KINDS: Record<string, string> = {
  string: "Text",
  integer: "Whole number",
  number: "Number",
  boolean: "Yes or no",
  array: "List",
  object: "Fields",
  null: "Nothing",
};

const FORMATS: Record<string, string> = { date: "Date", "date-time": "Date and time", time: "Time" };

function kindOf({ type, format, const: only }: Schema): string {
  if (only !== undefined) return String(only);
  return FORMATS[format ?? ""] ?? (typeof type === "string" ? KINDS[type] : undefined) ?? "Anything";
}

const isObject = (value: unknown): value is Record<string, Json> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The schema of what stands at a place, of the kinds of a union the first that has it; undefined when none has. */
function inside(schema: Schema, key: string | number): Schema | undefined {
  if (typeof key === "number") {
    if (schema.items) return schema.items;
  } else {
    const { properties, additionalProperties } = schema;
    if (properties && Object.hasOwn(properties, key)) return properties[key];
    if (typeof additionalProperties === "object") return additionalProperties;
  }
  for (const kind of [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])]) {
    const found = inside(kind, key);
    if (found) return found;
  }
  return undefined;
}

/** The place that a dotted path names in a schema; null when there is none. Names may have dots in them. */
export function placeOf(schema: Schema, dotted: string): Path | null {
  if (!dotted) return [];
  const parts = dotted.split(".");
  for (let n = 1; n <= parts.length; n++) {
    const name = parts.slice(0, n).join(".");
    const key = n === 1 && /^\d+$/.test(name) && schema.items ? Number(name) : name;
    const inner = inside(schema, key);
    const rest = inner && placeOf(inner, parts.slice(n).join("."));
    if (rest) return [key, ...rest];
  }
  return null;
}

/** rjsf's tree of errors: those of a field under `__errors`, those inside it under their names. */
export interface ErrorTree {
  __errors?: string[];
  [name: string]: ErrorTree | string[] | undefined;
}

export function plant(tree: ErrorTree, path: Path, text: string): void {
  let at = tree;
  for (const key of path) at = (at[key] ??= {}) as ErrorTree;
  (at.__errors ??= []).push(text);
}

/** What is wrong, at the fields it is about; what is about no field of the form is left over as a whole. */
export function problemsAt(schema: Schema, problems: Problems): { tree: ErrorTree; rest: string[] } {
  const tree: ErrorTree = {};
  const rest: string[] = [];
  for (const [dotted, text] of Object.entries(problems)) {
    const path = dotted ? placeOf(schema, dotted) : null;
    if (path) plant(tree, path, text);
    else rest.push(dotted ? `${dotted}: ${text}` : text);
  }
  return { tree, rest };
}

/** The problems without those of a place, and of what stands around and inside it, as it has changed. */
export function without(schema: Schema, problems: Problems, place: string): Problems {
  const kept = Object.entries(problems).filter(([dotted]) => {
    const path = dotted ? placeOf(schema, dotted)?.join(".") : undefined;
    return path === undefined || !(`${path}.`.startsWith(`${place}.`) || `${place}.`.startsWith(`${path}.`));
  });
  return kept.length === Object.keys(problems).length ? problems : Object.fromEntries(kept);
}

/**
 * The answer that a filled-in form is. What was emptied is null where null may be, an empty text where
 * any text will do, and else left out, as is what was never filled in.
 */
export function answerOf(schema: Schema, value: Json | undefined, first: Json | undefined): Json | undefined {
  if (Array.isArray(value)) {
    return value.map((item, i) => answerOf(inside(schema, i) ?? {}, item ?? undefined, undefined) ?? null);
  }
  if (!isObject(value)) return value;
  const before = isObject(first) ? first : {};
  const names = new Set([...Object.keys(value), ...Object.keys(before)]);
  const given: Record<string, Json> = {};
  for (const name of names) {
    const inner = inside(schema, name) ?? {};
    const now = answerOf(inner, value[name] ?? undefined, before[name]);
    if (now !== undefined) given[name] = now;
    else if (before[name] === undefined || before[name] === null) continue;
    else if (inner.nullable) given[name] = null;
    else if (inner.type === "string" && !inner.enum && !inner.format && !schema.required?.includes(name)) given[name] = "";
  }
  return given;
}
