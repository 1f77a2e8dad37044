/** Objects that are written as JSON: reading them, and what a schema expects, in words. Pure. */

import type { Json } from "../api";
import type { Schema } from "../forms/schema";

export type JsonObject = { [name: string]: Json };

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The object that a text is, or what is wrong with it. */
export function parseObject(text: string): { object?: JsonObject; found: string } {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return { object: value, found: "" };
    return { found: "An object in braces is needed: { … }." };
  } catch (error) {
    return { found: `This is no JSON yet: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** An object with what the schema requires, to be filled in. */
export function skeleton(schema: Schema): JsonObject {
  const required = (schema.required ?? []).map((name) => [name, schema.properties?.[name]] as const);
  return Object.fromEntries(required.map(([name, inner]) => [name, inner ? empty(inner) : null]));
}

function empty(schema: Schema): JsonObject[string] {
  if (schema.default !== undefined) return schema.default;
  if (schema.enum?.[0] !== undefined) return schema.enum[0];
  if (schema.type === "object") return skeleton(schema);
  return schema.type === "array" ? [] : schema.type === "string" ? "" : schema.type === "boolean" ? false : null;
}

/** Each field, and what it takes: "a text, optional: Where it is sent". */
export function properties(schema: Schema): { name: string; words: string }[] {
  return Object.entries(schema.properties ?? {}).map(([name, inner]) => {
    const optional = schema.required?.includes(name) ? "" : ", optional";
    const about = inner.description ? `: ${inner.description}` : "";
    return { name, words: `${kind(inner)}${optional}${about}` };
  });
}

const KINDS: Record<string, string> = {
  string: "a text",
  integer: "a whole number",
  number: "a number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
};

function kind(schema: Schema): string {
  if (schema.enum) return `one of ${schema.enum.map((value) => JSON.stringify(value)).join(", ")}`;
  if (schema.format === "date") return "a date such as 2026-11-27";
  if (schema.format === "date-time") return "a time such as 2026-11-27T14:00:00+01:00";
  if (schema.type === "object" && schema.properties) return `an object with ${Object.keys(schema.properties).join(", ")}`;
  return (typeof schema.type === "string" && KINDS[schema.type]) || "any JSON";
}
