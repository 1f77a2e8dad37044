/**
 * What an answer must be like, in words, and what is wrong with one. Pure.
 *
 * The kernel has the last word; this says early what can be known on the page. A limit is in words
 * before anybody answers, and in the same words when the answer does not keep to it.
 */

export interface TextLimits {
  min_length: number;
  max_length: number | null;
  pattern: string | null;
  hint: string;
}

export interface NumberLimits {
  min: number | null;
  max: number | null;
  step: number | null;
  integer: boolean;
  unit: string;
  /** Bounds that are themselves too little and too much. */
  above?: number | undefined;
  below?: number | undefined;
}

const plural = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;

/** Python's length of a text: its characters, not its UTF-16 units. */
export const length = (text: string): number => [...text].length;

/** "2 to 5 files", "at least 3 characters"; "" when anything goes. */
export function amount(min: number, max: number | null, what: string): string {
  if (max !== null && min > 0) return min === max ? `exactly ${plural(min, what)}` : `${min} to ${plural(max, what)}`;
  if (max !== null) return `at most ${plural(max, what)}`;
  return min > 0 ? `at least ${plural(min, what)}` : "";
}

const sentence = (words: string): string => (words ? `${words[0]?.toUpperCase()}${words.slice(1)}.` : "");

export function textHint({ min_length, max_length, hint }: TextLimits): string {
  return hint || (min_length > 1 ? sentence(amount(min_length, max_length, "character")) : "");
}

export function textFault(limits: TextLimits, text: string): string {
  const { min_length, max_length, pattern, hint } = limits;
  const n = length(text);
  if (n === 0 && min_length > 0) return "An answer is needed.";
  if (n < min_length || (max_length !== null && n > max_length)) {
    return `${sentence(amount(min_length, max_length, "character"))} This has ${n}.`;
  }
  if (pattern !== null && !matches(pattern, text)) return hint || `This does not match ${pattern}`;
  return "";
}

/** Whether the whole text matches; an expression that only Python knows is left to the kernel. */
function matches(pattern: string, text: string): boolean {
  try {
    return new RegExp(`^(?:${pattern})$`, "u").test(text);
  } catch {
    return true;
  }
}

/** What a person typed as a number; NaN when it is none. */
export function parseNumber(typed: string): number {
  const text = typed.trim().replace(/^[−–]/, "-");
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text) ? Number(text) : NaN;
}

/** A number as it is typed, with its unit. */
export const quantity = (n: number, unit: string): string => (unit ? `${n} ${unit}` : String(n));

export function numberHint(limits: NumberLimits): string {
  const { step, integer } = limits;
  const kind = step !== null && step !== 1 ? `in steps of ${step}` : integer || step === 1 ? "a whole number" : "";
  return sentence([range(limits), kind].filter(Boolean).join(", "));
}

function range({ min, max, unit, above, below }: NumberLimits): string {
  if (min !== null && max !== null) return `from ${min} to ${quantity(max, unit)}`;
  const low = above !== undefined ? `more than ${quantity(above, unit)}` : min !== null ? `at least ${quantity(min, unit)}` : "";
  const high = below !== undefined ? `less than ${quantity(below, unit)}` : max !== null ? `at most ${quantity(max, unit)}` : "";
  return [low, high].filter(Boolean).join(" and ");
}

export function numberFault(limits: NumberLimits, typed: string): string {
  const { min, max, step, integer, unit } = limits;
  if (!typed.trim()) return "A number is needed.";
  const n = parseNumber(typed);
  if (Number.isNaN(n)) return typed.includes(",") ? "Write it with a point, such as 1.5." : "This is no number.";
  if (!Number.isFinite(n) || (integer && !Number.isSafeInteger(n) && Number.isInteger(n))) return "This is too large.";
  if (integer && !Number.isInteger(n)) return "A whole number is needed.";
  if (min !== null && n < min) return `At least ${quantity(min, unit)} is needed.`;
  if (max !== null && n > max) return `At most ${quantity(max, unit)} is possible.`;
  if (step !== null && !onGrid(n, min ?? 0, step)) return `Only steps of ${step}${min ? ` from ${min}` : ""} are possible.`;
  return "";
}

function onGrid(n: number, from: number, step: number): boolean {
  const steps = (n - from) / step;
  return Math.abs(steps - Math.round(steps)) < 1e-6;
}

/** `n` moved by some steps, kept within the limits and free of the noise of binary fractions. */
export function stepped({ min, max, step }: NumberLimits, n: number, steps: number): number {
  const by = step ?? 1;
  const moved = Number((n + steps * by).toFixed(Math.max(decimals(by), decimals(n))));
  return Math.min(max ?? Infinity, Math.max(min ?? -Infinity, moved));
}

function decimals(n: number): number {
  const [digits = "", exponent = "0"] = String(n).toLowerCase().split("e");
  return Math.min(20, Math.max(0, (digits.split(".")[1]?.length ?? 0) - Number(exponent)));
}

/** The step of a slider that was given none: some hundred places, at numbers that people say. */
export function sliderStep({ min, max, step, integer }: NumberLimits): number {
  if (step !== null) return step;
  const fine = 10 ** Math.floor(Math.log10(((max ?? 1) - (min ?? 0)) / 100) + 1e-9);
  return integer ? Math.max(1, fine) : Number(fine.toPrecision(1));
}

/** So many options stand on the page with a mark each; more are searched in. */
export const FEW = 7;

/** How many to choose, in words; "" when any number is right. */
export const choiceHint = (min: number, max: number | null): string => {
  const words = amount(min, max, "option");
  return words ? `Choose ${words.replace(/ options?$/, "")}.` : "";
};

export function choiceFault(multiple: boolean, min: number, max: number | null, chosen: number): string {
  if (!multiple) return chosen === 1 ? "" : "Choose one.";
  return chosen < min || (max !== null && chosen > max) ? choiceHint(min, max) : "";
}
