import { ambiguous, type Field, flag, instant, type FieldReading } from "./fields";

type Entries = Record<string, readonly [from: string, field: Field<unknown>]>;
type RowOf<E extends Entries> = { -readonly [Name in keyof E]: ReturnType<E[Name][1]> };

/** A row by our names, each read from the shop's name. Other fields are dropped; issues are reported by our names. */
export function row<const E extends Entries>(entries: E): Field<RowOf<E>> {
  const fields = Object.entries(entries);
  return (value, note) => {
    const raw = value as Record<string, unknown>;
    return Object.fromEntries(fields.map(([name, [from, read]]) => [name, read(raw[from], (issue) => note(name + joint(issue)))])) as RowOf<E>;
  };
}

/** `stateId is no id`, but `lines.0.quantity is no number`. */
function joint(issue: string): string {
  return issue.startsWith(".") ? issue : ` ${issue}`;
}

/** Flags with the same name in the shop and here. */
export function flags<const Names extends readonly string[]>(...names: Names) {
  return Object.fromEntries(names.map((name) => [name, [name, flag]])) as unknown as { [Name in Names[number]]: readonly [string, typeof flag] };
}

/** UTC milliseconds; null for a zero-date. */
export function timestampField(reading: FieldReading) {
  return {
    dateAdd: ["date_add", instant(reading)],
    dateUpd: ["date_upd", instant(reading)],
    /** `dateUpd` is in the hour that a clock change repeats: it may be off by an hour, so it must not decide which copy of a row is newer. */
    dateUpdAmbiguous: ["date_upd", ambiguous(reading)],
  } as const;
}
