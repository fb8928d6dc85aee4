import * as v from "valibot";
import { ambiguous, flag, instant } from "./fields";
import type { Reading } from "./fields";

export type Entries = Record<string, readonly [from: string, schema: v.GenericSchema<unknown, unknown>]>;
type RowOf<E extends Entries> = { [Name in keyof E]: v.InferOutput<E[Name][1]> };

/** A row by our names, each read from the shop's name for it. What it does not name is dropped. */
export function row<const E extends Entries>(entries: E): v.GenericSchema<unknown, RowOf<E>> {
  const shape = v.object(Object.fromEntries(Object.entries(entries).map(([name, [, schema]]) => [name, schema])));
  const renamed = v.transform((raw: Record<string, unknown>) => Object.fromEntries(Object.entries(entries).map(([name, [from]]) => [name, raw[from]])));
  return v.pipe(v.record(v.string(), v.unknown()), renamed, shape) as unknown as v.GenericSchema<unknown, RowOf<E>>;
}

/** Flags whose name is the same here and there. */
export function flags<const Names extends readonly string[]>(...names: Names) {
  return Object.fromEntries(names.map((name) => [name, [name, flag]])) as unknown as { [Name in Names[number]]: readonly [string, typeof flag] };
}

export function dated(reading: Reading) {
  return {
    dateAdd: ["date_add", instant(reading)],
    dateUpd: ["date_upd", instant(reading)],
    dateUpdAmbiguous: ["date_upd", ambiguous(reading)],
  } as const;
}
