import { readLocal } from "../../time/zone";
import { type Micros, microsFrom } from "../../decimal";

/** Settings of the shop that decide the meaning of values. */
export interface FieldReading {
  timezone: string;
  /** Language of translated fields; null: the first. */
  languageId: number | null;
}

/** Receives the issue of a value, as `is no amount`. */
type ReportIssue = (issue: string) => void;

/** Reads a value of the webservice. An unreadable value is reported and becomes null. */
export type Field<T> = (value: unknown, note: ReportIssue) => T;

/**
 * Scalars of the webservice. Nearly all are strings, but with PHP 8.1 numbers may be numbers; null, false and "" mean none;
 * version 8 omits empty fields, so an absent field counts as "".
 */
function scalar<T>(expected: string, read: (value: string | number) => T | undefined): Field<T | null> {
  return (value, note) => {
    const scalarValue = plain(value);
    const parsed = scalarValue === undefined ? undefined : read(scalarValue);
    if (parsed !== undefined) return parsed;
    note(`is no ${expected}`);
    return null;
  };
}

/** The id of another row; 0 means none. */
export const link = scalar("id", (value) => idFrom(value));

/** A row's own id; 0 where it cannot be read. */
export const rowId: Field<number> = (value, note) => {
  const id = link(value, () => undefined);
  if (id === null) note("is no id");
  return id ?? 0;
};

export const flag = scalar("flag", (value) => ({ "1": true, "0": false, "": false, true: true, false: false })[String(value).trim()]);

export const money = scalar("amount", (value) => micros(value === "" ? 0 : value) ?? undefined);

/** Goods may be counted in parts of a unit; six decimals. */
export const quantity = scalar("number", (value) => {
  const millionths = micros(value === "" ? 0 : value);
  return typeof millionths === "number" ? millionths / 1_000_000 : undefined;
});

/** Null where the version has no such field. */
export const wholeOrNone: Field<number | null> = (value, note) => {
  const amount = value === null || value === undefined ? null : quantity(value, note);
  if (amount === null || Number.isInteger(amount)) return amount;
  note("is no whole number");
  return null;
};

/** Text; of several languages, the shop's. */
export function text(reading: FieldReading): Field<string> {
  return (value) => String(plain(translated(value, reading.languageId)) ?? "");
}

/** A date; null when it is unreadable, since zero-dates have many spellings. */
export function instant(reading: FieldReading): Field<number | null> {
  return (value, note) => readLocal(text(reading)(value, note), reading.timezone)?.instant ?? null;
}

export function ambiguous(reading: FieldReading): Field<boolean> {
  return (value, note) => readLocal(text(reading)(value, note), reading.timezone)?.ambiguous ?? false;
}

/** Undefined: the value is no scalar. */
function plain(value: unknown): string | number | undefined {
  if (value === null || value === false || value === undefined) return "";
  if (value === true) return 1;
  return typeof value === "string" || typeof value === "number" ? value : undefined;
}

function idFrom(value: string | number): number | null | undefined {
  const text = String(value).trim() || "0";
  const id = /^\d{1,15}$/.test(text) ? Number(text) : undefined;
  return id === 0 ? null : id;
}

/** `[{"id": 1, "value": "…"}, …]` where the shop has several languages. */
function translated(value: unknown, languageId: number | null): unknown {
  if (typeof value !== "object" || value === null) return value;
  const all = Object.values(value).filter((each): each is { id?: unknown; value?: unknown } => typeof each === "object" && each !== null);
  return (all.find(({ id }) => Number(id) === languageId) ?? all[0])?.value;
}

/** Characters of a number. */
const maxLength = 64;

/**
 * A decimal of the shop in millionths: `"59.800000"`, `59.8`, `"59,80"` (by PHP's locale), `"-3"`, `"1.0E-6"`. Digits
 * after the sixth decimal are rounded, half away from zero. Null: it is no number.
 */
export function micros(value: string | number): Micros | null {
  const text = String(value).trim();
  const match = text.length > maxLength ? null : /^([+-]?)(\d*)(?:[.,](\d*))?(?:e([+-]?\d{1,2}))?$/i.exec(text);
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = match ?? [];
  const digits = whole + fraction;
  if (digits === "") return null;
  const kept = whole.length + Number(exponent) + 6;
  const millionths = BigInt(digits.slice(0, Math.max(0, kept)).padEnd(kept, "0") || "0") + (kept >= 0 && digits.charAt(kept) >= "5" ? 1n : 0n);
  return microsFrom(sign === "-" ? -millionths : millionths);
}
