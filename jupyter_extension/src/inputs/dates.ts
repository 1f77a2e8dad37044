/** Dates as the browser's own inputs write them, and as the kernel reads them. Pure but for the clock's zone. */

const two = (n: number): string => String(n).padStart(2, "0");

/** `+01:00`, for minutes east of Greenwich. */
export const offset = (east: number): string =>
  `${east < 0 ? "-" : "+"}${two(Math.floor(Math.abs(east) / 60))}:${two(Math.abs(east) % 60)}`;

/** The offset of this place at a local time, which daylight saving may change. */
export const offsetAt = (local: string): string => offset(-new Date(local).getTimezoneOffset());

/** What `datetime-local` gives, as an instant: `2026-11-22T14:02` -> `2026-11-22T14:02:00+01:00`. */
export function withOffset(local: string, zone: string = offsetAt(local)): string {
  const seconds = /T\d\d:\d\d$/.test(local) ? ":00" : "";
  return `${local}${seconds}${zone}`;
}

/** An instant as `datetime-local` takes it, in this place's time; what has no offset stays as it is. */
export function toLocal(iso: string): string {
  if (!/(?:Z|[+-]\d\d:?\d\d)$/i.test(iso)) return iso.slice(0, 16);
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return "";
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day}T${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** Limits as they are read: `2026-11-22`, `2026-11-22 14:02`. */
const said = (value: string): string => value.replace("T", " ");

export function dateHint(min: string, max: string): string {
  if (min && max) return `From ${said(min)} to ${said(max)}.`;
  if (min) return `Not before ${said(min)}.`;
  return max ? `Not after ${said(max)}.` : "";
}

/** What is wrong with a value of a native input; `partial` when something was typed that is no date yet. */
export function dateFault(value: string, partial: boolean, min: string, max: string, time: boolean): string {
  if (!value) return partial ? `Complete the date${time ? " and the time" : ""}.` : "A date is needed.";
  if (min && value < min) return `Not before ${said(min)}.`;
  if (max && value > max) return `Not after ${said(max)}.`;
  return "";
}
