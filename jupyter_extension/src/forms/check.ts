/**
 * The checks of JSON Schema that are cheap: what is missing, out of bounds, too long, of another form.
 * Says early what the kernel would say; what is not known here is let through. Pure.
 */

import type { Json } from "../api";
import { numberFault, textFault } from "../inputs/limits";
import type { Path, Schema } from "./schema";
import { isNamed } from "./schema";

export interface Found {
  path: Path;
  text: string;
}

const NEEDED = "This is needed.";

/** Everything that is wrong with a value, and where. */
export function check(schema: Schema, value: Json | undefined, path: Path = []): Found[] {
  const here = (text: string): Found[] => (text ? [{ path, text }] : []);
  if (value === undefined) return here(NEEDED);
  if (value === null && (schema.nullable || allowsNull(schema))) return [];
  const { const: only, enum: among } = schema;
  if (only !== undefined) return here(same(only, value) ? "" : `This must be ${String(only)}.`);
  if (among) return here(among.some((one) => same(one, value)) ? "" : "Choose one of the options.");
  const kinds = schema.anyOf ?? schema.oneOf;
  if (kinds && !schema.properties) return union(kinds, value, path);
  if (value === null) return here(schema.type === undefined ? "" : NEEDED);
  switch (typeof value) {
    case "string":
      return here(ofText(schema, value));
    case "number":
      return here(ofNumber(schema, value));
    case "boolean":
      return here(schema.type === undefined || schema.type === "boolean" ? "" : "Yes or no has no place here.");
    default:
      return Array.isArray(value) ? [...here(ofList(schema, value)), ...items(schema, value, path)] : fields(schema, value, path);
  }
}

const allowsNull = ({ type }: Schema): boolean => type === "null" || (Array.isArray(type) && type.includes("null"));

const same = (a: Json, b: Json): boolean => a === b || JSON.stringify(a) === JSON.stringify(b);

/** The faults of the kind that comes closest; none when one of the kinds fits. */
function union(kinds: Schema[], value: Json, path: Path): Found[] {
  const names = typeof value === "object" && value !== null ? Object.keys(value) : [];
  const found = kinds.map((kind) => {
    const faults = check(kind, value, path);
    const unknown = names.filter((name) => kind.properties && !Object.hasOwn(kind.properties, name));
    return { faults, off: faults.length && faults.length + unknown.length };
  });
  return found.reduce((least, each) => (each.off < least.off ? each : least)).faults;
}

function ofText(schema: Schema, text: string): string {
  const { type, minLength = 0, maxLength = null, pattern = null } = schema;
  if (type === "integer" || type === "number") return ofNumber(schema, text);
  if (type !== undefined && type !== "string") return "A text has no place here.";
  const whole = pattern === null ? null : `[^]*(?:${pattern})[^]*`; // a schema's pattern may match anywhere
  return textFault({ min_length: minLength, max_length: maxLength, pattern: whole, hint: shape(pattern) }, text);
}

const shape = (pattern: string | null): string => (pattern === null ? "" : `This does not match ${pattern}`);

function ofNumber(schema: Schema, value: number | string): string {
  const { type, minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  if (type !== undefined && type !== "integer" && type !== "number") return "A number has no place here.";
  const limits = { min: minimum ?? null, max: maximum ?? null, step: null, integer: type === "integer", unit: "" };
  const fault = numberFault(limits, String(value));
  const n = Number(value);
  if (fault) return fault;
  if (exclusiveMinimum !== undefined && n <= exclusiveMinimum) return `More than ${exclusiveMinimum} is needed.`;
  if (exclusiveMaximum !== undefined && n >= exclusiveMaximum) return `Less than ${exclusiveMaximum} is possible.`;
  return multipleOf === undefined ? "" : numberFault({ ...limits, min: null, max: null, step: multipleOf }, String(value));
}

function ofList({ minItems = 0, maxItems = Infinity, uniqueItems }: Schema, list: Json[]): string {
  const count = (n: number) => (n === 1 ? "1 is" : `${n} are`);
  if (list.length < minItems) return `At least ${count(minItems)} needed.`;
  if (list.length > maxItems) return `At most ${count(maxItems)} possible.`;
  const once = new Set(list.map((item) => JSON.stringify(item)));
  return uniqueItems && once.size < list.length ? "The same stands here twice." : "";
}

function items({ items: each }: Schema, list: Json[], path: Path): Found[] {
  return each ? list.flatMap((item, i) => check(each, item, [...path, i])) : [];
}

function fields(schema: Schema, value: { [name: string]: Json }, path: Path): Found[] {
  const { type, properties = {}, required = [], additionalProperties } = schema;
  if (type !== undefined && type !== "object") return [{ path, text: "Fields have no place here." }];
  const missing = required.filter((name) => value[name] === undefined && properties[name] !== undefined);
  const inner = Object.entries(value).flatMap(([name, one]) => {
    const own = properties[name] ?? (typeof additionalProperties === "object" ? additionalProperties : undefined);
    if (own && own !== properties[name] && !isNamed(name)) return [{ path: [...path, name], text: "It needs a name." }];
    return own ? check(own, one, [...path, name]) : [];
  });
  return [...missing.map((name) => ({ path: [...path, name], text: NEEDED })), ...inner];
}

