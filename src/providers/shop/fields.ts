import * as v from "valibot";
import { micros } from "./money";
import { readLocal } from "./zone";

/** What a value means depends on the shop. */
export interface Reading {
  timeZone: string;
  /** Of translated fields; null takes the first. */
  languageId: number | null;
}

/**
 * The scalars of the webservice. Nearly everything is a string, but with PHP 8.1 numbers may be numbers; null, false and "" mean "none";
 * version 8 leaves out what is empty, so each of them takes an absent field for "".
 */
const given = v.optional(v.unknown(), "");

function scalar<T>(expected: string, read: (value: string | number) => T | undefined) {
  return v.pipe(
    given,
    v.rawTransform<unknown, T>(({ dataset, addIssue, NEVER }) => {
      const value = plain(dataset.value);
      const found = value === undefined ? undefined : read(value);
      if (found !== undefined) return found;
      addIssue({ message: `is no ${expected}` });
      return NEVER;
    }),
  );
}

/** A row's own id. */
export const rowId = scalar("id", (value) => idFrom(value) ?? undefined);

/** An id of another row; 0 is none. */
export const link = scalar("id", (value) => idFrom(value));

export const flag = scalar("flag", (value) => ({ "1": true, "0": false, "": false, true: true, false: false })[String(value).trim()]);

export const whole = scalar("whole number", (value) => {
  const text = String(value).trim() || "0";
  return /^[+-]?\d{1,15}(\.0*)?$/.test(text) ? Number(text) + 0 : undefined;
});

export const money = scalar("amount", (value) => micros(value === "" ? 0 : value) ?? undefined);

/** Null where the version has no such field. */
export const wholeOrNone = v.union([v.pipe(v.optional(v.null(), null)), whole]);

/** Text as it is; one that comes in several languages is the shop's. */
export function text(reading: Reading) {
  return v.pipe(
    given,
    v.transform((value) => String(plain(translated(value, reading.languageId)) ?? "")),
  );
}

/** A date that cannot be read is none: nothing is worth losing the row for it. */
export function instant(reading: Reading) {
  return v.pipe(
    text(reading),
    v.transform((value) => readLocal(value, reading.timeZone)?.instant ?? null),
  );
}

export function ambiguous(reading: Reading) {
  return v.pipe(
    text(reading),
    v.transform((value) => readLocal(value, reading.timeZone)?.ambiguous ?? false),
  );
}

/** Undefined for what is no scalar. */
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

/** `[{"id": 1, "value": "…"}, …]` where the shop has several languages; the day it gets a second one, text becomes this. */
function translated(value: unknown, languageId: number | null): unknown {
  if (typeof value !== "object" || value === null) return value;
  const all = Object.values(value).filter((each): each is { id?: unknown; value?: unknown } => typeof each === "object" && each !== null);
  return (all.find(({ id }) => Number(id) === languageId) ?? all[0])?.value;
}
